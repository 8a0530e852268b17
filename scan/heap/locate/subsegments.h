/* What the headers of subsegments say: where LFH blocks are and which are in use, and whether the
 * VS ones hold. */
#ifndef PS_SCAN_HEAP_LOCATE_SUBSEGMENTS_H
#define PS_SCAN_HEAP_LOCATE_SUBSEGMENTS_H

#include "scan/heap/locate/heaps.h"

/* Count the VS subsegments, set where their first chunks are, and read the headers of some. */
void ps_heap_read_vs(const struct ps_heap_source *source, struct ps_heap_map *map);

/* Note the frame of each page of the VS subsegments. PS_ENOMEM. */
int ps_heap_read_frames(const struct ps_heap_source *source, struct ps_heap_map *map,
                        struct ps_err *err);

/* Read the headers and bitmaps of all LFH subsegments, the way that fits most of them. Those that
 * do not fit are counted, their blocks stay unknown. Needs the heap key for what no symbol leads
 * to. PS_ENOMEM. */
int ps_heap_read_lfh(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                     struct ps_heap_map *map, struct ps_err *err);

#endif
