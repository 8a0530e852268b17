/* xxHash is the project's hash for digests; for four bytes a multiplication may do. Both fill
 * tables of the same shape, which are asked for the same tags. */
#include "host/bench/rows/rows.h"

#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/cancel.h"
#include "kernels/pool_check.h"

#define N_ASKED 65536u

static uint32_t xxh32(uint32_t key)
{
    return XXH32(&key, sizeof key, 0);
}

static uint32_t multiply(uint32_t key)
{
    return ps_tag_hash(key);
}

struct table {
    struct ps_plan_entry *entry;
    unsigned shift;
    uint32_t last;
};

struct lookup_bench {
    struct table multiply, xxh32;
    uint32_t asked[N_ASKED]; /* half of them in the tables */
    size_t n_tags;
};

static inline __attribute__((always_inline)) uint32_t find(const struct table *t, uint32_t key,
                                                           uint32_t (*hash)(uint32_t))
{
    uint32_t i = hash(key) >> t->shift;

    while (t->entry[i].rule != PS_RULE_NONE && t->entry[i].key != key)
        i = (i + 1u) & t->last;
    return t->entry[i].rule;
}

static int fill(struct table *t, const struct ps_ruleset *rules, uint32_t (*hash)(uint32_t),
                struct ps_err *err)
{
    t->shift = 31;
    while ((uint64_t)1 << (32 - t->shift) < 2 * (uint64_t)rules->n)
        t->shift--;
    t->last = (uint32_t)(((uint64_t)1 << (32 - t->shift)) - 1);
    t->entry = malloc(((size_t)t->last + 1) * sizeof *t->entry);
    if (!t->entry)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    for (size_t i = 0; i <= t->last; i++)
        t->entry[i].rule = PS_RULE_NONE;
    for (size_t r = 0; r < rules->n; r++) {
        uint32_t key = rules->rule[r].pattern.value;
        uint32_t i = hash(key) >> t->shift;

        while (t->entry[i].rule != PS_RULE_NONE && t->entry[i].key != key)
            i = (i + 1u) & t->last;
        t->entry[i] = (struct ps_plan_entry){key, (uint32_t)r};
    }
    return 0;
}

/* Two ways to ask: all tags at once, as the candidates of a page are, and each one only when the
 * answer before is there, which shows the latency. 'chain' is 0 in both; in the second the
 * compiler does not know. Returns a sum of the answers. */
#define DEFINE_ASK(NAME, HASH)                                                                     \
    static uint64_t NAME(const struct lookup_bench *lb, uint32_t chain, const struct table *t)     \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        uint32_t before = 0;                                                                       \
                                                                                                   \
        for (size_t i = 0; i < N_ASKED; i++) {                                                     \
            before = find(t, lb->asked[i] ^ (before & chain), HASH);                               \
            sum += before;                                                                         \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
    static uint64_t NAME##_at_once(const struct lookup_bench *lb)                                  \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < N_ASKED; i++)                                                       \
            sum += find(&lb->HASH, lb->asked[i], HASH);                                            \
        return sum;                                                                                \
    }                                                                                              \
    static uint64_t NAME##_chained(const struct lookup_bench *lb)                                  \
    {                                                                                              \
        volatile uint32_t none = 0;                                                                \
                                                                                                   \
        return NAME(lb, none, &lb->HASH);                                                          \
    }

DEFINE_ASK(ask_multiply, multiply)
DEFINE_ASK(ask_xxh32, xxh32)

typedef uint64_t ask_fn(const struct lookup_bench *lb);

static double time_ask(ask_fn *ask, const struct lookup_bench *lb, uint64_t *sum)
{
    double start = ps_bench_now();

    *sum = ask(lb);
    return (ps_bench_now() - start) / N_ASKED * 1e9;
}

struct lookup_series {
    struct ps_series multiply, xxh32, ratio;
};

static int measure(struct ps_bench *b, const struct lookup_bench *lb, ask_fn *ours, ask_fn *theirs,
                   struct lookup_series *s, struct ps_err *err)
{
    *s = (struct lookup_series){0};
    for (unsigned i = 0; i < b->repeats; i++) {
        uint64_t one, other;
        double m = time_ask(ours, lb, &one);
        double x = time_ask(theirs, lb, &other);

        if (one != other)
            return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "the two tag tables answer differently");
        ps_series_add(&s->multiply, m);
        ps_series_add(&s->xxh32, x);
        ps_series_add(&s->ratio, x / m);
    }
    return ps_cancel_check(err);
}

static int write_rows(struct ps_bench *b, const struct lookup_bench *lb, const char *how,
                      const struct lookup_series *s, struct ps_err *err)
{
    struct ps_bench_row row = {.group = "lookup",
                               .name = "multiply",
                               .pages = how,
                               .n_tags = lb->n_tags,
                               .threads = 1,
                               .unit = "ns",
                               .value = ps_series_stat(&s->multiply),
                               .hits = PS_NO_HITS};
    int rc = ps_bench_report_row(b->report, &row, err);

    row.name = "xxh32";
    row.limit = row.value;
    row.value = ps_series_stat(&s->xxh32);
    row.ratio = ps_series_stat(&s->ratio);
    row.ceiling = "multiply";
    return rc < 0 ? rc : ps_bench_report_row(b->report, &row, err);
}

static int measure_both(struct ps_bench *b, const struct lookup_bench *lb, struct ps_err *err)
{
    struct lookup_series *s = malloc(sizeof *s);
    int rc = s ? measure(b, lb, ask_multiply_at_once, ask_xxh32_at_once, s, err)
               : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    if (rc == 0)
        rc = write_rows(b, lb, "at once", s, err);
    if (rc == 0)
        rc = measure(b, lb, ask_multiply_chained, ask_xxh32_chained, s, err);
    if (rc == 0)
        rc = write_rows(b, lb, "in a chain", s, err);
    free(s);
    return rc;
}

static int prepare(struct ps_bench *b, struct lookup_bench *lb, struct ps_err *err)
{
    /* Tags without open characters: the largest group of a plan. */
    struct ps_ruleset rules = ps_bench_tags_first(b->tags, PS_BENCH_ALL_TAGS - PS_BENCH_WILDCARDS);
    uint64_t state = 65536;
    int rc = fill(&lb->multiply, &rules, multiply, err);

    if (rc == 0)
        rc = fill(&lb->xxh32, &rules, xxh32, err);
    lb->n_tags = rules.n;
    for (size_t i = 0; i < N_ASKED; i++) {
        uint32_t tag = ps_bench_tags_draw(b->tags, &state);
        uint32_t turned = ps_bench_below(&state, 2) ? 0 : 1u << ps_bench_below(&state, 29);

        lb->asked[i] = tag ^ turned;
    }
    return rc;
}

int ps_bench_lookup(struct ps_bench *b, struct ps_err *err)
{
    struct lookup_bench *lb = calloc(1, sizeof *lb);
    int rc = lb ? prepare(b, lb, err) : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    if (rc == 0)
        rc = measure_both(b, lb, err);
    if (lb) {
        free(lb->multiply.entry);
        free(lb->xxh32.entry);
    }
    free(lb);
    return rc;
}
