#include "host/recipe/heap/heap.h"

#define FIRST_CHUNK 3u /* units: behind the subsegment's header */
#define CHECK       0x2bedu
#define FULL_COMMIT 0x8000u
/* A block over a page's end is moved to the next page when it is larger than this; smaller ones are
 * never put there. */
#define STAYS_MAX 0x40u
/* What stays at the end must be room for a chunk of its own. */
#define REST_MIN    8u
#define DELAYED_MAX 1024u /* bytes: larger chunks are freed at once */
#define HOLLOW      3u    /* percent of the free chunks are a page or more */
#define MAX_FORMER  4u

/* A block inside a chunk. */
struct placed {
    uint32_t chunk, header, units; /* units of the subsegment; units of the chunk */
    struct ps_rcp_heap_block block;
};

enum chunk_kind { CHUNK_BLOCK, CHUNK_BIG, CHUNK_FREE };

struct chunk {
    enum chunk_kind kind;
    uint32_t at, units, prev;
    uint32_t big_bytes; /* of an allocation without header, from the next page on */
    int has_left_over;
    size_t n_placed;
    struct placed placed[MAX_FORMER]; /* one, or those that the free chunk was before */
};

static uint32_t page_units(const struct ps_rcp_heap_page *hp)
{
    return PS_RECIPE_PAGE / ps_rcp_heap_unit(hp->heap);
}

static uint32_t end_of(const struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e)
{
    return e->n * page_units(hp);
}

static struct ps_rcp_heap_block draw(struct ps_rcp_heap_page *hp)
{
    const struct ps_rcp_list *list = &hp->pg->recipe->list[hp->heap->list];

    return ps_rcp_heap_draw(hp, ps_rcp_draw(hp->pg, list, ps_rcp_heap_is_paged(hp->heap)), 0);
}

/* Where the header of a block stands whose chunk begins at 'at', and how large the chunk is. */
static struct placed place(struct ps_rcp_heap_page *hp, uint32_t at)
{
    uint32_t page = page_units(hp), next = (at / page + 1) * page;
    uint32_t moved_min = STAYS_MAX / ps_rcp_heap_unit(hp->heap) + 1;
    struct placed p = {.chunk = at, .block = draw(hp)};
    int crosses = at + 1 + p.block.units > next;

    for (int tries = 0; crosses && p.block.units < moved_min && tries < 8; tries++) {
        p.block = draw(hp);
        crosses = at + 1 + p.block.units > next;
    }
    if (crosses && p.block.units < moved_min)
        p.block.units = moved_min;
    p.header = crosses ? next : at + 1;
    p.units = p.header - at + p.block.units;
    return p;
}

/* Let 'units' be the rest when too little would be left for another chunk. */
static int take_rest(struct chunk *c, uint32_t left, uint32_t least)
{
    if (c->units <= left && (left == c->units || left - c->units >= least))
        return 0;
    c->units = left;
    return 1;
}

/* Freed; or several that were freed one after the other and joined: those behind the first keep
 * their headers. */
static void make_free(struct ps_rcp_heap_page *hp, struct chunk *c, uint32_t left)
{
    uint64_t *rng = &hp->pg->rng;
    uint32_t n = 1;

    c->kind = CHUNK_FREE;
    c->units = 0;
    c->n_placed = 0;
    if (ps_rcp_chance(rng, HOLLOW)) {
        c->units = page_units(hp) + ps_rcp_below(rng, 3 * page_units(hp));
    } else {
        if (ps_rcp_chance(rng, (uint32_t)hp->heap->merged))
            n = 2 + ps_rcp_below(rng, MAX_FORMER - 1);
        for (uint32_t i = 0; i < n; i++) {
            struct placed p = place(hp, c->at + c->units);

            p.block.fate = PS_RCP_BLOCK_FREED;
            if (c->units + p.units > left)
                break;
            if (i > 0)
                c->placed[c->n_placed++] = p;
            c->units += p.units;
        }
    }
    if (c->units == 0)
        c->units = left;
    take_rest(c, left, REST_MIN);
}

/* An allocation that is too large for a header begins at a page. */
static int make_big(struct ps_rcp_heap_page *hp, struct chunk *c, uint32_t left)
{
    uint32_t page = page_units(hp), gap = page - c->at % page;
    uint32_t units = page + ps_rcp_below(&hp->pg->rng, 2 * page);

    if (gap > 64 || gap + units + REST_MIN > left)
        return 0;
    c->kind = CHUNK_BIG;
    c->big_bytes = units * ps_rcp_heap_unit(hp->heap);
    c->units = gap + units;
    return 1;
}

