/* The compiled plan against a linear matcher and the spec's field table, both written here. */
#include "scan/plan_compile.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pool_check.h"
#include "tests/support/rng.h"

static uint64_t seed;
static struct rng rng;

static uint64_t next_random(void)
{
    return rng_next(&rng);
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(next_random() % n);
}

static void set_seed(void)
{
    seed = rng_seed();
    rng = rng_make(seed);
}

TestSuite(plan_compile, .init = set_seed);

static struct ps_plan *compile(const struct ps_era *era, const struct ps_ruleset *rules,
                               int with_free)
{
    struct ps_plan *plan = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_plan_compile(&plan, era, rules, with_free, &err), 0, "%s", err.msg);
    return plan;
}

static unsigned byte_of(uint32_t word, unsigned i)
{
    return word >> (8 * i) & 255;
}

/* Number of bytes the rule fixes and its literal prefix, as one number; -1: no match. */
static int naive_match(struct ps_tag_pattern p, uint32_t tag, int folded)
{
    int fixed = 0;
    int prefix = 0;
    int order = 0;

    for (unsigned i = 0; i < 4; i++) {
        unsigned want = byte_of(p.value, i);
        unsigned have = byte_of(tag, i);

        if (folded && i == 3) {
            want %= 128;
            have %= 128;
        }
        order *= 2;
        if (byte_of(p.mask, i) == 0) {
            if (have < ' ' || have > '~')
                return -1;
            continue;
        }
        if (want != have)
            return -1;
        prefix += prefix == (int)i;
        fixed++;
        order++;
    }
    return fixed * 1000 + prefix * 100 + order;
}

static uint32_t naive_rule(const struct ps_ruleset *rules, uint32_t tag, int folded)
{
    uint32_t best = PS_RULE_NONE;
    int best_rank = -1;

    for (uint32_t r = 0; r < rules->n; r++) {
        int rank = naive_match(rules->rule[r].pattern, tag, folded);

        if (rank > best_rank) {
            best = r;
            best_rank = rank;
        }
    }
    return best;
}

/* Few letters, so that rules and tags meet often; now and then any byte. */
static uint32_t random_byte(void)
{
    static const char letters[] = "PrcTf ?~";

    return below(12) == 0 ? below(256) : (unsigned char)letters[below(sizeof letters - 1)];
}

static uint32_t random_tag(void)
{
    uint32_t tag = 0;

    for (unsigned i = 0; i < 4; i++)
        tag |= random_byte() << (8 * i);
    return below(8) == 0 ? tag | PS_TAG_PROTECTED : tag;
}

static void random_rules(struct ps_ruleset *rules, size_t n)
{
    rules->n = n;
    rules->rule = calloc(n, sizeof *rules->rule);
    cr_assert(rules->rule);
    for (size_t r = 0; r < n; r++) {
        uint32_t mask = 0;

        for (unsigned i = 0; i < 4; i++)
            mask |= below(4) == 0 ? 0 : 0xffu << (8 * i);
        rules->rule[r].pattern = (struct ps_tag_pattern){random_tag() & mask, mask};
    }
}

static void check_tag(const struct ps_plan *plan, const struct ps_ruleset *rules, uint32_t tag,
                      int folded, size_t *n_found)
{
    uint32_t want = naive_rule(rules, tag, folded);
    uint32_t have = ps_tag_rule(plan, tag);

    cr_assert_eq(have, want, "tag %#x: rule %#x, linear search %#x, seed %" PRIu64, tag, have, want,
                 seed);
    *n_found += want != PS_RULE_NONE;
}

Test(plan_compile, finds_what_a_linear_search_finds)
{
    size_t n_found = 0;

    for (size_t e = 0; e < ps_n_eras; e++) {
        for (unsigned round = 0; round < 40; round++) {
            struct ps_ruleset rules;
            struct ps_plan *plan;

            random_rules(&rules, 1 + below(60));
            plan = compile(&ps_eras[e], &rules, 0);
            for (unsigned i = 0; i < 2000; i++)
                check_tag(plan, &rules, random_tag(), ps_eras[e].protected_tags, &n_found);
            free(plan);
            ps_ruleset_free(&rules);
        }
    }
    cr_assert_gt(n_found, 10000u, "tags and rules hardly ever met");
}

/* Each byte of one rule's tag takes all values: unprintable ones must not slip through an open
 * byte when another rule has that pair of bytes. */
Test(plan_compile, open_bytes_stay_printable_in_a_union_of_rules)
{
    struct ps_rule rule[] = {
        {.pattern = {0x00646641, 0x00ffffff}}, /* Afd? */
        {.pattern = {0x01644142, 0xffffffff}}, /* BAd\x01 */
        {.pattern = {0x00004100, 0x0000ff00}}, /* ?A?? */
        {.pattern = {0x01020341, 0xffffffff}},
    };
    struct ps_ruleset rules = {rule, 4};

    for (size_t e = 0; e < ps_n_eras; e++) {
        struct ps_plan *plan = compile(&ps_eras[e], &rules, 0);
        size_t n_found = 0;

        for (unsigned r = 0; r < 4; r++) {
            for (unsigned i = 0; i < 4 * 256; i++) {
                unsigned shift = 8 * (i / 256);
                uint32_t tag = rule[r].pattern.value | (0x41414141u & ~rule[r].pattern.mask);

                tag = (tag & ~(0xffu << shift)) | (i % 256) << shift;
                check_tag(plan, &rules, tag, ps_eras[e].protected_tags, &n_found);
            }
        }
        cr_assert_gt(n_found, 100u);
        free(plan);
    }
}

