/* The headers of a page that the segment heap could have written, one bit a slot. */
#ifndef PS_SCAN_POOL_SEGMENT_CANDIDATES_H
#define PS_SCAN_POOL_SEGMENT_CANDIDATES_H

#include <stdint.h>

#include "scan/pool/page_view.h"

/* In use by its PoolType, a printable tag, two slots or more that end in the page. */
struct ps_candidates {
    uint64_t first[PS_MAX_SLOTS / 64];  /* PreviousSize 0 */
    uint64_t second[PS_MAX_SLOTS / 64]; /* of a cache-aligned block: with a PreviousSize */
};

/* Fills the words of *c that the slots of this page need. */
void ps_candidates_find(const struct ps_page_view *view, struct ps_candidates *c);

static inline int ps_bit(const uint64_t *bits, uint32_t slot)
{
    return (int)(bits[slot >> 6] >> (slot & 63u) & 1u);
}

static inline void ps_bit_set(uint64_t *bits, uint32_t slot)
{
    bits[slot >> 6] |= (uint64_t)1 << (slot & 63u);
}

/* Set the bits of [from, to); nothing when it is empty. */
void ps_bits_set(uint64_t *bits, uint32_t from, uint32_t to);

/* Is a bit of [from, to) set? */
int ps_bits_any(const uint64_t *bits, uint32_t from, uint32_t to);

/* BlockSize of the header at 'slot'. */
static inline uint32_t ps_block_at(const struct ps_page_view *view, uint32_t slot)
{
    return ps_view_block(view, ps_view_word0(view, slot));
}

#endif
