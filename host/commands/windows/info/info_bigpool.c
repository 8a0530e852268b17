#include <inttypes.h>

#include "host/commands/windows/info/info.h"
#include "host/virtual/pool/bigpool.h"

static void add_table(struct ps_cells *c, const struct ps_bigpool_table *t)
{
    ps_info_row(c, "PoolBigPageTable");
    if (t->va != 0)
        ps_cells_set_address(c, PS_INFO_VALUE, t->va);
    if (t->pointer_va != 0)
        ps_cells_set(c, PS_INFO_HOW, "%s, pointer at 0x%" PRIx64, ps_bigpool_method_name(t->method),
                     t->pointer_va);
    else
        ps_cells_set(c, PS_INFO_HOW, "%s", ps_bigpool_method_name(t->method));
    ps_info_row(c, "PoolBigPageTableSize");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, t->n_slots);
    ps_cells_set(c, PS_INFO_HOW, "%zu of %zu entries obey the hash (%s)", t->n_obey, t->n_rows,
                 ps_bigpool_hash_name(t->hash));
    ps_info_row(c, "PoolBigPageTableLayout");
    ps_cells_set(c, PS_INFO_VALUE, "%s", t->layout->name);
    ps_cells_set(c, PS_INFO_HOW, "entries of 0x%x bytes", t->layout->entry_bytes);
    ps_info_row(c, "BigAllocations");
    ps_cells_set(c, PS_INFO_VALUE, "%zu", t->n_allocated);
    ps_cells_set(c, PS_INFO_HOW, "and %zu freed; %zu of %zu pages missing, %zu damaged", t->n_freed,
                 t->n_pages_missing, t->n_pages, t->n_pages_damaged);
}

int ps_info_bigpool(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                    struct ps_err *err)
{
    struct ps_bigpool_table t;
    uint64_t n_unreadable = 0;
    const int rc = ps_address_space_bigpool(as, opt, NULL, &t, &n_unreadable, err);

    if (rc >= 0 && t.method != PS_BIGPOOL_NOT_FOUND) {
        add_table(c, &t);
    } else if (rc >= 0) {
        ps_info_row(c, "PoolBigPageTable");
        if (as->has_dtb)
            ps_cells_set(c, PS_INFO_HOW,
                         "not found: %zu addresses looked at, %" PRIu64 " bytes unreadable",
                         t.n_candidates, n_unreadable);
        else
            ps_cells_set(c, PS_INFO_HOW, "no page of it found, %" PRIu64 " bytes unreadable",
                         n_unreadable);
    }
    ps_bigpool_table_free(&t);
    return rc < 0 ? rc : 0;
}
