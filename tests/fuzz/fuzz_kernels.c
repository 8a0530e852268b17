/* Bytes -> rules and pages; every kernel that this CPU can run against the oracle.
 *
 * Input: era, flags (bit 0 with_free, bits 1-3 rules less one, bit 4 fill of the pages), then five
 * bytes per rule (which bytes are fixed, value), then ten per header (place, eight bytes). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/kernel.h"
#include "scan/pool/era.h"
#include "tests/support/guarded.h"
#include "tests/support/kernel_cases.h"

#define N_PAGES   ((size_t)3)
#define MAX_RULES 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct oracle_rule read_rule(const uint8_t *p)
{
    struct oracle_rule rule = {0, 0};

    for (unsigned i = 0; i < 4; i++)
        if (p[0] >> i & 1)
            rule.mask |= 0xffu << 8 * i;
    memcpy(&rule.value, p + 1, sizeof rule.value);
    rule.value &= rule.mask;
    return rule;
}

static void fill_pages(uint8_t *pages, int byte, const uint8_t *data, size_t size)
{
    memset(pages, byte, N_PAGES * 4096);
    for (; size >= 10; data += 10, size -= 10) {
        size_t at = (data[0] + 256u * data[1]) % (N_PAGES * 4096 / 8) * 8;

        memcpy(pages + at, data + 2, 8);
    }
}

static void check_kernel(const struct ps_kernel *k, const struct kernel_case *c,
                         const uint8_t *pages, const struct oracle_hit *want, size_t n_want)
{
    struct guarded_hits g = guarded_hits_make(n_want);
    size_t n = k->scan(c->plan, pages, N_PAGES, g.hits, n_want);
    char why[160] = "";
    int same = n == n_want ? same_hits(g.hits, n, want, n_want, why, sizeof why) : 0;

    if (!same || !guarded_hits_intact(&g)) {
        fprintf(stderr, "%s, %s: %zu hits, oracle %zu; %s\n", k->name, c->name, n, n_want, why);
        abort();
    }
    guarded_hits_free(&g);
}

static void check_kernels(const struct kernel_case *c, const uint8_t *pages)
{
    struct oracle_hit *want;
    size_t n = oracle_scan(&c->era, c->rules, c->n_rules, pages, N_PAGES, &want);

    for (size_t i = 0; i < ps_n_kernels; i++)
        if ((ps_kernels[i].cpu_needs & ~ps_cpu_features()) == 0)
            check_kernel(&ps_kernels[i], c, pages, want, n);
    free(want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guarded_pages pages;
    struct oracle_rule rules[MAX_RULES];
    struct kernel_case c;
    size_t n_rules;
    uint8_t era, flags;

    if (size < 2)
        return 0;
    era = data[0];
    flags = data[1];
    data += 2;
    size -= 2;
    n_rules = (flags >> 1 & 7u) + 1u;
    if (size < 5 * n_rules)
        return 0;
    for (size_t i = 0; i < n_rules; i++)
        rules[i] = read_rule(data + 5 * i);
    if (!pages.pages)
        pages = guarded_pages_make(N_PAGES);
    fill_pages(pages.pages, flags & 16 ? 0xff : 0, data + 5 * n_rules, size - 5 * n_rules);
    if (kernel_case_from_rules(&c, era % ps_n_eras, rules, n_rules, flags & 1) < 0)
        return 0;
    check_kernels(&c, pages.pages);
    kernel_case_free(&c);
    return 0;
}
