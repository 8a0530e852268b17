/* Every kernel of the table against the oracle. A loop over inputs in each test, parameters for
 * table entries only (indices: pointers do not survive into Criterion's test process). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#include "kernels/cpu.h"
#include "kernels/kernel.h"
#include "scan/pool/era.h"
#include "tests/support/guarded.h"
#include "tests/support/kernel_cases.h"

static const size_t page_counts[] = {0, 1, 2, 3, 7, 64};

#define N_PAGE_COUNTS (sizeof page_counts / sizeof *page_counts)

struct scan_at {
    const struct ps_kernel *kernel;
    const struct kernel_case *c;
    const char *fill;
    const uint8_t *pages;
    size_t n_pages;
    uint64_t seed;
};

static void check_cap(const struct scan_at *at, const struct oracle_hit *want, size_t n_want,
                      size_t cap)
{
    struct guarded_hits g = guarded_hits_make(cap);
    size_t n = at->kernel->scan(at->c->plan, at->pages, at->n_pages, cap ? g.hits : NULL, cap);
    size_t kept = n_want < cap ? n_want : cap;
    char why[160] = "";

    cr_assert_eq(n, n_want, "%s: %s, %s, %zu pages, cap %zu: %zu hits, oracle %zu, seed %#lx",
                 at->kernel->name, at->c->name, at->fill, at->n_pages, cap, n, n_want, at->seed);
    cr_assert(same_hits(g.hits, kept, want, kept, why, sizeof why),
              "%s: %s, %s, %zu pages, cap %zu: %s, seed %#lx", at->kernel->name, at->c->name,
              at->fill, at->n_pages, cap, why, at->seed);
    cr_assert(guarded_hits_intact(&g), "%s: %s, %s, %zu pages, cap %zu: wrote past it, seed %#lx",
              at->kernel->name, at->c->name, at->fill, at->n_pages, cap, at->seed);
    guarded_hits_free(&g);
}

static size_t check_caps(const struct scan_at *at)
{
    struct oracle_hit *want;
    size_t n =
        oracle_scan(&at->c->era, at->c->rules, at->c->n_rules, at->pages, at->n_pages, &want);
    size_t caps[] = {0, 1, n ? n - 1 : 0, n, n + 100};

    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        check_cap(at, want, n, caps[i]);
    free(want);
    return n;
}

static void check_fills(struct scan_at at, struct rng *r)
{
    for (size_t f = 0; f < n_page_fills; f++) {
        size_t n_hits = 0;

        for (size_t i = 0; i < N_PAGE_COUNTS; i++) {
            struct guarded_pages g;

            if (oracle_is_slow(at.c, &page_fills[f], page_counts[i]))
                continue;
            g = guarded_pages_make(page_counts[i]);
            page_fills[f].fill(at.c, r, g.pages, g.n_pages);
            at.fill = page_fills[f].name;
            at.pages = g.pages;
            at.n_pages = g.n_pages;
            n_hits += check_caps(&at);
            guarded_pages_free(&g);
        }
        cr_assert(n_hits > 0 || !page_fills[f].must_hit, "%s, %s: nothing to find, seed %#lx",
                  at.c->name, at.fill, at.seed);
    }
}

/* The kernel, or NULL after telling everybody that this CPU cannot run it. */
static const struct ps_kernel *runnable(size_t index)
{
    const struct ps_kernel *k = &ps_kernels[index];

    if ((k->cpu_needs & ~ps_cpu_features()) == 0)
        return k;
    fprintf(stderr, "SKIPPED: kernel %s: this CPU lacks what it needs\n", k->name);
    return NULL;
}

static void free_indices(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static struct criterion_test_params each_kernel(void)
{
    size_t *index = cr_calloc(ps_n_kernels, sizeof *index);

    for (size_t i = 0; i < ps_n_kernels; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, ps_n_kernels, free_indices);
}

ParameterizedTestParameters(kernels, equal_the_oracle)
{
    return each_kernel();
}

ParameterizedTest(size_t *index, kernels, equal_the_oracle)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct scan_at at = {.kernel = runnable(*index), .seed = seed};

    if (!at.kernel)
        cr_skip_test("kernel %s: this CPU lacks what it needs", ps_kernels[*index].name);
    for (size_t era = 0; era < ps_n_eras; era++) {
        for (int rules = 0; rules < N_KERNEL_RULES; rules++) {
            for (int with_free = 0; with_free < 2; with_free++) {
                struct kernel_case c;

                kernel_case_make(&c, era, (enum kernel_rules)rules, with_free, &r);
                at.c = &c;
                check_fills(at, &r);
                kernel_case_free(&c);
            }
        }
    }
}

ParameterizedTestParameters(kernels, need_eight_byte_alignment_only)
{
    return each_kernel();
}

ParameterizedTest(size_t *index, kernels, need_eight_byte_alignment_only)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct scan_at at = {.kernel = runnable(*index), .fill = "dense", .seed = seed};

    if (!at.kernel)
        cr_skip_test("kernel %s: this CPU lacks what it needs", ps_kernels[*index].name);
    for (size_t offset = 8; offset < 4096; offset += 8 * (1 + rng_below(&r, 16))) {
        struct guarded_pages g = guarded_pages_make(4);
        struct kernel_case c;

        kernel_case_make(&c, rng_below(&r, (uint32_t)ps_n_eras), RULES_500, 0, &r);
        page_fills[rng_below(&r, (uint32_t)n_page_fills)].fill(&c, &r, g.pages + offset, 3);
        at.c = &c;
        at.pages = g.pages + offset;
        at.n_pages = 3;
        check_caps(&at);
        kernel_case_free(&c);
        guarded_pages_free(&g);
    }
}

Test(kernels, table_ends_with_scalar_and_pick_obeys_the_cpu)
{
    const struct ps_kernel *best = ps_kernel_pick(NULL);

    cr_assert_str_eq(ps_kernels[ps_n_kernels - 1].name, "scalar");
    cr_assert_eq(ps_kernels[ps_n_kernels - 1].cpu_needs, 0);
    cr_assert_not_null(best);
    cr_assert_eq(best->cpu_needs & ~ps_cpu_features(), 0);
    cr_assert_null(ps_kernel_pick("no such kernel"));
    cr_assert_null(ps_kernel_named("no such kernel"));
    for (size_t i = 0; i < ps_n_kernels; i++) {
        int runs = (ps_kernels[i].cpu_needs & ~ps_cpu_features()) == 0;

        cr_assert_eq(ps_kernel_named(ps_kernels[i].name), &ps_kernels[i]);
        cr_assert_eq(ps_kernel_pick(ps_kernels[i].name), runs ? &ps_kernels[i] : NULL);
    }
}
