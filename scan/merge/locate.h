/* What page tables, the segment heap and the big-pool table say about the headers of a page. */
#ifndef PS_SCAN_MERGE_LOCATE_H
#define PS_SCAN_MERGE_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel.h"
#include "scan/bigpool/index.h"
#include "scan/finding.h"
#include "scan/heap/heap_map.h"
#include "scan/merge/regions.h"
#include "scan/pool/era.h"
#include "scan/quota/owners.h"
#include "scan/tags/ruleset.h"
#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/pfn/database.h"

/* The parts belong to the caller and outlive it. */
struct ps_locator {
    const struct ps_inverse_map *map;
    const struct ps_bigpool_index *big; /* NULL: no table that could be trusted */
    const struct ps_regions *regions;
    const struct ps_heap_map *heap; /* NULL: no segment heap */
    int heap_is_whole;              /* ps_heap_is_whole: no pool page is outside of its segments */
    const struct ps_owners *owners; /* NULL: nobody can tell whom blocks are billed to */
    /* The PFN database, NULL: there is none. Any thread, and always the same answer. NULL: no. */
    const struct ps_pfn_database *(*pfn)(void *arg);
    void *pfn_arg;
    uint32_t header_bytes; /* of a POOL_HEADER */
    int session_apart;     /* session pool is in space that the page tables of System lack */
};

/* The last build of which ps_locator.session_apart is true; docs/POOL.md, "Status". */
#define PS_SESSION_APART_BUILD 20348u

/* Addresses of a frame that are looked at. */
#define PS_LOCATE_MAX_MAPPINGS 32u

/* Complete the n findings of one page, whose phys and judgement are set: virtual address, mapping,
 * pool, the big allocation around them, and with that evidence, confidence and status.
 * 'page' is its PS_FRAME_BYTES bytes, which may change meanwhile. Where the segment heap decides,
 * that is the status: Allocated, Stale when it was freed, Unknown when no block begins there. What
 * is in use by its header is Stale on a page that nothing maps (session pool aside) or that the PFN
 * database gives to others, and never
 * Allocated on one that is nowhere writable or inside a big allocation. Of several addresses of a
 * frame the writable one in a segment of the heap is taken, else the one nearest to a region of a
 * pool, of equals the lowest.
 * Pure but for the map's reader; any thread. */
void ps_locate_page(const struct ps_locator *l, const uint8_t *page, struct ps_finding *f,
                    size_t n);

/* ps_page_judge and ps_locate_page in one, for findings of which only phys and file_off are set.
 * The rest of the page is not looked at where the segment heap decides of all headers. */
void ps_locate_hits(const struct ps_locator *l, const struct ps_era *era,
                    const struct ps_ruleset *rules, const uint8_t *page, const struct ps_hit *hits,
                    size_t n, struct ps_finding *f);

/* ps_locate_page for a page that stands in a page file and belongs at 'va'. phys holds the offsets
 * in the page before, PS_NOWHERE after; file_off is PS_NOWHERE. */
void ps_locate_paged_out(const struct ps_locator *l, uint64_t va, const uint8_t *page,
                         struct ps_finding *f, size_t n);

#endif
