/* The scan functions that the kernel table and the vector units share. */
#ifndef PS_KERNELS_BODIES_H
#define PS_KERNELS_BODIES_H

#include <string.h>

#include "kernels/kernel.h"
#include "kernels/pool_check.h"

ps_scan_fn ps_scan_scalar;
ps_scan_fn ps_scan_avx2;
ps_scan_fn ps_scan_avx512;

/* The end of every kernel: the exact check of the header at slot 'slot' (counted from 'pages'),
 * and its hit. Returns the new count, which goes on past 'cap'. */
static inline size_t ps_emit_if_ok(const struct ps_plan *plan, const uint8_t *pages, uint32_t slot,
                                   struct ps_hit *hits, size_t cap, size_t found)
{
    uint32_t word[2];
    uint32_t rule;

    memcpy(word, pages + ((size_t)slot << plan->slot_shift), sizeof word);
    if (!ps_header_ok(plan, slot & (plan->slots_per_page - 1u), word[0]))
        return found;
    rule = ps_tag_rule(plan, word[1]);
    if (rule == PS_RULE_NONE)
        return found;
    if (found < cap) {
        hits[found].slot = slot;
        hits[found].word0 = word[0];
        hits[found].tag = word[1];
        hits[found].rule = rule;
    }
    return found + 1;
}

#endif
