#include "host/bench/rows/rows.h"

#include <stdlib.h>

#include "host/log.h"
#include "host/opencl/opencl.h"
#include "host/pipeline/pipeline.h"
#include "scan/plan_compile.h"

/* As deep as the backend of a discrete device works. */
#define LANES 2u
#define DEPTH 3u

static int measure(const struct ps_bench *b, const struct ps_cl_device *d,
                   const struct ps_plan *plan, struct ps_series *series, uint64_t *n_bytes,
                   struct ps_err *err)
{
    const size_t pages = ps_pipeline_chunk_pages(ps_topology_machine(b->topology), LANES, DEPTH,
                                                 plan->slot_shift, b->opt->chunk_bytes);
    double seconds;
    int rc = 0;

    *n_bytes = b->opt->bench_bytes;
    for (unsigned i = 0; i < b->repeats && rc == 0; i++) {
        rc = ps_cl_transfer(plan, d->number, pages, *n_bytes, &seconds, err);
        if (rc == 0)
            ps_series_add(series, (double)*n_bytes / seconds / 1e9);
    }
    return rc;
}

static int bench_device(struct ps_bench *b, const struct ps_cl_device *d,
                        const struct ps_plan *plan, struct ps_err *err)
{
    struct ps_series *series = calloc(1, sizeof *series);
    struct ps_bench_row row = {.group = "transfer",
                               .name = d->name,
                               .pages = "host to device",
                               .unit = "GB/s",
                               .hits = PS_NO_HITS};
    int rc = series ? measure(b, d, plan, series, &row.n_bytes, err)
                    : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    if (rc == 0) {
        row.value = ps_series_stat(series);
        rc = ps_bench_report_row(b->report, &row, err);
    } else if (rc > 0) {
        ps_log(PS_LOG_INFO, "%s works in host memory: nothing is transferred", d->name);
        rc = 0;
    } else if (rc == -PS_EDEVICE) {
        ps_log(PS_LOG_WARN, "no transfer row for %s: %s", d->name, err->msg);
        rc = 0;
    }
    free(series);
    return rc;
}

int ps_bench_transfer(struct ps_bench *b, struct ps_err *err)
{
    struct ps_cl_device *d = NULL;
    struct ps_plan *plan = NULL;
    size_t n = 0;
    int rc;

    if (ps_cl_devices(&d, &n, err) < 0)
        return 0;
    rc = ps_plan_compile(&plan, ps_era_pick(PS_ARCH_X64, 0), &b->set[0].rules, 0, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (d[i].usable)
            rc = bench_device(b, &d[i], plan, err);
    free(plan);
    free(d);
    return rc;
}
