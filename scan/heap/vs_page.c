#include "scan/heap/vs_page.h"

#include "scan/physmem.h"

/* Bytes of a block that its chunk may have more than header and block take. */
#define MAX_SLACK_SLOTS 3u

#define WORDS           (PS_HEAP_MAX_SLOTS / 64)

static uint32_t n_slots(const struct ps_vs_view *v)
{
    return PS_FRAME_BYTES >> ps_vs_slot_shift(v->arch);
}

static void set_bit(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] |= UINT64_C(1) << slot % 64;
}

static int has_bit(const uint64_t *bits, uint32_t slot)
{
    return (int)(bits[slot / 64] >> slot % 64 & 1);
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

/* A chunk at 'va' that neither ends behind the subsegment nor begins before it. */
static int is_inside(const struct ps_vs_view *v, const struct ps_vs_chunk *c, uint64_t va)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch);

    return c->is_sound && c->size >= 2 && va >= v->first && va < v->end &&
           c->size <= (v->end - va) >> shift && c->prev <= (va - v->first) >> shift &&
           (c->prev != 0 || va == v->first);
}

struct ps_vs_chunk ps_vs_page_chunk(const struct ps_vs_view *v, uint32_t slot)
{
    const uint32_t off = slot << ps_vs_slot_shift(v->arch);

    return ps_vs_decode(v->arch, ps_vs_stored(v->arch, v->bytes + off), v->va + off, v->heap_key);
}

static uint64_t va_of(const struct ps_vs_view *v, uint32_t slot)
{
    return v->va + ((uint64_t)slot << ps_vs_slot_shift(v->arch));
}

/* One bit for each slot that may hold a chunk header. Of 256 slots of x64 hardly any does that is
 * none; on x86 it is sizes alone that tell, later. */
