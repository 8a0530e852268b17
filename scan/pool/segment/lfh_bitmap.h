/* The header of an LFH subsegment, where it lies in the page itself: which blocks are in use. */
#ifndef PS_SCAN_POOL_SEGMENT_LFH_BITMAP_H
#define PS_SCAN_POOL_SEGMENT_LFH_BITMAP_H

#include "scan/pool/segment/lfh.h"

/* If the page begins with the header of the subsegment that 'grid' is of, mark the headers of the
 * grid among 'slots' PS_SEG_BITMAP, and PS_SEG_LIVE or PS_SEG_FREED as its bitmap says. A header
 * whose counts do not agree with its bitmap is none. */
void ps_lfh_bitmap_mark(const struct ps_page_view *view, const struct ps_lfh_grid *grid,
                        const uint64_t *slots, struct ps_page_map *map);

#endif
