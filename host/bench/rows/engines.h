/* What whole runs are measured on. */
#ifndef PS_HOST_BENCH_ROWS_ENGINES_H
#define PS_HOST_BENCH_ROWS_ENGINES_H

#include "host/bench/bench.h"

#define PS_BENCH_MAX_ENGINES 64u

struct ps_bench_engine {
    char name[80];       /* "cpu/avx512" */
    const char *backend; /* for --backend */
    const char *kernel;  /* for --kernel, or NULL */
    unsigned threads;    /* 0: a device */
    unsigned repeats;    /* 0: only for its answer, no row */
    int finds_nothing;   /* null */
    int optional;        /* was not asked for by name */
    char device[16];     /* its number, for --device; "" for a CPU */
};

struct ps_bench_engines {
    unsigned n;
    struct ps_bench_engine engine[PS_BENCH_MAX_ENGINES];
};

/* The scalar kernel first: the others are compared with it. Then what the options name, or
 * everything there is: the CPU kernels with one thread, the best one with 1, 2, 4 ... threads,
 * null, every OpenCL device. */
int ps_bench_engines_list(struct ps_bench_engines *list, const struct ps_bench *b,
                          struct ps_err *err);

/* Options with the strings that they point at. */
struct ps_bench_scan_options {
    struct ps_options opt;
    const char *device[1];
    const char *tag_file[1];
};

/* The options of a scan on this engine, with the made-up tags unless --tag-file names others. 'b'
 * and 'engine' outlive *out, which must not be copied. */
void ps_bench_engine_options(const struct ps_bench *b, const struct ps_bench_engine *engine,
                             struct ps_bench_scan_options *out);

#endif
