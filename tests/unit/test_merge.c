/* The merge of headers and big allocations against a plain sort; regions by their votes. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/merge/merge.h"
#include "scan/merge/regions.h"
#include "tests/support/rng.h"

#define MAX 200u

struct sunk {
    struct ps_finding f[2 * MAX];
    size_t n;
    size_t fail_after; /* calls; SIZE_MAX: never */
};

static int sink(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct sunk *s = arg;

    cr_assert_gt(n, 0);
    if (s->fail_after == 0)
        return ps_fail(err, PS_EIO, 0, "full");
    s->fail_after -= s->fail_after != SIZE_MAX;
    cr_assert_leq(s->n + n, 2 * MAX);
    memcpy(s->f + s->n, f, n * sizeof *f);
    s->n += n;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct ps_finding *x = a;
    const struct ps_finding *y = b;

    if (x->phys != y->phys)
        return x->phys < y->phys ? -1 : 1;
    if (x->phys == PS_NOWHERE && x->va != y->va)
        return x->va < y->va ? -1 : 1;
    if (x->source != y->source)
        return x->source == PS_SOURCE_BIGPOOL ? -1 : 1;
    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static size_t make(struct ps_finding *f, size_t n, enum ps_source_kind source, struct rng *rng)
{
    uint64_t phys = 0;

    for (size_t i = 0; i < n; i++) {
        phys += source == PS_SOURCE_BIGPOOL ? rng_below(rng, 3) * 4096 : rng_below(rng, 512) * 8;
        f[i] = (struct ps_finding){.phys = phys, .source = (uint8_t)source, .tag = (uint32_t)i};
        /* Pages in a page file: by address, which is in the order of the places here. */
        f[i].va = UINT64_C(0xffffc70000000000) + phys;
        if (i >= n - n / 4)
            f[i].phys = PS_NOWHERE;
    }
    return n;
}

/* The big allocations a few at a time, each few in the same place. */
struct window {
    const struct ps_finding *rest;
    size_t n_rest;
    struct rng *rng;
    struct ps_finding few[8];
};

static int more(void *arg, const struct ps_finding **big, size_t *n, struct ps_err *err)
{
    struct window *w = arg;
    size_t some = 1 + rng_below(w->rng, 8);

    (void)err;
    some = some < w->n_rest ? some : w->n_rest;
    memset(w->few, 0xff, sizeof w->few);
    memcpy(w->few, w->rest, some * sizeof *w->few);
    w->rest += some;
    w->n_rest -= some;
    *big = w->few;
    *n = some;
    return 0;
}

static void merge_all(struct ps_merge *m, const struct ps_finding *head, size_t n, struct rng *rng)
{
    struct ps_err err;

    for (size_t at = 0; at < n;) {
        size_t some = rng_below(rng, 7);

        some = some < n - at ? some : n - at;
        cr_assert_eq(ps_merge_headers(m, head + at, some, &err), 0);
        at += some;
    }
    cr_assert_eq(ps_merge_finish(m, &err), 0);
}

Test(merge, is_a_sort)
{
    uint64_t seed = rng_seed();

    for (unsigned round = 0; round < 500; round++) {
        static struct ps_finding head[MAX], big[MAX], want[2 * MAX];
        static struct sunk got;
        struct rng rng = rng_make(seed + round);
        size_t n_head = make(head, rng_below(&rng, MAX), PS_SOURCE_HEADER, &rng);
        size_t n_big = make(big, rng_below(&rng, MAX), PS_SOURCE_BIGPOOL, &rng);
        struct window w = {.rest = big, .n_rest = n_big, .rng = &rng};
        struct ps_merge m = {.big = big, .n_big = n_big, .sink = sink, .arg = &got};

        if (round % 2)
            m = (struct ps_merge){.more = more, .more_arg = &w, .sink = sink, .arg = &got};
        got.n = 0;
        got.fail_after = SIZE_MAX;
        memcpy(want, head, n_head * sizeof *head);
        memcpy(want + n_head, big, n_big * sizeof *big);
        qsort(want, n_head + n_big, sizeof *want, compare);
        merge_all(&m, head, n_head, &rng);
        cr_assert_eq(got.n, n_head + n_big, "seed %#" PRIx64 " round %u", seed, round);
        for (size_t i = 0; i < got.n; i++)
            cr_assert_eq(compare(&got.f[i], &want[i]), 0, "seed %#" PRIx64 " round %u row %zu",
                         seed, round, i);
    }
}

Test(merge, the_sink_ends_it)
{
    static struct sunk got = {.fail_after = 1};
    const struct ps_finding big[] = {{.phys = 0x3000, .source = PS_SOURCE_BIGPOOL}};
    const struct ps_finding head[] = {{.phys = 0x1000}, {.phys = 0x2000}, {.phys = 0x4000}};
    struct ps_merge m = {.big = big, .n_big = 1, .sink = sink, .arg = &got};
    struct ps_err err;

    cr_assert_eq(ps_merge_headers(&m, head, 3, &err), -PS_EIO);
    cr_assert_eq(got.n, 2);
}

static struct ps_bigpool_row row(uint64_t va, uint32_t type)
{
    return (struct ps_bigpool_row){
        .entry = {.va = va, .n_bytes = 4096, .type = type, .state = PS_BIGPOOL_ALLOCATED}};
}

static const struct ps_bigpool_layout packed = {.word = PS_BIGPOOL_PACKED};
static const struct ps_bigpool_layout pages = {.word = PS_BIGPOOL_PAGES};

Test(regions, votes)
{
    static struct ps_regions r;
    struct ps_bigpool_row rows[64];
    struct ps_bigpool_table t = {.method = PS_BIGPOOL_CARVED, .layout = &packed, .row = rows};

    for (unsigned i = 0; i < 4; i++) {
        rows[t.n_rows++] = row(UINT64_C(0xffffc70650000000) + i * 0x1000, 0x401);
        rows[t.n_rows++] = row(UINT64_C(0xffffd880b0000000) + i * 0x1000, 0x200);
        rows[t.n_rows++] = row(UINT64_C(0xffffb58590000000) + i * 0x1000, i & 1);
    }
    rows[t.n_rows++] = row(UINT64_C(0xffff910000000000), 1);
    ps_regions_init(&r, PS_ARCH_X64, 19041, &t);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffc706587d1000)), PS_POOL_PAGED);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffd880bc354000)), PS_POOL_NONPAGED);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffb585977f7000)), PS_POOL_UNKNOWN, "both");
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffff910000000000)), PS_POOL_UNKNOWN, "one vote");
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xfffff8a000001000)), PS_POOL_UNKNOWN, "no vote");

    t.layout = &pages;
    ps_regions_init(&r, PS_ARCH_X64, 19041, &t);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffc706587d1000)), PS_POOL_UNKNOWN, "no types");
    cr_assert_eq(ps_regions_nearness(&r, UINT64_C(0xffffc706587d1000)), PS_REGION_INSIDE);
    cr_assert_eq(ps_regions_nearness(&r, UINT64_C(0xffffc72600000000)), PS_REGION_INSIDE - 1);
    cr_assert_eq(ps_regions_nearness(&r, UINT64_C(0xffffc6f000000000)), PS_REGION_INSIDE - 1);
    cr_assert_eq(ps_regions_nearness(&r, UINT64_C(0xffff910000000000)), 0, "one vote");
}

