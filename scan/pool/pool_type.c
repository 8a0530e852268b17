#include "scan/pool/era.h"

#include <stdio.h>

/* POOL_TYPE request bits that reach a header; docs/POOL.md, "PoolType". */
enum {
    TYPE_PAGED = 0x01,
    TYPE_MUST_SUCCEED = 0x02, /* NT5 requests only */
    TYPE_IN_USE = 0x02,       /* Vista and later, in place of the bit above */
    TYPE_CACHE_ALIGNED = 0x04,
    TYPE_QUOTA = 0x08,
    TYPE_RAISE = 0x10, /* NT5 requests only */
    TYPE_SESSION = 0x20,
    TYPE_VERIFIER = 0x40,
};

/* The POOL_TYPE request that led to this byte. When the build is unknown the newer reading is
 * taken where there are two. */
static uint32_t request_of(const struct ps_era *era, uint32_t type)
{
    int vista = era->types == PS_TYPES_VISTA ||
                (era->types == PS_TYPES_ANY && ps_type_state_vista(type) == PS_TYPE_IN_USE);

    if (vista)
        return type & ~(uint32_t)TYPE_IN_USE;
    return (type - 1u) & ~(uint32_t)TYPE_CACHE_ALIGNED;
}

int ps_era_type_paged(const struct ps_era *era, uint32_t type)
{
    return ps_era_type_state(era, type) == PS_TYPE_IN_USE &&
           (request_of(era, type) & TYPE_PAGED) != 0;
}

char *ps_era_type_print(const struct ps_era *era, uint32_t type, char *text)
{
    enum ps_type_state state = ps_era_type_state(era, type);
    uint32_t request = request_of(era, type);

    if (state == PS_TYPE_ILLEGAL)
        snprintf(text, PS_POOL_TYPE_TEXT_BYTES, "0x%x", type);
    else if (state == PS_TYPE_FREE)
        snprintf(text, PS_POOL_TYPE_TEXT_BYTES, "Free");
    else
        snprintf(text, PS_POOL_TYPE_TEXT_BYTES, "%s%s%s%s%s%s%s",
                 request & TYPE_PAGED ? "PagedPool" : "NonPagedPool",
                 request & TYPE_CACHE_ALIGNED ? "CacheAligned" : "",
                 request & TYPE_MUST_SUCCEED ? "MustSucceed" : "",
                 request & TYPE_SESSION ? "Session" : "", request & TYPE_QUOTA ? "|Quota" : "",
                 request & TYPE_RAISE ? "|RaiseOnFailure" : "",
                 request & TYPE_VERIFIER ? "|Verifier" : "");
    return text;
}
