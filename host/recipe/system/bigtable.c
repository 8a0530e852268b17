#include "host/recipe/system/system.h"

#include <stdlib.h>

#define N_OPTIONS(o)    (sizeof(o) / sizeof *(o))

#define TAG_POOL        0x6c6f6f50u
#define TYPE_NX         0x200u
#define FLAG_NX         0x040u
#define FIRST_NX_BUILD  9200u
#define FIRST_10_BUILD  10240u
#define FIRST_MUL_BUILD 9600u
#define FIRST_FLAGS     26100u

static enum ps_rcp_hash hash_of(const struct ps_rcp_era *era)
{
    if (era->build >= FIRST_FLAGS)
        return PS_RCP_MUL64;
    return era->build >= FIRST_MUL_BUILD ? PS_RCP_MUL32 : PS_RCP_XOR;
}

int ps_rcp_do_bigtable(struct ps_rcp_parser *p)
{
    struct ps_rcp_bigtable t = {.slots = 0x1000, .line = p->line};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"va", PS_RCP_F_NUMBER, &t.va},         {"slots", PS_RCP_F_NUMBER, &t.slots},
        {"hash", PS_RCP_F_HASH, &t.hash},       {"self", PS_RCP_F_FLAG, &t.has_self},
        {"flags", PS_RCP_F_FLAG, &t.has_flags},
    };
    int rc = ps_rcp_need_system(p, &sys);

    if (rc < 0)
        return rc;
    t.hash = hash_of(&sys->era);
    t.has_flags = sys->era.build >= FIRST_FLAGS;
    if ((rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (sys->big.slots)
        return ps_rcp_bad(p, "a recipe has one bigtable");
    if (t.slots < 16 || t.slots > PS_RCP_MAX_SLOTS || (t.slots & (t.slots - 1)))
        return ps_rcp_bad(p, "slots is a power of two from 16 to %u", PS_RCP_MAX_SLOTS);
    rc = ps_rcp_check_va(p, sys, "va", t.va,
                         t.slots * ps_rcp_big_stride(&sys->era) / PS_RECIPE_PAGE + 1);
    if (rc == 0)
        sys->big = t;
    return rc;
}

static int need_table(struct ps_rcp_parser *p, struct ps_rcp_system **out)
{
    int rc = ps_rcp_need_system(p, out);

    if (rc == 0 && (*out)->big.slots == 0)
        return ps_rcp_bad(p, "write the table first: bigtable va=ADDRESS slots=N");
    return rc;
}

int ps_rcp_big_push(struct ps_rcp_bigtable *t, const struct ps_rcp_big *row)
{
    if (t->n_rows == t->cap_rows) {
        size_t cap = t->cap_rows * 2 + 64;
        struct ps_rcp_big *more = realloc(t->row, cap * sizeof *more);

        if (!more)
            return -PS_ENOMEM;
        t->row = more;
        t->cap_rows = cap;
    }
    t->row[t->n_rows++] = *row;
    return 0;
}

static uint64_t pages_for(uint64_t n_bytes)
{
    return n_bytes / PS_RECIPE_PAGE + (n_bytes % PS_RECIPE_PAGE != 0);
}

static int push_row(struct ps_rcp_parser *p, struct ps_rcp_system *sys,
                    const struct ps_rcp_big *row)
{
    if (sys->big.n_rows == PS_RCP_MAX_BIGS)
        return ps_rcp_bad(p, "a recipe has at most %u big allocations", PS_RCP_MAX_BIGS);
    if (ps_rcp_big_push(&sys->big, row) < 0)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
    return 0;
}

int ps_rcp_do_big(struct ps_rcp_parser *p)
{
    struct ps_rcp_big row = {.line = p->line, .n_bytes = PS_RECIPE_PAGE};
    struct ps_rcp_map map = {
        .pages = {PS_RCP_NONE, PS_RCP_NONE}, .prototype = PS_RCP_NONE, .nx = 1, .line = p->line};
    struct ps_rcp_system *sys;
    uint64_t type = 0;
    const struct ps_rcp_option option[] = {
        {"tag", PS_RCP_F_TAG, &row.tag},
        {"va", PS_RCP_F_NUMBER, &row.va},
        {"bytes", PS_RCP_F_NUMBER, &row.n_bytes},
        {"type", PS_RCP_F_NUMBER, &type},
        {"free", PS_RCP_F_FLAG, &row.is_free},
        {"paged", PS_RCP_F_FLAG, &row.is_paged},
        {"pages", PS_RCP_F_PAGES, &map.pages},
        {"scatter", PS_RCP_F_FLAG, &map.scatter},
        {"transition", PS_RCP_F_NUMBER, &map.transition},
    };
    int rc = need_table(p, &sys);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (row.tag == 0 || row.n_bytes == 0 || row.n_bytes > (1u << 30) || type > 0xfff)
        return ps_rcp_bad(p, "write: big tag=TAG va=ADDRESS bytes=N [type=N] [pages=A-B], type up "
                             "to 0xfff");
    row.type = (uint32_t)type;
    rc = ps_rcp_check_va(p, sys, "va", row.va, pages_for(row.n_bytes));
    if (rc < 0 || (rc = push_row(p, sys, &row)) < 0 || map.pages.first == PS_RCP_NONE)
        return rc;
    map.va = row.va;
    map.n_pages = map.pages.last - map.pages.first + 1;
    if (map.n_pages != pages_for(row.n_bytes) || map.transition > 100)
        return ps_rcp_bad(p, "%llu bytes lie in %llu pages", (unsigned long long)row.n_bytes,
                          (unsigned long long)pages_for(row.n_bytes));
    return ps_rcp_push_map(p, sys, &map);
}

int ps_rcp_do_bigs(struct ps_rcp_parser *p)
{
    struct ps_rcp_bigs b = {.list = PS_RCP_NONE,
                            .seed = p->recipe->seed,
                            .freed = 10,
                            .pages = {PS_RCP_NONE, PS_RCP_NONE},
                            .line = p->line};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"count", PS_RCP_F_NUMBER, &b.count}, {"tags", PS_RCP_F_LIST, &b.list},
        {"paged", PS_RCP_F_NUMBER, &b.paged}, {"nonpaged", PS_RCP_F_NUMBER, &b.nonpaged},
        {"seed", PS_RCP_F_NUMBER, &b.seed},   {"freed", PS_RCP_F_NUMBER, &b.freed},
        {"pages", PS_RCP_F_PAGES, &b.pages},
    };
    int rc = need_table(p, &sys);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (b.count == 0 || b.count > PS_RCP_MAX_BIGS || b.list == PS_RCP_NONE || b.freed > 100 ||
        b.pages.first == PS_RCP_NONE || sys->n_bigs == sizeof sys->bigs / sizeof *sys->bigs)
        return ps_rcp_bad(p, "write: bigs count=N tags=LIST paged=ADDRESS nonpaged=ADDRESS "
                             "pages=A-B [freed=PERCENT], at most 16 times");
    if (b.pages.last - b.pages.first >= PS_RCP_MAX_LINKS)
        return ps_rcp_bad(p, "pages are at most %u", PS_RCP_MAX_LINKS);
    /* Up to 40 pages each, gaps included. */
    if ((rc = ps_rcp_check_va(p, sys, "paged", b.paged, 40 * b.count)) < 0 ||
        (rc = ps_rcp_check_va(p, sys, "nonpaged", b.nonpaged, 40 * b.count)) < 0)
        return rc;
    sys->bigs[sys->n_bigs++] = b;
    return 0;
}

