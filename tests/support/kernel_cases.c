#include "tests/support/kernel_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/plan_compile.h"
#include "scan/pool/era.h"

static void *must(void *p)
{
    if (!p) {
        fputs("kernel_cases: out of memory\n", stderr);
        abort();
    }
    return p;
}

static struct oracle_era describe(const struct ps_era *era, int with_free)
{
    return (struct oracle_era){
        .x86 = era->arch == PS_ARCH_X86,
        .nt5 = era->types == PS_TYPES_NT5 || era->types == PS_TYPES_ANY,
        .vista = era->types == PS_TYPES_VISTA || era->types == PS_TYPES_ANY,
        .segment_only = era->heap == PS_HEAP_SEGMENT,
        .classic_only = era->heap == PS_HEAP_CLASSIC,
        .protected_tags = era->protected_tags,
        .with_free = with_free,
    };
}

static const char *const rules_names[N_KERNEL_RULES] = {"15", "500", "4600", "any", "odd"};
static const size_t rules_counts[N_KERNEL_RULES] = {15, 500, 4600, 8, 64};

static uint32_t random_mask(struct rng *r)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < 4; i++)
        if (rng_below(r, 2))
            mask |= 0xffu << 8 * i;
    return mask;
}

/* Four characters as tags have them: letters, digits, at times a space at the end. */
static uint32_t random_tag(struct rng *r)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint32_t tag = 0;

    for (unsigned i = 0; i < 4; i++)
        tag |= (uint32_t)chars[rng_below(r, sizeof chars - 1)] << 8 * i;
    if (rng_below(r, 8) == 0)
        tag = (tag & 0xffffffu) | 0x20000000u;
    return tag;
}

/* Wildcards keep two bytes or three, so that most exact rules stay visible. */
static struct oracle_rule random_rule(enum kernel_rules kind, struct rng *r)
{
    static const uint32_t wild[] = {0x00ffffff, 0xff00ffff, 0xffff00ff, 0x0000ffff, 0xffffff00};
    struct oracle_rule rule = {random_tag(r), 0xffffffff};

    if (kind == RULES_ODD) {
        rule.mask = random_mask(r);
        if (rng_below(r, 2))
            rule.value = (uint32_t)rng_next(r);
    } else if (kind != RULES_15 && rng_below(r, 10) == 0) {
        rule.mask = wild[rng_below(r, sizeof wild / sizeof *wild)];
    }
    rule.value &= rule.mask;
    return rule;
}

int kernel_case_from_rules(struct kernel_case *c, size_t era, const struct oracle_rule *rules,
                           size_t n_rules, int with_free)
{
    struct ps_ruleset set = {must(calloc(n_rules + 1, sizeof *set.rule)), n_rules};
    struct ps_err err = {0};
    int rc;

    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < n_rules; i++) {
        set.rule[i].pattern.value = rules[i].value;
        set.rule[i].pattern.mask = rules[i].mask;
        set.rule[i].info = PS_TAG_UNKNOWN;
    }
    rc = ps_plan_compile(&c->plan, &ps_eras[era], &set, with_free, &err);
    free(set.rule);
    if (rc < 0)
        return rc;
    c->era = describe(&ps_eras[era], with_free);
    c->rules = must(calloc(n_rules, sizeof *c->rules));
    memcpy(c->rules, rules, n_rules * sizeof *rules);
    c->n_rules = n_rules;
    snprintf(c->name, sizeof c->name, "%s, %zu rules%s", ps_eras[era].name, n_rules,
             with_free ? ", with free" : "");
    return 0;
}

void kernel_case_make(struct kernel_case *c, size_t era, enum kernel_rules kind, int with_free,
                      struct rng *r)
{
    size_t n = rules_counts[kind];
    struct oracle_rule *rules = must(calloc(n, sizeof *rules));

    for (size_t i = 0; i < n; i++)
        rules[i] = random_rule(kind, r);
    if (kind == RULES_ANY)
        rules[n / 2] = (struct oracle_rule){0, 0};
    if (kind == RULES_ODD)
        rules[n - 1] = rules[0];
    if (kernel_case_from_rules(c, era, rules, n, with_free) < 0) {
        fputs("kernel_cases: the rules do not compile\n", stderr);
        abort();
    }
    snprintf(c->name, sizeof c->name, "%s, rules %s%s", ps_eras[era].name, rules_names[kind],
             with_free ? ", with free" : "");
    free(rules);
}

void kernel_case_free(struct kernel_case *c)
{
    free(c->rules);
    free(c->plan);
    memset(c, 0, sizeof *c);
}

int oracle_is_slow(const struct kernel_case *c, const struct page_fill *fill, size_t n_pages)
{
    return n_pages > 7 && c->n_rules > 64 && fill->must_hit;
}

int same_hits(const struct ps_hit *got, size_t n, const struct oracle_hit *want, size_t n_want,
              char *why, size_t why_bytes)
{
    for (size_t i = 0; i < n && i < n_want; i++) {
        if (got[i].slot != want[i].slot || got[i].word0 != want[i].word0 ||
            got[i].tag != want[i].tag || got[i].rule != want[i].rule) {
            snprintf(why, why_bytes,
                     "hit %zu is {%u, %08x, %08x, %u}, the oracle has {%u, %08x, %08x, %u}", i,
                     got[i].slot, got[i].word0, got[i].tag, got[i].rule, want[i].slot,
                     want[i].word0, want[i].tag, want[i].rule);
            return 0;
        }
    }
    if (n != n_want)
        snprintf(why, why_bytes, "%zu hits, the oracle has %zu", n, n_want);
    return n == n_want;
}
