#include "host/recipe/system/system.h"

#include <stdlib.h>

#define N_OPTIONS(o) (sizeof(o) / sizeof *(o))

static int check_system(struct ps_rcp_parser *p, const struct ps_rcp_system *sys)
{
    uint64_t low = 0xfffff80000000000ull;

    if (sys->cr3 >= p->recipe->image_pages || sys->frames.last >= p->recipe->image_pages ||
        (sys->stub != PS_RCP_NONE && sys->stub >= 256))
        return ps_rcp_bad(p, "cr3 and frames are pages of the image, stub is one below 0x100");
    if (sys->frames.last - sys->frames.first >= PS_RCP_MAX_FRAMES)
        return ps_rcp_bad(p, "frames are at most %u pages", PS_RCP_MAX_FRAMES);
    if ((sys->mode == PS_RCP_X64) != (sys->era.is_x64 != 0))
        return ps_rcp_bad(p, "mode x64 goes with arch x64, pae and x86 with arch x86");
    if (sys->top_offset % 32 || sys->top_offset >= PS_RECIPE_PAGE ||
        (sys->top_offset && sys->mode != PS_RCP_PAE))
        return ps_rcp_bad(p, "at is a multiple of 32 in the page, for the top table of PAE");
    if (sys->mode == PS_RCP_X64 && (sys->self_slot < 256 || sys->self_slot > 511))
        return ps_rcp_bad(p, "selfmap is a slot of the kernel half, 0x100 to 0x1ff");
    if (sys->entry < low || sys->entry % 4)
        return ps_rcp_bad(p, "entry is a multiple of 4 from 0xfffff80000000000 on");
    return 0;
}

int ps_rcp_do_system(struct ps_rcp_parser *p)
{
    struct ps_rcp_system fresh = {
        .recipe = p->recipe,
        .era = p->era,
        .mode = p->era.is_x64 ? PS_RCP_X64 : PS_RCP_X86,
        .line = p->line,
        .cr3 = PS_RCP_NONE,
        .self_slot = 0x1ed,
        .stub = PS_RCP_NONE,
        .entry = 0xfffff80002601000ull,
        .frames = {PS_RCP_NONE, PS_RCP_NONE},
    };
    const struct ps_rcp_option option[] = {
        {"cr3", PS_RCP_F_NUMBER, &fresh.cr3},       {"at", PS_RCP_F_NUMBER, &fresh.top_offset},
        {"mode", PS_RCP_F_MODE, &fresh.mode},       {"frames", PS_RCP_F_PAGES, &fresh.frames},
        {"shuffle", PS_RCP_F_FLAG, &fresh.shuffle}, {"selfmap", PS_RCP_F_NUMBER, &fresh.self_slot},
        {"stub", PS_RCP_F_NUMBER, &fresh.stub},     {"entry", PS_RCP_F_NUMBER, &fresh.entry},
    };
    int rc;

    if (p->recipe->n_bytes == 0)
        return ps_rcp_bad(p, "say the size of the image first: size 64M");
    if (p->recipe->system)
        return ps_rcp_bad(p, "a recipe has one system statement");
    p->placed = 1;
    if ((rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (fresh.cr3 == PS_RCP_NONE || fresh.frames.first == PS_RCP_NONE)
        return ps_rcp_bad(p, "write: system cr3=PAGE frames=A-B [shuffle] ...");
    if ((rc = check_system(p, &fresh)) < 0)
        return rc;
    if (fresh.mode != PS_RCP_X64)
        fresh.self_slot = 0x300;
    p->recipe->system = malloc(sizeof fresh);
    if (!p->recipe->system)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
    *p->recipe->system = fresh;
    return 0;
}

/* Pages behind those of the image, which only the page file holds. */
int ps_rcp_do_pagefile(struct ps_rcp_parser *p)
{
    uint64_t pages = 0, number = 0;
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"pages", PS_RCP_F_NUMBER, &pages},
        {"number", PS_RCP_F_NUMBER, &number},
    };
    int rc = ps_rcp_need_system(p, &sys);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (sys->has_page_file || pages < 2 || pages > PS_RCP_MAX_LINKS || number > 15)
        return ps_rcp_bad(p, "write once: pagefile pages=N [number=0-15], at least 2 pages, the "
                             "first of which Windows does not use");
    if (p->recipe->n_bytes % PS_RECIPE_PAGE)
        return ps_rcp_bad(p, "an image with a page file has whole pages");
    sys->has_page_file = 1;
    sys->page_file_number = number;
    p->recipe->n_pages += pages;
    return 0;
}

int ps_rcp_push_map(struct ps_rcp_parser *p, struct ps_rcp_system *sys,
                    const struct ps_rcp_map *map)
{
    if (sys->n_maps == PS_RCP_MAX_MAPS)
        return ps_rcp_bad(p, "a recipe has at most %u mappings", PS_RCP_MAX_MAPS);
    if (sys->n_maps == sys->cap_maps) {
        size_t cap = sys->cap_maps * 2 + 16;
        struct ps_rcp_map *more = realloc(sys->map, cap * sizeof *more);

        if (!more)
            return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
        sys->map = more;
        sys->cap_maps = cap;
    }
    sys->map[sys->n_maps++] = *map;
    return 0;
}

static int check_map(struct ps_rcp_parser *p, const struct ps_rcp_system *sys,
                     struct ps_rcp_map *map, uint64_t count)
{
    uint64_t large = sys->mode == PS_RCP_X86 ? 1024 : 512;

