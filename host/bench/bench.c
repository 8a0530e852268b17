#include "host/bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/bench/data/image.h"
#include "host/bench/data/pages.h"
#include "host/bench/rows/rows.h"
#include "host/log.h"
#include "host/run/tag_source.h"
#include "kernels/cpu.h"
#include "kernels/pool_header.h"

/* The buffer of the rows in memory: several times what the caches hold. */
#define MEMORY_BYTES ((uint64_t)128 << 20)
#define CACHES       4u

/* 'ceiling_of': groups whose rows are held against this one's, which then comes along. */
static const struct {
    const char *name;
    ps_bench_group_fn *run;
    int in_memory; /* one thread, bound to a core */
    int needs_image;
    const char *ceiling_of[3];
} groups[] = {
    {"memory", ps_bench_memory, 1, 0, {"kernels", "files", "runs"}},
    {"kernels", ps_bench_kernels, 1, 0, {0}},
    {"lookup", ps_bench_lookup, 1, 0, {0}},
    {"files", ps_bench_files, 0, 1, {"runs"}},
    {"runs", ps_bench_runs, 0, 1, {0}},
    {"peak", ps_bench_peak, 0, 1, {0}},
    {"virtual", ps_bench_virtual, 0, 1, {0}},
    {"transfer", ps_bench_transfer, 0, 0, {0}},
};

#define N_GROUPS (sizeof groups / sizeof *groups)

void ps_bench_bind(const struct ps_bench *b)
{
    ps_topology_bind_worker(b->topology, 0, 1);
}

void ps_bench_unbind(const struct ps_bench *b)
{
    sched_setaffinity(0, sizeof b->affinity, &b->affinity);
}

static int is_asked(const struct ps_bench *b, const char *name)
{
    for (size_t i = 0; i < b->opt->bench_rows.n; i++)
        if (strcmp(b->opt->bench_rows.item[i], name) == 0)
            return 1;
    return b->opt->bench_rows.n == 0;
}

static int is_wanted(const struct ps_bench *b, size_t i)
{
    int wanted = is_asked(b, groups[i].name);

    for (size_t k = 0; k < 3 && groups[i].ceiling_of[k]; k++)
        wanted |= is_asked(b, groups[i].ceiling_of[k]);
    return wanted;
}

static int check_names(const struct ps_bench *b, struct ps_err *err)
{
    for (size_t i = 0; i < b->opt->bench_rows.n; i++) {
        const char *name = b->opt->bench_rows.item[i];
        size_t g = 0;

        while (g < N_GROUPS && strcmp(groups[g].name, name) != 0)
            g++;
        if (g == N_GROUPS)
            return ps_fail(err, PS_EARG, PS_AT_NONE,
                           "--rows %.40s: no such rows; there are memory, kernels, lookup, files, "
                           "runs, peak, virtual and transfer",
                           name);
    }
    return 0;
}

static void add_set(struct ps_bench *b, struct ps_ruleset rules)
{
    b->set[b->n_sets++] = (struct ps_bench_set){.rules = rules};
}

/* The 15 commonest made-up tags and everything that a scan looks for when nothing is said, so that
 * on pages with the same hits the two sets differ in nothing but their size. */
