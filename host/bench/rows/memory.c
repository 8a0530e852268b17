#include "host/bench/rows/rows.h"

#include <stdlib.h>

#include "host/cancel.h"
#include "kernels/cpu.h"

static int may_run(const struct ps_memory_reader *r)
{
    return (r->cpu_needs & ~ps_cpu_features()) == 0;
}

/* One round of all ways. */
static int measure_round(struct ps_bench *b, struct ps_series *series, uint64_t want,
                         struct ps_err *err)
{
    for (size_t i = 0; i < ps_n_memory_readers; i++) {
        double start = ps_bench_now();
        uint64_t sum;

        if (!may_run(&ps_memory_readers[i]))
            continue;
        sum = ps_memory_readers[i].sum(b->mem, b->mem_bytes);
        ps_series_add(&series[i], (double)b->mem_bytes / (ps_bench_now() - start) / 1e9);
        if (sum != want)
            return ps_fail(err, PS_EINTERNAL, i, "memory read (%s) gives a wrong sum",
                           ps_memory_readers[i].name);
    }
    return 0;
}

static int write_rows(struct ps_bench *b, const struct ps_series *series, struct ps_err *err)
{
    double best = 0;
    int rc = 0;

    for (size_t i = 0; i < ps_n_memory_readers && rc == 0; i++) {
        struct ps_bench_row row = {.group = "memory-read",
                                   .name = ps_memory_readers[i].name,
                                   .pages = "random",
                                   .threads = 1,
                                   .n_bytes = b->mem_bytes,
                                   .unit = "GB/s",
                                   .value = ps_series_stat(&series[i]),
                                   .hits = PS_NO_HITS};

        if (row.value.n == 0)
            continue;
        if (row.value.median > best) {
            best = row.value.median;
            b->reader = &ps_memory_readers[i];
        }
        rc = ps_bench_report_row(b->report, &row, err);
    }
    return rc;
}

int ps_bench_memory(struct ps_bench *b, struct ps_err *err)
{
    struct ps_series *series = calloc(ps_n_memory_readers, sizeof *series);
    uint64_t state = 1;
    uint64_t want = 0;
    int rc = 0;

    if (!series)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    for (size_t i = 0; i < b->mem_bytes / 8; i++) {
        uint64_t word = ps_bench_random(&state);

        ((uint64_t *)(void *)b->mem)[i] = word;
        want += word;
    }
    for (unsigned i = 0; i < b->repeats && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = measure_round(b, series, want, err);
    }
    if (rc == 0)
        rc = write_rows(b, series, err);
    free(series);
    return rc;
}
