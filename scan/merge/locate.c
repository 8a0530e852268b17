#include "scan/merge/locate.h"

#include "kernels/pool_header.h"
#include "scan/merge/heap_verdict.h"
#include "scan/merge/page_use.h"
#include "scan/pool/evidence.h"
#include "scan/pool/page_judge.h"

#define TYPE_QUOTA   0x08u /* of a PoolType, in all eras */
#define TYPE_SESSION 0x20u

/* The address that a page is known by. */
struct place {
    uint64_t va;
    uint32_t flags; /* enum ps_mapping_flags */
    enum ps_pool_kind region;
    int mapped;
    int paged_out;
    uint32_t use; /* evidence of the PFN database */
    int in_big;   /* a big allocation begins at or before the page, and reaches into it */
    int has_heap;
    struct ps_heap_page heap; /* with has_heap: what the segment heap knows of the page */
};

/* A page in transition says nothing about writing. */
static int may_be_written(uint32_t flags)
{
    return (flags & (PS_MAPPING_WRITABLE | PS_MAPPING_TRANSITION)) != 0;
}

static int is_in_heap(const struct ps_locator *l, uint64_t va)
{
    struct ps_heap_page page;

    return l->heap && ps_heap_map_page(l->heap, va, &page) != PS_HEAP_OUTSIDE;
}

/* How well a mapping suits a pool page: an alias for a driver's transfer lies in no pool region. */
static int suits(const struct ps_locator *l, const struct ps_mapping *m)
{
    return 2 * (PS_REGION_INSIDE + 1) * may_be_written(m->flags) +
           (PS_REGION_INSIDE + 1) * is_in_heap(l, m->va) + ps_regions_nearness(l->regions, m->va);
}

/* Big allocations begin with a page, so one that holds a header holds the page's first byte. */
static int is_in_big(const struct ps_locator *l, uint64_t page_va)
{
    return l->big && ps_bigpool_index_find(l->big, page_va);
}

/* What is known of the address itself. The heap knows its own pool better than the neighbours. */
static void settle_place(const struct ps_locator *l, struct place *p)
{
    p->in_big = is_in_big(l, p->va);
    p->region = ps_regions_pool(l->regions, p->va);
    p->has_heap = l->heap && ps_heap_map_page(l->heap, p->va, &p->heap) != PS_HEAP_OUTSIDE;
    if (p->has_heap && ps_heap_page_pool(&p->heap) != PS_POOL_UNKNOWN)
        p->region = ps_heap_page_pool(&p->heap);
}

/* May be, by its address: the heap has it, or it is where big allocations are, if that is known. */
static int is_in_pool(const struct ps_locator *l, const struct place *p)
{
    if (!p->mapped)
        return 0;
    return p->has_heap || !l->big || ps_regions_nearness(l->regions, p->va) == PS_REGION_INSIDE;
}

static struct place place_of(const struct ps_locator *l, uint64_t phys)
{
    struct ps_mapping m[PS_LOCATE_MAX_MAPPINGS];
    size_t n = ps_inverse_map_find(l->map, phys, m, PS_LOCATE_MAX_MAPPINGS);
    struct place best = {0};
    int best_suits = -1;

    n = n < PS_LOCATE_MAX_MAPPINGS ? n : PS_LOCATE_MAX_MAPPINGS;
    for (size_t i = 0; i < n; i++) {
        const int how = n > 1 ? suits(l, &m[i]) : 0;

        if (how > best_suits) {
            best_suits = how;
            best = (struct place){.va = m[i].va, .flags = m[i].flags, .mapped = 1};
        }
    }
    if (best.mapped)
        settle_place(l, &best);
    if (!is_in_pool(l, &best))
        best.use = ps_page_use_evidence(l->pfn ? l->pfn(l->pfn_arg) : NULL, phys, best.mapped);
    return best;
}

/* The pool of the blocks in use: a page belongs to one. Equal numbers say nothing. */
static enum ps_pool_kind pool_of_page(const struct ps_finding *f, size_t n)
{
    size_t n_paged = 0, n_nonpaged = 0;

    for (size_t i = 0; i < n; i++) {
        n_paged += f[i].pool == PS_POOL_PAGED;
        n_nonpaged += f[i].pool == PS_POOL_NONPAGED;
    }
    if (n_paged == n_nonpaged)
        return PS_POOL_UNKNOWN;
    return n_paged > n_nonpaged ? PS_POOL_PAGED : PS_POOL_NONPAGED;
}

