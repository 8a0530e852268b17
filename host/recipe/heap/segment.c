#include "host/recipe/heap/heap.h"

#define HEAP_SIGNATURE 0xddeeddeeu
#define TREE_SIGNATURE 0xccddccddu
#define ENCODE_KEY     0x50u /* in _HEAP_LFH_CONTEXT */

/* RangeFlags of the first unit, and of those behind it. */
static const uint8_t first_flags[PS_RCP_N_EXTENTS] = {0, 0xb, 0xf, 3};
#define LATER_FLAG 1u
/* From this build on the way back to the first unit has a byte of its own. */
#define FIRST_UNIT_OFFSET 26100u

static uint64_t list_head(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h)
{
    return ps_rcp_heap_context(heaps, h) + heaps->shape->list_head;
}

/* The segment in front of (step -1) or behind (1) one in the heap's circular list: its address. */
static uint64_t neighbour(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h,
                          uint32_t segment, int step)
{
    int64_t i = (int64_t)segment + step;

    while (i >= 0 && i < (int64_t)h->n_segments && h->is_gone[i])
        i += step;
    if (i < 0 || i >= (int64_t)h->n_segments)
        return list_head(heaps, h);
    return h->va + (uint64_t)i * PS_RCP_SEG_BYTES;
}

/* The list that a wide segment is the only one of has its head in the second context. */
static void put_segment(struct ps_rcp_heap_page *hp, uint32_t segment, int wide)
{
    const struct ps_rcp_heaps *heaps = hp->heaps;
    uint32_t second = wide ? heaps->shape->context_bytes : 0;
    uint64_t head = list_head(heaps, hp->heap) + second;
    uint8_t *b = hp->pg->b;

    b += ps_rcp_heap_put_word(heaps, b, wide ? head : neighbour(heaps, hp->heap, segment, 1));
    b += ps_rcp_heap_put_word(heaps, b, wide ? head : neighbour(heaps, hp->heap, segment, -1));
    ps_rcp_heap_put_word(heaps, b,
                         hp->va ^ (ps_rcp_heap_context(heaps, hp->heap) + second) ^
                             heaps->heap_key ^ heaps->constant);
}

/* RangeFlags and how many pages of the unit are committed: on x86 in one byte. */
static void put_flags(const struct ps_rcp_heaps *heaps, uint8_t *b, uint32_t flags,
                      uint32_t committed)
{
    b[heaps->shape->flags] = (uint8_t)flags;
    if (heaps->shape->is_x64)
        b[heaps->shape->flags + 1] = (uint8_t)committed;
    else
        b[heaps->shape->flags] |= (uint8_t)(committed ? 1u << 5 : 0);
}

/* Units in use say what they are and where their range begins. The first one of a free range is a
 * node of the tree of free ranges. */
static void put_descriptor(struct ps_rcp_heap_page *hp, uint32_t unit, uint32_t pages, uint8_t *b)
{
    const struct ps_rcp_heap *h = hp->heap;
    const struct ps_rcp_extent *e = h->extent_of[unit] ? &h->extent[h->extent_of[unit] - 1] : NULL;
    uint32_t back = e ? (unit - e->first) / pages : 0, last = hp->heaps->shape->descriptor - 1;

    if (!e || (e->kind == PS_RCP_EXTENT_UNUSED && back > 0))
        return;
    b[last] = (uint8_t)(back == 0 ? e->n / pages : back);
    if (e->kind == PS_RCP_EXTENT_UNUSED) {
        /* The node's parent: the last of three pointers in front of the flags. */
        ps_rcp_heap_put_word(hp->heaps, b + hp->heaps->shape->flags / 3 * 2,
                             ps_rcp_heap_somewhere(hp) & ~0xfffull);
        return;
    }
    if (back == 0)
        ps_rcp_put32(b, TREE_SIGNATURE);
    put_flags(hp->heaps, b, back == 0 ? first_flags[e->kind] : LATER_FLAG,
              h->frame[unit] ? pages : 0);
    if (h->stmt.era.build >= FIRST_UNIT_OFFSET)
        b[hp->heaps->shape->flags + 2] = (uint8_t)back;
}