static void make_block(struct ps_rcp_heap_page *hp, struct chunk *c, uint32_t left)
{
    uint64_t *rng = &hp->pg->rng;
    struct placed p = place(hp, c->at);

    c->kind = CHUNK_BLOCK;
    if (p.units > left) {
        p.units = left;
        p.header = c->at + 1;
        p.block.units = left - 1;
    }
    if (p.block.fate == PS_RCP_BLOCK_NEVER || p.block.fate == PS_RCP_BLOCK_FREED)
        p.block.fate = PS_RCP_BLOCK_LIVE;
    if (p.units * ps_rcp_heap_unit(hp->heap) <= DELAYED_MAX &&
        ps_rcp_chance(rng, (uint32_t)hp->heap->delayed)) {
        p.block.fate = PS_RCP_BLOCK_LOOKASIDE;
        p.block.is_aligned = 0;
    }
    c->units = p.units;
    c->has_left_over = left - p.units == 1 || (left - p.units > 3 && ps_rcp_chance(rng, 3));
    c->units += c->has_left_over != 0;
    c->placed[0] = p;
    c->n_placed = 1;
}

/* The next chunk: 1, or 0 at the end. It depends on nothing but the cursor and the seed, so a page
 * can be built from the last cursor in front of it. */
static int next_chunk(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e,
                      struct ps_rcp_vs_cursor *cursor, struct chunk *c)
{
    uint32_t left = end_of(hp, e) - cursor->at;
    uint64_t *rng = &hp->pg->rng;

    if (left == 0)
        return 0;
    *rng = ps_rcp_mix64(e->seed ^ (cursor->at + 1) * 0x9e3779b97f4a7c15ull);
    c->at = cursor->at;
    c->prev = cursor->prev;
    c->n_placed = 0;
    c->has_left_over = 0;
    if (!cursor->after_free && (left < REST_MIN || ps_rcp_chance(rng, (uint32_t)hp->heap->freed)))
        make_free(hp, c, left);
    else if (!ps_rcp_chance(rng, (uint32_t)hp->heap->big) || !make_big(hp, c, left))
        make_block(hp, c, left);
    cursor->at += c->units;
    cursor->prev = (uint16_t)c->units;
    cursor->after_free = c->kind == CHUNK_FREE;
    return 1;
}

/* Pages of a free chunk with nothing in them are given back: first .. last - 1. */
static void hollow_pages(const struct ps_rcp_heap_page *hp, const struct chunk *c, uint32_t *first,
                         uint32_t *last)
{
    uint32_t page = page_units(hp);

    *first = (c->at + 2 + page - 1) / page;
    *last = (c->at + c->units) / page;
    if (c->kind != CHUNK_FREE || c->n_placed > 0 || *last < *first)
        *last = *first;
}

static int note(struct ps_rcp_heap_page *hp, struct ps_rcp_heaps *heaps, struct ps_rcp_heap *h,
                const struct ps_rcp_extent *e, const struct chunk *c)
{
    uint64_t base = ps_rcp_heap_va(h, e->first);
    uint32_t first, last;

    hollow_pages(hp, c, &first, &last);
    for (uint32_t page = first; page < last; page++)
        h->frame[e->first + page] = PS_RCP_HOLLOW;
    if (hp->is_gone)
        return 0;
    if (c->kind == CHUNK_BLOCK && c->placed[0].block.fate == PS_RCP_BLOCK_LIVE) {
        uint64_t process = ps_rcp_heap_process(
            h, &c->placed[0].block, base + (uint64_t)c->placed[0].header * ps_rcp_heap_unit(h));

        if (process && heaps->n_processes < PS_RCP_MAX_PROCESSES)
            heaps->process[heaps->n_processes++] = process;
    }
    if (c->kind == CHUNK_BIG)
        return ps_rcp_heap_list_big(heaps, h,
                                    base + (c->at / page_units(hp) + 1ull) * PS_RECIPE_PAGE,
                                    c->big_bytes, draw(hp).tag);
    return 0;
}

int ps_rcp_vs_plan(struct ps_rcp_heap_page *hp, struct ps_rcp_heaps *heaps, struct ps_rcp_heap *h,
                   const struct ps_rcp_extent *e)
{
    struct ps_rcp_vs_cursor cursor = {.at = FIRST_CHUNK}, before = cursor;
    struct chunk c;
    uint32_t page = 0;
    int rc = 0;

    while (rc == 0 && next_chunk(hp, e, &cursor, &c)) {
        /* The pages that begin inside this chunk, or with it. */
        for (; page < e->n && page * page_units(hp) < cursor.at; page++)
            h->cursor[e->first + page] = before;
        before = cursor;
        rc = note(hp, heaps, h, e, &c);
    }
    return rc;
}

/* --- bytes --- */

/* What of n bytes at 'at' of the subsegment stands in this page. */
static void put_at(struct ps_rcp_heap_page *hp, uint32_t page, uint64_t at, const uint8_t *bytes,
                   size_t n)
{
    uint64_t first = (uint64_t)page * PS_RECIPE_PAGE;

    for (size_t i = 0; i < n; i++)
        if (at + i >= first && at + i < first + PS_RECIPE_PAGE)
            hp->pg->b[at + i - first] = bytes[i];
}

/* What a chunk header says: sizes in units, x86 has 15 bits for each. */
static uint64_t plain_of(const struct ps_rcp_heap_page *hp, uint32_t units, uint32_t prev,
                         int in_use, uint32_t cost)
{
    if (hp->heaps->shape->is_x64)
        return cost | (uint64_t)units << 16 | (uint64_t)prev << 32 | (uint64_t)(in_use != 0) << 48;
    return (cost != 0) | (units & 0x7fffu) << 1 | (prev & 0x7fffu) << 16 |
           (uint32_t)(in_use != 0) << 31;
}

