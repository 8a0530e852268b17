#include <inttypes.h>

#include "host/commands/windows/info/info.h"
#include "host/virtual/pfn.h"

int ps_info_pfn(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                struct ps_err *err)
{
    struct ps_inverse_map *map = NULL;
    struct ps_pfn_place p;
    int rc = ps_address_space_map(as, &map, err);

    if (rc == 0)
        rc = ps_address_space_pfn_find(as, opt, map, &p, err);
    ps_inverse_map_free(map);
    if (rc < 0)
        return rc;
    ps_info_row(c, "MmPfnDatabase");
    if (rc == 0) {
        ps_cells_set(c, PS_INFO_HOW,
                     "not found: %" PRIu32 " addresses looked at, %" PRIu32 " frames to prove it",
                     p.n_candidates, p.n_samples);
        return 0;
    }
    ps_cells_set_address(c, PS_INFO_VALUE, p.va);
    ps_cells_set(c, PS_INFO_HOW,
                 "%s, layout %s, entries of 0x%x bytes, %" PRIu32 " of %" PRIu32 " frames agree",
                 ps_pfn_method_name(p.method), p.layout->name, p.layout->entry_bytes, p.n_agree,
                 p.n_samples);
    return 0;
}
