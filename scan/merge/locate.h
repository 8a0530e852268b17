/* What the page tables and the big-pool table say about the headers of a page. */
#ifndef PS_SCAN_MERGE_LOCATE_H
#define PS_SCAN_MERGE_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/index.h"
#include "scan/finding.h"
#include "scan/merge/regions.h"
#include "scan/windows/paging/inverse_map.h"

/* The parts belong to the caller and outlive it. */
struct ps_locator {
    const struct ps_inverse_map *map;
    const struct ps_bigpool_index *big; /* NULL: no table that could be trusted */
    const struct ps_regions *regions;
    uint32_t header_bytes; /* of a POOL_HEADER */
};

/* Addresses of a frame that are looked at. */
#define PS_LOCATE_MAX_MAPPINGS 32u

/* Complete the n findings of one page, whose phys and judgement are set: virtual address, mapping,
 * pool, the big allocation around them, and with that evidence, confidence and status. Of several
 * addresses of a frame the writable one nearest to a region of a pool is taken, of equals the
 * lowest.
 * Pure; any thread. */
void ps_locate_page(const struct ps_locator *l, struct ps_finding *f, size_t n);

/* The same for a page that stands in a page file and belongs at 'va'. phys holds the offsets in the
 * page before, PS_NOWHERE after; file_off is PS_NOWHERE. */
void ps_locate_paged_out(const struct ps_locator *l, uint64_t va, struct ps_finding *f, size_t n);

#endif
