/* The segment heap: blocks at one stride (LFH) or with a chunk header between them (VS). No keys
 * and no virtual addresses are needed; docs/POOL.md, "Segment-heap pages". */
#ifndef PS_SCAN_POOL_SEGMENT_PAGE_H
#define PS_SCAN_POOL_SEGMENT_PAGE_H

#include "scan/pool/page_map.h"
#include "scan/pool/page_view.h"

enum {
    PS_SEG_STRIDE = 1,    /* one of three or more headers at an LFH stride */
    PS_SEG_NEIGHBOUR = 2, /* a header where the next or previous VS chunk has it */
    PS_SEG_XOR = 4,       /* the VS chunk headers around the block agree */
    PS_SEG_ALIGNED = 8,   /* first or second header of a cache-aligned block */
};

/* Set map->segment and map->rank of the headers of this page. */
void ps_segment_walk(const struct ps_page_view *view, struct ps_page_map *map);

/* x64: the decoded sizes of two VS chunk headers of one page, one XOR the other. Key and page
 * frame drop out, the page offsets are known. Slots are those of the chunk headers. */
uint64_t ps_vs_xor(const struct ps_page_view *view, uint32_t chunk_a, uint32_t chunk_b);

#endif
