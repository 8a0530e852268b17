/* The rows of a benchmark, written as they come. */
#ifndef PS_HOST_BENCH_REPORT_REPORT_H
#define PS_HOST_BENCH_REPORT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "host/bench/report/machine.h"
#include "host/bench/report/series.h"
#include "scan/err.h"

#define PS_NO_HITS UINT64_MAX

/* One row; docs/BENCHMARKS.md says what each column means. Strings that do not apply are NULL,
 * numbers 0, statistics have n = 0. */
struct ps_bench_row {
    const char *group; /* "memory-read", "kernel" ... */
    const char *name;
    const char *pages; /* what was read: a page composition or an image */
    const char *arch;
    size_t n_tags;
    unsigned threads;
    uint64_t n_bytes;
    const char *unit; /* of 'value': "GB/s", "ns", "MiB" */
    struct ps_stat value;
    const char *ceiling;     /* name of the row that bounds this one */
    struct ps_stat limit;    /* that row's values, measured in turn with this one */
    struct ps_stat ratio;    /* value / limit, repetition by repetition */
    struct ps_stat slowdown; /* time / time with the fewest tags, repetition by repetition */
    uint64_t hits;           /* PS_NO_HITS: does not apply */
};

struct ps_bench_report;

/* format: "auto" (table on a terminal, else csv), "table", "csv", "jsonl", "json" or "none"; path
 * as for ps_sink_open. Writes the facts first. */
int ps_bench_report_open(struct ps_bench_report **out, const char *format, const char *path,
                         const struct ps_facts *facts, struct ps_err *err);
int ps_bench_report_row(struct ps_bench_report *r, const struct ps_bench_row *row,
                        struct ps_err *err);
/* keep 0: a file is not published. Frees 'r' in any case; accepts NULL. */
int ps_bench_report_close(struct ps_bench_report *r, int keep, struct ps_err *err);

#endif
