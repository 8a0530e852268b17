/* One finding: what the scan reports about one pool allocation, small or big. */
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

/* Where a finding comes from. */
enum ps_source_kind {
    PS_SOURCE_HEADER,  /* a POOL_HEADER in a page */
    PS_SOURCE_BIGPOOL, /* an entry of the big-pool table */
};

/* Do the page tables map the page? */
enum ps_mapped { PS_MAPPED_UNKNOWN, PS_MAPPED_NO, PS_MAPPED_YES };

/* The pool, from all that is known: type, neighbours, region, mapping. */
enum ps_pool_kind {
    PS_POOL_UNKNOWN,
    PS_POOL_PAGED,
    PS_POOL_NONPAGED,
    PS_POOL_NONPAGED_NX, /* nonpaged, and the mapping forbids to execute it */
};

/* What word0 of a big allocation is. */
enum ps_big_type { PS_BIG_TYPE_NONE, PS_BIG_TYPE_POOL_TYPE, PS_BIG_TYPE_POOL_FLAGS };

/* Why a finding has its confidence; the points stand in scan/pool/evidence.c and docs/POOL.md. */
enum ps_evidence {
    PS_EV_TAG_KNOWN = 1u << 0,      /* exact entry of the tag database */
    PS_EV_TAG_WILDCARD = 1u << 1,   /* only a wildcard entry matches */
    PS_EV_TAG_PRINTABLE = 1u << 2,  /* no entry, four printable characters */
    PS_EV_TYPE_IN_USE = 1u << 3,    /* PoolType legal in this era and in use */
    PS_EV_CHAIN_BOTH = 1u << 4,     /* PreviousSize chain holds on both sides */
    PS_EV_CHAIN_ONE = 1u << 5,      /* ... on one side */
    PS_EV_PAGE_WALK = 1u << 6,      /* the page walks from 0 to 0x1000 */
    PS_EV_LFH_STRIDE = 1u << 7,     /* three or more headers at one stride */
    PS_EV_VS_NEIGHBOUR = 1u << 8,   /* next header at block end + 0x10 */
    PS_EV_VS_XOR = 1u << 9,         /* VS chunk headers agree without a key */
    PS_EV_POOL_INDEX = 1u << 10,    /* PoolIndex too large for a classic pool */
    PS_EV_OVERLAP = 1u << 11,       /* lies inside the block of a better header */
    PS_EV_BAD_NEIGHBOUR = 1u << 12, /* classic page: a neighbour contradicts the sizes */
    /* With page tables only: */
    PS_EV_MAPPED = 1u << 13,       /* a writable page of the Windows kernel half */
    PS_EV_UNMAPPED = 1u << 14,     /* no address of the Windows kernel half leads to the page */
    PS_EV_READ_ONLY = 1u << 15,    /* mapped, but nowhere writable: no pool page */
    PS_EV_POOL_AGREES = 1u << 16,  /* paged or nonpaged as the region is */
    PS_EV_POOL_DIFFERS = 1u << 17, /* the region is the other pool */
    PS_EV_IN_BIG_POOL = 1u << 18,  /* lies inside a live big allocation */
    /* Of big allocations: */
    PS_EV_BIG_ENTRY = 1u << 19, /* entry of the big-pool table */
    PS_EV_BIG_HASH = 1u << 20,  /* and at the place that the hash gives it */
    /* Of headers again: */
    PS_EV_PAGED_OUT = 1u << 21,    /* the page was read from a page file */
    PS_EV_COPY = 1u << 22,         /* the page is a copy of an earlier one */
    PS_EV_HEAP_BLOCK = 1u << 23,   /* the segment heap has a block that begins here */
    PS_EV_HEAP_DIFFERS = 1u << 24, /* the page is the heap's, and no block begins here */
    PS_EV_HEAP_OUTSIDE = 1u << 25, /* the page is of no heap, and all heaps are known */
    PS_EV_BILLED = 1u << 26,       /* charged to a process that there is */
    PS_EV_PART_WALK = 1u << 27,    /* on the walk of a page that does not close */
    PS_EV_LFH_PAIR = 1u << 28,     /* two headers at one stride */
    PS_EV_LFH_BITMAP = 1u << 29,   /* the LFH subsegment's header in the page knows the block */
    /* By the PFN database, of a page that no address of a pool leads to: */
    PS_EV_USER_PAGE = 1u << 30, /* of a process */
    PS_EV_FILE_PAGE = 1u << 31, /* of a mapped file, an image or a shared section */
};

/* All there is room for. */
#define PS_N_EVIDENCE 32u
#define PS_EV_ALL     (UINT32_MAX >> (32u - PS_N_EVIDENCE))

#define PS_NOWHERE    UINT64_MAX

struct ps_finding {
    uint64_t phys;      /* of the header, or of a big allocation's first page; PS_NOWHERE: not in
                         * memory */
    uint64_t file_off;  /* of that byte in the image file (in the joined parts of a split one) */
    uint64_t va;        /* of the allocation, which begins behind its header; 0: not known */
    uint64_t in_big;    /* virtual address of the live big allocation around a header; 0: none */
    uint64_t process;   /* EPROCESS of the process that it is charged to; 0: nobody is known */
    uint64_t n_bytes;   /* size of the block, header included; of a big allocation */
    uint32_t tag;       /* PoolTag as stored */
    uint32_t word0;     /* the other header fields as stored; PoolType of a big allocation */
    uint32_t info;      /* tag database entry, or PS_TAG_UNKNOWN */
    uint32_t evidence;  /* enum ps_evidence */
    uint8_t confidence; /* 0 .. 100 */
    uint8_t status;     /* enum ps_status */
    uint8_t allocator;  /* enum ps_allocator */
    uint8_t source;     /* enum ps_source_kind */
    uint8_t mapped;     /* enum ps_mapped */
    uint8_t pool;       /* enum ps_pool_kind */
    uint8_t big_type;   /* enum ps_big_type; 0 of a header */
    uint8_t pad;
};

_Static_assert(sizeof(struct ps_finding) == 72, "memory bound of the pipeline counts on it");

const char *ps_status_name(enum ps_status s);
const char *ps_allocator_name(enum ps_allocator a);
const char *ps_source_name(enum ps_source_kind s);
/* "Paged", "NonPaged", "NonPagedNx"; NULL for PS_POOL_UNKNOWN. */
const char *ps_pool_kind_name(enum ps_pool_kind k);
/* Name of evidence bit number i, "tag-known" ... */
const char *ps_evidence_name(unsigned i);

#endif
