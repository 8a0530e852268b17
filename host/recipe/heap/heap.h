/* Segment heaps of a recipe: pools as the heap manager of Windows 10 1809 and later lays them out.
 *
 * A heap is planned once, when the recipe was read: which units of which segment hold what, and
 * which frame each of them has. Its pages are built one by one when they are asked for, from a few
 * numbers per subsegment, so that a heap of any size costs less than 100 bytes of memory a page.
 * Immutable after the plan. docs/RECIPES.md, "Segment heaps". Shared by host/recipe/ only. */
#ifndef PS_HOST_RECIPE_HEAP_HEAP_H
#define PS_HOST_RECIPE_HEAP_HEAP_H

#include "host/recipe/system/system.h"

/* Bounds on what a recipe may ask for. */
#define PS_RCP_MAX_HEAPS     16u
#define PS_RCP_MAX_SEGMENTS  4096u /* of one heap: 4 GiB of addresses */
#define PS_RCP_MAX_PROCESSES 256u

/* Of a unit: paged out, and its page is not known; while planning: not committed after all. */
#define PS_RCP_NOWHERE     UINT32_MAX
#define PS_RCP_HOLLOW      (UINT32_MAX - 1)

#define PS_RCP_SEG_UNITS   256u /* pages of a segment */
#define PS_RCP_WIDE_GROUPS 16u  /* a segment of 16 MiB, in those of 1 MiB */
#define PS_RCP_WIDE_PAGES  16u  /* pages of one of its units */
#define PS_RCP_SEG_BYTES   0x100000ull

enum ps_rcp_pool {
    PS_RCP_NONPAGED,
    PS_RCP_NONPAGED_NX,
    PS_RCP_PAGED,
    PS_RCP_PROTOTYPE,
    PS_RCP_N_POOLS
};

enum ps_rcp_extent_kind {
    PS_RCP_EXTENT_UNUSED,
    PS_RCP_EXTENT_LFH,
    PS_RCP_EXTENT_VS,
    PS_RCP_EXTENT_LARGE, /* an allocation of the segment itself, without headers */
    PS_RCP_N_EXTENTS,
};

/* Where the structures of one build keep what is written. */
struct ps_rcp_heap_shape {
    uint32_t is_x64, first_build;
    uint32_t n_pools, pool_node;                           /* in ExPoolState */
    uint32_t signature, contexts, vs_context, lfh_context; /* in _SEGMENT_HEAP */
    /* In _HEAP_SEG_CONTEXT: UnitShift and what follows it, MaxAllocationSize, the two pointers,
     * Heap, SegmentListHead, SegmentCount; and its size. */
    uint32_t shifts, max_bytes, sub, heap, list_head, count, context_bytes;
    uint32_t head_pages, descriptor; /* of a segment: pages of descriptors; bytes of one */
    uint32_t flags;                  /* in a descriptor; the unit's place is in its last byte */
    uint32_t lfh_counts, lfh_offsets, lfh_commit, lfh_bitmap; /* in _HEAP_LFH_SUBSEGMENT */
    uint32_t is_new_lfh;
    uint32_t vs_size; /* in _HEAP_VS_SUBSEGMENT */
    uint64_t segment_constant;
};

/* A range of units of one segment. */
struct ps_rcp_extent {
    uint64_t seed;
    uint32_t first;  /* unit of the heap: segment * 256 + unit */
    uint16_t n;      /* units */
    uint8_t kind;    /* enum ps_rcp_extent_kind */
    uint16_t stride; /* LFH: bytes of a block */
    uint16_t grid;   /* LFH: offset of the first block */
    uint16_t n_blocks;
    uint16_t entry; /* LFH: the tag that everything fits */
    uint32_t order; /* LFH and VS: the how-manieth of its kind */
};

/* Where a walk over the chunks of a VS subsegment stands, in units of 16 bytes, on x86 of 8. */
struct ps_rcp_vs_cursor {
    uint32_t at;
    uint16_t prev; /* size of the chunk before */
    uint16_t after_free;
};

/* What the heap manager did with a block. */
enum ps_rcp_fate_of_block {
    PS_RCP_BLOCK_LIVE,
    PS_RCP_BLOCK_FREED,     /* LFH: the header stays as it was */
    PS_RCP_BLOCK_NEVER,     /* LFH: never handed out */
    PS_RCP_BLOCK_WITHHELD,  /* LFH: would cross a page */
    PS_RCP_BLOCK_LOOKASIDE, /* freed to a list: its first word is a link; the heap has it live */
};

