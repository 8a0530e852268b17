/* What the virtual side adds to a scan. Whole runs of a warm file, from opening the image to
 * closing it, in pairs: with --physical-only, which is the ceiling, and without. */
#include "host/bench/rows/rows.h"

#include <inttypes.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/bench/data/image.h"
#include "host/bench/rows/engines.h"
#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "host/image/image.h"
#include "host/log.h"
#include "host/run/session.h"

/* What is scanned. */
struct subject {
    const char *path, *name;
    uint64_t n_bytes;
    const struct ps_bench_truth *truth; /* NULL: the runs are compared with each other only */
};

/* One half of a pair. */
struct half {
    struct ps_bench_scan_options scan;
    struct ps_scan_session s;
    char digest[PS_DIGEST_HEX_BYTES]; /* "" before the first run */
    struct ps_scan_totals totals;     /* of the last run */
    double seconds;                   /* of it */
};

struct pair {
    struct half physical, merged;
    struct ps_series rate, ceiling, ratio;
};

static int scan_once(struct half *h, const struct subject *on, struct ps_err *err)
{
    struct ps_image *image = NULL;
    int went_on = 0;
    double start;
    int rc;

    ps_digest_free(h->s.digest);
    h->s.digest = ps_digest_new();
    if (!h->s.digest)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    h->totals = (struct ps_scan_totals){0};
    start = ps_bench_now();
    rc = ps_image_open(&image, on->path, NULL, err);
    if (rc == 0)
        rc = ps_scan_session_image(&h->s, image, NULL, &h->totals, &went_on, err);
    ps_image_close(image);
    h->seconds = ps_bench_now() - start;
    return rc;
}

static int check_digest(struct half *h, struct ps_err *err)
{
    char digest[PS_DIGEST_HEX_BYTES];

    ps_digest_hex(h->s.digest, digest);
    if (!h->digest[0])
        memcpy(h->digest, digest, sizeof digest);
    if (strcmp(h->digest, digest) == 0)
        return 0;
    return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "two scans of one image give other findings");
}

static int check_truth(const struct ps_scan_totals *t, const struct ps_bench_truth *truth,
                       struct ps_err *err)
{
    if (t->big == truth->big && t->with_address == truth->big + truth->headers)
        return 0;
    return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                   "found %" PRIu64 " big allocations and %" PRIu64
                   " findings with an address, planted %" PRIu64 " and %" PRIu64,
                   t->big, t->with_address, truth->big, truth->big + truth->headers);
}

static int check(struct pair *p, const struct subject *on, struct ps_err *err)
{
    int rc = check_digest(&p->physical, err);

    if (rc == 0)
        rc = check_digest(&p->merged, err);
    if (rc == 0 && on->truth)
        rc = check_truth(&p->merged.totals, on->truth, err);
    return rc;
}

/* Each half is first in every second pair. */
static int measure_pair(struct pair *p, const struct subject *on, unsigned i, struct ps_err *err)
{
    struct half *first = i % 2 ? &p->merged : &p->physical;
    struct half *second = i % 2 ? &p->physical : &p->merged;
    int rc = ps_cancel_check(err);

    if (rc == 0)
        rc = scan_once(first, on, err);
    if (rc == 0)
        rc = scan_once(second, on, err);
    if (rc == 0)
        rc = check(p, on, err);
    if (rc == 0 && i > 0) {
        ps_series_add(&p->ceiling, (double)on->n_bytes / p->physical.seconds / 1e9);
        ps_series_add(&p->rate, (double)on->n_bytes / p->merged.seconds / 1e9);
        ps_series_add(&p->ratio, p->physical.seconds / p->merged.seconds);
    }
    return rc;
}

/* The tags of bench/virtual.recipe are those of Windows, which the program knows; other images are
 * scanned for the made-up ones. */
static int open_half(struct half *h, const struct ps_bench *b, const struct ps_bench_engine *e,
                     const struct subject *on, int physical_only, struct ps_err *err)
{
    struct ps_options *opt = &h->scan.opt;

    ps_bench_engine_options(b, e, &h->scan);
    opt->physical_only = physical_only;
    if (on->truth) {
        opt->tag_files = (struct ps_strings){0};
        opt->no_builtin_tags = 0;
        opt->arch = NULL;
    }
    return ps_scan_session_open(&h->s, opt, err);
}