static uint32_t pool_evidence(const struct ps_finding *f, enum ps_pool_kind region)
{
    if (f->pool == PS_POOL_UNKNOWN || region == PS_POOL_UNKNOWN)
        return 0;
    return (f->pool == PS_POOL_PAGED) == (region == PS_POOL_PAGED) ? PS_EV_POOL_AGREES
                                                                   : PS_EV_POOL_DIFFERS;
}

/* The heap knows; else a header in use says which pool it is of, and a free one is of its
 * neighbours' or its region's. */
static enum ps_pool_kind settle_pool(const struct ps_finding *f, const struct place *p,
                                     enum ps_pool_kind of_page)
{
    enum ps_pool_kind pool = (enum ps_pool_kind)f->pool;

    if (p->has_heap && ps_heap_page_pool(&p->heap) != PS_POOL_UNKNOWN)
        return ps_heap_page_pool(&p->heap);
    if (pool == PS_POOL_UNKNOWN)
        pool = of_page != PS_POOL_UNKNOWN ? of_page : p->region;
    if (pool == PS_POOL_NONPAGED && p->mapped && (p->flags & PS_MAPPING_NO_EXECUTE))
        pool = PS_POOL_NONPAGED_NX;
    return pool;
}

static void set_address(const struct ps_locator *l, const struct place *p, struct ps_finding *f)
{
    const uint64_t header = p->va + (f->phys & (PS_FRAME_BYTES - 1));
    const struct ps_bigpool_row *big = p->in_big ? ps_bigpool_index_find(l->big, header) : NULL;

    f->mapped = PS_MAPPED_YES;
    f->va = header + l->header_bytes;
    if (p->paged_out)
        f->evidence |= PS_EV_PAGED_OUT;
    else
        f->evidence |= may_be_written(p->flags) ? PS_EV_MAPPED : PS_EV_READ_ONLY;
    f->evidence |= pool_evidence(f, p->region);
    if (big) {
        f->in_big = big->entry.va;
        f->evidence |= PS_EV_IN_BIG_POOL;
    }
}

static uint32_t pool_type(const struct ps_locator *l, const struct ps_finding *f)
{
    return f->word0 >>
           (l->header_bytes == 1u << PS_SLOT_SHIFT_X86 ? PS_TYPE_SHIFT_X86 : PS_TYPE_SHIFT_X64);
}

/* Most headers are not charged. Where the owner stands at the end of the block, that of a left-over
 * header is another's. */
static void set_owner(const struct ps_locator *l, const uint8_t *page, struct ps_finding *f)
{
    const uint64_t header = f->va - l->header_bytes;

    if (!l->owners || !(pool_type(l, f) & TYPE_QUOTA) ||
        (l->owners->rule == PS_QUOTA_TAIL && (f->evidence & PS_EV_OVERLAP)))
        return;
    f->process = ps_owner_of_header(l->owners, page, (uint32_t)(header & (PS_FRAME_BYTES - 1)),
                                    header & ~(uint64_t)(PS_FRAME_BYTES - 1));
    if (f->process)
        f->evidence |= PS_EV_BILLED;
}

static int is_session_pool(const struct ps_locator *l, const struct ps_finding *f)
{
    return l->session_apart && (pool_type(l, f) & TYPE_SESSION) != 0;
}

/* All mappings there are were seen and kept. */
static int is_map_whole(const struct ps_locator *l)
{
    return !ps_inverse_map_full(l->map) && ps_inverse_map_counts(l->map)->tables_beyond == 0;
}

/* A second header is of the block that the first one has. */
static enum ps_status status_by_heap(const struct ps_locator *l, const struct ps_finding *f,
                                     enum ps_heap_block said)
{
    if (said == PS_HEAP_BLOCK_LIVE && !ps_is_second_header(f, l->header_bytes))
        return PS_STATUS_ALLOCATED;
    if (said == PS_HEAP_BLOCK_FREED)
        return PS_STATUS_STALE;
    if (said == PS_HEAP_BLOCK_UNDECIDED)
        return (enum ps_status)f->status;
    return PS_STATUS_UNKNOWN;
}

