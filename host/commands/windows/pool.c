/* poolscan pool: the pool page that holds an address, block by block, in the manner of !pool. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/commands.h"
#include "host/commands/windows/pool_rows.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/run/pick_era.h"
#include "host/run/tag_source.h"
#include "host/run/virtual_side.h"
#include "host/virtual/address.h"
#include "scan/merge/big_owner.h"
#include "scan/plan_compile.h"

/* Everything that one run of the verb holds. */
struct run {
    const struct ps_options *opt;
    struct ps_image *image;
    struct ps_virtual_side side;
    struct ps_cells cells;
    struct ps_tagdb *tags;
    const struct ps_era *era;
    struct ps_pool_page page;
    int found; /* a block or a big allocation */
    int has_bytes;
    uint8_t bytes[PS_FRAME_BYTES];
};

static void tell_where_instead(uint64_t va, const struct ps_walk *w)
{
    const struct ps_pte *pte = w->n_steps ? &w->step[w->n_steps - 1].pte : NULL;
    char where[120] = "nothing is mapped there";

    if (w->end == PS_WALK_UNREADABLE)
        snprintf(where, sizeof where, "the page-table entry at 0x%" PRIx64 " is not in the image",
                 w->phys);
    else if (w->end == PS_WALK_PAGED_OUT)
        snprintf(where, sizeof where,
                 "it is in page file %u, byte 0x%" PRIx64 ", where it cannot be read (--pagefile)",
                 w->file, w->file_off - w->file_off % PS_FRAME_BYTES);
    else if (pte && pte->kind == PS_PTE_PROTOTYPE)
        snprintf(where, sizeof where, "the prototype PTE at 0x%" PRIx64 " leads to it", pte->proto);
    else if (pte && pte->kind == PS_PTE_DEMAND_ZERO)
        snprintf(where, sizeof where, "it is a page of zeros, not made yet");
    else if (pte && pte->kind == PS_PTE_FILE)
        snprintf(where, sizeof where, "it is in a mapped file");
    else if (pte && pte->kind == PS_PTE_BAD)
        snprintf(where, sizeof where, "the page-table entry 0x%" PRIx64 " is not legal",
                 w->step[w->n_steps - 1].raw);
    ps_log(PS_LOG_WARN, "the page of 0x%" PRIx64 " is not in memory: %s", va, where);
}

static int set_phys(struct run *r, uint64_t phys, struct ps_err *err)
{
    const struct ps_physmem *mem = &r->side.space.memory.mem;

    r->page.has_phys = 1;
    r->page.phys = phys - phys % PS_FRAME_BYTES;
    r->page.has_file_off =
        ps_address_space_file_offset(&r->side.space, r->page.phys, &r->page.file_off);
    r->has_bytes = mem->read(mem->arg, r->page.phys, r->bytes, sizeof r->bytes) == sizeof r->bytes;
    if (!r->has_bytes && ps_image_has(r->side.space.image, r->page.phys))
        return ps_fail(err, PS_EIO, r->page.has_file_off ? r->page.file_off : PS_AT_NONE,
                       "the page at physical address 0x%" PRIx64 " cannot be read", r->page.phys);
    if (!r->has_bytes)
        ps_log(PS_LOG_WARN, "the page at physical address 0x%" PRIx64 " is not in the image",
               r->page.phys);
    return 0;
}

static void set_paged_out(struct run *r, const struct ps_walk *w)
{
    const size_t n = ps_paging_read(r->side.space.paging, r->page.va, r->bytes, sizeof r->bytes);

    r->has_bytes = n == sizeof r->bytes;
    if (r->has_bytes)
        ps_log(PS_LOG_WARN, "the page of 0x%" PRIx64 " is not in memory: read from page file %u",
               r->page.va + r->page.at, w->file);
    else
        tell_where_instead(r->page.va + r->page.at, w);
}

