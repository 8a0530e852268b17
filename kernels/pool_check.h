/* The exact test of one header: the only place that decides what a hit is.
 *
 * C11 and OpenCL C 1.2. Every kernel, scalar, vector or device, ends here; what stands in
 * front of it may only reject. All bounds are the page's: a small pool block never crosses
 * a 4 KiB page from its POOL_HEADER on (docs/POOL.md, "Invariants"), so chunks of whole
 * pages need no overlap.
 */
#ifndef PS_KERNELS_POOL_CHECK_H
#define PS_KERNELS_POOL_CHECK_H

#include "kernels/plan.h"
#include "kernels/pool_header.h"

static inline ps_u32 ps_block_size(PS_PLAN_AS const struct ps_plan *plan, ps_u32 word0)
{
    return (word0 >> PS_BLOCK_SHIFT) & plan->block_mask;
}

/* Are the sizes and the PoolType of a header at slot 'slot' of its page legal? The block ends in
 * the page and the previous one begins in it. 1 or 0. All parts are computed, with no branch in
 * between: on candidates the outcome cannot be predicted. */
static inline ps_u32 ps_header_ok(PS_PLAN_AS const struct ps_plan *plan, ps_u32 slot, ps_u32 word0)
{
    ps_u32 block = ps_block_size(plan, word0);
    ps_u32 prev = word0 & plan->prev_mask;
    ps_u32 type = word0 >> plan->type_shift;
    ps_u32 prev_bad = prev & plan->prev_zero_mask;

    return (ps_u32)(block >= plan->min_block) & (ps_u32)(block <= plan->slots_per_page - slot) &
           (ps_u32)(prev <= slot) & (ps_u32)((prev & plan->prev_never_mask) == 0) &
           ((ps_u32)(prev != 0) | (ps_u32)(slot == 0) | (plan->prev_required ^ 1u)) &
           ((ps_u32)(prev_bad == 0) | (ps_u32)((type & plan->prev_excuse_type) != 0)) &
           (plan->type_ok[type >> 5] >> (type & 31u) & 1u);
}

/* 16 bits for the first three bytes of a tag. */
static inline ps_u32 ps_head_hash(ps_u32 tag)
{
    return ((tag & 0xffffffu) * 0x9e3779b1u) >> 16;
}

static inline ps_u32 ps_set_has(PS_PLAN_AS const ps_u32 *set, ps_u32 value)
{
    return set[value >> 5] >> (value & 31u) & 1u;
}

/* Can a rule match this tag (already folded)? A superset of ps_tag_rule, without a branch. */
static inline ps_u32 ps_tag_maybe(PS_PLAN_AS const struct ps_plan *plan, ps_u32 tag)
{
    return (ps_set_has(plan->head_set, ps_head_hash(tag)) |
            ps_set_has(plan->wide_set, tag & 0xffffu)) &
           ps_set_has(plan->tail_set, tag >> 16);
}

/* Fibonacci hashing; the top bits are the best ones. bench/ compares it with XXH32. */
static inline ps_u32 ps_tag_hash(ps_u32 key)
{
    return key * 0x9e3779b1u;
}

/* Look 'key' up in one group; PS_RULE_NONE when it is not there. The table always has a
 * free entry, so the loop ends. */
static inline ps_u32 ps_group_find(PS_PLAN_AS const struct ps_plan *plan, ps_u32 group, ps_u32 key)
{
    PS_PLAN_AS const struct ps_plan_entry *table = plan->table;
    ps_u32 shift = plan->group[group].shift;
    ps_u32 last = (1u << (32u - shift)) - 1u;
    ps_u32 i = ps_tag_hash(key) >> shift;

    table += plan->group[group].first;
    while (table[i].rule != PS_RULE_NONE && table[i].key != key)
        i = (i + 1u) & last;
    return table[i].rule;
}

/* 0x80 in each byte of 'tag' that is not a printable character (0x20 .. 0x7e). */
static inline ps_u32 ps_unprintable(ps_u32 tag)
{
    ps_u32 low = tag & 0x7f7f7f7fu;

    return (tag | (low + 0x01010101u) | ~(low + 0x60606060u)) & 0x80808080u;
}

/* The most specific rule that matches the tag as it is in memory, or PS_RULE_NONE. Bytes that
 * a group leaves open must be printable: the sets cannot tell, they are unions over all rules. */
static inline ps_u32 ps_tag_rule(PS_PLAN_AS const struct ps_plan *plan, ps_u32 raw_tag)
{
    ps_u32 tag = raw_tag & plan->tag_fold;
    ps_u32 bad = ps_unprintable(tag);
    ps_u32 rule = PS_RULE_NONE;

    if (!ps_tag_maybe(plan, tag))
        return PS_RULE_NONE;
    for (ps_u32 g = 0; g < plan->n_groups && rule == PS_RULE_NONE; g++) {
        if ((bad & ~plan->group[g].mask) == 0)
            rule = ps_group_find(plan, g, tag & plan->group[g].mask);
    }
    return rule;
}

#endif
