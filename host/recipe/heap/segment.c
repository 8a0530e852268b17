#include "host/recipe/heap/heap.h"

#define HEAP_SIGNATURE 0xddeeddeeu
#define TREE_SIGNATURE 0xccddccddu
#define DESCRIPTOR     0x20u
#define LIST_HEAD      0x48u /* in _HEAP_SEG_CONTEXT */
#define CONTEXT_BYTES  0xc0u

/* RangeFlags of the first unit, and of those behind it. */
static const uint8_t first_flags[PS_RCP_N_EXTENTS] = {0, 0xb, 0xf, 3};
#define LATER_FLAG 1u
/* From this build on the way back to the first unit has a byte of its own. */
#define FIRST_UNIT_OFFSET 26100u

uint64_t ps_rcp_heap_neighbour(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h,
                               uint32_t segment, int step)
{
    int64_t i = (int64_t)segment + step;

    while (i >= 0 && i < (int64_t)h->n_segments && h->is_gone[i])
        i += step;
    if (i < 0 || i >= (int64_t)h->n_segments)
        return ps_rcp_heap_context(heaps, h) + LIST_HEAD;
    return h->va + (uint64_t)i * PS_RCP_SEG_BYTES;
}

static void put_segment(struct ps_rcp_heap_page *hp, uint32_t segment)
{
    const struct ps_rcp_heaps *heaps = hp->heaps;
    uint8_t *b = hp->pg->b;

    ps_rcp_put64(b, ps_rcp_heap_neighbour(heaps, hp->heap, segment, 1));
    ps_rcp_put64(b + 8, ps_rcp_heap_neighbour(heaps, hp->heap, segment, -1));
    ps_rcp_put64(b + 0x10,
                 hp->va ^ ps_rcp_heap_context(heaps, hp->heap) ^ heaps->heap_key ^ heaps->constant);
}

/* Units in use say what they are. Those of a free range keep what they said before, but for the
 * flags, and its first one is a node of the tree of free ranges. */
static void put_descriptor(struct ps_rcp_heap_page *hp, uint32_t unit, uint8_t *b)
{
    const struct ps_rcp_heap *h = hp->heap;
    const struct ps_rcp_extent *e = h->extent_of[unit] ? &h->extent[h->extent_of[unit] - 1] : NULL;
    uint32_t back = e ? unit - e->first : 0;
    int has_offset = h->stmt.era.build >= FIRST_UNIT_OFFSET;

    if (!e || e->kind == PS_RCP_EXTENT_UNUSED) {
        if (e && back == 0) {
            ps_rcp_put64(b + 0x10, ps_rcp_heap_somewhere(hp) & ~0xfffull);
            b[0x1f] = (uint8_t)e->n;
        }
        return;
    }
    b[0x19] = h->frame[unit] != 0;
    if (back == 0) {
        ps_rcp_put32(b, TREE_SIGNATURE);
        b[0x18] = first_flags[e->kind];
        b[0x1f] = (uint8_t)e->n;
        return;
    }
    b[0x18] = LATER_FLAG;
    b[0x1a] = has_offset ? (uint8_t)back : 0;
    b[0x1f] = (uint8_t)back;
}

void ps_rcp_heap_segment_page(struct ps_rcp_heap_page *hp, uint32_t unit)
{
    uint32_t segment = unit / PS_RCP_SEG_UNITS, per_page = PS_RECIPE_PAGE / DESCRIPTOR;
    uint32_t first = unit % PS_RCP_SEG_UNITS * per_page;

    for (uint32_t i = 0; i < per_page; i++)
        if (first + i >= PS_RCP_SEG_HEAD)
            put_descriptor(hp, segment * PS_RCP_SEG_UNITS + first + i,
                           hp->pg->b + (size_t)i * DESCRIPTOR);
    if (first == 0)
        put_segment(hp, segment);
}

/* --- _SEGMENT_HEAP --- */

static void put_context(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h, uint8_t *b,
                        int large)
{
    uint64_t at = ps_rcp_heap_context(heaps, h) + (large ? CONTEXT_BYTES : 0);
    uint32_t last = h->n_segments;

    ps_rcp_put64(b, large ? 0xffffffffff000000ull : 0xfffffffffff00000ull);
    b[8] = large ? 16 : 12;
    b[9] = large ? 4 : 0;
    b[0xa] = large ? 1 : 2;
    ps_rcp_put32(b + 0x10, large ? 0x7f0000 : 0x7f000);
    ps_rcp_put64(b + 0x18, h->at + heaps->shape->lfh_context);
    ps_rcp_put64(b + 0x20, h->at + heaps->shape->vs_context);
    ps_rcp_put64(b + 0x38, h->at);
    if (large) {
        ps_rcp_put64(b + LIST_HEAD, at + LIST_HEAD);
        ps_rcp_put64(b + LIST_HEAD + 8, at + LIST_HEAD);
        return;
    }
    /* The first segment is never gone. */
    ps_rcp_put64(b + LIST_HEAD, h->va);
    ps_rcp_put64(b + LIST_HEAD + 8, ps_rcp_heap_neighbour(heaps, h, last, -1));
    ps_rcp_put64(b + 0x58, h->n_live);
}

static void put_heap(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h, uint8_t *b)
{
    ps_rcp_put32(b + 0x10, HEAP_SIGNATURE);
    put_context(heaps, h, b + heaps->shape->contexts, 0);
    put_context(heaps, h, b + heaps->shape->contexts + CONTEXT_BYTES, 1);
}

int ps_rcp_heap_write(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h)
{
    struct ps_rcp_region region = {0};
    int rc = ps_rcp_region_make(heaps->sys, &region, h->at, PS_RECIPE_PAGE, h->stmt.line);

    if (rc == 0)
        put_heap(heaps, h, region.b[0]);
    ps_rcp_region_free(&region);
    return rc;
}

/* A heap of a process: the same structure with addresses of the user half. */
static void put_user_heap(const struct ps_rcp_heaps *heaps, uint64_t *rng, uint8_t *b)
{
    struct ps_rcp_heap h = {0};

    h.at = 0x10000000000ull + (uint64_t)ps_rcp_below(rng, 0x100000) * 0x10000;
    h.va = h.at + PS_RCP_SEG_BYTES * (1 + ps_rcp_below(rng, 16));
    h.n_live = 1;
    ps_rcp_put32(b + 0x10, HEAP_SIGNATURE);
    put_context(heaps, &h, b + heaps->shape->contexts, 0);
    put_context(heaps, &h, b + heaps->shape->contexts + CONTEXT_BYTES, 1);
    ps_rcp_put64(b + heaps->shape->contexts + LIST_HEAD + 8, h.va);
}

int ps_rcp_heap_write_others(struct ps_rcp_heaps *heaps)
{
    uint64_t rng = ps_rcp_mix64(heaps->heap_key ^ heaps->lfh_key);

    if (heaps->user.first == PS_RCP_NONE)
        return 0;
    for (uint64_t page = heaps->user.first; page <= heaps->user.last; page++) {
        uint8_t *b = ps_rcp_overlay_at(heaps->sys, page, heaps->sys->line);

        if (!b)
            return -heaps->sys->err->code;
        if (page % 3 == 0 && heaps->n_heaps > 0)
            put_heap(heaps, &heaps->heap[page / 3 % heaps->n_heaps], b);
        else
            put_user_heap(heaps, &rng, b);
    }
    return 0;
}
