/* poolscan vtop: a virtual address and each page-table entry on the way to its place. */
#include "host/commands/cells.h"
#include "host/commands/commands.h"
#include "host/virtual/address.h"
#include "host/virtual/address_space.h"

enum {
    LEVEL,
    INDEX,
    ENTRY,
    VALUE,
    KIND,
    PHYSICAL,
    PAGE_BYTES,
    ACCESS,
    NOTE,
    FILE_OFFSET,
    N_FIELDS
};

static const struct ps_column columns[N_FIELDS] = {
    [LEVEL] = {"Level", "LEVEL", PS_COLUMN_TEXT, 0},
    [INDEX] = {"Index", "INDEX", PS_COLUMN_LITERAL, 0},
    [ENTRY] = {"Entry", "ENTRY AT", PS_COLUMN_TEXT, 0},
    [VALUE] = {"Value", "VALUE", PS_COLUMN_TEXT, 0},
    [KIND] = {"Kind", "KIND", PS_COLUMN_TEXT, 0},
    [PHYSICAL] = {"Physical", "PHYSICAL", PS_COLUMN_TEXT, 0},
    [PAGE_BYTES] = {"PageBytes", "PAGE", PS_COLUMN_BYTES, 0},
    [ACCESS] = {"Access", "ACCESS", PS_COLUMN_TEXT, 0},
    [NOTE] = {"Note", "NOTE", PS_COLUMN_TEXT, 1},
    [FILE_OFFSET] = {"FileOffset", "FILE OFFSET", PS_COLUMN_TEXT, 0},
};

static void set_access(struct ps_cells *c, int user, int writable, int no_execute)
{
    ps_cells_set(c, ACCESS, "%c%c%c", user ? 'u' : 'k', writable ? 'w' : 'r',
                 no_execute ? '-' : 'x');
}

static void set_note(struct ps_cells *c, const struct ps_pte *pte)
{
    if (pte->kind == PS_PTE_PAGEFILE)
        ps_cells_set(c, NOTE, "page file %u, page 0x%llx", pte->file,
                     (unsigned long long)pte->offset);
    else if (pte->kind == PS_PTE_PROTOTYPE)
        ps_cells_set(c, NOTE, "prototype PTE at 0x%llx", (unsigned long long)pte->proto);
    else if (pte->kind == PS_PTE_DEMAND_ZERO)
        ps_cells_set(c, NOTE, "a page of zeros, not made yet");
}

static void add_step(struct ps_cells *c, const struct ps_walk_step *s)
{
    const struct ps_pte *pte = &s->pte;

    ps_cells_row(c);
    ps_cells_set(c, LEVEL, "%s", s->name);
    if (s->level != 0)
        ps_cells_set(c, INDEX, "%u", s->index);
    if (s->at != UINT64_MAX)
        ps_cells_set_address(c, ENTRY, s->at);
    ps_cells_set_address(c, VALUE, s->raw);
    ps_cells_set(c, KIND, "%s", ps_pte_kind_name(pte->kind));
    if (pte->kind == PS_PTE_TABLE || pte->kind == PS_PTE_PAGE || pte->kind == PS_PTE_TRANSITION)
        ps_cells_set_address(c, PHYSICAL, pte->phys);
    if (pte->kind == PS_PTE_TABLE || pte->kind == PS_PTE_PAGE)
        set_access(c, pte->user, pte->writable, pte->no_execute);
    set_note(c, pte);
}

/* Where in which page file, and whether that file has it. */
static void set_paged_out(struct ps_cells *c, const struct ps_address_space *as,
                          const struct ps_walk *w)
{
    const struct ps_pagefiles *files = &as->pagefiles.files;
    const uint64_t n_pages = w->file < PS_PAGEFILES_MAX ? files->n_pages[w->file] : 0;
    const char *state = "read from it";
    uint8_t byte;

    if (n_pages == 0)
        state = "which is not given (--pagefile)";
    else if (w->file_off / PS_FRAME_BYTES >= n_pages)
        state = "which is behind its end";
    else if (files->read(files->arg, w->file, w->file_off, &byte, 1) != 1)
        state = "which could not be read";
    ps_cells_set(c, NOTE, "page file %u, byte 0x%llx, %s", w->file, (unsigned long long)w->file_off,
                 state);
}

static void add_result(struct ps_cells *c, const struct ps_address_space *as,
                       const struct ps_walk *w)
{
    static const char *const ends[] = {
        [PS_WALK_MAPPED] = "mapped",
        [PS_WALK_PAGED_OUT] = "paged-out",
        [PS_WALK_NOT_RESIDENT] = "not-resident",
        [PS_WALK_UNREADABLE] = "unreadable",
        [PS_WALK_NOT_CANONICAL] = "not-canonical",
    };
    uint64_t off;

    ps_cells_row(c);
    ps_cells_set(c, LEVEL, "result");
    ps_cells_set(c, KIND, "%s", ends[w->end]);
    if (w->end == PS_WALK_PAGED_OUT)
        set_paged_out(c, as, w);
    if (w->end == PS_WALK_UNREADABLE)
        ps_cells_set(c, NOTE, "the entry at 0x%llx is not in the image",
                     (unsigned long long)w->phys);
    if (w->end != PS_WALK_MAPPED)
        return;
    ps_cells_set_address(c, PHYSICAL, w->phys);
    ps_cells_set(c, PAGE_BYTES, "%llu", (unsigned long long)w->page_bytes);
    set_access(c, w->user, w->writable, w->no_execute);
    if (ps_address_space_file_offset(as, w->phys, &off))
        ps_cells_set_address(c, FILE_OFFSET, off);
    else if (!ps_image_has(as->image, w->phys))
        ps_cells_set(c, NOTE, "this page is not in the image");
}

static int show_walk(const struct ps_address_space *as, uint64_t va, const struct ps_options *opt,
                     struct ps_err *err)
{
    struct ps_cells cells = {.n_columns = N_FIELDS};
    struct ps_walk w;
    int rc;

    if (ps_paging_walk(as->paging, va, &w) == PS_WALK_NOT_CANONICAL)
        return ps_fail(err, PS_EARG, va, "0x%llx: no address of %s", (unsigned long long)va,
                       ps_paging_mode_name(as->dtb.mode));
    for (unsigned i = 0; i < w.n_steps; i++)
        add_step(&cells, &w.step[i]);
    add_result(&cells, as, &w);
    rc = ps_cells_write(&cells, columns, opt, err);
    ps_cells_free(&cells);
    return rc;
}

int ps_cmd_vtop(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_address_space as = {0};
    uint64_t va;
    int rc = ps_address_parse(opt->args.item[1], "VA", &va, err);

    if (rc < 0)
        return rc;
    rc = ps_address_space_open(&as, opt, opt->args.item[0], err);
    if (rc == 0)
        rc = ps_address_space_need_tables(&as, err);
    if (rc == 0)
        rc = show_walk(&as, va, opt, err);
    ps_address_space_close(&as);
    return rc;
}