static void put_header(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page,
                       uint32_t at, uint64_t plain, int has_unused)
{
    uint32_t unit = ps_rcp_heap_unit(hp->heap);
    uint64_t va = ps_rcp_heap_va(hp->heap, e->first) + (uint64_t)at * unit;
    uint8_t raw[16] = {0};
    uint32_t n = ps_rcp_heap_put_word(hp->heaps, raw, plain ^ va ^ hp->heaps->heap_key);

    ps_rcp_put32(raw + n, (uint8_t)(at / page_units(hp) ^ va ^ hp->heaps->heap_key) |
                              (has_unused ? 0x100u : 0u));
    if (unit == 16 && ps_rcp_chance(&hp->pg->rng, 30))
        ps_rcp_put32(raw + 12, (uint32_t)ps_rcp_next(&hp->pg->rng));
    put_at(hp, page, (uint64_t)at * unit, raw, unit);
}

static void put_block(struct ps_rcp_heap_page *hp, const struct placed *p, uint32_t page)
{
    uint32_t first = page * page_units(hp), unit = ps_rcp_heap_unit(hp->heap);

    if (p->header >= first && p->header < first + page_units(hp))
        ps_rcp_heap_put(hp, (p->header - first) * unit, p->block.units * unit, &p->block,
                        PS_PLANTED_BY_VS);
}

/* The tree of free chunks: left, right, parent. They overwrite the header of the block that was. */
static void put_node(struct ps_rcp_heap_page *hp, const struct chunk *c, uint32_t page)
{
    uint32_t unit = ps_rcp_heap_unit(hp->heap), n = 0;
    uint8_t raw[24];

    for (int i = 0; i < 3; i++) {
        int is_none = i < 2 && ps_rcp_chance(&hp->pg->rng, 45);
        uint64_t node = ps_rcp_heap_somewhere(hp) + unit / 2 + (i == 2);

        n += ps_rcp_heap_put_word(hp->heaps, raw + n, is_none ? 0 : node);
    }
    put_at(hp, page, (uint64_t)c->at * unit + unit / 2, raw, n);
}

static void put_chunk(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page,
                      const struct chunk *c)
{
    uint32_t first, last, prev;

    for (size_t i = 0; i < c->n_placed; i++)
        put_block(hp, &c->placed[i], page);
    if (c->kind != CHUNK_FREE) {
        put_header(hp, e, page, c->at, plain_of(hp, c->units, c->prev, 1, 0), c->has_left_over);
        return;
    }
    prev = c->n_placed ? c->placed[0].chunk - c->at : 0;
    for (size_t i = 0; i < c->n_placed; i++) {
        const struct placed *p = &c->placed[i];

        put_header(hp, e, page, p->chunk, plain_of(hp, p->units, prev, 0, 0), 0);
        prev = p->units;
    }
    hollow_pages(hp, c, &first, &last);
    put_header(hp, e, page, c->at, plain_of(hp, c->units, c->prev, 0, last - first), 0);
    put_node(hp, c, page);
}

static void put_subsegment(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e)
{
    const struct ps_rcp_heap *h = hp->heap;
    uint32_t size = end_of(hp, e) - FIRST_CHUNK, sign = (size ^ CHECK) & 0x7fffu, n = 0;
    uint32_t has_ref = hp->heaps->has_slot_ref != 0;
    uint64_t committed = 0;
    uint8_t *b = hp->pg->b;

    for (uint32_t i = 0; i < e->n; i++)
        if (h->frame[e->first + i]) {
            committed |= 1ull << i % 64;
            n++;
        }
    if (n == e->n)
        sign |= FULL_COMMIT;
    memset(b, 0, (size_t)FIRST_CHUNK * ps_rcp_heap_unit(h));
    ps_rcp_put16(b + hp->heaps->shape->vs_size, size);
    if (has_ref)
        ps_rcp_put16(b + hp->heaps->shape->vs_size + 2, ps_rcp_below(&hp->pg->rng, 8));
    ps_rcp_put16(b + hp->heaps->shape->vs_size + (has_ref ? 4 : 2), sign);
    for (int i = 0; i < 2; i++)
        b += ps_rcp_heap_put_word(hp->heaps, b, ps_rcp_heap_somewhere(hp) & ~0xfffull);
    ps_rcp_put64(b, committed);
}

void ps_rcp_vs_fill(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page)
{
    struct ps_rcp_vs_cursor cursor = hp->heap->cursor[e->first + page];
    uint32_t end = (page + 1) * page_units(hp);
    struct chunk c;

    ps_rcp_fill_body(hp->pg, PS_RCP_BODY_OBJECT, 0, PS_RECIPE_PAGE);
    while (cursor.at < end && next_chunk(hp, e, &cursor, &c))
        put_chunk(hp, e, page, &c);
    if (page == 0) {
        hp->pg->rng = e->seed;
        put_subsegment(hp, e);
    }
}