static int locate_virtual(struct run *r, uint64_t va, struct ps_err *err)
{
    struct ps_walk w;
    int rc = ps_address_space_need_tables(&r->side.space, err);

    if (rc < 0)
        return rc;
    if (ps_paging_walk(r->side.space.paging, va, &w) == PS_WALK_NOT_CANONICAL)
        return ps_fail(err, PS_EARG, va, "0x%" PRIx64 ": no address of %s", va,
                       ps_paging_mode_name(r->side.space.dtb.mode));
    if (!ps_paging_is_x64(r->side.space.dtb.mode))
        va &= UINT32_MAX;
    r->page.has_va = 1;
    r->page.va = va - va % PS_FRAME_BYTES;
    if (w.end == PS_WALK_MAPPED)
        return set_phys(r, w.phys, err);
    if (w.end == PS_WALK_PAGED_OUT)
        set_paged_out(r, &w);
    else
        tell_where_instead(va, &w);
    return 0;
}

/* The address that a scan gives the page, too. */
static void set_va_of_page(struct run *r)
{
    const struct ps_locator *l = &r->side.locator;
    struct ps_finding f = {.phys = r->page.phys};
    struct ps_mapping lowest;
    size_t n;

    ps_locate_page(l, r->bytes, &f, 1);
    if (f.mapped != PS_MAPPED_YES)
        return;
    r->page.has_va = 1;
    r->page.va = f.va - l->header_bytes;
    n = ps_inverse_map_find(l->map, r->page.phys, &lowest, 1);
    if (n > 1)
        ps_log(PS_LOG_WARN, "%zu virtual addresses show this page, taken is 0x%" PRIx64, n,
               r->page.va);
}

static int locate_physical(struct run *r, uint64_t phys, struct ps_err *err)
{
    int rc = set_phys(r, phys, err);

    if (rc == 0 && r->side.map)
        set_va_of_page(r);
    return rc;
}

static int open_image(struct run *r, const char *path, struct ps_err *err)
{
    struct ps_err why;
    int rc;

    ps_fault_guard_init();
    rc = ps_open_image(&r->image, path, r->opt, &why);
    if (rc == 0)
        rc = ps_virtual_side_open(&r->side, r->opt, r->image, &why);
    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.80s: %.160s", path, why.msg);
    return 0;
}

static int locate(struct run *r, struct ps_err *err)
{
    const char *text = r->opt->args.item[1];
    const int is_phys = strncmp(text, "phys:", 5) == 0;
    uint64_t address;
    int rc = ps_address_parse(is_phys ? text + 5 : text, "ADDRESS", &address, err);

    if (rc < 0)
        return rc;
    rc = open_image(r, r->opt->args.item[0], err);
    if (rc < 0)
        return rc;
    r->page.at = address % PS_FRAME_BYTES;
    return is_phys ? locate_physical(r, address, err) : locate_virtual(r, address, err);
}

/* History has no order and any length. */
#define MAX_FREED_TOLD 4u

static void tell_freed(const struct ps_bigpool_table *table, uint64_t va)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n_rows; i++) {
        const struct ps_bigpool_entry *e = &table->row[i].entry;
        char tag[PS_TAG_TEXT_BYTES];

        if (e->state != PS_BIGPOOL_FREED || va < e->va || va - e->va >= e->n_bytes)
            continue;
        if (n++ < MAX_FREED_TOLD)
            ps_log(PS_LOG_WARN,
                   "a big allocation at 0x%" PRIx64 ", tag %s, 0x%" PRIx64
                   " bytes, has been freed here",
                   e->va, ps_tag_print(e->tag, tag), e->n_bytes);
    }
    if (n > MAX_FREED_TOLD)
        ps_log(PS_LOG_WARN, "%zu more big allocations have been freed here", n - MAX_FREED_TOLD);
}

