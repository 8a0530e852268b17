#include "host/bench/rows/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/bench/data/pages.h"
#include "host/cancel.h"
#include "host/log.h"
#include "host/pipeline/pipeline.h"
#include "kernels/cpu.h"
#include "kernels/kernel.h"
#include "kernels/pool_header.h"
#include "scan/plan_compile.h"

/* One page mix with its plans. Hits are those of the whole buffer. */
struct kernel_bench {
    struct ps_bench *b;
    const struct ps_page_mix *mix;
    struct ps_pages pages;
    struct ps_plan *plan[PS_BENCH_MAX_SETS];
    uint64_t n_hits[PS_BENCH_MAX_SETS];
    uint64_t sum; /* of the buffer */
    size_t chunk_pages;
    struct ps_hit *hits; /* of a chunk; and for comparing, of the unique part */
    struct ps_hit *want;
    size_t cap;
};

/* Rates of one kernel. */
struct kernel_series {
    struct ps_series ceiling;
    struct ps_series rate[PS_BENCH_MAX_SETS];
    struct ps_series ratio[PS_BENCH_MAX_SETS];
    struct ps_series slowdown[PS_BENCH_MAX_SETS];
};

static int may_run(const struct ps_bench *b, const struct ps_kernel *k)
{
    return (k->cpu_needs & ~ps_cpu_features()) == 0 &&
           (!b->opt->kernel || strcmp(b->opt->kernel, k->name) == 0);
}

/* The buffer in chunks, as the pipeline scans a file: the hits of a chunk stay in the cache. */
static uint64_t scan_all(const struct kernel_bench *kb, const struct ps_kernel *k,
                         const struct ps_plan *plan)
{
    const size_t n_pages = kb->pages.n_bytes / PS_PAGE_BYTES;
    uint64_t n_hits = 0;

    for (size_t at = 0; at < n_pages; at += kb->chunk_pages) {
        size_t n = n_pages - at < kb->chunk_pages ? n_pages - at : kb->chunk_pages;

        n_hits += k->scan(plan, kb->pages.mem + at * PS_PAGE_BYTES, n, kb->hits, kb->cap);
    }
    return n_hits;
}

static int has_tag(const struct ps_bench_set *set, uint32_t tag)
{
    for (size_t i = 0; i < set->rules.n; i++)
        if (ps_tag_pattern_matches(set->rules.rule[i].pattern, tag))
            return 1;
    return 0;
}

/* Does the ascending list hold this header? *at moves on. */
static int has_hit(const struct kernel_bench *kb, size_t n_hits, const struct ps_planted_header *h,
                   unsigned slot_shift, size_t *at)
{
    while (*at < n_hits && (uint64_t)kb->want[*at].slot << slot_shift < h->off)
        ++*at;
    return *at < n_hits && (uint64_t)kb->want[*at].slot << slot_shift == h->off &&
           kb->want[*at].tag == h->tag && kb->want[*at].word0 == h->word0;
}

/* Answers of has_tag: planted headers are many and their tags few. */
struct tag_memo {
    struct {
        uint32_t tag;
        int8_t known; /* 0: not asked yet, 1 yes, -1 no */
    } slot[1u << 16];
};

static int has_tag_memo(struct tag_memo *memo, const struct ps_bench_set *set, uint32_t tag)
{
    uint32_t i = tag * 0x9e3779b1u >> 16;

    if (memo->slot[i].known == 0 || memo->slot[i].tag != tag) {
        memo->slot[i].tag = tag;
        memo->slot[i].known = has_tag(set, tag) ? 1 : -1;
    }
    return memo->slot[i].known > 0;
}

/* Every planted header whose tag is in the set is a hit. */
static int check_planted(const struct kernel_bench *kb, unsigned s, size_t n_hits,
                         struct ps_err *err)
{
    const unsigned shift = kb->plan[s]->slot_shift;
    struct tag_memo *memo = calloc(1, sizeof *memo);
    size_t at = 0;
    int rc = memo ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    for (size_t i = 0; i < kb->pages.n_planted && rc == 0; i++) {
        const struct ps_planted_header *h = &kb->pages.planted[i];

        if (!has_hit(kb, n_hits, h, shift, &at) && has_tag_memo(memo, &kb->b->set[s], h->tag))
            rc = ps_fail(err, PS_EINTERNAL, h->off,
                         "the scalar kernel misses the header planted at 0x%llx of %s",
                         (unsigned long long)h->off, kb->mix->name);
    }
    free(memo);
    return rc;
}

