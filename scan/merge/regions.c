#include "scan/merge/regions.h"

#include <string.h>

#define SHIFT_X86 21u
#define SHIFT_X64 37u

/* Where Vista, 7, 8 and 8.1 x64 put their pools; from 10 on the regions are random. Sources:
 * docs/POOL.md, "Regions". */
static const struct fixed {
    uint32_t first_build, last_build;
    uint64_t start, end;
    enum ps_pool_kind pool;
} fixed[] = {
    {6000, 7999,  UINT64_C(0xfffff8a000000000), UINT64_C(0xfffff8c000000000), PS_POOL_PAGED   },
    {6000, 7999,  UINT64_C(0xfffffa8000000000), UINT64_C(0xfffffb0000000000), PS_POOL_NONPAGED},
    {8000, 10000, UINT64_C(0xffffc00000000000), UINT64_C(0xffffc0c000000000), PS_POOL_PAGED   },
    {8000, 10000, UINT64_C(0xffffe00000000000), UINT64_C(0xffffe08000000000), PS_POOL_NONPAGED},
};

static uint32_t region_of(const struct ps_regions *r, uint64_t va)
{
    return (uint32_t)(va >> r->shift) & (r->n - 1);
}

/* POOL_TYPE has bit 0 for paged pools, POOL_FLAGS a bit of its own. */
static int is_paged(const struct ps_bigpool_table *table, uint32_t type)
{
    return (type & (table->names == PS_BIGPOOL_POOL_FLAGS ? 0x100u : 1u)) != 0;
}

enum ps_pool_kind ps_regions_type_pool(const struct ps_bigpool_table *table, uint32_t type)
{
    if (table->layout->word == PS_BIGPOOL_PAGES)
        return PS_POOL_UNKNOWN;
    return is_paged(table, type) ? PS_POOL_PAGED : PS_POOL_NONPAGED;
}

static int has_pool(const struct ps_region_votes *v)
{
    return v->untyped + v->paged + v->nonpaged >= PS_REGION_MIN_VOTES;
}

/* Upwards, then downwards: each region is one less near than the better of its neighbours. */
static void spread_nearness(struct ps_regions *r)
{
    uint8_t near = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        near = has_pool(&r->vote[i]) ? PS_REGION_INSIDE : (uint8_t)(near ? near - 1 : 0);
        r->nearness[i] = near;
    }
    near = 0;
    for (uint32_t i = r->n; i-- > 0;) {
        near = has_pool(&r->vote[i]) ? PS_REGION_INSIDE : (uint8_t)(near ? near - 1 : 0);
        r->nearness[i] = near > r->nearness[i] ? near : r->nearness[i];
    }
}

void ps_regions_init(struct ps_regions *r, enum ps_arch arch, uint32_t build,
                     const struct ps_bigpool_table *table)
{
    memset(r, 0, sizeof *r);
    r->shift = arch == PS_ARCH_X86 ? SHIFT_X86 : SHIFT_X64;
    r->n = PS_REGIONS_MAX;
    r->build = arch == PS_ARCH_X64 ? build : 0;
    for (size_t i = 0; table && i < table->n_rows; i++) {
        const struct ps_bigpool_entry *e = &table->row[i].entry;
        struct ps_region_votes *v = &r->vote[region_of(r, e->va)];
        enum ps_pool_kind pool = ps_regions_type_pool(table, e->type);

        if (e->state != PS_BIGPOOL_ALLOCATED)
            continue;
        v->paged += pool == PS_POOL_PAGED;
        v->nonpaged += pool == PS_POOL_NONPAGED;
        v->untyped += pool == PS_POOL_UNKNOWN;
    }
    spread_nearness(r);
}

static enum ps_pool_kind fixed_pool(const struct ps_regions *r, uint64_t va)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (r->build >= fixed[i].first_build && r->build <= fixed[i].last_build &&
            va >= fixed[i].start && va < fixed[i].end)
            return fixed[i].pool;
    return PS_POOL_UNKNOWN;
}

/* One stray entry in twenty does not make a region doubtful. */
static int agrees(uint32_t most, uint32_t least)
{
    return most >= PS_REGION_MIN_VOTES && (uint64_t)most >= (uint64_t)least * 20;
}

enum ps_pool_kind ps_regions_pool(const struct ps_regions *r, uint64_t va)
{
    const struct ps_region_votes *v = &r->vote[region_of(r, va)];

    if (agrees(v->paged, v->nonpaged))
        return PS_POOL_PAGED;
    if (agrees(v->nonpaged, v->paged))
        return PS_POOL_NONPAGED;
    return fixed_pool(r, va);
}

int ps_regions_nearness(const struct ps_regions *r, uint64_t va)
{
    if (r->build != 0 && fixed_pool(r, va) != PS_POOL_UNKNOWN)
        return PS_REGION_INSIDE;
    return r->nearness[region_of(r, va)];
}
