/* The scan functions that the kernel table and the vector units share. */
#ifndef PS_KERNELS_BODIES_H
#define PS_KERNELS_BODIES_H

#include <string.h>

#include "kernels/kernel.h"
#include "kernels/pool_check.h"

ps_scan_fn ps_scan_scalar;
ps_scan_fn ps_scan_avx2;
ps_scan_fn ps_scan_avx512;

/* Write hit number 'found' if it fits and count it. */
static inline size_t ps_emit(uint32_t slot, const uint32_t word[2], uint32_t rule,
                             struct ps_hit *hits, size_t cap, size_t found)
{
    if (found < cap) {
        hits[found].slot = slot;
        hits[found].word0 = word[0];
        hits[found].tag = word[1];
        hits[found].rule = rule;
    }
    return found + 1;
}

static inline void ps_load_header(const struct ps_plan *plan, const uint8_t *pages, uint32_t slot,
                                  uint32_t word[2])
{
    memcpy(word, pages + ((size_t)slot << plan->slot_shift), 2 * sizeof *word);
}

/* The end of every vector kernel: the candidates of one page through the exact check.
 *
 * todo[i] has a bit for each qword of the page's i-th 512 bytes where a header may start. Which
 * candidate passes is as good as random, so a branch per candidate would be mispredicted: each
 * step writes its list and moves the end by 0 or 1. The cheap step comes first. */
#define PS_TODO_WORDS (PS_PAGE_BYTES / 512u)

/* Slots of the candidates, ascending. */
static inline uint32_t ps_list_candidates(const struct ps_plan *plan,
                                          const uint64_t todo[PS_TODO_WORDS], uint32_t *slots)
{
    const unsigned slot_of_qword = plan->slot_shift - 3u;
    uint32_t n = 0;

    for (uint32_t i = 0; i < PS_TODO_WORDS; i++)
        for (uint64_t bits = todo[i]; bits; bits &= bits - 1)
            slots[n++] = (i * 64u + (uint32_t)__builtin_ctzll(bits)) >> slot_of_qword;
    return n;
}

static inline uint32_t ps_keep_legal(const struct ps_plan *plan, const uint8_t *page,
                                     uint32_t *slots, uint32_t n)
{
    uint32_t word[2];
    uint32_t n_kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = slots[i];

        ps_load_header(plan, page, slot, word);
        slots[n_kept] = slot;
        n_kept += ps_header_ok(plan, slot, word[0]);
    }
    return n_kept;
}

static inline uint32_t ps_keep_tagged(const struct ps_plan *plan, const uint8_t *page,
                                      uint32_t *slots, uint32_t n)
{
    uint32_t word[2];
    uint32_t n_kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = slots[i];

        ps_load_header(plan, page, slot, word);
        slots[n_kept] = slot;
        n_kept += ps_tag_maybe(plan, word[1] & plan->tag_fold);
    }
    return n_kept;
}

/* 'page' is the page itself, 'first' the number of its first slot. */
static inline size_t ps_finish_page(const struct ps_plan *plan, const uint8_t *page, uint32_t first,
                                    const uint64_t todo[PS_TODO_WORDS], struct ps_hit *hits,
                                    size_t cap, size_t found)
{
    uint32_t slots[PS_PAGE_BYTES / 8u];
    uint32_t n = ps_list_candidates(plan, todo, slots);

    n = ps_keep_legal(plan, page, slots, n);
    n = ps_keep_tagged(plan, page, slots, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t word[2];
        uint32_t rule;

        ps_load_header(plan, page, slots[i], word);
        rule = ps_tag_rule(plan, word[1]);
        if (rule != PS_RULE_NONE)
            found = ps_emit(first + slots[i], word, rule, hits, cap, found);
    }
    return found;
}

#endif
