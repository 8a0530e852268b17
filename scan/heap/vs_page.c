#include "scan/heap/vs_page.h"

#include "scan/physmem.h"

/* Bytes of a block that its chunk may have more than header and block take. */
#define MAX_SLACK_SLOTS 4u
/* Chunks in other pages that are asked about while one is decoded; forged headers would ask for
 * each slot. */
#define MAX_ASKED 32u

static uint32_t n_slots(const struct ps_vs_view *v)
{
    return PS_FRAME_BYTES >> ps_vs_slot_shift(v->arch);
}

static void set_bit(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] |= UINT64_C(1) << slot % 64;
}

/* The first set bit from 'slot' on; n if there is none. */
static uint32_t next_bit(const uint64_t *bits, uint32_t slot, uint32_t n)
{
    while (slot < n) {
        const uint64_t left = bits[slot / 64] >> slot % 64;

        if (left != 0) {
            slot += (uint32_t)__builtin_ctzll(left);
            return slot < n ? slot : n;
        }
        slot = (slot / 64 + 1) * 64;
    }
    return n;
}

/* The last set bit up to and with 'slot'; 1, or 0. */
static int last_bit(const uint64_t *bits, uint32_t slot, uint32_t *out)
{
    uint64_t left = bits[slot / 64] & UINT64_MAX >> (63 - slot % 64);

    for (uint32_t word = slot / 64;; left = bits[--word]) {
        if (left != 0) {
            *out = word * 64 + 63 - (uint32_t)__builtin_clzll(left);
            return 1;
        }
        if (word == 0)
            return 0;
    }
}

static uint64_t va_of(const struct ps_vs_view *v, uint32_t slot)
{
    return v->va + ((uint64_t)slot << ps_vs_slot_shift(v->arch));
}

/* A chunk at 'va' that neither ends behind the subsegment nor has one in front that begins before
 * it. What the first one says of that is not looked at. */
static int is_inside(const struct ps_vs_view *v, const struct ps_vs_chunk *c, uint64_t va)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch);

    return c->is_sound && c->size >= 2 && va >= v->first && va < v->end &&
           c->size <= (v->end - va) >> shift &&
           (va == v->first || (c->prev != 0 && c->prev <= (va - v->first) >> shift));
}

static uint64_t stored_at(const struct ps_vs_view *v, uint32_t slot)
{
    return ps_vs_stored(v->arch, v->bytes + ((size_t)slot << ps_vs_slot_shift(v->arch)));
}

static struct ps_vs_chunk chunk_at(const struct ps_vs_view *v, uint32_t slot)
{
    return ps_vs_decode(v->arch, stored_at(v, slot), va_of(v, slot), v->heap_key);
}

/* May there be a chunk header at this slot? Of 256 slots of x64 hardly any looks like one that is
 * none; on x86 only the neighbours tell. */
static int is_sound(const struct ps_vs_view *v, uint32_t slot, struct ps_vs_chunk *out)
{
    *out = chunk_at(v, slot);
    return is_inside(v, out, va_of(v, slot));
}

/* The chunk at 'va' in another page; 1, or 0: not there, or no chunk header. */
static int read_chunk(const struct ps_vs_view *v, uint64_t va, struct ps_vs_chunk *out)
{
    uint64_t stored;

    if (!v->stored || !v->stored(v->arg, va, &stored))
        return 0;
    *out = ps_vs_decode(v->arch, stored, va, v->heap_key);
    return is_inside(v, out, va);
}

/* Does the header behind this chunk know its size? -1: that is in another page. */
static int next_agrees(const struct ps_vs_view *v, uint32_t slot, const struct ps_vs_chunk *c)
{
    struct ps_vs_chunk next;

    if (c->size >= n_slots(v) - slot)
        return -1;
    return is_sound(v, slot + c->size, &next) && next.prev == c->size;
}

/* The chunk in front of the page's one at 'slot', which begins on a page before: 1 and *out, whose
 * size is what the one at 'slot' believes, or 0. */
static int read_before(const struct ps_vs_view *v, uint32_t slot, struct ps_vs_chunk *out)
{
    const struct ps_vs_chunk c = chunk_at(v, slot);
    const uint64_t va = va_of(v, slot) - ((uint64_t)c.prev << ps_vs_slot_shift(v->arch));

    return va_of(v, slot) != v->first && c.prev > slot &&
           ((v->tail && v->tail(v->arg, va, out)) || read_chunk(v, va, out)) && out->size == c.prev;
}

/* read_before, as often as *n_left allows. */
static int ask_before(const struct ps_vs_view *v, uint32_t slot, uint32_t *n_left)
{
    struct ps_vs_chunk before;

    if (*n_left == 0)
        return 0;
    --*n_left;
    return read_before(v, slot, &before);
}

/* The subsegment's first chunk, whose end is in another page. On x86, where any bits look like a
 * chunk, what stands at its end must know it, if that is in memory. */
