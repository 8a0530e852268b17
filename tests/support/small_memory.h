/* A few frames of physical memory in an array, to build page tables in by hand. */
#ifndef PS_TESTS_SUPPORT_SMALL_MEMORY_H
#define PS_TESTS_SUPPORT_SMALL_MEMORY_H

#include "scan/physmem.h"

#define SMALL_MEMORY_FRAMES 64u

struct small_memory {
    struct ps_physmem mem;
    struct ps_phys_run run[2];
    uint8_t bytes[SMALL_MEMORY_FRAMES * PS_FRAME_BYTES];
};

/* All zero, one run from address 0. *m must not move. */
void small_memory_init(struct small_memory *m);
/* Take the frames 'first' up to, not including, 'end' away. */
void small_memory_hole(struct small_memory *m, uint64_t first, uint64_t end);
void small_memory_put64(struct small_memory *m, uint64_t phys, uint64_t value);
void small_memory_put32(struct small_memory *m, uint64_t phys, uint32_t value);

#endif
