/* The headers of one page as an era reads them, slot by slot. Nothing here believes a size: a
 * header counts only when its block ends inside the page. */
#ifndef PS_SCAN_POOL_PAGE_VIEW_H
#define PS_SCAN_POOL_PAGE_VIEW_H

#include <stdint.h>
#include <string.h>

#include "kernels/pool_header.h"
#include "scan/pool/era.h"

#define PS_MAX_SLOTS 512u /* of 8 bytes; x64 has 256 of 16 */

struct ps_page_view {
    const struct ps_era *era;
    const uint8_t *page;
    uint32_t n_slots;
    uint32_t slot_shift;
    uint32_t prev_mask;
    uint32_t index_shift;
    uint32_t block_mask;
    uint32_t type_shift;
};

static inline struct ps_page_view ps_page_view(const struct ps_era *era, const uint8_t *page)
{
    struct ps_page_view x64 = {
        .era = era,
        .page = page,
        .n_slots = PS_PAGE_BYTES >> PS_SLOT_SHIFT_X64,
        .slot_shift = PS_SLOT_SHIFT_X64,
        .prev_mask = (1u << PS_INDEX_SHIFT_X64) - 1u,
        .index_shift = PS_INDEX_SHIFT_X64,
        .block_mask = PS_BLOCK_MASK_X64,
        .type_shift = PS_TYPE_SHIFT_X64,
    };
    struct ps_page_view x86 = {
        .era = era,
        .page = page,
        .n_slots = PS_PAGE_BYTES >> PS_SLOT_SHIFT_X86,
        .slot_shift = PS_SLOT_SHIFT_X86,
        .prev_mask = (1u << PS_INDEX_SHIFT_X86) - 1u,
        .index_shift = PS_INDEX_SHIFT_X86,
        .block_mask = PS_BLOCK_MASK_X86,
        .type_shift = PS_TYPE_SHIFT_X86,
    };

    return era->arch == PS_ARCH_X64 ? x64 : x86;
}

static inline uint32_t ps_view_word0(const struct ps_page_view *v, uint32_t slot)
{
    uint32_t word;

    memcpy(&word, v->page + ((size_t)slot << v->slot_shift), sizeof word);
    return word;
}

static inline uint32_t ps_view_tag(const struct ps_page_view *v, uint32_t slot)
{
    uint32_t tag;

    memcpy(&tag, v->page + ((size_t)slot << v->slot_shift) + 4, sizeof tag);
    return tag;
}

static inline uint32_t ps_view_prev(const struct ps_page_view *v, uint32_t word0)
{
    return word0 & v->prev_mask;
}

static inline uint32_t ps_view_block(const struct ps_page_view *v, uint32_t word0)
{
    return word0 >> PS_BLOCK_SHIFT & v->block_mask;
}

static inline uint32_t ps_view_type(const struct ps_page_view *v, uint32_t word0)
{
    return word0 >> v->type_shift;
}

/* PoolIndex as stored: between PreviousSize and bit 16. */
static inline uint32_t ps_view_index(const struct ps_page_view *v, uint32_t word0)
{
    return (word0 & 0xffffu) >> v->index_shift;
}

/* Are all four bytes of 'word' printable ASCII? */
static inline int ps_is_printable(uint32_t word)
{
    uint32_t below = word - 0x20202020u; /* borrows where a byte is under 0x20 */
    uint32_t above = word + 0x01010101u; /* reaches 0x80 where a byte is 0x7f */

    return ((word | above | below) & 0x80808080u) == 0;
}

/* The same for a tag, whose last byte may carry the protected bit in some eras. */
static inline int ps_view_tag_printable(const struct ps_page_view *v, uint32_t tag)
{
    return ps_is_printable(v->era->protected_tags ? tag & ~PS_TAG_PROTECTED : tag);
}

#endif
