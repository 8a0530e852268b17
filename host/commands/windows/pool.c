/* poolscan pool: the pool page that holds an address, block by block, in the manner of !pool. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/commands.h"
#include "host/commands/windows/pool_rows.h"
#include "host/log.h"
#include "host/run/tag_source.h"
#include "host/virtual/address.h"
#include "host/virtual/address_space.h"
#include "host/virtual/bigpool.h"
#include "scan/bigpool/index.h"
#include "scan/plan_compile.h"
#include "scan/windows/paging/inverse_map.h"

/* Everything that one run of the verb holds. */
struct run {
    const struct ps_options *opt;
    struct ps_address_space as;
    struct ps_cells cells;
    struct ps_tagdb *tags;
    const struct ps_era *era;
    struct ps_inverse_map *map; /* NULL unless the address is physical */
    struct ps_bigpool_table big;
    struct ps_pool_page page;
    int found; /* a block or a big allocation */
    int has_bytes;
    uint8_t bytes[PS_FRAME_BYTES];
};

/* The architecture that the page tables show counts for more than a KUSER_SHARED_DATA page, which
 * may be a guest's; the build of such a page counts only where the architecture is the same. */
static const struct ps_era *pick_era(const struct run *r)
{
    const struct ps_options *opt = r->opt;
    enum ps_arch arch = PS_ARCH_X64;
    uint32_t build = opt->build;

    if (opt->arch && strcmp(opt->arch, "auto") != 0)
        arch = strcmp(opt->arch, "x86") == 0 ? PS_ARCH_X86 : PS_ARCH_X64;
    else if (r->as.has_dtb)
        arch = ps_paging_is_x64(r->as.dtb.mode) ? PS_ARCH_X64 : PS_ARCH_X86;
    else if (r->as.has_version)
        arch = r->as.version.arch;
    if (build == 0 && r->as.has_version && r->as.version.arch == arch)
        build = r->as.version.build;
    if (build == 0)
        ps_log(PS_LOG_WARN,
               "the Windows version is not known; reading headers as %s of any build (--arch and "
               "--build say it)",
               arch == PS_ARCH_X86 ? "x86" : "x64");
    return ps_era_pick(arch, build);
}

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
    const struct ps_physmem *mem = &r->as.memory.mem;

    r->page.has_phys = 1;
    r->page.phys = phys - phys % PS_FRAME_BYTES;
    r->page.has_file_off = ps_address_space_file_offset(&r->as, r->page.phys, &r->page.file_off);
    r->has_bytes = mem->read(mem->arg, r->page.phys, r->bytes, sizeof r->bytes) == sizeof r->bytes;
    if (!r->has_bytes && r->page.has_file_off)
        return ps_fail(err, PS_EIO, r->page.file_off,
                       "the page at physical address 0x%" PRIx64 " cannot be read", r->page.phys);
    if (!r->has_bytes)
        ps_log(PS_LOG_WARN, "the page at physical address 0x%" PRIx64 " is not in the image",
               r->page.phys);
    return 0;
}

static void set_paged_out(struct run *r, const struct ps_walk *w)
{
    const size_t n = ps_paging_read(r->as.paging, r->page.va, r->bytes, sizeof r->bytes);

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
    int rc = ps_address_space_need_tables(&r->as, err);

    if (rc < 0)
        return rc;
    if (ps_paging_walk(r->as.paging, va, &w) == PS_WALK_NOT_CANONICAL)
        return ps_fail(err, PS_EARG, va, "0x%" PRIx64 ": no address of %s", va,
                       ps_paging_mode_name(r->as.dtb.mode));
    if (!ps_paging_is_x64(r->as.dtb.mode))
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

static int locate_physical(struct run *r, uint64_t phys, struct ps_err *err)
{
    struct ps_mapping first;
    size_t n;
    int rc = set_phys(r, phys, err);

    if (rc < 0 || !r->as.has_dtb)
        return rc;
    rc = ps_inverse_map_build(&r->map, &r->as.memory.mem, r->as.dtb.mode, r->as.dtb.root, err);
    if (rc < 0)
        return rc;
    n = ps_inverse_map_find(r->map, phys, &first, 1);
    if (n != 0) {
        r->page.has_va = 1;
        r->page.va = first.va;
    }
    if (n > 1)
        ps_log(PS_LOG_WARN, "%zu virtual addresses show this page, this is the lowest one", n);
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
    rc = ps_address_space_open(&r->as, r->opt, r->opt->args.item[0], err);
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

    first.has_phys = ps_paging_translate(r->as.paging, first.va, &first.phys);
    first.has_file_off =
        first.has_phys && ps_address_space_file_offset(&r->as, first.phys, &first.file_off);
    ps_pool_rows_add_big(&r->cells, &first, &r->big, row, r->tags);
    r->found = 1;
}

/* Is the address in a big allocation? Then its row is written: 1; 0: it is in none. */
static int find_big(struct run *r, struct ps_err *err)
{
    const uint64_t va = r->page.va + r->page.at;
    struct ps_bigpool_index *index = NULL;
    const struct ps_bigpool_row *row;
    uint64_t n_unreadable = 0;
    int rc = ps_address_space_bigpool(&r->as, r->opt, r->map, &r->big, &n_unreadable, err);

    if (rc < 0)
        return rc;
    if (n_unreadable != 0)
        ps_log(PS_LOG_WARN, "%" PRIu64 " bytes of the image cannot be read", n_unreadable);
    if (r->big.method == PS_BIGPOOL_NOT_FOUND) {
        ps_log(PS_LOG_WARN, "no big-pool table found: a big allocation would not be seen");
        return 0;
    }
    rc = ps_bigpool_index_build(&r->big, &index, err);
    if (rc < 0)
        return rc;
    row = ps_bigpool_index_find(index, va);
    if (row)
        add_big(r, row, va);
    else
        tell_freed(&r->big, va);
    ps_bigpool_index_free(index);
    return row != NULL;
}

static void tell_region(const struct run *r, const struct ps_page_list *list)
{
    static const char *const names[] = {"not known", "Nonpaged pool", "Paged pool"};
    const uint64_t address = r->page.at + (r->page.has_va ? r->page.va : r->page.phys);

    if (list->n == 1 && list->row[0].kind == PS_PAGE_GAP)
        ps_log(PS_LOG_WARN, "page of 0x%" PRIx64 ": no pool header in it", address);
    else
        ps_log(PS_LOG_WARN,
               "pool page 0x%" PRIx64 " region is %s (by the PoolType of %" PRIu32 " of %" PRIu32
               " blocks in use)",
               address, names[list->region], list->n_agree, list->n_in_use);
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
        const struct ps_page_list_spec spec = {r->era, &rules, plan};

        ps_pool_page_list(&spec, r->bytes, list);
        tell_region(r, list);
        r->found |= list->n > 1 || list->row[0].kind == PS_PAGE_BLOCK;
        ps_pool_rows_add_page(&r->cells, &r->page, r->era, list, r->tags);
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
    r->era = pick_era(r);
    if (r->page.has_va)
        in_big = find_big(r, err);
    if (in_big < 0)
        return in_big;
    if (!in_big && r->has_bytes)
        rc = list_page(r, err);
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
    ps_bigpool_table_free(&r->big);
    ps_cells_free(&r->cells);
    ps_tagdb_free(r->tags);
    ps_inverse_map_free(r->map);
    ps_address_space_close(&r->as);
    free(r);
    return rc;
}
