#include "host/recipe/heap/heap.h"

#define TAG_PROC 0x636f7250u
/* An EPROCESS stands behind its POOL_HEADER, the optional headers and the _OBJECT_HEADER. */
#define PROCESS_AT    0x80u
#define OBJECT_AT     0x50u
#define PROCESS_BYTES 0x400u /* a block at least that large */
#define TYPE_IN_USE   0x02u
#define TYPE_ALIGNED  0x04u
#define TYPE_QUOTA    0x08u
#define CACHE_LINE    64u
/* Blocks of these sizes go to the dynamic look-aside lists. */
#define LOOKASIDE_MIN  0x201u
#define LOOKASIDE_MAX  0xf80u
#define RELEASED_QUOTA 6u /* percent: what was charged to a process is not any more */

static uint32_t to_units(const struct ps_rcp_heap *h, uint32_t n_bytes)
{
    uint32_t unit = ps_rcp_heap_unit(h), max = ps_rcp_max_units(&h->stmt.era);
    uint32_t n = (n_bytes + unit - 1) / unit;

    if (n < 2)
        return 2;
    return n > max ? max : n;
}

/* A type of a list that is not of this pool is passed over; its other bits stay. */
static uint32_t draw_type(struct ps_rcp_heap_page *hp, const struct ps_rcp_entry *e)
{
    uint64_t *rng = &hp->pg->rng;
    uint32_t paged = ps_rcp_heap_is_paged(hp->heap) ? 1 : 0;
    uint32_t type = TYPE_IN_USE | paged;

    if (e->type != PS_RCP_NO_TYPE)
        type = (e->type & ~(1u | TYPE_ALIGNED)) | TYPE_IN_USE | paged;
    if (ps_rcp_chance(rng, (uint32_t)hp->heap->quota))
        type |= TYPE_QUOTA;
    return type;
}

static uint8_t draw_fate(struct ps_rcp_heap_page *hp, const struct ps_rcp_heap_block *b)
{
    const struct ps_rcp_heap *h = hp->heap;
    uint32_t x = ps_rcp_below(&hp->pg->rng, 100);
    uint32_t n_bytes = b->units * ps_rcp_heap_unit(h);

    if (x < h->never)
        return PS_RCP_BLOCK_NEVER;
    if (x < h->never + h->freed)
        return PS_RCP_BLOCK_FREED;
    if (x < h->never + h->freed + h->lookaside && n_bytes >= LOOKASIDE_MIN &&
        n_bytes <= LOOKASIDE_MAX)
        return PS_RCP_BLOCK_LOOKASIDE;
    return PS_RCP_BLOCK_LIVE;
}

struct ps_rcp_heap_block ps_rcp_heap_draw(struct ps_rcp_heap_page *hp, const struct ps_rcp_entry *e,
                                          uint32_t units)
{
    uint64_t *rng = &hp->pg->rng;
    uint32_t lo = to_units(hp->heap, e->min_bytes), hi = to_units(hp->heap, e->max_bytes);
    struct ps_rcp_heap_block b = {.tag = e->tag & 0x7fffffffu, .units = units};

    if (units == 0)
        b.units = lo + ps_rcp_below(rng, hi - lo + 1);
    b.type = draw_type(hp, e);
    b.is_aligned = (uint8_t)ps_rcp_chance(rng, (uint32_t)hp->heap->aligned);
    if (b.is_aligned)
        b.type &= ~TYPE_QUOTA;
    b.fate = draw_fate(hp, &b);
    if (b.fate == PS_RCP_BLOCK_LOOKASIDE)
        b.is_aligned = 0;
    return b;
}

uint64_t ps_rcp_heap_process(const struct ps_rcp_heap *h, const struct ps_rcp_heap_block *b,
                             uint64_t header_va)
{
    if (!h->stmt.era.is_x64 || b->tag != TAG_PROC || ps_rcp_heap_is_paged(h) || b->is_aligned ||
        b->units * 16 < PROCESS_BYTES)
        return 0;
    return header_va + PROCESS_AT;
}

/* What an object of the object manager begins with, and a DISPATCHER_HEADER of a process. */
static void put_process(struct ps_rcp_page *pg, uint32_t offset)
{
    uint8_t *b = pg->b + offset;

    ps_rcp_put64(b + OBJECT_AT, 0x8000ull + ps_rcp_below(&pg->rng, 0x8000));
    ps_rcp_put64(b + OBJECT_AT + 8, 1 + ps_rcp_below(&pg->rng, 12));
    ps_rcp_put64(b + OBJECT_AT + 16, 0);
    ps_rcp_put64(b + OBJECT_AT + 24, 0x88000000ull | ps_rcp_below(&pg->rng, 256));
    ps_rcp_put64(b + PROCESS_AT, 0x00b60003);
    for (uint32_t at = PROCESS_AT + 8; at < PROCESS_AT + 24; at += 8)
        ps_rcp_put64(b + at, ps_rcp_kernel_pointer(pg));
}

