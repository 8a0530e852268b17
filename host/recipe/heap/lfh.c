#include "host/recipe/heap/heap.h"

#define FINE_MAX   1008u
#define MEDIUM_MAX 2032u
/* The largest block of the LFH, and from which build on it takes larger ones. x86 has other buckets
 * for what is larger than that. */
#define SMALL_MAX   0x200u
#define SMALL_X86   0x1f8u
#define LARGE_MAX   0xff0u
#define FIRST_LARGE 26100u
/* Sizes over this are rounded up to their bucket in the header, too, from the same build on. */
#define ROUNDED_MIN 0x201u

#define PRIVATE_AT  0x33u /* in _HEAP_LFH_SUBSEGMENT */

/* Pairs of bits: in use; and not to be handed out, because the block would cross a page. */
#define PAIR_BUSY     1u
#define PAIR_WITHHELD 3u

/* The smallest size of a bucket that holds n bytes. */
static uint32_t bucket_of(uint32_t unit, uint32_t n_bytes)
{
    if (n_bytes <= FINE_MAX)
        return (n_bytes + unit - 1) / unit * unit;
    if (n_bytes <= MEDIUM_MAX)
        return FINE_MAX + (n_bytes - FINE_MAX + 63) / 64 * 64;
    return MEDIUM_MAX + (n_bytes - MEDIUM_MAX + 127) / 128 * 128;
}

/* The size of the bucket below. */
static uint32_t bucket_below(uint32_t unit, uint32_t bucket)
{
    if (bucket <= FINE_MAX)
        return bucket - unit;
    return bucket - (bucket <= MEDIUM_MAX ? 64 : 128);
}

static uint32_t largest(const struct ps_rcp_heap *h)
{
    if (!h->stmt.era.is_x64)
        return SMALL_X86;
    return h->stmt.era.build >= FIRST_LARGE ? LARGE_MAX : SMALL_MAX;
}

static const struct ps_rcp_list *list_of(const struct ps_rcp_heap_page *hp)
{
    return &hp->pg->recipe->list[hp->heap->list];
}

int ps_rcp_lfh_choose(struct ps_rcp_heap_page *hp, struct ps_rcp_extent *e)
{
    const struct ps_rcp_list *list = list_of(hp);
    uint32_t max = largest(hp->heap), unit = ps_rcp_heap_unit(hp->heap);

    for (int tries = 0; tries < 32; tries++) {
        const struct ps_rcp_entry *entry =
            ps_rcp_draw(hp->pg, list, ps_rcp_heap_is_paged(hp->heap));
        uint32_t hi = entry->max_bytes < max ? entry->max_bytes : max;

        if (entry->min_bytes > hi)
            continue;
        hi = entry->min_bytes + ps_rcp_below(&hp->pg->rng, hi - entry->min_bytes + 1);
        e->stride = (uint16_t)bucket_of(unit, hi < 2 * unit ? 2 * unit : hi);
        e->entry = (uint16_t)(entry - list->entry);
        return 1;
    }
    return 0;
}

/* Two bits a block, in whole words. */
static uint32_t bitmap_bytes(const struct ps_rcp_heaps *heaps, uint32_t n_blocks)
{
    uint32_t word = heaps->shape->is_x64 ? 8 : 4;

    return (n_blocks * 2 + word * 8 - 1) / (word * 8) * word;
}

void ps_rcp_lfh_finish(const struct ps_rcp_heaps *heaps, struct ps_rcp_extent *e)
{
    uint64_t rng = e->seed;
    uint32_t n_bytes = e->n * PS_RECIPE_PAGE, unit = ps_rcp_unit(&heaps->sys->era);
    uint32_t n = n_bytes / e->stride;
    uint32_t slack = unit * ps_rcp_below(&rng, 3);

    for (;;) {
        uint32_t bitmap = bitmap_bytes(heaps, n);
        uint32_t grid = (heaps->shape->lfh_bitmap + bitmap + unit - 1) / unit * unit + slack;
        uint32_t fit = (n_bytes - grid) / e->stride;

        e->grid = (uint16_t)grid;
        if (fit >= n)
            break;
        n = fit;
    }
    e->n_blocks = (uint16_t)n;
}

/* An entry with sizes of the bucket, by the block's own numbers. */
static const struct ps_rcp_entry *draw_entry(struct ps_rcp_heap_page *hp,
                                             const struct ps_rcp_extent *e)
{
    const struct ps_rcp_list *list = list_of(hp);
    uint32_t below = bucket_below(ps_rcp_heap_unit(hp->heap), e->stride);

    for (int tries = 0; tries < 8; tries++) {
        const struct ps_rcp_entry *entry =
            ps_rcp_draw(hp->pg, list, ps_rcp_heap_is_paged(hp->heap));

        if (entry->min_bytes <= e->stride && entry->max_bytes > below)
            return entry;
    }
    return &list->entry[e->entry];
}

static struct ps_rcp_heap_block block_at(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e,
                                         uint32_t i)
{
    uint32_t at = e->grid + i * e->stride, unit = ps_rcp_heap_unit(hp->heap);
    uint32_t lo = bucket_below(unit, e->stride) / unit + 1;
    struct ps_rcp_heap_block b = {.fate = PS_RCP_BLOCK_WITHHELD};
    const struct ps_rcp_entry *entry;
    uint32_t units = e->stride / unit;

    if (at % PS_RECIPE_PAGE + e->stride > PS_RECIPE_PAGE)
        return b;
    hp->pg->rng = ps_rcp_mix64(e->seed ^ (i + 1) * 0x9e3779b97f4a7c15ull);
    entry = draw_entry(hp, e);
    if (hp->heap->stmt.era.build < FIRST_LARGE || e->stride < ROUNDED_MIN)
        units = lo + ps_rcp_below(&hp->pg->rng, units - lo + 1);
    return ps_rcp_heap_draw(hp, entry, units < 2 ? 2 : units);
}