void ps_rcp_heap_segment_page(struct ps_rcp_heap_page *hp, uint32_t unit)
{
    const struct ps_rcp_heap_shape *shape = hp->heaps->shape;
    int wide = unit >= hp->heap->wide_unit;
    uint32_t start = wide ? hp->heap->wide_unit : unit / PS_RCP_SEG_UNITS * PS_RCP_SEG_UNITS;
    uint32_t pages = wide ? PS_RCP_WIDE_PAGES : 1, skip = wide ? 1 : shape->head_pages;
    uint32_t per_page = PS_RECIPE_PAGE / shape->descriptor, first = (unit - start) * per_page;

    for (uint32_t i = 0; i < per_page; i++)
        if (first + i >= skip)
            put_descriptor(hp, start + (first + i) * pages, pages,
                           hp->pg->b + (size_t)i * shape->descriptor);
    if (first == 0)
        put_segment(hp, start / PS_RCP_SEG_UNITS, wide);
}

/* --- _SEGMENT_HEAP --- */

/* What the context of segments of 1 MiB and that of 16 MiB begin with. */
static void put_sizes(const struct ps_rcp_heaps *heaps, uint8_t *b, int large)
{
    const struct ps_rcp_heap_shape *shape = heaps->shape;

    ps_rcp_heap_put_word(heaps, b, large ? ~0xffffffull : ~0xfffffull);
    b[shape->shifts] = large ? 16 : 12;
    b[shape->shifts + 1] = large ? 4 : 0;
    b[shape->shifts + 2] = large ? 1 : (uint8_t)shape->head_pages;
    ps_rcp_put32(b + shape->max_bytes, large ? 0x7f0000 : 0x7f000);
}

static void put_context(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h, uint8_t *b,
                        int large)
{
    const struct ps_rcp_heap_shape *shape = heaps->shape;
    uint64_t empty = list_head(heaps, h) + shape->context_bytes;
    uint8_t *sub = b + shape->sub, *list = b + shape->list_head;

    put_sizes(heaps, b, large);
    sub += ps_rcp_heap_put_word(heaps, sub, h->at + shape->lfh_context);
    ps_rcp_heap_put_word(heaps, sub, h->at + shape->vs_context);
    ps_rcp_heap_put_word(heaps, b + shape->heap, h->at);
    if (large) {
        list += ps_rcp_heap_put_word(heaps, list, h->wide ? h->wide : empty);
        ps_rcp_heap_put_word(heaps, list, h->wide ? h->wide : empty);
        ps_rcp_heap_put_word(heaps, b + shape->count, h->wide != 0);
        return;
    }
    /* The first segment is never gone. */
    list += ps_rcp_heap_put_word(heaps, list, h->va);
    ps_rcp_heap_put_word(heaps, list, neighbour(heaps, h, h->n_segments, -1));
    ps_rcp_heap_put_word(heaps, b + shape->count, h->n_live);
}

static void put_heap(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h, uint8_t *b)
{
    const struct ps_rcp_heap_shape *shape = heaps->shape;

    ps_rcp_put32(b + shape->signature, HEAP_SIGNATURE);
    put_context(heaps, h, b + shape->contexts, 0);
    put_context(heaps, h, b + shape->contexts + shape->context_bytes, 1);
    if (heaps->has_encode_key)
        ps_rcp_put64(b + shape->lfh_context + ENCODE_KEY, h->lfh_key);
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
    uint8_t none[1] = {0};
    struct ps_rcp_heap h = {.is_gone = none, .n_segments = 1, .n_live = 1};

    h.at = heaps->shape->is_x64 ? 0x10000000000ull : 0x400000;
    h.at += (uint64_t)ps_rcp_below(rng, 0x1000) * 0x10000;
    h.va = (h.at / PS_RCP_SEG_BYTES + 1 + ps_rcp_below(rng, 16)) * PS_RCP_SEG_BYTES;
    put_heap(heaps, &h, b);
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
