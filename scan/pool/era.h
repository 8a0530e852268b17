/* What a POOL_HEADER means in each generation of Windows: data for the plan and for the
 * page judge. One table, each row with its source in docs/POOL.md. */
#ifndef PS_SCAN_POOL_ERA_H
#define PS_SCAN_POOL_ERA_H

#include <stddef.h>
#include <stdint.h>

enum ps_arch { PS_ARCH_X86, PS_ARCH_X64 };

/* Which allocator lays out small blocks. PS_HEAP_EITHER: decide page by page. */
enum ps_heap { PS_HEAP_CLASSIC, PS_HEAP_SEGMENT, PS_HEAP_EITHER };

/* How the PoolType byte reads. PS_TYPES_ANY: legal in either generation will do. */
enum ps_type_rule { PS_TYPES_NT5, PS_TYPES_VISTA, PS_TYPES_ANY };

struct ps_era {
    const char *name; /* "nt5-x86", "vista-x64", "segment-x64" ... */
    enum ps_arch arch;
    uint32_t first_build;
    uint32_t last_build;
    enum ps_heap heap;
    enum ps_type_rule types;
    int protected_tags; /* PROTECTED_POOL may be set in a header's tag */
};

extern const struct ps_era ps_eras[];
extern const size_t ps_n_eras;

/* The row for a build; build 0 is "unknown": the era that admits the most on this
 * architecture. Never NULL. */
const struct ps_era *ps_era_pick(enum ps_arch arch, uint32_t build);

/* Of a request: the memory is charged to a process. */
#define PS_TYPE_QUOTA 0x08u

/* Of a block in use: Windows up to 2003, though not every kernel of that line; Vista and later. */
#define PS_TYPE_NT5_MARK   0x04u
#define PS_TYPE_VISTA_MARK 0x02u

/* What PoolType byte 'type' says by itself; of two readings the later one here wins. */
enum ps_type_state { PS_TYPE_ILLEGAL, PS_TYPE_FREE, PS_TYPE_IN_USE };

/* NT5 stores request + 1. Windows adds an in-use bit 4 to it, other kernels of that line do not and
 * keep all request bits; 4 is then "cache aligned". Both readings agree on what is in use.
 * Requests 3 and 7 do not exist. "Raise" (0x10) is never kept beside session or verifier, and to
 * insist on it keeps lower-case text out of x86 hits. */
static inline enum ps_type_state ps_type_state_nt5(uint32_t type)
{
    if (type == 0)
        return PS_TYPE_FREE;
    if (type > 0x7f || (type & 3) == 0 || ((type & 0x10) != 0 && (type & 0x60) != 0))
        return PS_TYPE_ILLEGAL;
    return PS_TYPE_IN_USE;
}

static inline enum ps_type_state ps_type_state_vista(uint32_t type)
{
    if ((type & ~0x6fu) != 0)
        return PS_TYPE_ILLEGAL;
    return type & 2 ? PS_TYPE_IN_USE : PS_TYPE_FREE;
}

static inline enum ps_type_state ps_era_type_state(const struct ps_era *era, uint32_t type)
{
    enum ps_type_state nt5 = PS_TYPE_ILLEGAL, vista = PS_TYPE_ILLEGAL;

    if (era->types != PS_TYPES_VISTA)
        nt5 = ps_type_state_nt5(type);
    if (era->types != PS_TYPES_NT5)
        vista = ps_type_state_vista(type);
    return nt5 > vista ? nt5 : vista;
}

/* Name of a legal PoolType byte, as POOL_TYPE names with flags ("PagedPool|Quota"), into
 * text[PS_POOL_TYPE_TEXT_BYTES]; "Free" for a free one, "0x.." for an illegal one. Returns text. */
#define PS_POOL_TYPE_TEXT_BYTES 80
char *ps_era_type_print(const struct ps_era *era, uint32_t type, char *text);

/* Is this in-use type a paged one? */
int ps_era_type_paged(const struct ps_era *era, uint32_t type);

#endif
