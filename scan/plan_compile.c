#include "scan/plan_compile.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/pool_check.h"

#define FIRST_PRINTABLE 0x20u
#define LAST_PRINTABLE  0x7eu

/* PoolType bit of the second header of a cache-aligned block, the only one of the segment heap
 * with a PreviousSize (docs/POOL.md, "PoolType"). */
#define TYPE_CACHE_ALIGNED 0x04u

/* The two headers of a cache-aligned block are less than this apart: a cache line has 64 bytes, on
 * some machines 128 (docs/POOL.md, "Invariants"). */
#define MAX_ALIGN_BYTES    256u

#define FOLD_PROTECTED     (~PS_TAG_PROTECTED)
#define FOLD_NOTHING       0xffffffffu

static void set_geometry(struct ps_plan *plan, const struct ps_era *era)
{
    int x86 = era->arch == PS_ARCH_X86;

    plan->slot_shift = x86 ? PS_SLOT_SHIFT_X86 : PS_SLOT_SHIFT_X64;
    plan->slots_per_page = PS_PAGE_BYTES >> plan->slot_shift;
    plan->block_mask = x86 ? PS_BLOCK_MASK_X86 : PS_BLOCK_MASK_X64;
    plan->prev_mask = (1u << (x86 ? PS_INDEX_SHIFT_X86 : PS_INDEX_SHIFT_X64)) - 1u;
    plan->type_shift = x86 ? PS_TYPE_SHIFT_X86 : PS_TYPE_SHIFT_X64;
}

/* A block of one slot is a header without a body: only left-overs of free memory are that small. */
static void set_legal(struct ps_plan *plan, const struct ps_era *era, int with_free)
{
    uint32_t n_types = 1u << (32u - plan->type_shift);

    plan->min_block = with_free ? 1 : 2;
    if (era->heap == PS_HEAP_SEGMENT) {
        plan->prev_zero_mask = plan->prev_mask;
        plan->prev_excuse_type = TYPE_CACHE_ALIGNED;
        plan->prev_never_mask =
            plan->prev_mask & ~((MAX_ALIGN_BYTES >> plan->slot_shift) - 1u);
    }
    plan->prev_required = era->heap == PS_HEAP_CLASSIC;
    for (uint32_t type = 0; type < n_types; type++) {
        enum ps_type_state state = ps_era_type_state(era, type);

        if (state == PS_TYPE_IN_USE || (state == PS_TYPE_FREE && with_free))
            plan->type_ok[type >> 5] |= 1u << (type & 31u);
    }
}

/* Bits that are the same in all legal PoolTypes, and what a legal BlockSize cannot lack. */
static void set_quick_header(struct ps_plan *plan)
{
    uint32_t all_types = (1u << (32u - plan->type_shift)) - 1u;
    uint32_t ones = all_types;
    uint32_t any = 0;
    uint32_t same;

    for (uint32_t type = 0; type <= all_types; type++) {
        if (plan->type_ok[type >> 5] >> (type & 31u) & 1u) {
            ones &= type;
            any |= type;
        }
    }
    same = all_types & ~(ones ^ any);
    plan->quick_mask = (uint64_t)same << plan->type_shift;
    plan->quick_value = (uint64_t)(ones & same) << plan->type_shift;
    plan->quick_mask |= plan->prev_never_mask;
    if (plan->prev_excuse_type == 0)
        plan->quick_mask |= plan->prev_zero_mask;
    plan->quick_nonzero = (uint64_t)plan->block_mask << PS_BLOCK_SHIFT;
    if (plan->min_block > 1)
        plan->quick_nonzero &= ~((uint64_t)1 << PS_BLOCK_SHIFT);
}