/* --- building --- */

struct drawing {
    struct ps_rcp_system *sys;
    const struct ps_rcp_bigs *b;
    uint64_t *page; /* frames in the order they are given out */
    size_t n_pages, next;
    uint64_t at[2]; /* next free address: nonpaged, paged */
    uint64_t rng;
};

static uint32_t draw_type(struct drawing *d, int paged)
{
    static const uint32_t types[2][4] = {{0x200, 0x200, 0x600, 0x204}, {1, 1, 0x401, 5}};
    static const uint32_t flags[2][4] = {{0x40, 0x42, 0x40, 0x48}, {0x100, 0x102, 0x100, 0x108}};
    const struct ps_rcp_era *era = &d->sys->era;
    uint32_t i = ps_rcp_below(&d->rng, 4);

    if (d->sys->big.has_flags)
        return flags[paged][i];
    if (era->build < FIRST_NX_BUILD)
        return types[paged][i] & 0x5u;
    return era->build < FIRST_10_BUILD ? types[paged][i] & 0x205u : types[paged][i];
}

/* Mostly a few pages, sometimes some more; not always whole ones. */
static uint64_t draw_bytes(struct drawing *d)
{
    uint64_t pages = 1 + ps_rcp_below(&d->rng, ps_rcp_chance(&d->rng, 10) ? 32 : 5);
    uint64_t tail = 16ull * (8 + ps_rcp_below(&d->rng, 0xf0));

    if (ps_rcp_is_nt5(&d->sys->era) || pages == 1 || pages > 15 || ps_rcp_chance(&d->rng, 60))
        return pages * PS_RECIPE_PAGE;
    return (pages - 1) * PS_RECIPE_PAGE + tail;
}

static int map_row(struct drawing *d, const struct ps_rcp_big *row, int paged)
{
    const struct ps_rcp_map map = {.nx = 1, .line = row->line};
    uint64_t n = pages_for(row->n_bytes);
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && i < n && d->next < d->n_pages; i++) {
        uint64_t page = d->page[d->next++];
        enum ps_rcp_leaf leaf = PS_RCP_VALID;

        if (page >= d->sys->recipe->image_pages)
            leaf = PS_RCP_PAGE_FILE;
        else if (paged && ps_rcp_chance(&d->rng, 20))
            leaf = PS_RCP_TRANSITION;
        rc = ps_rcp_map_page(d->sys, &map, row->va + i * PS_RECIPE_PAGE, page, leaf);
    }
    return rc;
}

