#include "scan/pool/listing/vs_chunks.h"

#include "scan/pool/segment/vs_word.h"

struct chunk {
    uint32_t slot;
    struct ps_vs_fields is;
};

/* What the header at 'slot' says, if that of 'known' is what it is taken for: of chunks that have
 * all their memory. */
static int decode(const struct ps_page_view *view, const struct chunk *known, uint32_t slot,
                  struct chunk *out)
{
    const struct ps_vs_format *f = ps_vs_format(view);
    const uint64_t plain = ps_vs_xor(view, known->slot, slot) ^ ps_vs_encode(f, &known->is);

    out->slot = slot;
    return ps_vs_read(f, plain, &out->is) && out->is.cost == 0;
}

/* The chunk around a block in use: the next one begins right behind the block or a slot later, and
 * knows its size. */
static int chunk_of_block(const struct ps_page_view *view, uint32_t slot, struct chunk *out)
{
    const uint32_t end = slot + ps_view_block(view, ps_view_word0(view, slot));

    if (slot == 0)
        return 0;
    for (uint32_t next = end; next <= end + 1 && next < view->n_slots; next++) {
        struct chunk behind;

        *out = (struct chunk){.slot = slot - 1, .is = {.size = next - (slot - 1), .in_use = 1}};
        if (!decode(view, out, next, &behind))
            continue;
        out->is.prev = behind.is.prev ^ out->is.size;
        return 1;
    }
    return 0;
}

/* 1: marked, now or before; 0: something else stands there. */
static int claim(const struct ps_page_view *view, const struct chunk *c, uint16_t *taken)
{
    const uint16_t mark = (uint16_t)((c->is.in_use ? PS_VS_HEADER : PS_VS_FREE) | c->slot);
    const uint32_t left = view->n_slots - c->slot;
    const uint32_t n = c->is.in_use ? 1 : c->is.size < left ? c->is.size : left;

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
    while (at.is.size < view->n_slots - at.slot &&
           decode(view, &own, at.slot + at.is.size, &next) && next.is.prev == at.is.size &&
           claim(view, &next, taken))
        at = next;
    at = own;
    while (at.is.prev != 0 && at.is.prev <= at.slot &&
           decode(view, &own, at.slot - at.is.prev, &next) && next.is.size == at.is.prev &&
           claim(view, &next, taken))
        at = next;
}
