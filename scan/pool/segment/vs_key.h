/* The key of a VS page, voted for by its blocks. */
#ifndef PS_SCAN_POOL_SEGMENT_VS_KEY_H
#define PS_SCAN_POOL_SEGMENT_VS_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/segment/candidates.h"

/* What the page's key is if the block at 'slot' is one in use. */
struct ps_vs_vote {
    uint64_t key;
    uint16_t slot;
    uint8_t strong; /* enough by itself */
};

struct ps_vs_votes {
    size_t n;
    struct ps_vs_vote vote[PS_MAX_SLOTS / 2];
};

/* Can a chunk of 'size' slots hold a block of 'block'? Its header is one; one is left over. */
static inline int ps_vs_fits(uint32_t size, uint32_t block)
{
    return size > block && size - block <= 2;
}

/* The votes of those headers in 'slots' (a bit each) whose chunk agrees with the chunk behind it;
 * of the first 'most' of them only. */
void ps_vs_vote_pairs(const struct ps_page_view *view, const struct ps_candidates *c,
                      const uint64_t *slots, uint32_t most, struct ps_vs_votes *votes);

/* For a page where no pair agrees: the vote of the first header among 'slots' (a bit each) that
 * agrees with any chunk in front of it, or of a header moved to the page's start that any two
 * chunks behind it fit. x64 only: the words of x86 are too short for a search. */
void ps_vs_vote_search(const struct ps_page_view *view, const uint64_t *slots,
                       struct ps_vs_votes *votes);

/* The key that most votes are for, whatever they make of the state: that bit is clear. Returns how
 * many they are; 0: none is for certain. */
size_t ps_vs_key_pick(const struct ps_page_view *view, const struct ps_vs_votes *votes,
                      uint64_t *key);

#endif