static void set_quick_tag_byte(struct ps_plan *plan, const struct ps_ruleset *rules, unsigned i)
{
    uint32_t lo = 0xff;
    uint32_t hi = 0;

    for (size_t r = 0; r < rules->n; r++) {
        uint32_t value = rules->rule[r].pattern.value & plan->tag_fold;
        uint32_t byte = value >> (8 * i) & 0xffu;
        int open = (rules->rule[r].pattern.mask >> (8 * i) & 0xffu) == 0;
        uint32_t least = open ? FIRST_PRINTABLE : byte;
        uint32_t most = open ? LAST_PRINTABLE : byte;

        lo = least < lo ? least : lo;
        hi = most > hi ? most : hi;
    }
    if (i == 3 && plan->tag_fold != FOLD_NOTHING)
        hi |= 0x80u;
    plan->quick_lo |= (uint64_t)lo << (32 + 8 * i);
    plan->quick_hi |= (uint64_t)hi << (32 + 8 * i);
}

static void set_quick_tags(struct ps_plan *plan, const struct ps_ruleset *rules)
{
    plan->quick_lo = 0;
    plan->quick_hi = 0xffffffffu;
    for (unsigned i = 0; i < PS_TAG_BYTES; i++)
        set_quick_tag_byte(plan, rules, i);
}

/* First and last value that one byte of a pattern stands for. */
struct byte_range {
    uint32_t first;
    uint32_t last;
};

static struct byte_range byte_range(uint32_t value, uint32_t mask)
{
    if ((mask & 0xffu) == 0)
        return (struct byte_range){FIRST_PRINTABLE, LAST_PRINTABLE};
    return (struct byte_range){value & 0xffu, value & 0xffu};
}

static void set_add(uint32_t *set, uint32_t value)
{
    set[value >> 5] |= 1u << (value & 31u);
}

/* All values of two neighbouring bytes of a pattern, of which value and mask hold the low half. */
static void add_pair(uint32_t *set, uint32_t value, uint32_t mask)
{
    struct byte_range low = byte_range(value, mask);
    struct byte_range high = byte_range(value >> 8, mask >> 8);

    for (uint32_t h = high.first; h <= high.last; h++)
        for (uint32_t l = low.first; l <= low.last; l++)
            set_add(set, h << 8 | l);
}

/* The third byte is fixed; one or both of the others may be open. */
static void add_head(uint32_t *set, uint32_t value, uint32_t mask)
{
    struct byte_range a = byte_range(value, mask);
    struct byte_range b = byte_range(value >> 8, mask >> 8);

    for (uint32_t y = b.first; y <= b.last; y++)
        for (uint32_t x = a.first; x <= a.last; x++)
            set_add(set, ps_head_hash((value & 0xff0000u) | y << 8 | x));
}

/* Rules that leave a whole pair open are many and add the same 9025 values: once is enough. */
static void set_tag_sets(struct ps_plan *plan, const struct ps_ruleset *rules)
{
    int wide_open = 0;
    int tail_open = 0;

    for (size_t r = 0; r < rules->n; r++) {
        uint32_t mask = rules->rule[r].pattern.mask;
        uint32_t value = rules->rule[r].pattern.value & plan->tag_fold;

        if ((mask & 0xff0000u) != 0)
            add_head(plan->head_set, value, mask);
        else if ((mask & 0xffffu) != 0 || !wide_open)
            add_pair(plan->wide_set, value, mask);
        if (mask >> 16 != 0 || !tail_open)
            add_pair(plan->tail_set, value >> 16, mask >> 16);
        wide_open |= (mask & 0xffffffu) == 0;
        tail_open |= mask >> 16 == 0;
    }
}

/* The groups of a ruleset, most specific first, with the size of their tables. */
struct layout {
    struct ps_plan_group group[PS_PLAN_MAX_MASKS];
    uint32_t n_groups;
    uint32_t n_entries;
};

/* A mask fixes whole bytes: one bit each. */
static unsigned mask_index(uint32_t mask)
{
    return (mask & 1u) | (mask >> 7 & 2u) | (mask >> 14 & 4u) | (mask >> 21 & 8u);
}

static uint32_t index_mask(unsigned index)
{
    return (index & 1u ? 0xffu : 0) | (index & 2u ? 0xff00u : 0) | (index & 4u ? 0xff0000u : 0) |
           (index & 8u ? 0xff000000u : 0);
}

