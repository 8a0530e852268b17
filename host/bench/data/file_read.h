/* Ways to read a file and do nothing with it: the ceiling that whole runs are held against. */
#ifndef PS_HOST_BENCH_DATA_FILE_READ_H
#define PS_HOST_BENCH_DATA_FILE_READ_H

#include <stddef.h>
#include <stdint.h>

#include "host/bench/data/memory_read.h"
#include "scan/err.h"

struct ps_file_reader {
    const char *name;   /* "pread 1 MiB" */
    size_t read_bytes;  /* with pread into a buffer of this size; 0: mapped and summed */
    size_t fault_bytes; /* mapped: pages asked for at a time; 0: as they are touched */
};

extern const struct ps_file_reader ps_file_readers[];
extern const size_t ps_n_file_readers;

/* Read all whole pages of 'path' once with n_threads threads, from opening to closing it. *sum is
 * that of the mapped pages (of any number of threads the same); pread only fills its buffers, and
 * gives the number of bytes. Returns 0 and the time in *seconds. */
int ps_file_read_once(const struct ps_file_reader *how, const char *path, unsigned n_threads,
                      ps_memory_sum_fn *sum_fn, double *seconds, uint64_t *sum, struct ps_err *err);

#endif