static int write_row(const struct ps_bench *b, const struct ps_bench_engine *e,
                     const struct subject *on, const struct pair *p, struct ps_err *err)
{
    const struct ps_bench_row row = {.group = "virtual",
                                     .name = e->name,
                                     .pages = on->name,
                                     .n_tags = p->merged.s.rules.n,
                                     .threads = e->threads,
                                     .n_bytes = on->n_bytes,
                                     .unit = "GB/s",
                                     .value = ps_series_stat(&p->rate),
                                     .ceiling = "--physical-only",
                                     .limit = ps_series_stat(&p->ceiling),
                                     .ratio = ps_series_stat(&p->ratio),
                                     .hits = p->merged.totals.findings};

    return ps_bench_report_row(b->report, &row, err);
}

static int bench_pairs(const struct ps_bench *b, const struct ps_bench_engine *e,
                       const struct subject *on, struct ps_err *err)
{
    struct pair *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    ps_log(PS_LOG_INFO, "%s on %s, %u threads", e->name, on->name, e->threads);
    rc = open_half(&p->physical, b, e, on, 1, err);
    if (rc == 0)
        rc = open_half(&p->merged, b, e, on, 0, err);
    /* That an image has no page tables need not be said in every run. */
    ps_log_set_level(1, 0);
    /* The first pair compiles the plans. */
    for (unsigned i = 0; i <= e->repeats && rc == 0; i++)
        rc = measure_pair(p, on, i, err);
    ps_log_set_level(b->opt->quiet, b->opt->verbose);
    if (rc == 0)
        rc = write_row(b, e, on, p, err);
    ps_scan_session_free(&p->physical.s);
    ps_scan_session_free(&p->merged.s);
    free(p);
    return rc;
}

/* What a scan asks the system for, for each GiB of image. */
static int bench_memory(const struct ps_bench *b, const struct subject *on, int physical_only,
                        struct ps_err *err)
{
    const char *const args[] = {
        "poolscan",
        "scan",
        "--quiet",
        "--format",
        "none",
        on->path,
        physical_only ? "--physical-only" : NULL,
        NULL,
    };
    const double gib = (double)on->n_bytes / ((double)(1u << 30));
    struct ps_bench_row row = {.group = "virtual-memory",
                               .name = physical_only ? "scan --physical-only" : "scan",
                               .pages = on->name,
                               .n_bytes = on->n_bytes,
                               .unit = "MiB/GiB",
                               .hits = PS_NO_HITS};
    struct ps_bench_peak peak;
    struct ps_series mib = {0};
    int rc = ps_bench_peak_apart(args, &peak, err);

    if (rc < 0)
        return rc;
    ps_series_add(&mib, peak.anonymous / gib);
    row.value = ps_series_stat(&mib);
    return ps_bench_report_row(b->report, &row, err);
}

static int bench_image(const struct ps_bench *b, const struct subject *on, struct ps_err *err)
{
    struct ps_bench_engines engines;
    int rc = ps_bench_engines_list(&engines, b, err);
    const char *best = NULL;

    /* The best kernel comes first of those with a row. */
    for (unsigned i = 0; i < engines.n && rc == 0; i++) {
        const struct ps_bench_engine *e = &engines.engine[i];

        if (!e->kernel || e->repeats == 0 || (best && strcmp(best, e->kernel) != 0))
            continue;
        best = e->kernel;
        rc = bench_pairs(b, e, on, err);
    }
    return rc;
}

int ps_bench_virtual(struct ps_bench *b, struct ps_err *err)
{
    struct subject made = {.path = b->made_virtual, .name = "paged", .truth = &b->virtual_truth};
    const struct subject other = {b->image, b->image_name, b->image_bytes, NULL};
    struct stat st;
    int rc = ps_bench_virtual_image(b, err);

    if (rc == 0 && stat(made.path, &st) == 0)
        made.n_bytes = (uint64_t)st.st_size;
    ps_fault_guard_init();
    if (rc == 0)
        rc = bench_image(b, &made, err);
    if (rc == 0)
        rc = bench_image(b, &other, err);
    if (rc == 0)
        rc = ps_bench_virtual_parts(b, err);
    if (rc == 0)
        rc = bench_memory(b, &made, 0, err);
    return rc < 0 ? rc : bench_memory(b, &made, 1, err);
}
