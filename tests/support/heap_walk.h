/* The segment heaps of a recipe's image, read back with nothing of the builder's: page tables,
 * ExPoolState, heaps, segments, descriptors, bitmaps and chunks lead to every block, and each of
 * them must be what the truth says (Criterion assertions). */
#ifndef PS_TESTS_SUPPORT_HEAP_WALK_H
#define PS_TESTS_SUPPORT_HEAP_WALK_H

#include "host/recipe/recipe.h"

#define HW_PAGE 4096u

/* A header of the truth. */
struct hw_head {
    uint64_t phys;
    struct ps_planted h;
    int seen; /* the walk has come to it */
};

/* The whole image, behind it the pages of the page file. */
struct hw_memory {
    int is_x64; /* else PAE */
    uint64_t dtb;
    uint8_t *b;
    uint64_t n_pages, image_pages;
    struct hw_head *head; /* ascending */
    size_t n_heads;
};

/* Where the structures of a build keep what the walk reads. */
struct hw_layout {
    uint32_t build, is_x64;
    uint32_t node, signature, contexts, context_bytes, shifts, heap, list, count;
    uint32_t descriptor, flags, first_unit;
    uint32_t lfh_counts, lfh_offsets, lfh_bitmap;
    uint32_t vs_size, vs_sign;
    uint32_t encode_key; /* in _SEGMENT_HEAP: its own LFH key; 0: none */
    uint32_t private_at; /* in an LFH subsegment; 0: none */
    uint64_t constant;
};

struct hw_keys {
    uint64_t heap, lfh, cookie;
};

/* What the walk has met. */
struct hw_met {
    unsigned lfh_live, lfh_stale, lfh_never, lfh_lost, withheld;
    unsigned vs_live, vs_lost, vs_free, vs_moved, vs_big, vs_hollow, left_over, quota, released;
    unsigned large, segments, wide, paged_out, private_form;
};

/* The arithmetic of the walk: what a chunk header says, size and first offset of an LFH subsegment,
 * the heap key by the signature of a segment. */
uint64_t hw_chunk_plain(uint64_t stored, uint64_t va, uint64_t heap_key);
uint32_t hw_lfh_plain(uint32_t stored, uint64_t va, uint64_t lfh_key, uint32_t build);
uint64_t hw_segment_key(uint64_t signature, uint64_t segment, uint64_t context, uint64_t constant);

/* Build every page. hw_drop frees it. */
struct hw_memory hw_build(const struct ps_recipe *recipe, uint64_t dtb, int is_x64);
void hw_drop(struct hw_memory *m);
/* The pointer or size at a virtual address, which must be there. */
uint64_t hw_word(const struct hw_memory *m, uint64_t va);
/* The heaps of the first node of the ExPoolState at 'state': of pool 'from' and the ones behind. */
void hw_walk(struct hw_memory *m, const struct hw_layout *layout, const struct hw_keys *keys,
             uint64_t state, unsigned from, struct hw_met *met);

#endif
