/* Segment heaps in a small memory, written from docs/HEAP.md: nothing here is shared with what is
 * tested. x64 and x86. */
#ifndef PS_TESTS_SUPPORT_HEAP_MEMORY_H
#define PS_TESTS_SUPPORT_HEAP_MEMORY_H

#include "scan/physmem.h"
#include "scan/windows/paging/paging.h"

#define HEAP_FRAMES     512u
#define HEAP_MAX_BLOCKS 2048u

#define HEAP_KEY        UINT64_C(0x1122334455667788)
#define LFH_KEY         UINT64_C(0x99887766a1b2c3d4)

/* What differs between builds. */
struct heap_shape {
    const char *name;
    int is_x64;
    uint32_t build;
    uint32_t contexts;       /* SegContexts in _SEGMENT_HEAP */
    uint32_t n_pools, nodes; /* in ExPoolState */
    uint32_t lfh_bitmap;
    uint64_t constant;   /* in signatures of segments */
    int shift_full;      /* LFH offsets: all bits of the shifted address */
    int has_slot_ref;    /* VS subsegments: the signature stands a word later */
    uint32_t encode_key; /* LFH offsets: the key is here in each heap; 0: LfhKey */
};
#define N_HEAP_SHAPES 7
extern const struct heap_shape heap_shapes[N_HEAP_SHAPES];

/* What a header in the memory is in truth. */
enum heap_truth { TRUTH_LIVE, TRUTH_FREED, TRUTH_NONE };

struct heap_planted {
    uint64_t va; /* of the POOL_HEADER */
    uint32_t n_bytes;
    enum heap_truth truth;
};

struct heap_memory {
    const struct heap_shape *shape;
    struct ps_physmem mem;
    struct ps_phys_run run;
    struct ps_paging paging;
    uint32_t n_frames;
    uint32_t seed;
    size_t n_blocks;
    struct heap_planted block[HEAP_MAX_BLOCKS];
    uint8_t bytes[HEAP_FRAMES * PS_FRAME_BYTES];
};

/* Two heaps, nonpaged NX and paged, of two segments each. ExPoolState begins the data of the
 * Windows kernel, RtlpHpHeapGlobals is in it. *m must not move. Ends the program when something
 * does not fit. */
void heap_memory_init(struct heap_memory *m, const struct heap_shape *shape, uint32_t seed);
/* Make the paging forget what it read: after every change. */
void heap_memory_reset(struct heap_memory *m);

/* The bytes at 'va', up to the end of its page; NULL: not mapped. */
uint8_t *heap_memory_at(struct heap_memory *m, uint64_t va);
void heap_memory_unmap(struct heap_memory *m, uint64_t va);
void heap_memory_put(struct heap_memory *m, uint64_t va, uint64_t value, unsigned width);

#define HEAP_N_HEAPS    2u
#define HEAP_N_SEGMENTS 4u
#define HEAP_DATA_BYTES 0x5000u
uint64_t heap_memory_data(const struct heap_memory *m); /* ExPoolState */
uint64_t heap_memory_globals(const struct heap_memory *m);
uint64_t heap_memory_heap(const struct heap_memory *m, unsigned i);
/* 0 and 1 are of the first heap. */
uint64_t heap_memory_segment(const struct heap_memory *m, unsigned i);

/* Units of every segment, behind those of its descriptors; all others are unused. */
#define UNIT_LFH_SMALL 2u  /* two units, blocks of 0x30 */
#define UNIT_VS        4u  /* eight units */
#define UNIT_LARGE     12u /* three units */
#define UNIT_LFH_BIG   15u /* four units, blocks of 0x200 */
#define UNIT_UNUSED    19u
#define UNITS_LFH      6u
#define UNITS_VS       8u

#endif
