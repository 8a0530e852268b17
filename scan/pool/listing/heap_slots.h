/* What the segment heap says about each slot of a page that is to be listed. */
#ifndef PS_SCAN_POOL_LISTING_HEAP_SLOTS_H
#define PS_SCAN_POOL_LISTING_HEAP_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/heap/heap_map.h"
#include "scan/pool/page_view.h"

/* A mark, with the first slot of what it marks in its low bits; others are in vs_chunks.h. */
#define PS_LFH_FREE 0x2000u

struct ps_heap_slots {
    const struct ps_heap_map *map; /* NULL: nothing is known */
    const struct ps_page_view *view;
    struct ps_heap_page page;
    size_t n;
    struct ps_heap_span span[PS_MAX_SLOTS];
    uint8_t is_block[PS_MAX_SLOTS]; /* a header here may be one of a block, whatever its tag */
};

/* Ask 'map', which may be NULL, about the page at 'va'; the view outlives *slots. */
void ps_heap_slots_read(struct ps_heap_slots *slots, const struct ps_heap_map *map, uint64_t va,
                        const struct ps_page_view *view);

/* What the heap says of the header at 'slot'; UNDECIDED where it says nothing, NONE of the second
 * header of a cache-aligned block, which is inside it. */
enum ps_heap_block ps_heap_slots_block(struct ps_heap_slots *slots, uint32_t slot);

/* Is a header of which it says this the begin of a block? A free VS chunk has none. */
int ps_heap_slots_is_block(const struct ps_heap_slots *slots, enum ps_heap_block said);

/* Does what is marked from this slot on begin there, and not on the page before? */
int ps_heap_slots_begins(const struct ps_heap_slots *slots, uint32_t slot);

/* Mark chunk headers and what is free in 'taken', an entry for each slot, where it is 0; the blocks
 * are marked already. 1: that is all there is to the page; 0: the heap does not know its chunks. */
int ps_heap_slots_mark(const struct ps_heap_slots *slots, uint16_t *taken);

#endif
