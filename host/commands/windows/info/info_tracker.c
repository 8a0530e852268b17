#include <inttypes.h>

#include "host/commands/windows/info/info.h"
#include "host/virtual/pool/tracker.h"

static void add_place(struct ps_cells *c, const struct ps_tracker_table *t)
{
    ps_info_row(c, "PoolTrackTable");
    ps_cells_set_address(c, PS_INFO_VALUE, t->va);
    ps_cells_set(c, PS_INFO_HOW,
                 "%s, pointer at 0x%" PRIx64 ", %" PRIu32 " of %" PRIu32 " tags obey the hash",
                 ps_tracker_method_name(t->method), t->pointer_va, t->n_obey, t->n_keys);
    ps_info_row(c, "PoolTrackTableSize");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, t->n_slots);
    ps_cells_set(c, PS_INFO_HOW, "slots; %" PRIu64 " lost on missing pages", t->n_slots_lost);
    ps_info_row(c, "PoolTrackTableLayout");
    ps_cells_set(c, PS_INFO_VALUE, "%s", t->layout->name);
    ps_cells_set(c, PS_INFO_HOW, "entries of 0x%x bytes", t->layout->entry_bytes);
}

static void add_processors(struct ps_cells *c, const struct ps_tracker_table *t)
{
    ps_info_row(c, "ExPoolTagTables");
    if (t->cpus_va != 0)
        ps_cells_set_address(c, PS_INFO_VALUE, t->cpus_va);
    ps_cells_set(c, PS_INFO_HOW, "%" PRIu32 " tables summed, %" PRIu32 " of them missing",
                 t->n_tables, t->n_tables_missing);
}

int ps_info_tracker(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                    struct ps_err *err)
{
    struct ps_tracker_table t;
    const int rc = ps_address_space_tracker(as, opt, &t, err);

    if (rc > 0) {
        add_place(c, &t);
        add_processors(c, &t);
    } else if (rc == 0) {
        ps_info_row(c, "PoolTrackTable");
        ps_cells_set(c, PS_INFO_HOW, "not found: %" PRIu64 " pointers looked at", t.n_candidates);
    }
    ps_tracker_table_free(&t);
    return rc < 0 ? rc : 0;
}
