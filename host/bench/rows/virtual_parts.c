/* The virtual side part by part, in the order of a scan: one thread, a warm file. */
#include "host/bench/rows/rows.h"

#include <stdlib.h>
#include <string.h>

#include "host/bench/data/image.h"
#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "host/image/image.h"
#include "host/virtual/address_space.h"
#include "host/virtual/pool/bigpool.h"
#include "host/virtual/windows_kernel.h"
#include "scan/bigpool/table.h"

enum part { ATTACH, MAP, WINDOWS_KERNEL, BIG_POOL, N_PARTS };

static const char *const names[N_PARTS] = {"version and DTB", "inverse map", "Windows kernel",
                                           "big-pool table"};

struct parts {
    struct ps_options opt;
    struct ps_address_space space;
    struct ps_inverse_map *map;
    struct ps_bigpool_table table;
    double seconds[N_PARTS];
};

typedef int part_fn(struct parts *p, struct ps_image *image, struct ps_err *err);

static int attach(struct parts *p, struct ps_image *image, struct ps_err *err)
{
    int rc = ps_address_space_attach(&p->space, &p->opt, image, err);

    return rc < 0 ? rc : ps_address_space_need_tables(&p->space, err);
}

static int make_map(struct parts *p, struct ps_image *image, struct ps_err *err)
{
    (void)image;
    return ps_address_space_map(&p->space, &p->map, err);
}

static int find_kernel(struct parts *p, struct ps_image *image, struct ps_err *err)
{
    (void)image;
    return ps_address_space_kernel(&p->space, &p->opt, err);
}

static int find_table(struct parts *p, struct ps_image *image, struct ps_err *err)
{
    uint64_t n_unreadable;

    (void)image;
    return ps_address_space_bigpool(&p->space, &p->opt, p->map, &p->table, &n_unreadable, err);
}

static part_fn *const run[N_PARTS] = {attach, make_map, find_kernel, find_table};

static int run_parts(struct parts *p, struct ps_image *image, struct ps_err *err)
{
    for (int i = 0; i < N_PARTS; i++) {
        const double start = ps_bench_now();
        int rc = run[i](p, image, err);

        if (rc < 0)
            return rc;
        p->seconds[i] = ps_bench_now() - start;
    }
    return 0;
}

static int check(const struct ps_bench *b, const struct parts *p, struct ps_err *err)
{
    if (p->table.n_allocated == b->virtual_truth.big)
        return 0;
    return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                   "the big-pool table has %zu allocations, planted were %llu",
                   p->table.n_allocated, (unsigned long long)b->virtual_truth.big);
}

static int measure_once(const struct ps_bench *b, struct parts *p, struct ps_err *err)
{
    struct ps_image *image = NULL;
    int rc = ps_image_open(&image, b->made_virtual, NULL, err);

    memset(p, 0, sizeof *p);
    if (rc == 0)
        rc = run_parts(p, image, err);
    if (rc == 0)
        rc = check(b, p, err);
    ps_bigpool_table_free(&p->table);
    ps_inverse_map_free(p->map);
    ps_address_space_close(&p->space);
    ps_image_close(image);
    return rc;
}

int ps_bench_virtual_parts(struct ps_bench *b, struct ps_err *err)
{
    struct ps_series *ms = calloc(N_PARTS, sizeof *ms);
    struct parts *p = calloc(1, sizeof *p);
    int rc = ms && p ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    for (unsigned i = 0; i < b->repeats && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = measure_once(b, p, err);
        for (int k = 0; k < N_PARTS && rc == 0; k++)
            ps_series_add(&ms[k], p->seconds[k] * 1e3);
    }
    for (int k = 0; k < N_PARTS && rc == 0; k++) {
        const struct ps_bench_row row = {.group = "virtual-part",
                                         .name = names[k],
                                         .pages = "paged",
                                         .threads = 1,
                                         .unit = "ms",
                                         .value = ps_series_stat(&ms[k]),
                                         .hits = PS_NO_HITS};

        rc = ps_bench_report_row(b->report, &row, err);
    }
    free(p);
    free(ms);
    return rc;
}