Test(plan_compile, protected_bit_counts_where_the_era_has_none)
{
    struct ps_rule rule[] = {{.pattern = {0xe36f7250, 0xffffffff}}}; /* Pro\xe3 */
    struct ps_ruleset rules = {rule, 1};

    for (size_t e = 0; e < ps_n_eras; e++) {
        struct ps_plan *plan = compile(&ps_eras[e], &rules, 0);

        cr_assert_eq(ps_tag_rule(plan, 0xe36f7250), 0u, "%s", ps_eras[e].name);
        cr_assert_eq(ps_tag_rule(plan, 0x636f7250), ps_eras[e].protected_tags ? 0u : PS_RULE_NONE,
                     "%s", ps_eras[e].name);
        free(plan);
    }
}

/* From the field table of docs/POOL.md. */
static int naive_header(const struct ps_era *era, int with_free, uint32_t slot, uint32_t word0)
{
    int x86 = era->arch == PS_ARCH_X86;
    uint32_t prev = x86 ? word0 % 512 : word0 % 256;
    uint32_t block = word0 / 65536 % (x86 ? 512 : 256);
    uint32_t type = word0 / (x86 ? 0x2000000 : 0x1000000);
    uint32_t least = with_free ? 1 : 2;
    enum ps_type_state type_state = ps_era_type_state(era, type);

    if (block < least || slot + block > (x86 ? 512u : 256u))
        return 0;
    if (type_state != PS_TYPE_IN_USE && !(with_free && type_state == PS_TYPE_FREE))
        return 0;
    if (prev > slot || (era->heap == PS_HEAP_CLASSIC && slot > 0 && prev == 0))
        return 0;
    return era->heap != PS_HEAP_SEGMENT || prev == 0 ||
           ((type & 4) != 0 && prev * (x86 ? 8 : 16) < 256);
}

/* Likely headers: small fields, legal types. */
static uint32_t random_word0(const struct ps_era *era)
{
    int x86 = era->arch == PS_ARCH_X86;
    uint32_t type = below(2) ? below(x86 ? 128 : 256) : 2 | below(2);
    uint32_t block = below(4) ? below(8) : below(x86 ? 512 : 256);
    uint32_t prev = below(3) == 0 ? 0 : below(2) ? below(40) : below(x86 ? 512 : 256);

    if (below(10) == 0)
        return (uint32_t)next_random();
    return prev | below(4) << (x86 ? 9 : 8) | block << 16 | type << (x86 ? 25 : 24);
}

static int passes_quick(const struct ps_plan *plan, uint64_t q)
{
    if ((q & plan->quick_mask) != plan->quick_value || (q & plan->quick_nonzero) == 0)
        return 0;
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t byte = q >> i & 255;

        if (byte < (plan->quick_lo >> i & 255) || byte > (plan->quick_hi >> i & 255))
            return 0;
    }
    return 1;
}

static uint32_t tag_of_a_rule(const struct ps_ruleset *rules)
{
    struct ps_tag_pattern p = rules->rule[below((uint32_t)rules->n)].pattern;

    return p.value | (0x78787878u & ~p.mask);
}

static void check_headers(const struct ps_era *era, int with_free, const struct ps_ruleset *rules)
{
    struct ps_plan *plan = compile(era, rules, with_free);
    size_t n_ok = 0;
    size_t n_hits = 0;

    for (unsigned i = 0; i < 100000; i++) {
        uint32_t word0 = random_word0(era);
        uint32_t slot = below(2) ? 0 : below(plan->slots_per_page);
        uint32_t tag = below(4) ? tag_of_a_rule(rules) : random_tag();
        uint64_t q = (uint64_t)tag << 32 | word0;
        int ok = ps_header_ok(plan, slot, word0) != 0;
        int hit = ok && ps_tag_rule(plan, tag) != PS_RULE_NONE;

        cr_assert_eq(ok, naive_header(era, with_free, slot, word0),
                     "%s: slot %u, word0 %#x, seed %" PRIu64, era->name, slot, word0, seed);
        cr_assert(!hit || passes_quick(plan, q), "%s: %#" PRIx64 " is a hit, seed %" PRIu64,
                  era->name, q, seed);
        n_ok += ok;
        n_hits += hit;
    }
    cr_assert_gt(n_ok, 1000u, "%s", era->name);
    cr_assert_gt(n_hits, 100u, "%s", era->name);
    free(plan);
}

Test(plan_compile, headers_are_legal_and_quick_conditions_never_lose_one)
{
    for (size_t e = 0; e < ps_n_eras; e++) {
        for (int with_free = 0; with_free < 2; with_free++) {
            struct ps_ruleset rules;

            random_rules(&rules, 1 + below(20));
            check_headers(&ps_eras[e], with_free, &rules);
            ps_ruleset_free(&rules);
        }
    }
}