static int first_holds(const struct ps_vs_view *v, uint32_t slot, const struct ps_vs_chunk *c)
{
    const uint64_t end = va_of(v, slot) + ((uint64_t)c->size << ps_vs_slot_shift(v->arch));
    struct ps_vs_chunk next;
    uint64_t stored;

    if (v->arch != PS_ARCH_X86 || end >= v->end || !v->stored || !v->stored(v->arg, end, &stored))
        return 1;
    next = ps_vs_decode(v->arch, stored, end, v->heap_key);
    return is_inside(v, &next, end) && next.prev == c->size;
}

/* From 'slot' on: the first chunk that its neighbours know. n if there is none. */
static uint32_t first_chunk(const struct ps_vs_view *v, uint32_t slot, uint32_t *n_left)
{
    const uint32_t n = n_slots(v);
    struct ps_vs_chunk c;

    for (; slot < n; slot++) {
        int next;

        if (!is_sound(v, slot, &c))
            continue;
        next = next_agrees(v, slot, &c);
        if (va_of(v, slot) == v->first ? next >= 0 || first_holds(v, slot, &c)
                                       : next > 0 || (next < 0 && ask_before(v, slot, n_left)))
            return slot;
    }
    return n;
}

static void forget(struct ps_heap_page *page)
{
    for (uint32_t i = 0; i < PS_HEAP_MAX_SLOTS / 64; i++)
        page->begins[i] = 0;
}

/* Where sizes lead to nothing, the next beginning. If its chunk in front begins before the page,
 * what was found so far lies inside that one. */
static uint32_t begin_again(const struct ps_vs_view *v, uint32_t slot, uint32_t *n_left,
                            struct ps_heap_page *page)
{
    slot = first_chunk(v, slot, n_left);
    if (slot < n_slots(v) && ask_before(v, slot, n_left))
        forget(page);
    return slot;
}

void ps_vs_page_decode(const struct ps_vs_view *v, struct ps_heap_page *page)
{
    const uint32_t n = n_slots(v);
    uint32_t n_left = MAX_ASKED;
    uint32_t slot = first_chunk(v, 0, &n_left);

    forget(page);
    page->lead_state = PS_VS_LEAD_NOT_ASKED;
    page->lead_slots = 0;
    page->is_decoded = 1;
    while (slot < n) {
        const struct ps_vs_chunk c = chunk_at(v, slot);

        set_bit(page->begins, slot);
        if (c.size >= n - slot)
            return;
        slot = next_agrees(v, slot, &c) ? slot + c.size : begin_again(v, slot + 1, &n_left, page);
    }
}

static void set_lead(struct ps_heap_page *page, enum ps_vs_lead state, uint32_t slots_before)
{
    page->lead_state = (uint8_t)state;
    page->lead_before = slots_before;
}

/* What is known of the chunk in front of the page's first one, which is at 'slot'. */
static void look_back(const struct ps_vs_view *v, uint32_t slot, struct ps_heap_page *page)
{
    const struct ps_vs_chunk first = chunk_at(v, slot);
    struct ps_vs_chunk before;

    page->lead_slots = (uint16_t)slot;
    if (va_of(v, slot) == v->first)
        set_lead(page, PS_VS_LEAD_NONE, 0);
    else if (read_before(v, slot, &before))
        set_lead(page, before.in_use ? PS_VS_LEAD_LIVE : PS_VS_LEAD_FREE, first.prev - slot);
    else
        set_lead(page, PS_VS_LEAD_UNKNOWN, 0);
}

/* Is a block of so many slots, header included, what fills a chunk that has 'room' for it? */
static int fills(uint32_t room, uint32_t block)
{
    return block <= room && room - block <= MAX_SLACK_SLOTS;
}

/* What a former chunk header right in front of 'slot' says, where no chunk covers it. */
static enum ps_heap_block uncovered(const struct ps_vs_view *v, uint32_t slot)
{
    struct ps_vs_chunk c;

    return slot > 0 && is_sound(v, slot - 1, &c) && !c.in_use ? PS_HEAP_BLOCK_FREED
                                                              : PS_HEAP_BLOCK_UNDECIDED;
}

static enum ps_heap_block in_chunk(const struct ps_vs_view *v, uint32_t chunk, uint32_t slot,
                                   uint32_t block)
{
    const struct ps_vs_chunk c = chunk_at(v, chunk);

    if (slot - chunk >= c.size)
        return uncovered(v, slot);
    if (!c.in_use)
        return PS_HEAP_BLOCK_FREED;
    if (slot != chunk + 1)
        return PS_HEAP_BLOCK_NONE;
    return fills(c.size - 1, block) ? PS_HEAP_BLOCK_LIVE : PS_HEAP_BLOCK_UNDECIDED;
}

/* A header that begins the page is that of the chunk in front of it, if that begins on the page
 * before: what is larger has none. */
