/* The groups of rows, in the order in which they are measured. Each writes its rows to b->report;
 * a wrong answer is PS_EINTERNAL. */
#ifndef PS_HOST_BENCH_ROWS_ROWS_H
#define PS_HOST_BENCH_ROWS_ROWS_H

#include "host/bench/bench.h"

typedef int ps_bench_group_fn(struct ps_bench *b, struct ps_err *err);

/* Memory read by one core in every way of memory_read.h; the fastest becomes b->reader. */
ps_bench_group_fn ps_bench_memory;
/* Every kernel on every page mix with every tag set. */
ps_bench_group_fn ps_bench_kernels;
/* Finding a tag's rule: the plan's hash against XXH32. */
ps_bench_group_fn ps_bench_lookup;
/* The image read without being scanned. */
ps_bench_group_fn ps_bench_files;
/* Whole scans of the image, by backend, kernel and threads. */
ps_bench_group_fn ps_bench_runs;
/* Pages to the OpenCL devices, without scanning them. */
ps_bench_group_fn ps_bench_transfer;
/* Memory that whole scans take, beside the bound. */
ps_bench_group_fn ps_bench_peak;
/* The virtual side: whole scans beside those with --physical-only, its parts, and its memory. */
ps_bench_group_fn ps_bench_virtual;
/* Of these the parts. */
ps_bench_group_fn ps_bench_virtual_parts;

/* Memory that a process took, MiB. */
struct ps_bench_peak {
    double total;     /* the operating system keeps this one */
    double anonymous; /* highest seen */
    double file;
};

/* This program once more as a process of its own, with these arguments (a NULL ends them).
 * PS_EDEVICE when it fails. */
int ps_bench_peak_apart(const char *const *args, struct ps_bench_peak *p, struct ps_err *err);

#endif