/* Every kernel against the scalar one on the unique part, and that one against what was planted. */
static int check_answers(struct kernel_bench *kb, unsigned s, struct ps_err *err)
{
    const struct ps_kernel *scalar = ps_kernel_named("scalar");
    const size_t n_pages = kb->pages.unique_bytes / PS_PAGE_BYTES;
    size_t n = scalar->scan(kb->plan[s], kb->pages.mem, n_pages, kb->want, kb->cap);
    int rc = check_planted(kb, s, n, err);

    for (size_t i = 0; i < ps_n_kernels && rc == 0; i++) {
        const struct ps_kernel *k = &ps_kernels[i];
        size_t got;

        if (!may_run(kb->b, k))
            continue;
        got = k->scan(kb->plan[s], kb->pages.mem, n_pages, kb->hits, kb->cap);
        if (got != n || memcmp(kb->hits, kb->want, n * sizeof *kb->hits) != 0)
            rc = ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                         "the kernel %s disagrees with scalar on pages of %s: %zu hits, %zu",
                         k->name, kb->mix->name, got, n);
    }
    kb->n_hits[s] = (uint64_t)n * (kb->pages.n_bytes / kb->pages.unique_bytes);
    return rc;
}

/* One scan of the buffer, timed and checked. */
static int time_scan(const struct kernel_bench *kb, const struct ps_kernel *k, unsigned s,
                     double *seconds, struct ps_err *err)
{
    double start = ps_bench_now();
    uint64_t n_hits = scan_all(kb, k, kb->plan[s]);

    *seconds = ps_bench_now() - start;
    if (n_hits == kb->n_hits[s])
        return 0;
    return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                   "the kernel %s found %llu hits and then %llu on pages of %s", k->name,
                   (unsigned long long)kb->n_hits[s], (unsigned long long)n_hits, kb->mix->name);
}

/* Repetition number 'turn': the ceiling, then every tag set, each time another one first, since the
 * first one finds the hit buffer out of the cache. */
static int measure_once(const struct kernel_bench *kb, const struct ps_kernel *k, unsigned turn,
                        struct kernel_series *ks, struct ps_err *err)
{
    const double bytes = (double)kb->pages.n_bytes;
    const unsigned n_sets = kb->b->n_sets;
    double seconds[PS_BENCH_MAX_SETS] = {0};
    double start = ps_bench_now();
    uint64_t sum = kb->b->reader->sum(kb->pages.mem, kb->pages.n_bytes);
    double ceiling = ps_bench_now() - start;
    int rc = 0;

    if (sum != kb->sum)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "memory read gives a wrong sum");
    for (unsigned i = 0; i < n_sets && rc == 0; i++)
        rc = time_scan(kb, k, (turn + i) % n_sets, &seconds[(turn + i) % n_sets], err);
    ps_series_add(&ks->ceiling, bytes / ceiling / 1e9);
    for (unsigned s = 0; s < n_sets && rc == 0; s++) {
        ps_series_add(&ks->rate[s], bytes / seconds[s] / 1e9);
        ps_series_add(&ks->ratio[s], ceiling / seconds[s]);
        ps_series_add(&ks->slowdown[s], seconds[s] / seconds[0]);
    }
    return rc;
}

static int write_rows(const struct kernel_bench *kb, const struct ps_kernel *k,
                      const struct kernel_series *ks, struct ps_err *err)
{
    int rc = 0;

    for (unsigned s = 0; s < kb->b->n_sets && rc == 0; s++) {
        struct ps_bench_row row = {.group = "kernel",
                                   .name = k->name,
                                   .pages = kb->mix->name,
                                   .arch = kb->mix->arch == PS_ARCH_X86 ? "x86" : "x64",
                                   .n_tags = kb->b->set[s].rules.n,
                                   .threads = 1,
                                   .n_bytes = kb->pages.n_bytes,
                                   .unit = "GB/s",
                                   .value = ps_series_stat(&ks->rate[s]),
                                   .ceiling = kb->b->reader->name,
                                   .limit = ps_series_stat(&ks->ceiling),
                                   .ratio = ps_series_stat(&ks->ratio[s]),
                                   .slowdown = ps_series_stat(&ks->slowdown[s]),
                                   .hits = kb->n_hits[s]};

        rc = ps_bench_report_row(kb->b->report, &row, err);
    }
    return rc;
}