/* Of a header in use. Content of a big allocation is not an allocation, whatever it looks like, and
 * neither is what nobody can write or what is of no heap. */
static enum ps_status status_of(const struct ps_locator *l, const struct ps_finding *f,
                                enum ps_heap_block said)
{
    const enum ps_status status = status_by_heap(l, f, said);
    const int is_unmapped = (f->evidence & PS_EV_UNMAPPED) != 0 && !is_session_pool(l, f);
    const int is_none =
        (f->evidence & (PS_EV_IN_BIG_POOL | PS_EV_READ_ONLY | PS_EV_HEAP_OUTSIDE)) != 0;

    if ((is_unmapped && is_map_whole(l)) || (f->evidence & PS_EV_PAGE_USES) != 0)
        return PS_STATUS_STALE;
    if (status == PS_STATUS_ALLOCATED &&
        (is_unmapped || is_none || f->confidence < PS_ALLOCATED_CONFIDENCE))
        return PS_STATUS_UNKNOWN;
    return status;
}

/* Findings of a page mostly have the same evidence. */
struct score {
    uint32_t evidence;
    uint8_t confidence;
};

static void settle_status(const struct ps_locator *l, enum ps_heap_block said, struct score *last,
                          struct ps_finding *f)
{
    if (f->evidence != last->evidence)
        *last = (struct score){f->evidence, ps_evidence_score(f->evidence)};
    f->confidence = last->confidence;
    if (f->evidence & PS_EV_TYPE_IN_USE)
        f->status = (uint8_t)status_of(l, f, said);
}

static enum ps_heap_block ask_heap(const struct ps_locator *l, struct place *p, const uint8_t *page,
                                   struct ps_finding *f)
{
    if (p->has_heap)
        return ps_heap_verdict(l->heap, &p->heap, page, (uint32_t)(f->phys & (PS_FRAME_BYTES - 1)),
                               f);
    if (p->mapped && l->heap_is_whole && !is_session_pool(l, f))
        f->evidence |= PS_EV_HEAP_OUTSIDE;
    return PS_HEAP_BLOCK_UNDECIDED;
}

/* 'by_heap': the findings have no other judge. 0: it does not know all of them, and they are
 * useless then. */
static int complete(const struct ps_locator *l, struct place *p, const uint8_t *page, int by_heap,
                    struct ps_finding *f, size_t n)
{
    const enum ps_pool_kind of_page = pool_of_page(f, n);
    struct score last = {0};

    for (size_t i = 0; i < n; i++) {
        const enum ps_heap_block said = ask_heap(l, p, page, &f[i]);

        if (by_heap && said == PS_HEAP_BLOCK_UNDECIDED)
            return 0;
        if (p->mapped) {
            set_address(l, p, &f[i]);
            set_owner(l, page, &f[i]);
        } else {
            f[i].mapped = PS_MAPPED_NO;
            f[i].evidence |= PS_EV_UNMAPPED;
        }
        f[i].evidence |= p->use;
        f[i].pool = (uint8_t)settle_pool(&f[i], p, of_page);
        settle_status(l, said, &last, &f[i]);
    }
    return 1;
}

void ps_locate_page(const struct ps_locator *l, const uint8_t *page, struct ps_finding *f, size_t n)
{
    struct place p = place_of(l, f->phys);

    complete(l, &p, page, 0, f, n);
}

void ps_locate_hits(const struct ps_locator *l, const struct ps_era *era,
                    const struct ps_ruleset *rules, const uint8_t *page, const struct ps_hit *hits,
                    size_t n, struct ps_finding *f)
{
    struct place p = place_of(l, f->phys);

    if (p.has_heap && ps_heap_page_decides(&p.heap)) {
        ps_page_judge_alone(era, rules, hits, n, f);
        if (complete(l, &p, page, 1, f, n))
            return;
    }
    ps_page_judge(era, rules, page, hits, n, f);
    complete(l, &p, page, 0, f, n);
}

void ps_locate_paged_out(const struct ps_locator *l, uint64_t va, const uint8_t *page,
                         struct ps_finding *f, size_t n)
{
    struct place p = {.va = va, .mapped = 1, .paged_out = 1};

    settle_place(l, &p);
    complete(l, &p, page, 0, f, n);
    for (size_t i = 0; i < n; i++)
        f[i].phys = f[i].file_off = PS_NOWHERE;
}