static int draw_one(struct drawing *d)
{
    const struct ps_rcp_list *list = &d->sys->recipe->list[d->b->list];
    int paged = ps_rcp_chance(&d->rng, 50);
    struct ps_rcp_big row = {.line = d->b->line, .va = d->at[paged]};

    row.tag = list->entry[ps_rcp_below(&d->rng, (uint32_t)list->n)].tag & 0x7fffffffu;
    row.n_bytes = draw_bytes(d);
    row.type = draw_type(d, paged);
    row.is_paged = paged;
    row.is_free = ps_rcp_chance(&d->rng, (uint32_t)d->b->freed);
    d->at[paged] += (pages_for(row.n_bytes) + ps_rcp_below(&d->rng, 4)) * PS_RECIPE_PAGE;
    if (d->sys->big.n_rows >= PS_RCP_MAX_BIGS || ps_rcp_big_push(&d->sys->big, &row) < 0)
        return ps_fail(d->sys->err, PS_EARG, row.line, "a recipe has at most %u big allocations",
                       PS_RCP_MAX_BIGS);
    return row.is_free ? 0 : map_row(d, &row, paged);
}

static int draw_bigs(struct ps_rcp_system *sys, const struct ps_rcp_bigs *b)
{
    struct drawing d = {.sys = sys, .b = b, .at = {b->nonpaged, b->paged}};
    int rc = 0;

    d.rng = ps_rcp_mix64(b->seed + 0xb16b00ull + b->line);
    d.n_pages = (size_t)(b->pages.last - b->pages.first + 1);
    d.page = ps_rcp_shuffled(&d.rng, b->pages, 1);
    if (!d.page)
        return ps_fail(sys->err, PS_ENOMEM, b->line, "not enough memory for the recipe");
    for (uint64_t i = 0; rc == 0 && i < b->count; i++)
        rc = draw_one(&d);
    free(d.page);
    return rc;
}

/* A table that was made larger lists itself. */
static int push_self(struct ps_rcp_system *sys)
{
    struct ps_rcp_bigtable *t = &sys->big;
    struct ps_rcp_big row = {.va = t->va, .tag = TAG_POOL, .line = t->line};

    row.n_bytes = pages_for(t->slots * ps_rcp_big_stride(&sys->era)) * PS_RECIPE_PAGE;
    if (t->has_flags)
        row.type = FLAG_NX;
    else if (sys->era.build >= FIRST_NX_BUILD)
        row.type = TYPE_NX;
    if (t->n_rows >= PS_RCP_MAX_BIGS || ps_rcp_big_push(t, &row) < 0)
        return ps_fail(sys->err, PS_EARG, t->line, "a recipe has at most %u big allocations",
                       PS_RCP_MAX_BIGS);
    return 0;
}

static int by_va(const void *a, const void *b, void *arg)
{
    const struct ps_rcp_big *row = arg;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    if (row[x].va != row[y].va)
        return row[x].va < row[y].va ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int sort_live(struct ps_rcp_system *sys)
{
    struct ps_rcp_bigtable *t = &sys->big;

    t->live = calloc(t->n_rows + 1, sizeof *t->live);
    if (!t->live)
        return ps_fail(sys->err, PS_ENOMEM, t->line, "not enough memory for the recipe");
    for (size_t i = 0; i < t->n_rows; i++)
        if (!t->row[i].is_free)
            t->live[t->n_live++] = i;
    qsort_r(t->live, t->n_live, sizeof *t->live, by_va, t->row);
    return 0;
}

const struct ps_rcp_big *ps_rcp_system_big(const struct ps_rcp_system *sys, uint64_t va)
{
    const struct ps_rcp_bigtable *t = &sys->big;
    size_t lo = 0, hi = t->n_live;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (t->row[t->live[mid]].va <= va)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0 || va - t->row[t->live[lo - 1]].va >= t->row[t->live[lo - 1]].n_bytes)
        return NULL;
    return &t->row[t->live[lo - 1]];
}

int ps_rcp_bigtable_build(struct ps_rcp_system *sys)
{
    struct ps_rcp_bigtable *t = &sys->big;
    int rc = 0;

    if (t->slots == 0)
        return 0;
    for (size_t i = 0; rc == 0 && i < sys->n_bigs; i++)
        rc = draw_bigs(sys, &sys->bigs[i]);
    if (rc == 0 && t->has_self)
        rc = push_self(sys);
    if (rc == 0)
        rc = ps_rcp_region_make(sys, &t->region, t->va, t->slots * ps_rcp_big_stride(&sys->era),
                                t->line);
    if (rc == 0 && ps_rcp_big_write(sys, &t->region, t->slots, t->row, t->n_rows) < 0)
        rc = ps_fail(sys->err, PS_EARG, t->line, "%zu rows do not fit into %llu slots", t->n_rows,
                     (unsigned long long)t->slots);
    return rc < 0 ? rc : sort_live(sys);
}
