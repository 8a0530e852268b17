/* Subsegments whose descriptors are not in memory, told by their own headers. */
#ifndef PS_SCAN_HEAP_SUBSEGMENTS_ORPHANS_H
#define PS_SCAN_HEAP_SUBSEGMENTS_ORPHANS_H

#include "scan/heap/locate/heaps.h"
#include "scan/heap/subsegments/lfh_variant.h"

/* Look at the units of segments with missing descriptors that no range has, and add the subsegments
 * that begin there; without a variant (NULL) only VS ones. PS_ENOMEM. */
int ps_heap_find_orphans(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                         const struct ps_lfh_variant *variant, struct ps_heap_map *map,
                         struct ps_err *err);

#endif
