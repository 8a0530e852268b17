/* Where the structures of the segment heap keep their fields: one row per layout that is known.
 * Sources and how sure they are: docs/HEAP.md. Which row holds is found out, not looked up by
 * build. */
#ifndef PS_SCAN_HEAP_LAYOUT_H
#define PS_SCAN_HEAP_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"

#define PS_HEAP_SIGNATURE 0xddeeddeeu
#define PS_HEAP_CONTEXTS  2u
#define PS_HEAP_LFH_KEYS  4u

/* _SEGMENT_HEAP, _HEAP_SEG_CONTEXT, _HEAP_PAGE_SEGMENT and _HEAP_PAGE_RANGE_DESCRIPTOR. */
struct ps_heap_layout {
    const char *name; /* the first build that has it */
    enum ps_arch arch;
    uint32_t first_build;
    uint16_t signature;                 /* in the heap ... */
    uint16_t contexts;                  /* both of them */
    uint16_t context_bytes;             /* from one to the other */
    uint16_t lfh_key[PS_HEAP_LFH_KEYS]; /* where EncodeKey may be; 0: nowhere */
    uint16_t unit_shift;                /* in a context; its mask stands at 0 ... */
    uint16_t first_descriptor;
    uint16_t list_head;
    uint16_t segment_signature; /* in a segment; its list entry stands at 0 */
    uint16_t descriptor_bytes;
    uint16_t range_flags; /* in a descriptor ... */
    uint16_t unit_size;
    uint8_t flags_mask;
};

/* _HEAP_LFH_SUBSEGMENT. */
struct ps_lfh_layout {
    const char *name;
    enum ps_arch arch;
    uint32_t first_build;
    uint16_t free_count, block_count, withheld, offsets, bitmap;
    uint16_t private_form; /* byte whose bit 0 says that the bitmap is of another form; 0: none */
};

/* _HEAP_VS_SUBSEGMENT. */
struct ps_vs_layout {
    const char *name;
    enum ps_arch arch;
    uint16_t size, signature;
    uint16_t first_chunk;
};

/* _EX_POOL_HEAP_MANAGER_STATE: where it has heaps. */
struct ps_heap_state_layout {
    const char *name;
    enum ps_arch arch;
    uint32_t n_pools, nodes, specials; /* NumberOfPools, PoolNode, SpecialHeaps */
    uint32_t n_specials;
};

#define PS_HEAP_NODE_BYTES 0x20c0u /* of a PoolNode, which begins with its heaps */
#define PS_HEAP_NODE_HEAPS 4u
#define PS_HEAP_MAX_NODES  64u

extern const struct ps_heap_layout ps_heap_layouts[];
extern const size_t ps_n_heap_layouts;
extern const struct ps_lfh_layout ps_lfh_layouts[];
extern const size_t ps_n_lfh_layouts;
extern const struct ps_vs_layout ps_vs_layouts[];
extern const size_t ps_n_vs_layouts;
extern const struct ps_heap_state_layout ps_heap_state_layouts[];
extern const size_t ps_n_heap_state_layouts;

#endif
