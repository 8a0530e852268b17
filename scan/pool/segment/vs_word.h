/* The word that describes a VS chunk, as one page shows it: the fields of a chunk header XOR its
 * address XOR the heap's key. Address of the page and key are the same for all chunks of a page,
 * so they count as one unknown, the page's key; docs/POOL.md, "Segment-heap pages". */
#ifndef PS_SCAN_POOL_SEGMENT_VS_WORD_H
#define PS_SCAN_POOL_SEGMENT_VS_WORD_H

#include <stdint.h>
#include <string.h>

#include "scan/pool/page_view.h"

/* The largest chunk spans this many pages. A power of two. */
#define PS_VS_MAX_COST 0x80u

/* Where the fields stand in the decoded word. */
struct ps_vs_format {
    uint64_t unused; /* bits that are nil */
    uint32_t cost_mask;
    uint32_t size_mask;
    unsigned size_shift;
    unsigned prev_shift;
    unsigned use_shift;
};

/* A chunk; sizes in slots, the chunk header included. */
struct ps_vs_fields {
    uint32_t cost; /* MemoryCost: of a free chunk, pages without memory */
    uint32_t size;
    uint32_t prev; /* size of the chunk before, 0: this is the first one */
    int in_use;
};

static inline const struct ps_vs_format *ps_vs_format(const struct ps_page_view *view)
{
    static const struct ps_vs_format x64 = {
        .unused = ~(uint64_t)0 << 49,
        .cost_mask = 0xffff,
        .size_mask = 0xffff,
        .size_shift = 16,
        .prev_shift = 32,
        .use_shift = 48,
    };
    static const struct ps_vs_format x86 = {
        .unused = ~(uint64_t)0 << 32,
        .cost_mask = 1,
        .size_mask = 0x7fff,
        .size_shift = 1,
        .prev_shift = 16,
        .use_shift = 31,
    };

    return view->era->arch == PS_ARCH_X64 ? &x64 : &x86;
}

/* The stored word at 'slot' XOR its place in the page. */
static inline uint64_t ps_vs_word(const struct ps_page_view *view, uint32_t slot)
{
    const size_t at = (size_t)slot << view->slot_shift;
    uint64_t word = 0;

    memcpy(&word, view->page + at, sizeof word);
    if (view->era->arch != PS_ARCH_X64)
        word &= 0xffffffffu;
    return word ^ at;
}

/* The plain words of two chunks of a page, one XOR the other: the page's key drops out. */
static inline uint64_t ps_vs_xor(const struct ps_page_view *view, uint32_t a, uint32_t b)
{
    return ps_vs_word(view, a) ^ ps_vs_word(view, b);
}

static inline uint64_t ps_vs_encode(const struct ps_vs_format *f, const struct ps_vs_fields *c)
{
    return (uint64_t)c->cost | (uint64_t)c->size << f->size_shift |
           (uint64_t)c->prev << f->prev_shift | (uint64_t)(c->in_use != 0) << f->use_shift;
}

/* The fields of 'plain', a decoded word. 0: a chunk has none like these. */
static inline int ps_vs_read(const struct ps_vs_format *f, uint64_t plain, struct ps_vs_fields *out)
{
    out->cost = (uint32_t)plain & f->cost_mask;
    out->size = (uint32_t)(plain >> f->size_shift) & f->size_mask;
    out->prev = (uint32_t)(plain >> f->prev_shift) & f->size_mask;
    out->in_use = (int)(plain >> f->use_shift & 1u);
    return (plain & f->unused) == 0 && out->size >= 2 && out->cost <= PS_VS_MAX_COST;
}

#endif
