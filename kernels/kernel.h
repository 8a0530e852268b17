/* The kernels: one job, one signature, one table.
 *
 * A kernel lists the candidate POOL_HEADERs of whole pages. It knows a plan and bytes,
 * nothing of files, threads, Windows builds or tags as text.
 */
#ifndef PS_KERNELS_KERNEL_H
#define PS_KERNELS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct ps_plan;

/* One header that passed pool_check.h. Identical on host and device. */
struct ps_hit {
    uint32_t slot;  /* of the header, counted from the first page scanned */
    uint32_t word0; /* PreviousSize, PoolIndex, BlockSize, PoolType as stored */
    uint32_t tag;   /* PoolTag as stored */
    uint32_t rule;  /* index of the most specific rule that matched */
};

_Static_assert(sizeof(struct ps_hit) == 16, "host and device share this layout");

/* Scan n_pages pages for pool headers that satisfy the plan.
 *
 * All n_pages * 4096 bytes at 'pages' are readable and 8-byte aligned; nothing beyond them
 * is touched. n_pages is at most PS_MAX_PAGES. Writes up to 'cap' hits in ascending slot
 * order and returns how many there were in total, also when that exceeds 'cap', so that the
 * caller can grow the buffer and repeat ('hits' may be NULL when cap is 0). Pure: same
 * input, same output; no allocation, no globals, safe from any number of threads, and safe
 * to leave by siglongjmp (a page of a mapped file may vanish).
 */
typedef size_t ps_scan_fn(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                          struct ps_hit *hits, size_t cap);

/* Slot numbers and counts fit 32 bits: at most 2^31 slots of 8 bytes. */
#define PS_MAX_PAGES ((size_t)1 << 22)

struct ps_kernel {
    const char *name;
    uint32_t cpu_needs; /* PS_CPU_* bits of cpu.h that it cannot run without */
    ps_scan_fn *scan;
};

/* All kernels of this build, best first; the last one is "scalar" and runs anywhere. */
extern const struct ps_kernel ps_kernels[];
extern const size_t ps_n_kernels;

/* The best kernel this CPU can run (name NULL), or the one with that name. NULL: no such
 * name, or this CPU lacks what it needs (ps_kernel_named tells the two apart). */
const struct ps_kernel *ps_kernel_pick(const char *name);
const struct ps_kernel *ps_kernel_named(const char *name);

#endif
