/* VS pages: chunks that know their own size and that of the chunk before them. */
#ifndef PS_SCAN_POOL_SEGMENT_VS_H
#define PS_SCAN_POOL_SEGMENT_VS_H

#include "scan/pool/page_map.h"
#include "scan/pool/segment/candidates.h"

/* Find the chunks of the page by the votes of the first 'most' headers in 'slots' (a bit each), and
 * mark their headers (PS_SEG_XOR, PS_SEG_NEIGHBOUR, and PS_SEG_LIVE or PS_SEG_FREED where the chunk
 * tells) and what lies inside chunks. 1: headers were marked. */
int ps_vs_walk(const struct ps_page_view *view, const struct ps_candidates *c,
               const uint64_t *slots, uint32_t most, struct ps_page_map *map);

/* The same for a page where no chunk behind a block helped: searches chunks in front of the
 * headers in 'slots'. Slow; for pages with few of them. */
int ps_vs_search(const struct ps_page_view *view, const struct ps_candidates *c,
                 const uint64_t *slots, struct ps_page_map *map);

#endif
