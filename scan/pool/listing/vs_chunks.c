#include "scan/pool/listing/vs_chunks.h"

#include "scan/pool/segment/vs_word.h"

/* A chunk; sizes in slots, the chunk header included. */
struct chunk {
    uint32_t slot;
    uint32_t size;
    uint32_t prev; /* size of the chunk in front of it, 0 for the first one */
    int in_use;
};

/* MemoryCost is nil in both and the bits above Allocated are not used. */
static int is_pair(uint64_t x)
{
    return (x & 0xffffu) == 0 && x >> 49 == 0;
}

/* The chunk around a block in use: the next one begins right behind the block or a slot later. */
static int chunk_of_block(const struct ps_page_view *view, uint32_t slot, struct chunk *out)
{
    const uint32_t end = slot + ps_view_block(view, ps_view_word0(view, slot));

    if (slot == 0)
        return 0;
    for (uint32_t next = end; next <= end + 1 && next < view->n_slots; next++) {
        const uint64_t x = ps_vs_xor(view, slot - 1, next);
        const uint32_t size = next - (slot - 1);

        if (!is_pair(x) || ((uint32_t)(x >> 16) & 0xffffu) == size)
            continue;
        *out = (struct chunk){.slot = slot - 1,
                              .size = size,
                              .prev = ((uint32_t)(x >> 32) & 0xffffu) ^ size,
                              .in_use = 1};
        return 1;
    }
    return 0;
}

/* What the header at 'slot' says, if that of 'known' is what it is taken for. */
static int decode(const struct ps_page_view *view, const struct chunk *known, uint32_t slot,
                  struct chunk *out)
{
    const uint64_t x = ps_vs_xor(view, known->slot, slot);

    *out = (struct chunk){.slot = slot,
                          .size = ((uint32_t)(x >> 16) & 0xffffu) ^ known->size,
                          .prev = ((uint32_t)(x >> 32) & 0xffffu) ^ known->prev,
                          .in_use = known->in_use ^ (int)(x >> 48 & 1u)};
    return is_pair(x) && out->size != 0;
}

/* 1: marked, now or before; 0: something else stands there. */
static int claim(const struct ps_page_view *view, const struct chunk *c, uint16_t *taken)
{
    const uint16_t mark = (uint16_t)((c->in_use ? PS_VS_HEADER : PS_VS_FREE) | c->slot);
    const uint32_t left = view->n_slots - c->slot;
    const uint32_t n = c->in_use ? 1 : c->size < left ? c->size : left;

    for (uint32_t i = c->slot; i < c->slot + n; i++)
        if (taken[i] != 0 && taken[i] != mark)
            return 0;
    for (uint32_t i = c->slot; i < c->slot + n; i++)
        taken[i] = mark;
    return 1;
}

void ps_vs_chunks_mark(const struct ps_page_view *view, uint32_t slot, uint16_t *taken)
{
    struct chunk own, at, next;

    if (view->era->arch != PS_ARCH_X64 || !chunk_of_block(view, slot, &own) ||
        !claim(view, &own, taken))
        return;
    at = own;
    while (at.size < view->n_slots - at.slot && decode(view, &own, at.slot + at.size, &next) &&
           next.prev == at.size && claim(view, &next, taken))
        at = next;
    at = own;
    while (at.prev != 0 && at.prev <= at.slot && decode(view, &own, at.slot - at.prev, &next) &&
           next.size == at.prev && claim(view, &next, taken))
        at = next;
}
