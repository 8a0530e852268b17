/* One body in several shapes: vectors of 8, 4 and 1 qwords; one page after the other or two or four
 * pages side by side (a core's prefetchers work page by page, so that several streams hide the
 * start of each); with and without asking for lines ahead. Which one wins differs between CPUs, so
 * the benchmark tries all of them. */
#include "host/bench/data/memory_read.h"

#include <string.h>

#include "kernels/cpu.h"
#include "kernels/pool_header.h"

typedef uint64_t vec8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef uint64_t vec4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint64_t vec1 __attribute__((aligned(8), may_alias));

/* The pages that are left when their number is no multiple of the streams. */
static uint64_t sum_rest(const uint8_t *p, size_t n_bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n_bytes; i += sizeof sum) {
        uint64_t word;

        memcpy(&word, p + i, sizeof word);
        sum += word;
    }
    return sum;
}

#define AT(VEC, p, i) (((const VEC *)(const void *)(p))[i])

/* A compiler that unrolls all of this may take the loads of a page in any order, and does; then the
 * prefetchers see no stream. */
#define IN_ORDER __asm__ volatile("" ::: "memory")

/* 'STREAMS' pages side by side, four vectors of each a step. */
#define DEFINE_SUM(NAME, TARGET, VEC, STREAMS, AHEAD)                                              \
    TARGET static uint64_t NAME(const uint8_t *p, size_t n_bytes)                                  \
    {                                                                                              \
        const size_t block = (size_t)(STREAMS)*PS_PAGE_BYTES;                                      \
        const size_t whole = n_bytes / block * block;                                              \
        VEC a = {0}, b = {0}, c = {0}, d = {0};                                                    \
        uint64_t lanes[4 * sizeof a / sizeof(uint64_t)];                                           \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < whole; i += block) {                                                \
            for (size_t off = 0; off < PS_PAGE_BYTES; off += 4 * sizeof a) {                       \
                for (size_t s = 0; s < (STREAMS); s++) {                                           \
                    const uint8_t *q = p + i + s * PS_PAGE_BYTES + off;                            \
                                                                                                   \
                    if (AHEAD)                                                                     \
                        for (size_t line = 0; line < 4 * sizeof a; line += 64)                     \
                            __builtin_prefetch(q + (AHEAD) + line, 0, 3);                          \
                    a += AT(VEC, q, 0);                                                            \
                    b += AT(VEC, q, 1);                                                            \
                    c += AT(VEC, q, 2);                                                            \
                    d += AT(VEC, q, 3);                                                            \
                    IN_ORDER;                                                                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        memcpy(lanes, &a, sizeof a);                                                               \
        memcpy(lanes + sizeof a / 8, &b, sizeof a);                                                \
        memcpy(lanes + 2 * sizeof a / 8, &c, sizeof a);                                            \
        memcpy(lanes + 3 * sizeof a / 8, &d, sizeof a);                                            \
        for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++)                                  \
            sum += lanes[i];                                                                       \
        return sum + sum_rest(p + whole, n_bytes - whole);                                         \
    }

#define DEFINE_SUMS(NAME, TARGET, VEC)                                                             \
    DEFINE_SUM(NAME##_1, TARGET, VEC, 1, 0)                                                        \
    DEFINE_SUM(NAME##_1_ahead, TARGET, VEC, 1, 2048)                                               \
    DEFINE_SUM(NAME##_2, TARGET, VEC, 2, 0)                                                        \
    DEFINE_SUM(NAME##_4, TARGET, VEC, 4, 0)                                                        \
    DEFINE_SUM(NAME##_4_ahead, TARGET, VEC, 4, 512)

#define SUM_ROWS(TEXT, NAME, NEEDS)                                                                \
    {TEXT " 1 stream", NEEDS, NAME##_1}, {TEXT " 1 stream ahead", NEEDS, NAME##_1_ahead},          \
        {TEXT " 2 streams", NEEDS, NAME##_2}, {TEXT " 4 streams", NEEDS, NAME##_4},                \
        {TEXT " 4 streams ahead", NEEDS, NAME##_4_ahead},

#if defined(__x86_64__) || defined(__i386__)
DEFINE_SUMS(sum_avx512, __attribute__((target("avx512f"))), vec8)
DEFINE_SUMS(sum_avx2, __attribute__((target("avx2"))), vec4)
#endif
DEFINE_SUMS(sum_plain, , vec1)

const struct ps_memory_reader ps_memory_readers[] = {
#if defined(__x86_64__) || defined(__i386__)
    SUM_ROWS("avx512", sum_avx512, PS_CPU_AVX512) SUM_ROWS("avx2", sum_avx2, PS_CPU_AVX2)
#endif
        SUM_ROWS("plain", sum_plain, 0)};

const size_t ps_n_memory_readers = sizeof ps_memory_readers / sizeof *ps_memory_readers;
