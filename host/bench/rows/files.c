#include "host/bench/rows/rows.h"

#include <stdlib.h>

#include "host/bench/data/file_read.h"
#include "host/cancel.h"

struct file_bench {
    struct ps_bench *b;
    unsigned threads;
    uint64_t sum; /* of the mapped ways, once known */
    int has_sum;
};

static int measure_way(struct file_bench *fb, const struct ps_file_reader *how,
                       struct ps_series *series, struct ps_err *err)
{
    const struct ps_bench *b = fb->b;
    double seconds;
    uint64_t sum;
    int rc = ps_file_read_once(how, b->image, fb->threads, b->reader->sum, &seconds, &sum, err);

    if (rc < 0)
        return rc;
    if (!how->read_bytes) {
        if (fb->has_sum && sum != fb->sum)
            return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "file read (%s) gives a wrong sum",
                           how->name);
        fb->sum = sum;
        fb->has_sum = 1;
    }
    ps_series_add(series, (double)b->image_bytes / seconds / 1e9);
    return 0;
}

static int write_rows(struct file_bench *fb, const struct ps_series *series, struct ps_err *err)
{
    struct ps_bench *b = fb->b;
    double best = 0;
    int rc = 0;

    for (size_t i = 0; i < ps_n_file_readers && rc == 0; i++) {
        struct ps_bench_row row = {.group = "file-read",
                                   .name = ps_file_readers[i].name,
                                   .pages = b->image_name,
                                   .threads = fb->threads,
                                   .n_bytes = b->image_bytes,
                                   .unit = "GB/s",
                                   .value = ps_series_stat(&series[i]),
                                   .hits = PS_NO_HITS};

        if (row.value.median > best) {
            best = row.value.median;
            b->file_reader[fb->threads > 1] = &ps_file_readers[i];
        }
        rc = ps_bench_report_row(b->report, &row, err);
    }
    return rc;
}

static int bench_threads(struct ps_bench *b, unsigned threads, struct ps_err *err)
{
    struct file_bench fb = {.b = b, .threads = threads};
    struct ps_series *series = calloc(ps_n_file_readers, sizeof *series);
    int rc = series ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    for (unsigned i = 0; i < b->repeats && rc == 0; i++) {
        rc = ps_cancel_check(err);
        for (size_t way = 0; way < ps_n_file_readers && rc == 0; way++)
            rc = measure_way(&fb, &ps_file_readers[way], &series[way], err);
    }
    if (rc == 0)
        rc = write_rows(&fb, series, err);
    free(series);
    return rc;
}

int ps_bench_files(struct ps_bench *b, struct ps_err *err)
{
    const unsigned n_pus = ps_topology_machine(b->topology)->n_pus;
    int rc = bench_threads(b, 1, err);

    if (rc == 0 && n_pus > 1)
        rc = bench_threads(b, n_pus, err);
    return rc;
}
