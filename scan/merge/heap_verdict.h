/* What the segment heap says about the headers of a page, as evidence, allocator and pool. */
#ifndef PS_SCAN_MERGE_HEAP_VERDICT_H
#define PS_SCAN_MERGE_HEAP_VERDICT_H

#include <stdint.h>

#include "scan/bigpool/table.h"
#include "scan/finding.h"
#include "scan/heap/heap_map.h"

/* The pool that the page's heap serves; PS_POOL_UNKNOWN where the heap does not say. */
enum ps_pool_kind ps_heap_page_pool(const struct ps_heap_page *page);

/* Take what the heap says of the header of *f, which is at byte 'at' of the page, into f->evidence
 * and f->allocator. Where the heap decides, what the rest of the page says goes. 'page' and 'bytes'
 * are those of ps_heap_block_at. Returns what the heap said; PS_HEAP_BLOCK_UNDECIDED where it says
 * nothing. */
enum ps_heap_block ps_heap_verdict(const struct ps_heap_map *map, struct ps_heap_page *page,
                                   const uint8_t *bytes, uint32_t at, struct ps_finding *f);

/* Does the heap say of every header on the page whether it is a block's, but for damage? */
int ps_heap_page_decides(const struct ps_heap_page *page);

/* Are all heaps known that pools live in? Nothing of the map was left out, and of the live
 * allocations of the big-pool table that are small enough for a segment, PS_HEAP_WHOLE_ROWS or
 * more, all but one in two hundred lie in one. The table is of all pools, whoever found the heaps.
 */
#define PS_HEAP_WHOLE_ROWS 200u
int ps_heap_is_whole(const struct ps_heap_map *map, const struct ps_bigpool_table *table);

/* Is this the second header of a cache-aligned block, which belongs to the first one's? */
int ps_is_second_header(const struct ps_finding *f, uint32_t header_bytes);

#endif
