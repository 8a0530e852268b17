#include "scan/pool/segment/candidates.h"

#define TYPE_MASK          0x6fu
#define TYPE_IN_USE        0x02u
#define TYPE_CACHE_ALIGNED 0x04u

static int word0_fits(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t block = ps_view_block(view, word0);
    uint32_t type = ps_view_type(view, word0);
    uint32_t prev = ps_view_prev(view, word0);
    uint32_t prev_limit = type & TYPE_CACHE_ALIGNED ? slot : 0;

    return (block >= 2) & (block <= view->n_slots - slot) & (prev <= prev_limit) &
           ((type & (TYPE_IN_USE | ~TYPE_MASK)) == TYPE_IN_USE);
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof value);
    return value;
}

/* 64 bytes of 0 or 1 to 64 bits. */
static uint64_t pack(const uint8_t *flag)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t eight;

        memcpy(&eight, flag + (size_t)8 * i, sizeof eight);
        bits |= (eight * 0x0102040810204080u >> 56) << 8 * i;
    }
    return bits;
}

/* A bit for each of the 64 slots from 'p' on whose first eight bytes have the PoolType bits of a
 * block in use and no top bit in the tag (the protected bit is Windows 7's). Few slots do, and
 * which is as good as random: no branch, and loops that a compiler can turn into vectors, for
 * which the size of a slot must be a constant. 'prev_mask' is the field that is nil unless the
 * 'aligned' bit is set; 0: not looked at. It pays on x86, whose PoolType has few bits to tell by.
 */
static inline uint64_t maybe_headers(const uint8_t *p, size_t slot_bytes, uint32_t mask,
                                     uint32_t value, uint32_t aligned, uint32_t prev_mask)
{
    uint32_t odd[64];
    uint8_t flag[64];

    for (size_t i = 0; i < 64; i++) {
        const uint32_t word0 = load32(p + i * slot_bytes);
        const uint32_t prev = (word0 & aligned) == 0 ? word0 & prev_mask : 0;

        odd[i] = ((word0 & mask) ^ value) | prev | (load32(p + i * slot_bytes + 4) & 0x80808080u);
    }
    for (size_t i = 0; i < 64; i++)
        flag[i] = odd[i] == 0;
    return pack(flag);
}

static uint64_t maybe_headers_of(const struct ps_page_view *view, uint32_t base)
{
    const uint32_t type_bits = 0xffu >> (view->type_shift - 24);
    const uint32_t mask = ((~TYPE_MASK & type_bits) | TYPE_IN_USE) << view->type_shift;
    const uint32_t value = TYPE_IN_USE << view->type_shift;
    const uint32_t aligned = TYPE_CACHE_ALIGNED << view->type_shift;
    const uint8_t *p = view->page + ((size_t)base << view->slot_shift);

    if (view->slot_shift == PS_SLOT_SHIFT_X64)
        return maybe_headers(p, 1u << PS_SLOT_SHIFT_X64, mask, value, 0, 0);
    return maybe_headers(p, 1u << PS_SLOT_SHIFT_X86, mask, value, aligned, view->prev_mask);
}

void ps_candidates_find(const struct ps_page_view *view, struct ps_candidates *c)
{
    for (uint32_t base = 0; base < view->n_slots; base += 64) {
        uint64_t first = 0;
        uint64_t second = 0;

        for (uint64_t left = maybe_headers_of(view, base); left != 0; left &= left - 1) {
            uint32_t slot = base + (uint32_t)__builtin_ctzll(left);
            uint32_t word0 = ps_view_word0(view, slot);

            if (!word0_fits(view, slot, word0) ||
                !ps_view_tag_printable(view, ps_view_tag(view, slot)))
                continue;
            if (ps_view_prev(view, word0) == 0)
                first |= left & -left;
            else
                second |= left & -left;
        }
        c->first[base >> 6] = first;
        c->second[base >> 6] = second;
    }
}

/* The bits of word i that belong to [from, to), which it overlaps. */
static uint64_t part_of_word(uint32_t i, uint32_t from, uint32_t to)
{
    uint64_t word = ~(uint64_t)0;

    if (64 * i < from)
        word &= ~(uint64_t)0 << (from & 63u);
    if (to - 64 * i < 64)
        word &= ((uint64_t)1 << (to & 63u)) - 1;
    return word;
}

void ps_bits_set(uint64_t *bits, uint32_t from, uint32_t to)
{
    for (uint32_t i = from >> 6; from < to && 64 * i < to; i++)
        bits[i] |= part_of_word(i, from, to);
}

int ps_bits_any(const uint64_t *bits, uint32_t from, uint32_t to)
{
    uint64_t any = 0;

    for (uint32_t i = from >> 6; from < to && 64 * i < to; i++)
        any |= bits[i] & part_of_word(i, from, to);
    return any != 0;
}