struct ps_rcp_heap_block {
    uint32_t tag, units, type;
    uint8_t fate; /* enum ps_rcp_fate_of_block */
    uint8_t is_aligned;
};

struct ps_rcp_heap {
    struct ps_rcp_stmt stmt; /* era and line only, for what fills pages */
    enum ps_rcp_pool pool;
    uint64_t va, at; /* of the first segment; of _SEGMENT_HEAP */
    struct ps_rcp_range pages;
    struct ps_rcp_range file; /* pages of the page file, for what is paged out */
    uint64_t list, transition, seed, out, headless;
    uint64_t share[PS_RCP_N_EXTENTS];
    uint64_t freed, never, merged, lookaside, delayed, aligned, quota, big, listed, gone, reused;
    uint64_t private_form; /* percent of the LFH subsegments */
    uint64_t lfh_key;
    uint64_t wide, wide_pages; /* a segment of 16 MiB, 0: none */
    int scatter;

    /* The plan. By unit of the heap, then by index of its pages: those of 'pages', then of 'file'.
     */
    uint32_t n_segments, n_live; /* of 1 MiB; the last ones may be gone: see is_gone */
    uint32_t n_groups;           /* of 256 units: those of the segments, then the wide one's */
    uint32_t wide_unit;          /* the first unit of that; UINT32_MAX without */
    uint32_t *extent_of;         /* index + 1; 0: nothing */
    uint32_t *frame;             /* index of its page + 1, 0: not committed, or PS_RCP_NOWHERE */
    struct ps_rcp_vs_cursor *cursor;
    uint8_t *is_gone;  /* by segment: freed, nothing maps it any more */
    uint32_t *unit_of; /* unit + 1; 0: the page is not used */
    struct ps_rcp_extent *extent;
    size_t n_extents, cap_extents;
    uint32_t n_of[PS_RCP_N_EXTENTS];
};

struct ps_rcp_heaps {
    struct ps_rcp_system *sys;
    const struct ps_rcp_heap_shape *shape;
    uint64_t heap_key, lfh_key, cookie;
    uint64_t constant;                  /* of segment signatures */
    uint64_t state, globals, cookie_at; /* RVAs in the Windows kernel */
    struct ps_rcp_range user;           /* pages with a _SEGMENT_HEAP that is no pool */
    uint64_t n_pools, pool_node;        /* where ExPoolState has them */
    int has_encode_key;                 /* each heap has an LFH key of its own */
    int is_wide;                        /* LFH: the shifted address keeps all its bits */
    int has_slot_ref;                   /* VS subsegments: a word stands before the signature */
    struct ps_rcp_heap heap[PS_RCP_MAX_HEAPS];
    size_t n_heaps;
    uint64_t process[PS_RCP_MAX_PROCESSES]; /* addresses of EPROCESS */
    size_t n_processes;
};

/* A page of a heap being built, or, without bytes, its plan being made. */
struct ps_rcp_heap_page {
    struct ps_rcp_page *pg;
    const struct ps_rcp_heaps *heaps;
    const struct ps_rcp_heap *heap;
    uint64_t va;
    int is_gone;
};

/* --- what the rest of host/recipe/ asks --- */

int ps_rcp_do_heaps(struct ps_rcp_parser *p);
int ps_rcp_do_heap(struct ps_rcp_parser *p);
/* Plan and map all heaps; before the big-pool table and the Windows kernel are made. 0, or a
 * failure whose err->at is the line. */
int ps_rcp_heaps_build(struct ps_rcp_system *sys);
void ps_rcp_heaps_free(struct ps_rcp_heaps *heaps); /* accepts NULL */
/* Is the page a heap's? Then it is built into 'pg' (recipe, number, b, planted set) and the result
 * is 1. 'heaps' may be NULL. */
int ps_rcp_heaps_page(const struct ps_rcp_heaps *heaps, struct ps_rcp_page *pg);
/* The first page from 'page' on that a heap may have, PS_RCP_NONE when there is none. */
uint64_t ps_rcp_heaps_next(const struct ps_rcp_heaps *heaps, uint64_t page);
/* Fields of the truth's system line, each with a comma in front. */
void ps_rcp_heaps_truth_system(const struct ps_rcp_heaps *heaps, FILE *out);
/* Lines of the truth of kind heap and process. */
void ps_rcp_heaps_truth(const struct ps_rcp_heaps *heaps, FILE *out);