static int add_database(struct ps_bench *b, struct ps_err *err)
{
    const struct ps_ruleset common = ps_bench_tags_first(b->tags, PS_BENCH_COMMON_TAGS);
    struct ps_ruleset_spec spec = {0};
    struct ps_ruleset rules;
    int rc = ps_tag_source_load(&b->database, b->opt, err);

    if (rc < 0 || ps_tagdb_count(b->database) == 0)
        return rc;
    spec.db = b->database;
    rc = ps_ruleset_build(&rules, &spec, err);
    if (rc < 0)
        return rc;
    b->database_rules = malloc((rules.n + common.n) * sizeof *b->database_rules);
    if (b->database_rules) {
        memcpy(b->database_rules, common.rule, common.n * sizeof *common.rule);
        memcpy(b->database_rules + common.n, rules.rule, rules.n * sizeof *rules.rule);
        add_set(b, (struct ps_ruleset){.rule = b->database_rules, .n = rules.n + common.n});
    }
    ps_ruleset_free(&rules);
    return b->database_rules ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static int make_sets(struct ps_bench *b, struct ps_err *err)
{
    b->tags = malloc(sizeof *b->tags);
    if (!b->tags)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    ps_bench_tags_make(b->tags);
    add_set(b, ps_bench_tags_first(b->tags, PS_BENCH_COMMON_TAGS));
    add_set(b, ps_bench_tags_first(b->tags, 500));
    add_set(b, ps_bench_tags_first(b->tags, PS_BENCH_ALL_TAGS));
    return add_database(b, err);
}

/* Large pages where the system has them: the ceiling should not be one of the page tables. */
static int alloc_memory(struct ps_bench *b, struct ps_err *err)
{
    const struct ps_machine *m = ps_topology_machine(b->topology);
    const uint64_t caches = CACHES * m->l3_bytes * m->n_l3;
    uint64_t n = caches > MEMORY_BYTES ? caches : MEMORY_BYTES;
    void *mem;

    n = n < b->opt->bench_bytes ? n : b->opt->bench_bytes;
    n = n / PS_PAGE_BYTES * PS_PAGE_BYTES;
    if (n > PS_PAGES_UNIQUE_BYTES)
        n = n / PS_PAGES_UNIQUE_BYTES * PS_PAGES_UNIQUE_BYTES;
    mem = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %llu MiB to scan; see --size",
                       (unsigned long long)(n >> 20));
    madvise(mem, n, MADV_HUGEPAGE);
    b->mem = mem;
    b->mem_bytes = n;
    return 0;
}

static int run_group(struct ps_bench *b, size_t i, struct ps_err *err)
{
    int rc = 0;

    if (groups[i].needs_image && !b->image)
        rc = ps_bench_image_open(b, err);
    if (rc < 0)
        return rc;
    ps_log(PS_LOG_INFO, "%s", groups[i].name);
    if (groups[i].in_memory)
        ps_bench_bind(b);
    rc = groups[i].run(b, err);
    if (groups[i].in_memory)
        ps_bench_unbind(b);
    return rc;
}

static int run_groups(struct ps_bench *b, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < N_GROUPS && rc == 0; i++)
        if (is_wanted(b, i))
            rc = run_group(b, i, err);
    return rc;
}

static int open_report(struct ps_bench *b, struct ps_err *err)
{
    struct ps_facts facts;

    ps_facts_collect(&facts, b->topology);
    return ps_bench_report_open(&b->report, b->opt->format, b->opt->output, &facts, err);
}

static void free_bench(struct ps_bench *b)
{
    ps_bench_image_close(b);
    if (b->mem)
        munmap(b->mem, b->mem_bytes);
    free(b->database_rules);
    ps_tagdb_free(b->database);
    free(b->tags);
    ps_topology_free(b->topology);
}

/* For the rows that only need some way to read. */
static const struct ps_memory_reader *first_reader(void)
{
    const struct ps_memory_reader *r = ps_memory_readers;

    while (r->cpu_needs & ~ps_cpu_features())
        r++;
    return r;
}

int ps_bench_run(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_bench b = {.opt = opt, .repeats = opt->repeats, .reader = first_reader()};
    struct ps_err close_err;
    int closed;
    int rc = check_names(&b, err);

    if (rc < 0)
        return rc;
    sched_getaffinity(0, sizeof b.affinity, &b.affinity);
    b.topology = ps_topology_new();
    rc = make_sets(&b, err);
    if (rc == 0)
        rc = alloc_memory(&b, err);
    if (rc == 0)
        rc = open_report(&b, err);
    if (rc == 0)
        rc = run_groups(&b, err);
    closed = ps_bench_report_close(b.report, rc == 0, &close_err);
    free_bench(&b);
    if (rc == 0 && closed < 0) {
        *err = close_err;
        rc = closed;
    }
    return rc;
}