static void add_big(struct run *r, const struct ps_bigpool_row *row, uint64_t va)
{
    struct ps_pool_page first = {.has_va = 1, .va = row->entry.va, .at = va - row->entry.va};

    first.has_phys = ps_paging_translate(r->side.space.paging, first.va, &first.phys);
    first.has_file_off =
        first.has_phys && ps_address_space_file_offset(&r->side.space, first.phys, &first.file_off);
    ps_pool_rows_add_big(&r->cells, &first, &r->side.table, row, r->tags,
                         ps_big_owner(r->side.locator.owners, &r->side.table, &row->entry),
                         &r->side.quota.processes);
    r->found = 1;
}

/* Is the address in a big allocation? Then its row is written: 1; 0: it is in none. */
static int find_big(struct run *r)
{
    const struct ps_virtual_side *side = &r->side;
    const uint64_t va = r->page.va + r->page.at;
    const struct ps_bigpool_row *row = NULL;

    if (side->n_unreadable != 0)
        ps_log(PS_LOG_WARN, "%" PRIu64 " bytes of the image cannot be read", side->n_unreadable);
    if (side->table.method == PS_BIGPOOL_NOT_FOUND)
        ps_log(PS_LOG_WARN, "no big-pool table found: a big allocation would not be seen");
    if (side->index)
        row = ps_bigpool_index_find(side->index, va);
    if (row)
        add_big(r, row, va);
    else
        tell_freed(&side->table, va);
    return row != NULL;
}

/* What the region is by its heap or address, where that is known; UNKNOWN where it is not. */
static enum ps_page_region region_of(const struct run *r, const struct ps_page_list *list)
{
    enum ps_pool_kind pool = PS_POOL_UNKNOWN;

    if (list->pool != PS_HEAP_POOL_UNKNOWN)
        return list->pool == PS_HEAP_POOL_NONPAGED || list->pool == PS_HEAP_POOL_NONPAGED_NX
                   ? PS_REGION_NONPAGED
                   : PS_REGION_PAGED;
    if (r->page.has_va && r->side.map)
        pool = ps_regions_pool(&r->side.regions, r->page.va);
    if (pool == PS_POOL_UNKNOWN)
        return PS_REGION_UNKNOWN;
    return pool == PS_POOL_PAGED ? PS_REGION_PAGED : PS_REGION_NONPAGED;
}

/* Why there is none: what the segment heap has the page for. */
static void tell_no_header(const struct ps_page_list *list, uint64_t address)
{
    static const char *const why[] = {
        [PS_HEAP_META] = ": descriptors of a segment of the segment heap",
        [PS_HEAP_LFH] = ", but it is of an LFH subsegment of the segment heap",
        [PS_HEAP_VS] = ", but it is of a VS subsegment of the segment heap",
        [PS_HEAP_LARGE] = ": of an allocation of whole pages of the segment heap",
        [PS_HEAP_UNUSED] = ": in a segment of the segment heap, not in use",
        [PS_HEAP_UNREAD] = ": in a segment of the segment heap, whose descriptor cannot be read",
    };

    ps_log(PS_LOG_WARN, "page of 0x%" PRIx64 ": no pool header in it%s", address,
           list->unit != PS_HEAP_OUTSIDE ? why[list->unit] : "");
}

static void tell_region(const struct run *r, const struct ps_page_list *list)
{
    static const char *const names[] = {"not known", "Nonpaged pool", "Paged pool"};
    const uint64_t address = r->page.at + (r->page.has_va ? r->page.va : r->page.phys);
    const enum ps_page_region region = region_of(r, list);
    char blocks[80], own[40] = "its address";

    snprintf(blocks, sizeof blocks, "the PoolType of %" PRIu32 " of %" PRIu32 " blocks in use",
             list->n_agree, list->n_in_use);
    if (list->unit != PS_HEAP_OUTSIDE)
        snprintf(own, sizeof own, "its segment heap (%s)", ps_heap_unit_name(list->unit));
    if (list->n == 1 && list->row[0].kind == PS_PAGE_GAP)
        tell_no_header(list, address);
    else if (region == PS_REGION_UNKNOWN)
        ps_log(PS_LOG_WARN, "pool page 0x%" PRIx64 " region is %s (by %s)", address,
               names[list->region], blocks);
    else if (list->region == PS_REGION_UNKNOWN || list->region == region)
        ps_log(PS_LOG_WARN, "pool page 0x%" PRIx64 " region is %s (by %s and %s)", address,
               names[region], own, blocks);
    else
        ps_log(PS_LOG_WARN, "pool page 0x%" PRIx64 " region is %s by %s, but %s by %s", address,
               names[region], own, names[list->region], blocks);
}

