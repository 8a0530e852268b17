/* The segment heaps of an image. */
#ifndef PS_HOST_VIRTUAL_POOL_HEAP_H
#define PS_HOST_VIRTUAL_POOL_HEAP_H

#include "host/virtual/address_space.h"
#include "scan/heap/heap_map.h"

/* The first build whose kernel has a segment heap; it decides at boot whether pools live in it. */
#define PS_SEGMENT_HEAP_BUILD 17763u
/* From this one on there is no other allocator of pools. */
#define PS_SEGMENT_ONLY_BUILD 18362u

/* Find them, by the symbols of the Windows kernel or among its data, and make the map that any
 * thread may ask; it reads from as->image, which outlives it. 1: *out is it, to be freed with
 * ps_heap_map_free; 0: there are no page tables or no segment heap, *out is NULL. Calls
 * ps_address_space_kernel. PS_ENOMEM. */
int ps_address_space_heap(struct ps_address_space *as, const struct ps_options *opt,
                          struct ps_heap_map **out, struct ps_err *err);

#endif
