/* Ways to read memory as fast as one core can: the ceiling that kernels are held against. */
#ifndef PS_HOST_BENCH_DATA_MEMORY_READ_H
#define PS_HOST_BENCH_DATA_MEMORY_READ_H

#include <stddef.h>
#include <stdint.h>

/* The sum of the n_bytes at p as little-endian qwords, modulo 2^64. p is 8-byte aligned, n_bytes a
 * multiple of 4096. All ways give the same sum. */
typedef uint64_t ps_memory_sum_fn(const uint8_t *p, size_t n_bytes);

struct ps_memory_reader {
    const char *name;   /* "avx512 4 streams" */
    uint32_t cpu_needs; /* PS_CPU_* bits */
    ps_memory_sum_fn *sum;
};

extern const struct ps_memory_reader ps_memory_readers[];
extern const size_t ps_n_memory_readers;

#endif
