#include "scan/finding.h"

#include <stddef.h>

const char *ps_status_name(enum ps_status s)
{
    static const char *const names[] = {
        [PS_STATUS_UNKNOWN] = "Unknown",
        [PS_STATUS_ALLOCATED] = "Allocated",
        [PS_STATUS_FREE] = "Free",
        [PS_STATUS_STALE] = "Stale",
    };

    return names[s];
}

const char *ps_allocator_name(enum ps_allocator a)
{
    static const char *const names[] = {
        [PS_ALLOCATOR_UNKNOWN] = "unknown", [PS_ALLOCATOR_CLASSIC] = "classic",
        [PS_ALLOCATOR_LFH] = "lfh",         [PS_ALLOCATOR_VS] = "vs",
        [PS_ALLOCATOR_BIG] = "big",
    };

    return names[a];
}

const char *ps_source_name(enum ps_source_kind s)
{
    return s == PS_SOURCE_BIGPOOL ? "bigpool" : "header";
}

const char *ps_pool_kind_name(enum ps_pool_kind k)
{
    static const char *const names[] = {
        [PS_POOL_UNKNOWN] = NULL,
        [PS_POOL_PAGED] = "Paged",
        [PS_POOL_NONPAGED] = "NonPaged",
        [PS_POOL_NONPAGED_NX] = "NonPagedNx",
    };

    return names[k];
}

const char *ps_evidence_name(unsigned i)
{
    static const char *const names[PS_N_EVIDENCE] = {
        "tag-known",    "tag-wildcard",   "tag-printable", "type-in-use",  "chain-both",
        "chain-one",    "page-walk",      "lfh-stride",    "vs-neighbour", "vs-xor",
        "pool-index",   "overlap",        "bad-neighbour", "mapped",       "unmapped",
        "read-only",    "pool-agrees",    "pool-differs",  "in-big-pool",  "big-entry",
        "big-hash",     "paged-out",      "copy",          "heap-block",   "heap-differs",
        "heap-outside", "billed-process", "part-walk",     "lfh-pair",     "lfh-bitmap",
        "user-page",    "file-page",
    };

    return names[i];
}
