/* The neighbour check: what the rest of a page says about the headers found in it. */
#ifndef PS_SCAN_POOL_PAGE_JUDGE_H
#define PS_SCAN_POOL_PAGE_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel.h"
#include "scan/finding.h"
#include "scan/pool/era.h"
#include "scan/pool/page_map.h"
#include "scan/pool/page_view.h"
#include "scan/tags/ruleset.h"

/* Judge the n hits of one page. 'page' is 4096 readable bytes; hits are ascending, and
 * hits[i].slot & (slots per page - 1) is the slot in this page. Fills out[i] for hits[i]
 * except phys and file_off, which are the caller's; what only page tables tell is "not known".
 * Pure; safe from any thread and to leave by siglongjmp. */
void ps_page_judge(const struct ps_era *era, const struct ps_ruleset *rules, const uint8_t *page,
                   const struct ps_hit *hits, size_t n, struct ps_finding *out);

/* The same by the headers alone, for a page whose blocks are known otherwise: what is in use is
 * Unknown, and nothing but tag and PoolType is evidence. */
void ps_page_judge_alone(const struct ps_era *era, const struct ps_ruleset *rules,
                         const struct ps_hit *hits, size_t n, struct ps_finding *out);

/* What the judge goes by: the structures of the page, chains or those of the segment heap. Fills
 * all of *map. The page must not change under it. */
void ps_page_map_read(const struct ps_page_view *view, struct ps_page_map *map);

#endif