/* Printable tags leave (95/256)^4, one in 52, of random bytes; types and sizes take their
 * share; a protected bit doubles what the last byte may be. */
Test(plan_compile, quick_conditions_reject_most_random_bytes)
{
    struct ps_rule rule[] = {{.pattern = {0, 0}}};
    struct ps_ruleset rules = {rule, 1};

    for (size_t e = 0; e < ps_n_eras; e++) {
        struct ps_plan *plan = compile(&ps_eras[e], &rules, 0);
        size_t n_quick = 0;

        for (unsigned i = 0; i < 10000; i++)
            n_quick += passes_quick(plan, next_random());
        cr_assert_lt(n_quick, ps_eras[e].protected_tags ? 600u : 300u, "%s: %zu of 10000",
                     ps_eras[e].name, n_quick);
        free(plan);
    }
}

/* Every value of the upper half, where size and type are, for one tag. */
Test(plan_compile, quick_conditions_hold_for_every_type_and_size)
{
    struct ps_rule rule[] = {{.pattern = {0x636f7250, 0xffffffff}}};
    struct ps_ruleset rules = {rule, 1};

    for (size_t e = 0; e < ps_n_eras; e++) {
        for (int with_free = 0; with_free < 2; with_free++) {
            struct ps_plan *plan = compile(&ps_eras[e], &rules, with_free);

            for (uint32_t high = 0; high < 65536; high++) {
                for (uint32_t low = 0; low < 4; low++) {
                    uint32_t word0 = high << 16 | (low == 3 ? 0x1ff : low);
                    uint64_t q = (uint64_t)0x636f7250 << 32 | word0;

                    cr_assert(!ps_header_ok(plan, 0, word0) || passes_quick(plan, q),
                              "%s: word0 %#x", ps_eras[e].name, word0);
                }
            }
            free(plan);
        }
    }
}

static void check_table(const struct ps_plan *plan, const struct ps_plan_group *group)
{
    uint32_t size = 1u << (32u - group->shift);
    uint32_t used = 0;

    cr_assert_leq(group->first, plan->n_entries);
    cr_assert_leq(size, plan->n_entries - group->first);
    for (uint32_t i = 0; i < size; i++) {
        const struct ps_plan_entry *entry = &plan->table[group->first + i];

        used += entry->rule != PS_RULE_NONE;
        cr_assert(entry->rule == PS_RULE_NONE || (entry->key & ~group->mask) == 0);
    }
    cr_assert_leq(2 * used, size, "more than half full");
    cr_assert_gt(used, 0u);
}

Test(plan_compile, tables_are_at_most_half_full_and_the_size_is_right)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 100, 5000};

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct ps_ruleset rules;
        struct ps_plan *plan;

        random_rules(&rules, sizes[s]);
        plan = compile(ps_era_pick(PS_ARCH_X64, 19041), &rules, 0);
        cr_assert_eq(plan->n_bytes, offsetof(struct ps_plan, table) +
                                        plan->n_entries * sizeof(struct ps_plan_entry));
        cr_assert_geq(plan->n_bytes, sizeof(struct ps_plan));
        cr_assert(plan->n_groups >= 1 && plan->n_groups <= PS_PLAN_MAX_MASKS);
        for (uint32_t g = 0; g < plan->n_groups; g++) {
            check_table(plan, &plan->group[g]);
            cr_assert(g == 0 || __builtin_popcount(plan->group[g - 1].mask) >=
                                    __builtin_popcount(plan->group[g].mask));
        }
        free(plan);
        ps_ruleset_free(&rules);
    }
}

Test(plan_compile, of_equal_rules_the_first_counts)
{
    struct ps_rule rule[] = {
        {.pattern = {0x20707249, 0xffffffff}},
        {.pattern = {0x20707249, 0xffffffff}},
        {.pattern = {0xa0707249, 0xffffffff}},
    };
    struct ps_ruleset rules = {rule, 3};
    struct ps_plan *vista = compile(ps_era_pick(PS_ARCH_X64, 7601), &rules, 0);
    struct ps_plan *ten = compile(ps_era_pick(PS_ARCH_X64, 19041), &rules, 0);

    cr_assert_eq(ps_tag_rule(vista, 0x20707249), 0u);
    cr_assert_eq(ps_tag_rule(vista, 0xa0707249), 0u);
    cr_assert_eq(ps_tag_rule(ten, 0xa0707249), 2u);
    free(vista);
    free(ten);
}

Test(plan_compile, refuses_no_rules_and_too_many)
{
    struct ps_ruleset none = {NULL, 0};
    struct ps_ruleset many = {NULL, PS_MAX_RULES + 1};
    struct ps_plan *plan = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_plan_compile(&plan, &ps_eras[0], &none, 0, &err), -PS_EARG);
    cr_assert(strstr(err.msg, "--tags"));
    cr_assert_eq(ps_plan_compile(&plan, &ps_eras[0], &many, 0, &err), -PS_EARG);
    cr_assert_null(plan);
}