Test(regions, pool_flags)
{
    static struct ps_regions r;
    struct ps_bigpool_row rows[4];
    struct ps_bigpool_table t = {.method = PS_BIGPOOL_CARVED,
                                 .layout = &packed,
                                 .names = PS_BIGPOOL_POOL_FLAGS,
                                 .row = rows,
                                 .n_rows = 4};

    for (unsigned i = 0; i < 4; i++)
        rows[i] = row(UINT64_C(0xffffc70650000000) + i * 0x1000, 0x102);
    ps_regions_init(&r, PS_ARCH_X64, 26100, &t);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffc706587d1000)), PS_POOL_PAGED);
    cr_assert_eq(ps_regions_type_pool(&t, 0x42), PS_POOL_NONPAGED);
    t.names = PS_BIGPOOL_POOL_TYPE;
    cr_assert_eq(ps_regions_type_pool(&t, 0x102), PS_POOL_NONPAGED);
}

Test(regions, fixed_ones_need_the_build)
{
    static struct ps_regions r;

    ps_regions_init(&r, PS_ARCH_X64, 7601, NULL);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xfffff8a000001000)), PS_POOL_PAGED);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xfffffa8000001000)), PS_POOL_NONPAGED);
    ps_regions_init(&r, PS_ARCH_X64, 9600, NULL);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffe00000001000)), PS_POOL_NONPAGED);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xffffc00000001000)), PS_POOL_PAGED);
    ps_regions_init(&r, PS_ARCH_X64, 0, NULL);
    cr_assert_eq(ps_regions_pool(&r, UINT64_C(0xfffff8a000001000)), PS_POOL_UNKNOWN);
}
