/* The segment heap: blocks at one stride (LFH) or with a chunk header between them (VS). No keys
 * and no virtual addresses are needed; docs/POOL.md, "Segment-heap pages". */
#ifndef PS_SCAN_POOL_SEGMENT_SEGMENT_PAGE_H
#define PS_SCAN_POOL_SEGMENT_SEGMENT_PAGE_H

#include "scan/pool/page_map.h"
#include "scan/pool/page_view.h"

enum {
    PS_SEG_STRIDE = 1,    /* one of three or more headers at an LFH stride */
    PS_SEG_NEIGHBOUR = 2, /* a header where the next or previous VS chunk has it */
    PS_SEG_XOR = 4,       /* the VS chunk headers around the block agree */
    PS_SEG_ALIGNED = 8,   /* first or second header of a cache-aligned block */
    PS_SEG_PAIR = 16,     /* one of two headers at an LFH stride, and no third fits the page */
    PS_SEG_BITMAP = 32,   /* the LFH subsegment's header in this page tells the state */
    PS_SEG_LIVE = 64,     /* the page tells that the block is in use */
    PS_SEG_FREED = 128,   /* ... that it was freed */
};

/* Ranks of map->rank. */
enum { PS_SEG_RANK_SECOND = 1, PS_SEG_RANK_PAIR, PS_SEG_RANK_STRIDE, PS_SEG_RANK_XOR };

/* What lies inside blocks of rank STRIDE and XOR the caller marks. */
static inline void ps_segment_mark(struct ps_page_map *map, uint32_t slot, unsigned bits,
                                   unsigned rank)
{
    const int covers = map->covers || rank == PS_SEG_RANK_PAIR;

    map->segment[slot] |= (uint8_t)bits;
    ps_page_map_rank(map, slot, rank);
    map->covers = covers;
}

/* Set map->segment, ranks, map->inside and map->freed of this page. */
void ps_segment_walk(const struct ps_page_view *view, struct ps_page_map *map);

#endif
