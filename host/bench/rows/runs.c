/* Whole scans of a warm file, from opening the image to closing it. Tags, plan and devices are set
 * up once before, as for a run over several images. */
#include "host/bench/rows/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/bench/data/file_read.h"
#include "host/bench/rows/engines.h"
#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "host/image/image.h"
#include "host/log.h"
#include "host/run/session.h"

/* What a scan of the image must give. */
struct answer {
    int known;
    uint64_t findings;
    char digest[PS_DIGEST_HEX_BYTES];
};

struct run_bench {
    struct ps_bench *b;
    const struct ps_bench_engine *engine;
    struct answer *answer;
    struct ps_series rate, ceiling, ratio;
    uint64_t findings;
    size_t n_rules;
};

/* One scan with a digest of its own. */
static int scan_once(struct run_bench *rb, struct ps_scan_session *s, double *seconds,
                     struct answer *got, struct ps_err *err)
{
    struct ps_scan_totals totals = {0};
    struct ps_image *image = NULL;
    double start;
    int went_on = 0;
    int rc;

    ps_digest_free(s->digest);
    s->digest = ps_digest_new();
    if (!s->digest)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    start = ps_bench_now();
    rc = ps_image_open(&image, rb->b->image, NULL, err);
    if (rc == 0)
        rc = ps_scan_session_image(s, image, NULL, &totals, &went_on, err);
    ps_image_close(image);
    *seconds = ps_bench_now() - start;
    got->findings = totals.findings;
    ps_digest_hex(s->digest, got->digest);
    return rc;
}

static int check_answer(struct run_bench *rb, const struct answer *got, struct ps_err *err)
{
    struct answer *want = rb->answer;

    rb->findings = got->findings;
    if (rb->engine->finds_nothing && got->findings == 0)
        return 0;
    if (!want->known) {
        *want = *got;
        want->known = 1;
    }
    if (got->findings == want->findings && strcmp(got->digest, want->digest) == 0)
        return 0;
    return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                   "%s gives other findings than the scalar kernel (%llu and %llu)",
                   rb->engine->name, (unsigned long long)got->findings,
                   (unsigned long long)want->findings);
}

/* The ceiling with as many threads as the run has. */
static int read_once(struct run_bench *rb, double *seconds, struct ps_err *err)
{
    const struct ps_bench *b = rb->b;
    uint64_t sum;

    return ps_file_read_once(b->file_reader[rb->engine->threads > 1], b->image,
                             rb->engine->threads ? rb->engine->threads : 1, b->reader->sum, seconds,
                             &sum, err);
}

static int measure_once(struct run_bench *rb, struct ps_scan_session *s, int counts,
                        struct ps_err *err)
{
    const double bytes = (double)rb->b->image_bytes;
    struct answer got = {0};
    double ceiling = 0, seconds = 0;
    int rc = ps_cancel_check(err);

    if (rc == 0)
        rc = read_once(rb, &ceiling, err);
    if (rc == 0)
        rc = scan_once(rb, s, &seconds, &got, err);
    if (rc == 0)
        rc = check_answer(rb, &got, err);
    if (rc == 0 && counts) {
        ps_series_add(&rb->ceiling, bytes / ceiling / 1e9);
        ps_series_add(&rb->rate, bytes / seconds / 1e9);
        ps_series_add(&rb->ratio, ceiling / seconds);
    }
    return rc;
}

static int measure(struct run_bench *rb, struct ps_err *err)
{
    struct ps_bench_scan_options scan;
    struct ps_scan_session s;
    int rc;

    ps_bench_engine_options(rb->b, rb->engine, &scan);
    /* The pass alone: an image that is made here has no page tables to look for. */
    scan.opt.physical_only = 1;
    rc = ps_scan_session_open(&s, &scan.opt, err);
    rb->n_rules = s.rules.n;
    /* The first one compiles the plan and opens the backends. */
    if (rc == 0)
        rc = measure_once(rb, &s, 0, err);
    for (unsigned i = 0; i < rb->engine->repeats && rc == 0; i++)
        rc = measure_once(rb, &s, 1, err);
    ps_scan_session_free(&s);
    return rc;
}

static int write_row(const struct run_bench *rb, struct ps_err *err)
{
    struct ps_bench_row row = {.group = "run",
                               .name = rb->engine->name,
                               .pages = rb->b->image_name,
                               .n_tags = rb->n_rules,
                               .threads = rb->engine->threads,
                               .n_bytes = rb->b->image_bytes,
                               .unit = "GB/s",
                               .value = ps_series_stat(&rb->rate),
                               .ceiling = rb->b->file_reader[rb->engine->threads > 1]->name,
                               .limit = ps_series_stat(&rb->ceiling),
                               .ratio = ps_series_stat(&rb->ratio),
                               .hits = rb->findings};

    return ps_bench_report_row(rb->b->report, &row, err);
}

/* A device that cannot work is no failure of the benchmark, unless it was asked for. */
static int bench_engine(struct ps_bench *b, const struct ps_bench_engine *engine,
                        struct answer *answer, struct ps_err *err)
{
    struct run_bench *rb = calloc(1, sizeof *rb);
    int rc;

    if (!rb)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    *rb = (struct run_bench){.b = b, .engine = engine, .answer = answer};
    ps_log(PS_LOG_INFO, "run on %s, %u threads", engine->name, engine->threads);
    rc = measure(rb, err);
    if (rc == 0 && engine->repeats > 0)
        rc = write_row(rb, err);
    if (rc == -PS_EDEVICE && engine->optional) {
        ps_log(PS_LOG_WARN, "no row for %s: %s", engine->name, err->msg);
        rc = 0;
    }
    free(rb);
    return rc;
}

int ps_bench_runs(struct ps_bench *b, struct ps_err *err)
{
    struct ps_bench_engines engines;
    struct answer answer = {0};
    int rc = ps_bench_engines_list(&engines, b, err);

    ps_fault_guard_init();
    for (unsigned i = 0; i < engines.n && rc == 0; i++)
        rc = bench_engine(b, &engines.engine[i], &answer, err);
    return rc;
}