    if ((map->pages.first == PS_RCP_NONE) == (count == 0))
        return ps_rcp_bad(p, "say what is mapped: pages=A-B, or count=N pages that are not there "
                             "yet");
    map->n_pages = count ? count : map->pages.last - map->pages.first + 1;
    if (map->n_pages > PS_RCP_MAX_LINKS || map->transition > 100)
        return ps_rcp_bad(p, "a mapping has at most %u pages, transition at most 100",
                          PS_RCP_MAX_LINKS);
    if (map->large &&
        (count || map->scatter || map->pages.first % large || map->n_pages % large ||
         map->va / PS_RECIPE_PAGE % large || map->pages.last >= p->recipe->image_pages))
        return ps_rcp_bad(p, "large pages have %u pages each, in a row and aligned to that",
                          (unsigned)large);
    return ps_rcp_check_va(p, sys, "the address", map->va, map->n_pages);
}

static int do_mapping(struct ps_rcp_parser *p, int alias)
{
    struct ps_rcp_map map = {
        .pages = {PS_RCP_NONE, PS_RCP_NONE}, .prototype = PS_RCP_NONE, .alias = alias};
    struct ps_rcp_system *sys;
    uint64_t count = 0;
    const struct ps_rcp_option option[] = {
        {"pages", PS_RCP_F_PAGES, &map.pages},
        {"scatter", PS_RCP_F_FLAG, &map.scatter},
        {"nx", PS_RCP_F_FLAG, &map.nx},
        {"ro", PS_RCP_F_FLAG, &map.ro},
        {"large", PS_RCP_F_FLAG, &map.large},
        {"count", PS_RCP_F_NUMBER, &count},
        {"transition", PS_RCP_F_NUMBER, &map.transition},
        {"prototype", PS_RCP_F_NUMBER, &map.prototype},
    };
    int rc = ps_rcp_need_system(p, &sys);

    if (rc < 0)
        return rc;
    if (p->n_words < 3 || ps_rcp_number(p->word[1], &map.va) < 0)
        return ps_rcp_bad(p, "write: %.*s ADDRESS pages=A-B ...", PS_RCP_SHOW(p->word[0]));
    map.line = p->line;
    if ((rc = ps_rcp_options(p, 2, option, N_OPTIONS(option))) < 0 ||
        (rc = check_map(p, sys, &map, count)) < 0)
        return rc;
    if (map.prototype != PS_RCP_NONE &&
        (count || map.large || map.n_pages > 512 ||
         (rc = ps_rcp_check_va(p, sys, "prototype", map.prototype, 1)) < 0))
        return rc < 0 ? rc : ps_rcp_bad(p, "prototype entries are for up to 512 small pages=A-B");
    return ps_rcp_push_map(p, sys, &map);
}

int ps_rcp_do_map(struct ps_rcp_parser *p)
{
    return do_mapping(p, ps_rcp_is(p->word[0], "alias"));
}

int ps_rcp_do_table(struct ps_rcp_parser *p)
{
    static const char *const kinds[] = {"lost", "beyond", "transition"};
    struct ps_rcp_fate f = {.line = p->line};
    struct ps_rcp_system *sys;
    int rc = ps_rcp_need_system(p, &sys);
    int kind = 0;

    if (rc < 0)
        return rc;
    while (kind < 3 && (p->n_words != 3 || !ps_rcp_is(p->word[2], kinds[kind])))
        kind++;
    if (kind == 3 || ps_rcp_number(p->word[1], &f.va) < 0)
        return ps_rcp_bad(p, "write: table ADDRESS lost|beyond|transition");
    if (sys->n_fates == PS_RCP_MAX_FATES)
        return ps_rcp_bad(p, "a recipe says this of at most %u tables", PS_RCP_MAX_FATES);
    if ((rc = ps_rcp_check_va(p, sys, "the address", f.va & ~0xfffull, 1)) < 0)
        return rc;
    f.kind = (enum ps_rcp_fate_kind)kind;
    sys->fate[sys->n_fates++] = f;
    return 0;
}

int ps_rcp_do_decoy(struct ps_rcp_parser *p)
{
    static const char *const kinds[PS_RCP_N_DECOYS] = {"tables", "process", "bigtable", "older"};
    struct ps_rcp_decoy d = {.to = {PS_RCP_NONE, 0}, .keep = 50, .line = p->line};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"to", PS_RCP_F_PAGES, &d.to},
        {"keep", PS_RCP_F_NUMBER, &d.keep},
    };
    int rc = ps_rcp_need_system(p, &sys);
    int kind = 0;

    if (rc < 0)
        return rc;
    while (kind < PS_RCP_N_DECOYS && (p->n_words < 2 || !ps_rcp_is(p->word[1], kinds[kind])))
        kind++;
    if (kind == PS_RCP_N_DECOYS)
        return ps_rcp_bad(p, "write: decoy tables|process|bigtable|older to=A-B");
    if ((rc = ps_rcp_options(p, 2, option, N_OPTIONS(option))) < 0)
        return rc;
    d.kind = (enum ps_rcp_decoy_kind)kind;
    if (d.to.first == PS_RCP_NONE || d.to.last >= p->recipe->image_pages || d.keep > 100)
        return ps_rcp_bad(p, "a decoy needs to=A-B, pages of the image; keep is at most 100");
    if (sys->n_decoys == PS_RCP_MAX_DECOYS)
        return ps_rcp_bad(p, "a recipe has at most %u decoys", PS_RCP_MAX_DECOYS);
    sys->decoy[sys->n_decoys++] = d;
    return 0;
}