static int bench_kernel(const struct kernel_bench *kb, const struct ps_kernel *k,
                        struct ps_err *err)
{
    struct kernel_series *ks = calloc(1, sizeof *ks);
    int rc = ks ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    for (unsigned i = 0; i < kb->b->repeats && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = measure_once(kb, k, i, ks, err);
    }
    if (rc == 0)
        rc = write_rows(kb, k, ks, err);
    free(ks);
    return rc;
}

/* That of the plan which a scan of such an image compiles. */
static const struct ps_era *era_of(const struct ps_page_mix *mix)
{
    return ps_era_pick(mix->arch, mix->any_build ? 0 : mix->build);
}

static int compile_plans(struct kernel_bench *kb, struct ps_err *err)
{
    int rc = 0;

    for (unsigned s = 0; s < kb->b->n_sets && rc == 0; s++)
        rc = ps_plan_compile(&kb->plan[s], era_of(kb->mix), &kb->b->set[s].rules, 0, err);
    return rc;
}

static int alloc_hits(struct kernel_bench *kb, struct ps_err *err)
{
    const unsigned shift = kb->plan[0]->slot_shift;
    size_t n_pages = kb->pages.unique_bytes / PS_PAGE_BYTES;

    kb->chunk_pages = ps_pipeline_chunk_pages(ps_topology_machine(kb->b->topology), 1, 1, shift,
                                              kb->b->opt->chunk_bytes);
    if (n_pages < kb->chunk_pages)
        n_pages = kb->chunk_pages;
    kb->cap = n_pages * (PS_PAGE_BYTES >> shift);
    kb->hits = malloc(kb->cap * sizeof *kb->hits);
    kb->want = malloc(kb->cap * sizeof *kb->want);
    return kb->hits && kb->want ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static int bench_mix(struct kernel_bench *kb, struct ps_err *err)
{
    int rc = compile_plans(kb, err);

    if (rc == 0)
        rc = ps_pages_fill(&kb->pages, kb->mix, kb->b->tags, err);
    if (rc == 0)
        rc = alloc_hits(kb, err);
    for (unsigned s = 0; s < kb->b->n_sets && rc == 0; s++)
        rc = check_answers(kb, s, err);
    kb->sum = kb->b->reader->sum(kb->pages.mem, kb->pages.n_bytes);
    for (size_t i = 0; i < ps_n_kernels && rc == 0; i++)
        if (may_run(kb->b, &ps_kernels[i]))
            rc = bench_kernel(kb, &ps_kernels[i], err);
    return rc;
}

static void free_mix(struct kernel_bench *kb)
{
    for (unsigned s = 0; s < PS_BENCH_MAX_SETS; s++)
        free(kb->plan[s]);
    free(kb->hits);
    free(kb->want);
    ps_pages_free(&kb->pages);
}

static int wants_arch(const struct ps_bench *b, enum ps_arch arch)
{
    const char *name = b->opt->arch;

    return !name || strcmp(name, "auto") == 0 ||
           strcmp(name, arch == PS_ARCH_X86 ? "x86" : "x64") == 0;
}

int ps_bench_kernels(struct ps_bench *b, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < ps_n_page_mixes && rc == 0; i++) {
        struct kernel_bench kb = {
            .b = b, .mix = &ps_page_mixes[i], .pages = {.mem = b->mem, .n_bytes = b->mem_bytes}};

        if (!wants_arch(b, kb.mix->arch))
            continue;
        ps_log(PS_LOG_INFO, "kernels on pages of %s", kb.mix->name);
        rc = bench_mix(&kb, err);
        free_mix(&kb);
    }
    return rc;
}