static void find_sound(const struct ps_vs_view *v, uint64_t sound[WORDS])
{
    const uint32_t n = n_slots(v);
    const uint64_t base = v->va ^ v->heap_key;

    for (uint32_t word = 0; word < WORDS; word++)
        sound[word] = 0;
    if (v->arch != PS_ARCH_X64) {
        for (uint32_t i = 0; i < n; i++) {
            const struct ps_vs_chunk c = ps_vs_page_chunk(v, i);

            if (is_inside(v, &c, va_of(v, i)))
                set_bit(sound, i);
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t stored;

        memcpy(&stored, v->bytes + ((size_t)i << 4), sizeof stored);
        sound[i / 64] |= (uint64_t)((stored ^ base) >> 49 == 0) << i % 64;
    }
    for (uint32_t i = next_bit(sound, 0, n); i < n; i = next_bit(sound, i + 1, n)) {
        const struct ps_vs_chunk c = ps_vs_page_chunk(v, i);

        if (!is_inside(v, &c, va_of(v, i)))
            sound[i / 64] &= ~(UINT64_C(1) << i % 64);
    }
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
static int next_agrees(const struct ps_vs_view *v, const uint64_t sound[WORDS], uint32_t slot,
                       const struct ps_vs_chunk *c)
{
    const uint32_t left = n_slots(v) - slot;

    if (c->size >= left)
        return -1;
    return has_bit(sound, slot + c->size) && ps_vs_page_chunk(v, slot + c->size).prev == c->size;
}

/* Slots of a chunk that begins at 'va', in front of the page, that lie in the page. */
static uint32_t slots_reaching_in(const struct ps_vs_view *v, uint64_t va, uint32_t size)
{
    const uint64_t before = (v->va - va) >> ps_vs_slot_shift(v->arch);
    const uint64_t in = size > before ? size - before : 0;

    return in < n_slots(v) ? (uint32_t)in : n_slots(v);
}

static void set_lead(struct ps_heap_page *page, uint32_t slots, enum ps_vs_lead state)
{
    page->lead_slots = (uint16_t)slots;
    page->lead_state = (uint8_t)state;
    page->lead_before = 0;
}

/* The chunk in front of the page's first one, as that one tells where it is. What is known of it
 * goes to the lead; a longer one than the first chunk believes covers that. Returns from which slot
 * on chunks are to be looked for: 'slot' if it stays the first one. */
static uint32_t look_back(const struct ps_vs_view *v, struct ps_heap_page *page, uint32_t slot)
{
    const struct ps_vs_chunk first = ps_vs_page_chunk(v, slot);
    const uint32_t shift = ps_vs_slot_shift(v->arch);
    struct ps_vs_chunk before;
    uint64_t va;
    uint32_t reach;

    set_lead(page, slot, PS_VS_LEAD_UNKNOWN);
    if (first.prev == 0) {
        set_lead(page, slot, PS_VS_LEAD_NONE);
        return slot;
    }
    if (first.prev <= slot)
        return slot;
    va = va_of(v, slot) - ((uint64_t)first.prev << shift);
    if (!read_chunk(v, va, &before))
        return slot;
    reach = slots_reaching_in(v, va, before.size);
    if (reach < slot)
        return slot;
    set_lead(page, reach, before.in_use ? PS_VS_LEAD_LIVE : PS_VS_LEAD_FREE);
    page->lead_before = first.prev - slot;
    return reach;
}

/* Does the chunk in front of the page lead to this slot? */
static int is_led_to(const struct ps_vs_view *v, uint32_t slot)
{
    const struct ps_vs_chunk c = ps_vs_page_chunk(v, slot);
    const uint64_t va = va_of(v, slot);
    struct ps_vs_chunk before;

    return va == v->first ||
           (c.prev > slot &&
            read_chunk(v, va - ((uint64_t)c.prev << ps_vs_slot_shift(v->arch)), &before) &&
            before.size == c.prev);
}

/* From 'slot' on: the first chunk that its neighbours know. n if there is none. */
static uint32_t first_chunk(const struct ps_vs_view *v, const uint64_t sound[WORDS], uint32_t slot)
{
    const uint32_t n = n_slots(v);

    for (slot = next_bit(sound, slot, n); slot < n; slot = next_bit(sound, slot + 1, n)) {
        const struct ps_vs_chunk c = ps_vs_page_chunk(v, slot);
        const int next = next_agrees(v, sound, slot, &c);

        if (next > 0 || va_of(v, slot) == v->first || (next < 0 && is_led_to(v, slot)))
            return slot;
    }
    return n;
}

/* Follow the sizes from a chunk on. Where they lead to nothing, look for the next beginning. */
static void follow(const struct ps_vs_view *v, const uint64_t sound[WORDS], uint32_t slot,
                   struct ps_heap_page *page)
{
    const uint32_t n = n_slots(v);

    while (slot < n) {
        const struct ps_vs_chunk c = ps_vs_page_chunk(v, slot);
        const uint32_t left = n - slot;

        set_bit(page->begins, slot);
        if (c.size >= left)
            return;
        if (next_agrees(v, sound, slot, &c) > 0)
            slot += c.size;
        else
            slot = first_chunk(v, sound, slot + 1);
    }
}

void ps_vs_page_decode(const struct ps_vs_view *v, struct ps_heap_page *page)
{
    const uint32_t n = n_slots(v);
    uint64_t sound[WORDS];
    uint32_t slot;

    for (uint32_t i = 0; i < WORDS; i++)
        page->begins[i] = 0;
    set_lead(page, n, PS_VS_LEAD_UNKNOWN);
    find_sound(v, sound);
    slot = first_chunk(v, sound, 0);
    if (slot < n) {
        const uint32_t reach = look_back(v, page, slot);

        if (reach != slot)
            slot = first_chunk(v, sound, reach);
        follow(v, sound, slot, page);
    }
    for (uint32_t i = 0; i < WORDS; i++)
        page->stale[i] = sound[i] & ~page->begins[i];
    page->is_decoded = 1;
}

/* Is a block of so many slots, header included, what fills a chunk that has 'room' for it? */
static int fills(uint32_t room, uint32_t block)
{
    return block <= room && room - block <= MAX_SLACK_SLOTS;
}

/* What a former chunk header right in front of 'slot' says, where no chunk covers it. */
static enum ps_heap_block uncovered(const struct ps_vs_view *v, const struct ps_heap_page *page,
                                    uint32_t slot)
{
    if (slot == 0 || !has_bit(page->stale, slot - 1) || ps_vs_page_chunk(v, slot - 1).in_use)
        return PS_HEAP_BLOCK_UNDECIDED;
    return PS_HEAP_BLOCK_FREED;
}

static enum ps_heap_block in_chunk(const struct ps_vs_view *v, const struct ps_heap_page *page,
                                   uint32_t chunk, uint32_t slot, uint32_t block)
{
    const struct ps_vs_chunk c = ps_vs_page_chunk(v, chunk);

    if (slot - chunk >= c.size)
        return uncovered(v, page, slot);
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

static enum ps_heap_block in_lead(const struct ps_vs_view *v, const struct ps_heap_page *page,
                                  uint32_t slot, uint32_t block)
{
    switch ((enum ps_vs_lead)page->lead_state) {
    case PS_VS_LEAD_FREE:
        return PS_HEAP_BLOCK_FREED;
    case PS_VS_LEAD_LIVE:
        return slot == 0 ? moved(n_slots(v), page->lead_before, page->lead_slots, block)
                         : PS_HEAP_BLOCK_NONE;
    case PS_VS_LEAD_NONE:
        return PS_HEAP_BLOCK_NONE;
    case PS_VS_LEAD_UNKNOWN:
        break;
    }
    return uncovered(v, page, slot);
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

enum ps_heap_block ps_vs_page_block(const struct ps_vs_view *v, const struct ps_heap_page *page,
                                    uint32_t at, uint32_t n_bytes)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch), n = n_slots(v);
    const uint32_t slot = at >> shift, block = n_bytes >> shift;
    uint32_t chunk;

    if (slot >= n || at % (1u << shift) != 0 || block > n - slot)
        return PS_HEAP_BLOCK_NONE;
    if (last_bit(page->begins, slot, &chunk))
        return in_chunk(v, page, chunk, slot, block);
    if (slot == 0 && page->lead_slots == n && page->lead_state == PS_VS_LEAD_UNKNOWN)
        return fills_page(v, block);
    return slot < page->lead_slots ? in_lead(v, page, slot, block) : uncovered(v, page, slot);
}

size_t ps_vs_page_spans(const struct ps_vs_view *v, const struct ps_heap_page *page,
                        struct ps_heap_span *out, size_t cap)
{
    const uint32_t shift = ps_vs_slot_shift(v->arch), n = n_slots(v);
    size_t n_spans = 0;

    for (uint32_t i = next_bit(page->begins, 0, n); i < n; i = next_bit(page->begins, i + 1, n)) {
        const struct ps_vs_chunk c = ps_vs_page_chunk(v, i);

        if (n_spans < cap)
            out[n_spans] =
                (struct ps_heap_span){.at = (i + 1) << shift,
                                      .n_bytes = (c.size - 1) << shift,
                                      .state = c.in_use ? PS_HEAP_BLOCK_LIVE : PS_HEAP_BLOCK_FREED};
        n_spans++;
    }
    return n_spans;
}