/* The blocks as a scan would report them. */
static void complete_blocks(const struct run *r, struct ps_page_list *list)
{
    struct ps_finding f[PS_MAX_SLOTS];
    size_t n = 0;

    if (!r->side.map)
        return;
    for (uint32_t i = 0; i < list->n; i++)
        if (list->row[i].kind == PS_PAGE_BLOCK) {
            f[n] = list->row[i].finding;
            f[n++].phys = (r->page.has_phys ? r->page.phys : 0) + list->row[i].at;
        }
    if (n == 0)
        return;
    if (r->page.has_phys)
        ps_locate_page(&r->side.locator, r->bytes, f, n);
    else
        ps_locate_paged_out(&r->side.locator, r->page.va, r->bytes, f, n);
    for (uint32_t i = list->n; i-- > 0;)
        if (list->row[i].kind == PS_PAGE_BLOCK)
            list->row[i].finding = f[--n];
}

static int list_page(struct run *r, struct ps_err *err)
{
    const struct ps_ruleset_spec wanted = {.db = r->tags, .any_tag = 1};
    struct ps_page_list *list = malloc(sizeof *list);
    struct ps_ruleset rules = {0};
    struct ps_plan *plan = NULL;
    int rc = list ? ps_ruleset_build(&rules, &wanted, err)
                  : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the rows of a page");

    if (rc == 0)
        rc = ps_plan_compile(&plan, r->era, &rules, 1, err);
    if (rc == 0) {
        const struct ps_page_list_spec spec = {.era = r->era,
                                               .rules = &rules,
                                               .plan = plan,
                                               .heap = r->page.has_va ? r->side.heap : NULL,
                                               .va = r->page.va};

        ps_pool_page_list(&spec, r->bytes, list);
        complete_blocks(r, list);
        tell_region(r, list);
        r->found |= list->n > 1 || list->row[0].kind == PS_PAGE_BLOCK;
        ps_pool_rows_add_page(&r->cells, &r->page, r->era, list, r->tags, &r->side.quota.processes);
    }
    free(plan);
    ps_ruleset_free(&rules);
    free(list);
    return rc;
}

static int show(struct run *r, struct ps_err *err)
{
    int in_big = 0;
    int rc = locate(r, err);

    if (rc < 0)
        return rc;
    r->era = ps_pick_era(&r->side.space, r->opt);
    if (r->page.has_va)
        in_big = find_big(r);
    if (!in_big && r->has_bytes)
        rc = list_page(r, err);
    if (rc == 0)
        rc = ps_virtual_side_check(&r->side, err);
    if (rc < 0)
        return rc;
    rc = ps_pool_rows_write(&r->cells, r->page.has_va, r->opt, err);
    if (rc == 0 && r->opt->fail_if_none && !r->found)
        rc = ps_fail(err, PS_ENONE, PS_AT_NONE, "nothing found (--fail-if-none)");
    return rc;
}

int ps_cmd_pool(const struct ps_options *opt, struct ps_err *err)
{
    struct run *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    r->opt = opt;
    r->cells.n_columns = ps_pool_rows_columns();
    rc = ps_tag_source_load(&r->tags, opt, err);
    if (rc == 0)
        rc = show(r, err);
    ps_cells_free(&r->cells);
    ps_tagdb_free(r->tags);
    ps_virtual_side_close(&r->side);
    ps_image_close(r->image);
    free(r);
    return rc;
}
