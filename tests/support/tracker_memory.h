/* Pool tracker tables in a small memory, written from docs/TRACKER.md: nothing here is shared with
 * what is tested. */
#ifndef PS_TESTS_SUPPORT_TRACKER_MEMORY_H
#define PS_TESTS_SUPPORT_TRACKER_MEMORY_H

#include "scan/windows/paging/paging.h"
#include "tests/support/small_memory.h"

/* Frames 1 to 4 are page tables; frame n is mapped at TRACKER_VA + n pages. */
#define TRACKER_FIRST_FRAME 8u
#define TRACKER_DATA_FRAME  8u
#define TRACKER_VA_X64      UINT64_C(0xfffff80012200000)
#define TRACKER_VA_X86      UINT64_C(0x82000000)

struct tracker_memory {
    struct small_memory m;
    struct ps_paging paging;
    int is_x64;
};

/* The layouts, by number. */
enum { NT5_X86, NT5_X64, V1709_X86, V1709_X64, V21292_X86, V2022_X64, N_TRACKER_SHAPES };

struct tracker_shape {
    const char *name;
    int is_x64;
    uint32_t build; /* one that has it */
    uint32_t entry_bytes;
};
extern const struct tracker_shape tracker_shapes[N_TRACKER_SHAPES];

/* Counters in the order of the columns: nonpaged allocs, frees, bytes, then paged. */
struct tracker_planted {
    uint32_t tag;
    uint64_t count[6];
};

void tracker_memory_init(struct tracker_memory *t, int is_x64);
/* Make the paging forget what it read: after every change. */
void tracker_memory_reset(struct tracker_memory *t);
uint64_t tracker_va(const struct tracker_memory *t, uint32_t frame);
/* A pointer in the data frame, word number 'word'. */
void tracker_put_pointer(struct tracker_memory *t, uint32_t word, uint64_t value);

/* Write one slot. */
void tracker_put_slot(struct tracker_memory *t, int shape, uint32_t frame, uint32_t slot,
                      const struct tracker_planted *p);
/* Where a tag belongs in a table of 2^k slots. */
uint32_t tracker_home(uint32_t tag, uint32_t n);

/* The tag number i of a series; all are four letters. */
uint32_t tracker_tag(uint32_t i);
/* Put 'n' tags of the series, from number 'first' on, into a table of 'n_slots' (a power of two)
 * at 'frame', by hash; the counters of tag i are tracker_count(i, cpu, column). Tags of numbers
 * that (i + cpu) makes divisible by 'skip' are left out (0: none). Slots agree between processors.
 */
void tracker_put_table(struct tracker_memory *t, int shape, uint32_t frame, uint32_t n_slots,
                       uint32_t n, uint32_t cpu, uint32_t skip);
uint64_t tracker_count(uint32_t i, uint32_t cpu, unsigned column);

#endif