/* Twice the rules or more, so that probes are short and one entry stays free. */
static uint32_t table_shift(size_t n_rules)
{
    uint32_t shift = 31;

    while (shift > 0 && (uint64_t)1 << (32u - shift) < 2 * (uint64_t)n_rules)
        shift--;
    return shift;
}

static void insert_group(struct layout *l, uint32_t mask, size_t n_rules)
{
    struct ps_plan_group group = {.mask = mask, .shift = table_shift(n_rules)};
    uint32_t at = l->n_groups++;

    for (; at > 0 && ps_tag_mask_rank(l->group[at - 1].mask) < ps_tag_mask_rank(mask); at--)
        l->group[at] = l->group[at - 1];
    l->group[at] = group;
}

static void make_layout(struct layout *l, const struct ps_ruleset *rules)
{
    size_t n_of_mask[PS_PLAN_MAX_MASKS] = {0};

    memset(l, 0, sizeof *l);
    for (size_t r = 0; r < rules->n; r++)
        n_of_mask[mask_index(rules->rule[r].pattern.mask)]++;
    for (unsigned i = 0; i < PS_PLAN_MAX_MASKS; i++) {
        if (n_of_mask[i] != 0)
            insert_group(l, index_mask(i), n_of_mask[i]);
    }
    for (uint32_t g = 0; g < l->n_groups; g++) {
        l->group[g].first = l->n_entries;
        l->n_entries += 1u << (32u - l->group[g].shift);
    }
}

static const struct ps_plan_group *group_of(const struct ps_plan *plan, uint32_t mask)
{
    const struct ps_plan_group *group = plan->group;

    while (group->mask != mask)
        group++;
    return group;
}

static void insert_rule(struct ps_plan *plan, struct ps_tag_pattern p, uint32_t rule)
{
    const struct ps_plan_group *group = group_of(plan, p.mask);
    struct ps_plan_entry *table = plan->table + group->first;
    uint32_t last = (1u << (32u - group->shift)) - 1u;
    uint32_t key = p.value & plan->tag_fold;
    uint32_t i = ps_tag_hash(key) >> group->shift;

    while (table[i].rule != PS_RULE_NONE && table[i].key != key)
        i = (i + 1u) & last;
    if (table[i].rule == PS_RULE_NONE)
        table[i] = (struct ps_plan_entry){.key = key, .rule = rule};
}

static void set_rules(struct ps_plan *plan, const struct layout *l, const struct ps_ruleset *rules)
{
    memcpy(plan->group, l->group, sizeof plan->group);
    plan->n_groups = l->n_groups;
    plan->n_entries = l->n_entries;
    for (uint32_t i = 0; i < l->n_entries; i++)
        plan->table[i].rule = PS_RULE_NONE;
    for (size_t r = 0; r < rules->n; r++)
        insert_rule(plan, rules->rule[r].pattern, (uint32_t)r);
}

int ps_plan_compile(struct ps_plan **out, const struct ps_era *era, const struct ps_ruleset *rules,
                    int with_free, struct ps_err *err)
{
    struct ps_plan *plan;
    struct layout layout;
    size_t n_bytes;

    if (rules->n == 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "no pool tags to look for; name some with --tags or --tag-file");
    if (rules->n > PS_MAX_RULES)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "%zu tags are too many for one scan; the limit is %zu", rules->n,
                       PS_MAX_RULES);
    make_layout(&layout, rules);
    n_bytes = offsetof(struct ps_plan, table) + layout.n_entries * sizeof plan->table[0];
    plan = calloc(1, n_bytes);
    if (!plan)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for a plan of %zu tags", rules->n);
    plan->n_bytes = (uint32_t)n_bytes;
    plan->tag_fold = era->protected_tags ? FOLD_PROTECTED : FOLD_NOTHING;
    set_geometry(plan, era);
    set_legal(plan, era, with_free);
    set_quick_header(plan);
    set_quick_tags(plan, rules);
    set_tag_sets(plan, rules);
    set_rules(plan, &layout, rules);
    *out = plan;
    return 0;
}
