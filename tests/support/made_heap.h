/* A map of the segment heap made by hand: one segment of pages of 4 KiB, unit by unit. */
#ifndef PS_TESTS_SUPPORT_MADE_HEAP_H
#define PS_TESTS_SUPPORT_MADE_HEAP_H

#include "scan/heap/map_parts.h"

/* The bytes of frames that the map may read: frame i is at bytes + 4096 * i. */
struct made_frames {
    const uint8_t *bytes;
    size_t n;
};

/* A map of the segment at 'va', all of whose units are unused. 'frames', which may be NULL,
 * outlives it. Ends the test on failure. Free it with ps_heap_map_free. */
struct ps_heap_map *made_heap(enum ps_arch arch, uint64_t heap_key, uint64_t va,
                              enum ps_heap_pool pool, struct made_frames *frames);

void made_unit(struct ps_heap_map *map, uint32_t unit, enum ps_heap_unit kind);

/* Units [unit, unit + n) are an LFH subsegment; 'pairs' has the two bits of each block, lowest
 * first, 32 blocks at most. */
void made_lfh(struct ps_heap_map *map, uint32_t unit, uint32_t n, uint32_t first,
              uint16_t block_bytes, uint16_t n_blocks, uint64_t pairs);

/* ... are a VS subsegment whose first chunk is at 'first'; unit i is in frame first_frame + i, 0:
 * nothing but the page that is asked about can be read. */
void made_vs(struct ps_heap_map *map, uint32_t unit, uint32_t n, uint32_t first,
             uint32_t first_frame);

#endif
