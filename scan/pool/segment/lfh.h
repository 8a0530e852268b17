/* LFH pages: blocks of one bucket at one stride. */
#ifndef PS_SCAN_POOL_SEGMENT_LFH_H
#define PS_SCAN_POOL_SEGMENT_LFH_H

#include "scan/pool/page_map.h"
#include "scan/pool/segment/candidates.h"

/* The blocks of a page: 'count' headers at 'first', 'last' and between, 'stride' slots apart. */
struct ps_lfh_grid {
    uint32_t stride;
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

/* Mark the headers at a stride (PS_SEG_STRIDE, PS_SEG_PAIR) among those of 'slots', a bit each, and
 * what lies between them. Returns the grid of most headers; count 0: there is none. */
struct ps_lfh_grid ps_lfh_walk(const struct ps_page_view *view, const uint64_t *slots,
                               struct ps_page_map *map);

#endif