/* --- shared by the files of host/recipe/heap/ --- */

/* NULL: pools of that Windows are no segment heaps. */
const struct ps_rcp_heap_shape *ps_rcp_heap_shape_of(const struct ps_rcp_era *era);
/* A pointer or size of the heap's architecture. Its bytes: 8 or 4. */
uint32_t ps_rcp_heap_put_word(const struct ps_rcp_heaps *heaps, uint8_t *to, uint64_t v);
static inline int ps_rcp_heap_is_paged(const struct ps_rcp_heap *h)
{
    return h->pool >= PS_RCP_PAGED;
}
/* Number of pages that are given to it. */
static inline uint32_t ps_rcp_heap_pages(const struct ps_rcp_heap *h)
{
    return (uint32_t)(h->pages.last - h->pages.first + 1);
}
static inline uint64_t ps_rcp_heap_va(const struct ps_rcp_heap *h, uint32_t unit)
{
    if (unit >= h->wide_unit)
        return h->wide + (uint64_t)(unit - h->wide_unit) * PS_RECIPE_PAGE;
    return h->va + (uint64_t)unit * PS_RECIPE_PAGE;
}
static inline uint64_t ps_rcp_heap_context(const struct ps_rcp_heaps *heaps,
                                           const struct ps_rcp_heap *h)
{
    return h->at + heaps->shape->contexts;
}
/* Bytes of a unit of blocks: the size of a POOL_HEADER. */
static inline uint32_t ps_rcp_heap_unit(const struct ps_rcp_heap *h)
{
    return ps_rcp_unit(&h->stmt.era);
}
/* An address in the heap, a multiple of 16, for links of every kind. */
uint64_t ps_rcp_heap_somewhere(struct ps_rcp_heap_page *hp);

/* plan.c: bytes of a committed page to be listed as a big allocation. 0, or a failure. */
int ps_rcp_heap_list_big(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h, uint64_t va,
                         uint64_t n_bytes, uint32_t tag);
int ps_rcp_heap_plan(struct ps_rcp_heaps *heaps, struct ps_rcp_heap *h);

/* segment.c */
void ps_rcp_heap_segment_page(struct ps_rcp_heap_page *hp, uint32_t unit);
/* The same of processes, and of pools that are gone, at pages that the Windows kernel does not map.
 */
int ps_rcp_heap_write_others(struct ps_rcp_heaps *heaps);
int ps_rcp_heap_write(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h);
/* lfh.c */
/* Choose block size and grid of a subsegment: 1, or 0: no tag of the list fits the LFH. */
int ps_rcp_lfh_choose(struct ps_rcp_heap_page *hp, struct ps_rcp_extent *e);
void ps_rcp_lfh_finish(const struct ps_rcp_heaps *heaps, struct ps_rcp_extent *e);
void ps_rcp_lfh_fill(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page);

/* vs.c */
/* Walk the subsegment once: cursors, pages that are not committed (PS_RCP_HOLLOW), big
 * allocations, processes. 0, or a failure. */
int ps_rcp_vs_plan(struct ps_rcp_heap_page *hp, struct ps_rcp_heaps *heaps, struct ps_rcp_heap *h,
                   const struct ps_rcp_extent *e);
void ps_rcp_vs_fill(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page);

/* blocks.c */
/* A block of the heap's list by pg->rng; units 0 means as the list says. */
struct ps_rcp_heap_block ps_rcp_heap_draw(struct ps_rcp_heap_page *hp, const struct ps_rcp_entry *e,
                                          uint32_t units);
/* Body and header, or what is left of them, at 'offset' of the page; 'room' bytes are the block's.
 * 'allocator' is an enum ps_planted_allocator. */
void ps_rcp_heap_put(struct ps_rcp_heap_page *hp, uint32_t offset, uint32_t room,
                     const struct ps_rcp_heap_block *b, uint8_t allocator);
/* Does a block of this size, put at that address, have an object that is a process? Its address, or
 * 0. */
uint64_t ps_rcp_heap_process(const struct ps_rcp_heap *h, const struct ps_rcp_heap_block *b,
                             uint64_t header_va);
void ps_rcp_large_fill(struct ps_rcp_heap_page *hp, const struct ps_rcp_extent *e, uint32_t page);

#endif