static void put_counts(const struct ps_rcp_heaps *heaps, uint8_t *b, uint32_t n_free,
                       uint32_t n_blocks, uint32_t n_withheld)
{
    uint8_t *counts = b + heaps->shape->lfh_counts;

    ps_rcp_put16(counts, n_free);
    ps_rcp_put16(counts + 2, n_blocks);
    counts[heaps->shape->is_new_lfh ? 5 : 7] = (uint8_t)n_withheld;
    if (heaps->shape->is_new_lfh)
        ps_rcp_put16(b + 0x30, n_blocks); /* HighWatermarkBlockIndex */
}

/* The list of subsegments, and whose it is; 24H2 has a state there. */
static void put_links(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint8_t *b)
{
    const struct ps_rcp_heaps *heaps = hp->heaps;
    uint64_t owner = hp->heap->at + heaps->shape->lfh_context + 0x80;

    for (int i = 0; i < 2; i++)
        b += ps_rcp_heap_put_word(heaps, b, ps_rcp_heap_somewhere(hp) & ~0xfffull);
    owner += e->stride / 16u * 8ull;
    ps_rcp_heap_put_word(heaps, b, heaps->shape->is_new_lfh ? 1 : owner);
}

/* What the bitmap of a private subsegment says is not known: here it is one bit a block. */
static void make_private(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint8_t *b)
{
    uint32_t at = hp->heaps->shape->lfh_bitmap;

    memset(b + at, 0, bitmap_bytes(hp->heaps, e->n_blocks));
    for (uint32_t i = 0; i < e->n_blocks; i++) {
        uint8_t fate = block_at(hp, e, i).fate;

        if (fate == PS_RCP_BLOCK_LIVE || fate == PS_RCP_BLOCK_LOOKASIDE)
            b[at + i / 8] |= (uint8_t)(1u << i % 8);
    }
    b[PRIVATE_AT] |= 1;
}

/* Header and bitmap; behind them stands, up to the first block, what the page held before. */
static void put_subsegment(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e)
{
    const struct ps_rcp_heaps *heaps = hp->heaps;
    uint32_t at = heaps->shape->lfh_bitmap, n_free = 0, n_withheld = 0;
    uint64_t shifted = heaps->is_wide ? hp->va >> 12 : (uint32_t)hp->va >> 12;
    uint8_t *b = hp->pg->b;

    memset(b, 0, e->grid);
    memset(b + at, 0xff, bitmap_bytes(heaps, e->n_blocks));
    for (uint32_t i = 0; i < e->n_blocks; i++) {
        uint8_t fate = block_at(hp, e, i).fate;
        uint32_t pair = fate == PS_RCP_BLOCK_WITHHELD ? PAIR_WITHHELD
                        : fate == PS_RCP_BLOCK_LIVE || fate == PS_RCP_BLOCK_LOOKASIDE ? PAIR_BUSY
                                                                                      : 0;

        b[at + i / 4] = (uint8_t)((b[at + i / 4] & ~(3u << i % 4 * 2)) | pair << i % 4 * 2);
        n_free += pair == 0;
        n_withheld += pair == PAIR_WITHHELD;
    }
    hp->pg->rng = e->seed;
    put_links(hp, e, b);
    put_counts(heaps, b, n_free, e->n_blocks, n_withheld);
    ps_rcp_put32(b + heaps->shape->lfh_offsets, ((uint32_t)e->grid << 16 | e->stride) ^
                                                    (uint32_t)hp->heap->lfh_key ^
                                                    (uint32_t)shifted);
    if (e->seed % 101 < hp->heap->private_form)
        make_private(hp, e, b);
    ps_rcp_put16(b + heaps->shape->lfh_commit, 0x0c | (uint32_t)e->n << 8);
}

/* A block that was never handed out is zero, or what stood there in another subsegment before. */
static void fill_never(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t offset)
{
    uint32_t at = 1 + ps_rcp_below(&hp->pg->rng, 4), unit = ps_rcp_heap_unit(hp->heap);
    uint32_t units = e->stride / unit;
    struct ps_rcp_heap_block b;

    if (e->seed % 100 >= hp->heap->reused || at + 3 > units) {
        memset(hp->pg->b + offset, 0, e->stride);
        return;
    }
    b = ps_rcp_heap_draw(hp, draw_entry(hp, e), 2 + ps_rcp_below(&hp->pg->rng, units - at - 2));
    b.fate = PS_RCP_BLOCK_FREED;
    b.is_aligned = 0;
    ps_rcp_heap_put(hp, offset + at * unit, b.units * unit, &b, PS_PLANTED_BY_LFH);
}

void ps_rcp_lfh_fill(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page)
{
    struct ps_rcp_page *pg = hp->pg;
    uint32_t first = page * PS_RECIPE_PAGE, i = 0;

    if (first > e->grid)
        i = (first - e->grid) / e->stride;
    /* Withheld blocks and what is behind the last one. */
    ps_rcp_fill_body(pg, PS_RCP_BODY_OBJECT, 0, PS_RECIPE_PAGE);
    for (; i < e->n_blocks && e->grid + i * e->stride < first + PS_RECIPE_PAGE; i++) {
        uint32_t at = e->grid + i * e->stride;
        struct ps_rcp_heap_block b;

        if (at < first)
            continue;
        b = block_at(hp, e, i);
        if (b.fate == PS_RCP_BLOCK_NEVER)
            fill_never(hp, e, at - first);
        ps_rcp_heap_put(hp, at - first, e->stride, &b, PS_PLANTED_BY_LFH);
    }
    if (page == 0)
        put_subsegment(hp, e);
}