static enum ps_heap_block moved(uint32_t n, uint32_t slots_before, uint32_t room, uint32_t block)
{
    if (slots_before > n)
        return PS_HEAP_BLOCK_NONE;
    return fills(room, block) ? PS_HEAP_BLOCK_LIVE : PS_HEAP_BLOCK_UNDECIDED;
}

static enum ps_heap_block in_lead(const struct ps_vs_view *v, struct ps_heap_page *page,
                                  uint32_t slot, uint32_t block)
{
    const uint32_t first = next_bit(page->begins, 0, n_slots(v));

    if (page->lead_state == PS_VS_LEAD_NOT_ASKED)
        look_back(v, first, page);
    switch ((enum ps_vs_lead)page->lead_state) {
    case PS_VS_LEAD_FREE:
        return PS_HEAP_BLOCK_FREED;
    case PS_VS_LEAD_LIVE:
        return slot == 0 ? moved(n_slots(v), page->lead_before, first, block) : PS_HEAP_BLOCK_NONE;
    case PS_VS_LEAD_NONE:
        return PS_HEAP_BLOCK_NONE;
    case PS_VS_LEAD_NOT_ASKED:
    case PS_VS_LEAD_UNKNOWN:
        break;
    }
    return uncovered(v, slot);
}

/* A moved block that fills the page: the next chunk header, on the page behind, leads back. */
static enum ps_heap_block fills_page(const struct ps_vs_view *v, uint32_t block)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch), n = n_slots(v);

    for (uint32_t end = block < n ? n : block; end <= block + MAX_SLACK_SLOTS; end++) {
        const uint64_t va = va_of(v, end);
        struct ps_vs_chunk next, own;

        if (!read_chunk(v, va, &next) || next.prev <= end ||
            !read_chunk(v, va - ((uint64_t)next.prev << shift), &own) || own.size != next.prev)
            continue;
        return own.in_use ? moved(n, next.prev - end, end, block) : PS_HEAP_BLOCK_FREED;
    }
    return PS_HEAP_BLOCK_UNDECIDED;
}

enum ps_heap_block ps_vs_page_block(const struct ps_vs_view *v, struct ps_heap_page *page,
                                    uint32_t at, uint32_t n_bytes)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch), n = n_slots(v);
    const uint32_t slot = at >> shift, block = n_bytes >> shift;
    uint32_t chunk;

    if (slot >= n || at % (1u << shift) != 0 || block > n - slot)
        return PS_HEAP_BLOCK_NONE;
    if (last_bit(page->begins, slot, &chunk))
        return in_chunk(v, chunk, slot, block);
    if (next_bit(page->begins, 0, n) < n)
        return in_lead(v, page, slot, block);
    return slot == 0 ? fills_page(v, block) : uncovered(v, slot);
}

size_t ps_vs_page_spans(const struct ps_vs_view *v, struct ps_heap_page *page,
                        struct ps_heap_span *out, size_t cap)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch), n = n_slots(v);
    const uint32_t first = next_bit(page->begins, 0, n);
    size_t n_spans = 0;

    if (first < n && page->lead_state == PS_VS_LEAD_NOT_ASKED)
        look_back(v, first, page);
    for (uint32_t i = first; i < n; i = next_bit(page->begins, i + 1, n)) {
        const struct ps_vs_chunk c = chunk_at(v, i);

        if (n_spans < cap)
            out[n_spans] =
                (struct ps_heap_span){.at = (i + 1) << shift,
                                      .n_bytes = (c.size - 1) << shift,
                                      .state = c.in_use ? PS_HEAP_BLOCK_LIVE : PS_HEAP_BLOCK_FREED};
        n_spans++;
    }
    return n_spans;
}

#define TAIL_KNOWN     0x80000000u
#define TAIL_IN_USE    0x40000000u
#define TAIL_SLOT_BITS 16u

uint32_t ps_vs_page_tail(const struct ps_vs_view *v, const struct ps_heap_page *page)
{
    const uint32_t n = n_slots(v);
    struct ps_vs_chunk c;
    uint32_t slot;

    if (!last_bit(page->begins, n - 1, &slot))
        return 0;
    c = chunk_at(v, slot);
    if (c.size <= n - slot)
        return 0;
    return TAIL_KNOWN | (c.in_use ? TAIL_IN_USE : 0) | slot << TAIL_SLOT_BITS | c.size;
}

struct ps_vs_chunk ps_vs_tail_chunk(enum ps_arch arch, uint64_t page_va, uint32_t tail,
                                    uint64_t *va)
{
    const uint32_t slot = tail >> TAIL_SLOT_BITS & (PS_HEAP_MAX_SLOTS - 1);

    *va = page_va + ((uint64_t)slot << ps_vs_slot_shift(arch));
    return (struct ps_vs_chunk){
        .size = tail & 0xffff, .in_use = (tail & TAIL_IN_USE) != 0, .is_sound = 1};
}
