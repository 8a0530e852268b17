/* What the headers of subsegments say: where LFH blocks are and which are in use, and whether the
 * VS ones hold. */
#ifndef PS_SCAN_HEAP_SUBSEGMENTS_HEADERS_H
#define PS_SCAN_HEAP_SUBSEGMENTS_HEADERS_H

#include "scan/heap/locate/heaps.h"
#include "scan/heap/subsegments/lfh_variant.h"

/* Count the VS subsegments, set where their first chunks are, and read the headers of some. */
void ps_heap_read_vs(const struct ps_heap_source *source, struct ps_heap_map *map);

/* Note the frame of each page of the VS subsegments. PS_ENOMEM. */
int ps_heap_read_frames(const struct ps_heap_source *source, struct ps_heap_map *map,
                        struct ps_err *err);

/* Read the headers and bitmaps of all LFH subsegments by 'variant'; without one (NULL) they are
 * only counted. Those that do not fit are counted, their blocks stay unknown. PS_ENOMEM. */
int ps_heap_read_lfh(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                     const struct ps_lfh_variant *variant, struct ps_heap_map *map,
                     struct ps_err *err);

/* The layout whose check holds for the header of a VS subsegment, PS_VS_HEADER_BYTES; NULL: none.
 */
#define PS_VS_HEADER_BYTES 0x28u
const struct ps_vs_layout *ps_heap_vs_layout(enum ps_arch arch, const uint8_t *header);

#endif
