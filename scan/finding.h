/* One finding: what the scan reports about one pool allocation. */
#ifndef PS_SCAN_FINDING_H
#define PS_SCAN_FINDING_H

#include <stdint.h>

enum ps_status { PS_STATUS_UNKNOWN, PS_STATUS_ALLOCATED, PS_STATUS_FREE, PS_STATUS_STALE };

enum ps_allocator {
    PS_ALLOCATOR_UNKNOWN,
    PS_ALLOCATOR_CLASSIC,
    PS_ALLOCATOR_LFH,
    PS_ALLOCATOR_VS,
    PS_ALLOCATOR_BIG,
};

/* Why a finding has its confidence; the points stand in scan/pool/evidence.c and docs/POOL.md. */
enum ps_evidence {
    PS_EV_TAG_KNOWN = 1u << 0,     /* exact entry of the tag database */
    PS_EV_TAG_WILDCARD = 1u << 1,  /* only a wildcard entry matches */
    PS_EV_TAG_PRINTABLE = 1u << 2, /* no entry, four printable characters */
    PS_EV_TYPE_IN_USE = 1u << 3,   /* PoolType legal in this era and in use */
    PS_EV_CHAIN_BOTH = 1u << 4,    /* PreviousSize chain holds on both sides */
    PS_EV_CHAIN_ONE = 1u << 5,     /* ... on one side */
    PS_EV_PAGE_WALK = 1u << 6,     /* the page walks from 0 to 0x1000 */
    PS_EV_LFH_STRIDE = 1u << 7,    /* three or more headers at one stride */
    PS_EV_VS_NEIGHBOUR = 1u << 8,  /* next header at block end + 0x10 */
    PS_EV_VS_XOR = 1u << 9,        /* VS chunk headers agree without a key */
    PS_EV_POOL_INDEX = 1u << 10,   /* PoolIndex too large for a classic pool */
    PS_EV_OVERLAP = 1u << 11,      /* lies inside the block of a better header */
    PS_EV_BAD_NEIGHBOUR = 1u << 12, /* classic page: a neighbour contradicts the sizes */
};

#define PS_N_EVIDENCE 13u

struct ps_finding {
    uint64_t phys;     /* physical address of the header */
    uint64_t file_off; /* of that byte in the image file (in the joined parts of a split one) */
    uint32_t tag;      /* PoolTag as stored */
    uint32_t word0;    /* the other header fields as stored */
    uint32_t info;     /* tag database entry, or PS_TAG_UNKNOWN */
    uint32_t evidence; /* enum ps_evidence */
    uint32_t n_bytes;  /* size of the block, header included */
    uint8_t confidence; /* 0 .. 100 */
    uint8_t status;     /* enum ps_status */
    uint8_t allocator;  /* enum ps_allocator */
    uint8_t pad;
};

_Static_assert(sizeof(struct ps_finding) == 40, "memory bound of the pipeline counts on it");

const char *ps_status_name(enum ps_status s);
const char *ps_allocator_name(enum ps_allocator a);
/* Name of evidence bit number i, "tag-known" ... */
const char *ps_evidence_name(unsigned i);

#endif
