/* Chains of the classic pool: blocks that follow each other without a gap, each header confirming
 * the size of the one before. A header has one PreviousSize, hence at most one predecessor. Only
 * the files of this folder include this. */
#ifndef PS_SCAN_POOL_CLASSIC_CHAIN_H
#define PS_SCAN_POOL_CLASSIC_CHAIN_H

#include "scan/pool/page_view.h"

struct ps_chain {
    uint32_t first;
    uint32_t last; /* slot of its last header */
    uint32_t end;  /* slot behind its last block */
    uint32_t n_blocks;
    uint32_t n_in_use;
    uint32_t n_tagged; /* of those, with a tag */
    uint32_t n_with_4; /* ... with the mark of NT 5, and of Vista */
    uint32_t n_with_2;
};

/* Could a header with these fields stand at 'slot'? A block of a single slot is always free, and
 * four printable characters are text: they would make PoolIndex 16 or more. */
static inline int ps_chain_plausible(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t block = ps_view_block(view, word0);
    enum ps_type_state state;

    if (block == 0 || block > view->n_slots - slot || ps_is_printable(word0))
        return 0;
    state = ps_era_type_state(view->era, ps_view_type(view, word0));
    return state == PS_TYPE_FREE || (state == PS_TYPE_IN_USE && block > 1);
}

/* Does the block in use at 'slot' have a tag? On x86 NT 5 keeps the process that is charged there
 * when the caller gave none: an address of the Windows kernel half. */
static inline int ps_chain_has_tag(const struct ps_page_view *view, uint32_t slot, uint32_t type)
{
    uint32_t tag = ps_view_tag(view, slot);

    if (ps_view_tag_printable(view, tag))
        return 1;
    return view->era->types == PS_TYPES_NT5 && view->era->arch == PS_ARCH_X86 &&
           ((type - 1u) & PS_TYPE_QUOTA) != 0 && tag >= 0x80000000u && (tag & 7u) == 0;
}

/* Are the two links of a free list behind the header at 'slot'? */
static inline int ps_chain_has_links(const struct ps_page_view *view, uint32_t slot)
{
    const uint8_t *p = view->page + ((size_t)(slot + 1) << view->slot_shift);
    uint64_t wide[2];
    uint32_t narrow[2];

    if (view->era->arch == PS_ARCH_X64) {
        memcpy(wide, p, sizeof wide);
        return (wide[0] & wide[1]) >= 0xffff800000000000u;
    }
    memcpy(narrow, p, sizeof narrow);
    return (narrow[0] & narrow[1]) >= 0x80000000u;
}

/* A neighbour in use has a tag, a free one that has room for them has links: text, code and data
 * meet one size by chance, seldom with these too. */
static inline int ps_chain_vouches(const struct ps_page_view *view, uint32_t slot)
{
    uint32_t word0 = ps_view_word0(view, slot);
    uint32_t type = ps_view_type(view, word0);

    if (ps_era_type_state(view->era, type) == PS_TYPE_FREE)
        return ps_view_block(view, word0) == 1 || ps_chain_has_links(view, slot);
    return ps_chain_has_tag(view, slot, type);
}

/* The chain that starts at 'slot', whose header is plausible. */
struct ps_chain ps_chain_follow(const struct ps_page_view *view, uint32_t slot);

/* The PoolType bits that every block in use of this page has: what lacks them is free, whatever
 * else its PoolType has kept. Windows up to 2003 marks each with 4, later ones with 2; another
 * kernel of the line of 2003 marks none. A build that is not known shows by what most blocks have;
 * cache alignment is 4 from Vista on, but seldom of most. */
static inline uint32_t ps_chain_mark(const struct ps_page_view *view, const struct ps_chain *chain)
{
    if (view->era->types == PS_TYPES_NT5)
        return 2 * chain->n_with_4 >= chain->n_in_use ? PS_TYPE_NT5_MARK : 0;
    if (view->era->types == PS_TYPES_VISTA)
        return 0; /* of those in use all have it */
    if (4 * chain->n_with_4 >= 3 * chain->n_in_use)
        return PS_TYPE_NT5_MARK;
    return 2 * chain->n_with_2 >= chain->n_in_use ? PS_TYPE_VISTA_MARK : 0;
}

/* Bytes of pictures and sound make chains now and then, but not with tags in their blocks. */
static inline int ps_chain_has_tags(const struct ps_chain *chain)
{
    return chain->n_in_use > 0 && 2 * chain->n_tagged >= chain->n_in_use;
}

#endif
