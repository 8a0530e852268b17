/* The heaps of the Windows kernel: pages that are a _SEGMENT_HEAP and that its data points to. */
#ifndef PS_SCAN_HEAP_LOCATE_HEAPS_H
#define PS_SCAN_HEAP_LOCATE_HEAPS_H

#include "scan/heap/layout.h"
#include "scan/heap/locate/locate.h"

/* Both contexts of a heap. */
struct ps_heap_context {
    uint64_t va, list_head;
    uint8_t unit_shift, first_descriptor;
};

struct ps_heap_found {
    uint64_t va;
    uint8_t pool;                       /* enum ps_heap_pool */
    uint32_t lfh_key[PS_HEAP_LFH_KEYS]; /* what stands where EncodeKey may be */
    struct ps_heap_context context[PS_HEAP_CONTEXTS];
};

struct ps_heaps {
    enum ps_heap_method method;
    const struct ps_heap_layout *layout; /* of all of them */
    uint64_t globals;                    /* RtlpHpHeapGlobals; 0: not known */
    size_t n;
    struct ps_heap_found heap[PS_HEAP_MAX_HEAPS];
};

/* 1: found; 0: none. PS_ENOMEM. */
int ps_heaps_find(const struct ps_heap_source *source, struct ps_heaps *out, struct ps_err *err);

/* Words of virtual memory; 1, or 0: not there. A pointer has 4 or 8 bytes. */
int ps_heap_read_pointer(const struct ps_heap_source *source, uint64_t va, uint64_t *value);
int ps_heap_is_kernel(const struct ps_heap_source *source, uint64_t va);

#endif
