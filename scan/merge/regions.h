/* Paged or nonpaged by address: what a region of the Windows kernel half is. */
#ifndef PS_SCAN_MERGE_REGIONS_H
#define PS_SCAN_MERGE_REGIONS_H

#include <stdint.h>

#include "scan/bigpool/table.h"
#include "scan/finding.h"
#include "scan/pool/era.h"

/* Regions that the votes are taken by: 2 MiB on x86, where the pools lie close together; 128 GiB on
 * x64, since Vista to 8.1 have several pools in one 512 GiB, and later ones only one. */
#define PS_REGIONS_MAX 2048u

struct ps_region_votes {
    uint32_t paged, nonpaged, untyped; /* untyped: of a table that has no types */
};

struct ps_regions {
    unsigned shift; /* of an address to the number of its region */
    uint32_t n;
    uint32_t build; /* 0: not known */
    struct ps_region_votes vote[PS_REGIONS_MAX];
    uint8_t nearness[PS_REGIONS_MAX];
};

/* The pool that PoolType or POOL_FLAGS of an entry names; PS_POOL_UNKNOWN where entries have no
 * type. table->layout is set. */
enum ps_pool_kind ps_regions_type_pool(const struct ps_bigpool_table *table, uint32_t type);

/* Take the votes of the live allocations of a table, which may be NULL or of method
 * PS_BIGPOOL_NOT_FOUND: then only the fixed regions of Vista to 8.1 x64 are known. */
void ps_regions_init(struct ps_regions *r, enum ps_arch arch, uint32_t build,
                     const struct ps_bigpool_table *table);

/* How near this address is to a region with a pool of whichever kind, for which as many votes are
 * asked: PS_REGION_INSIDE in one, less by one for each region in between, 0 for far away. Pure. */
#define PS_REGION_INSIDE 32
int ps_regions_nearness(const struct ps_regions *r, uint64_t va);

/* PS_POOL_PAGED or PS_POOL_NONPAGED when next to all votes of the region agree, and there are
 * PS_REGION_MIN_VOTES, or Windows has a fixed pool there; else PS_POOL_UNKNOWN. Pure. */
#define PS_REGION_MIN_VOTES 4u
enum ps_pool_kind ps_regions_pool(const struct ps_regions *r, uint64_t va);

#endif