/* ProcessBilled. Windows writes it for quota blocks only: otherwise it is what stood there. */
static uint64_t billed(struct ps_rcp_heap_page *hp, const struct ps_rcp_heap_block *b,
                       uint64_t header_va, uint64_t *process)
{
    const struct ps_rcp_heaps *heaps = hp->heaps;
    uint64_t *rng = &hp->pg->rng;
    uint32_t draw = ps_rcp_below(rng, 100);

    *process = 0;
    /* Where x86 keeps it is not known: nothing is written there. */
    if (b->type & TYPE_QUOTA && heaps->shape->is_x64) {
        if (heaps->n_processes > 0 && draw >= RELEASED_QUOTA)
            *process = heaps->process[ps_rcp_below(rng, (uint32_t)heaps->n_processes)];
        return *process ^ heaps->cookie ^ header_va;
    }
    if (draw < 40)
        return 0;
    return draw < 75 ? ps_rcp_kernel_pointer(hp->pg) : ps_rcp_next(rng);
}

uint64_t ps_rcp_heap_somewhere(struct ps_rcp_heap_page *hp)
{
    uint32_t n = hp->heap->n_segments ? hp->heap->n_segments : 1;
    uint64_t segment = ps_rcp_below(&hp->pg->rng, n);

    return hp->heap->va + segment * PS_RCP_SEG_BYTES + 0x2000ull +
           16ull * ps_rcp_below(&hp->pg->rng, 0xfe00);
}

static void plant(struct ps_rcp_heap_page *hp, uint32_t offset, const struct ps_rcp_header *h,
                  uint64_t process)
{
    struct ps_planted_page *planted = hp->pg->planted;

    ps_rcp_plant(hp->pg, offset, h, hp->heap->stmt.line);
    for (size_t i = 0; planted && process && i < planted->n; i++)
        if (planted->header[i].offset == offset)
            planted->header[i].process = process;
}

/* The header that a cache-aligned block has right in front of its data. */
static void put_second(struct ps_rcp_heap_page *hp, uint32_t offset, struct ps_rcp_header h)
{
    uint32_t unit = ps_rcp_heap_unit(hp->heap);
    uint32_t away = (CACHE_LINE - (offset + unit) % CACHE_LINE) % CACHE_LINE / unit;

    if (away == 0 || away + 2 > h.units)
        return;
    h.prev = away;
    h.units -= away;
    h.type |= TYPE_ALIGNED;
    h.billed = 0;
    plant(hp, offset + away * unit, &h, 0);
    /* The first header is followed by the address of the second, hidden by the cookie. */
    if (away > 1 && hp->heaps->shape->is_x64)
        ps_rcp_put64(hp->pg->b + offset + 16, (hp->va + offset + away * 16) ^ hp->heaps->cookie);
}

void ps_rcp_heap_put(struct ps_rcp_heap_page *hp, uint32_t offset, uint32_t room,
                     const struct ps_rcp_heap_block *b, uint8_t allocator)
{
    struct ps_rcp_page *pg = hp->pg;
    uint64_t process, va = hp->va + offset;
    uint32_t unit = ps_rcp_heap_unit(hp->heap), n;
    struct ps_rcp_header h = {.tag = b->tag, .units = b->units, .type = b->type};
    uint8_t link[8];

    if (b->fate == PS_RCP_BLOCK_NEVER || b->fate == PS_RCP_BLOCK_WITHHELD)
        return;
    ps_rcp_fill_body(pg, PS_RCP_BODY_OBJECT, offset + unit, room - unit);
    if (ps_rcp_heap_process(hp->heap, b, va))
        put_process(pg, offset);
    h.index = ps_rcp_chance(&pg->rng, 60) ? 0 : ps_rcp_below(&pg->rng, unit * 16);
    h.billed = billed(hp, b, va, &process);
    h.allocator = allocator;
    h.state =
        b->fate == PS_RCP_BLOCK_FREED || hp->is_gone ? PS_PLANTED_STALE : PS_PLANTED_ALLOCATED;
    plant(hp, offset, &h, process);
    if (b->is_aligned)
        put_second(hp, offset, h);
    if (b->fate != PS_RCP_BLOCK_LOOKASIDE)
        return;
    n = ps_rcp_heap_put_word(hp->heaps, link,
                             ps_rcp_chance(&pg->rng, 15) ? 0 : ps_rcp_heap_somewhere(hp));
    memcpy(pg->b + offset, link, n);
    ps_rcp_uproot(pg->planted, offset, unit);
}

/* What drivers keep in large allocations: arrays, pointers, and copies of pool pages. */
void ps_rcp_large_fill(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page)
{
    struct ps_rcp_page *pg = hp->pg;
    const struct ps_rcp_list *list = &pg->recipe->list[hp->heap->list];
    uint32_t stride, draw = ps_rcp_below(&pg->rng, 100), unit = ps_rcp_heap_unit(hp->heap);
    uint64_t rng = e->seed + page / 4;

    if (draw < 20) {
        memset(pg->b, 0, PS_RECIPE_PAGE);
        return;
    }
    ps_rcp_fill_body(pg, draw < 60 ? PS_RCP_BODY_OBJECT : PS_RCP_BODY_RANDOM, 0, PS_RECIPE_PAGE);
    if (draw >= 40)
        return;
    stride = 32 * (1 + ps_rcp_below(&rng, 24));
    for (uint32_t at = unit * ps_rcp_below(&rng, 8); at + stride <= PS_RECIPE_PAGE; at += stride) {
        struct ps_rcp_heap_block b = ps_rcp_heap_draw(
            hp, ps_rcp_draw(pg, list, ps_rcp_heap_is_paged(hp->heap)), stride / unit);
        struct ps_rcp_header h = {.tag = b.tag, .units = b.units, .type = b.type};

        h.state = PS_PLANTED_DECOY;
        ps_rcp_plant(pg, at, &h, hp->heap->stmt.line);
    }
}
