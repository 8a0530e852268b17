/* Damage to images that were built from recipes: page tables, big-pool table, tracker table,
 * segment heaps, Windows kernel and KUSER_SHARED_DATA are found by the list of what was planted and
 * a page walk of its own, and then written over. Shares no code with what is tested. */
#ifndef PS_TESTS_SUPPORT_CORRUPT_H
#define PS_TESTS_SUPPORT_CORRUPT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/rng.h"

#define CORRUPT_PAGE 4096u

/* What is known to stand on a page. */
enum corrupt_kind {
    CORRUPT_TABLE,   /* page tables; the first is the top one */
    CORRUPT_BIGPOOL, /* pages of the big-pool table that hold entries */
    CORRUPT_TRACKER, /* pages of PoolTrackTable */
    CORRUPT_KERNEL,  /* the image of the Windows kernel; the first has its PE header */
    CORRUPT_POINTER, /* pages of it that point to one of the two tables */
    CORRUPT_KUSER,
    CORRUPT_HEAP, /* _SEGMENT_HEAP, descriptors of segments, and what comes behind them */
    CORRUPT_N_KINDS
};

#define CORRUPT_MAX_PAGES 4096u /* of a kind; more are not looked for */

#define CORRUPT_MAX_HEAPS 16u

struct corrupt_places {
    uint32_t page[CORRUPT_MAX_PAGES];
    size_t n;
};

struct corrupt_image {
    uint8_t *bytes;   /* the damaged image */
    uint8_t *base;    /* the image as it was built */
    uint8_t *touched; /* of each page: was it written to, or cut off? */
    size_t n_pages;
    size_t n_bytes; /* length of the damaged image, which may be cut anywhere */
    int is_x86;
    int top_level;        /* of the page tables; 0 is the one that has pages */
    unsigned entry_bytes; /* of a page-table entry */
    uint64_t dtb, big_table, tracker, kernel;
    uint64_t heap[CORRUPT_MAX_HEAPS], segment[CORRUPT_MAX_HEAPS]; /* the first of each heap */
    unsigned n_segments[CORRUPT_MAX_HEAPS];
    size_t n_heaps;
    struct corrupt_places place[CORRUPT_N_KINDS];
    int may_look_like_another; /* the damage may change which Windows this is */
    char story[2048];          /* what was done, in words */
};

/* Read image and list. Every failure ends the program. */
void corrupt_load(struct corrupt_image *c, const char *image, const char *truth);
void corrupt_free(struct corrupt_image *c);

/* One more piece of damage, drawn at random. */
void corrupt_damage(struct corrupt_image *c, struct rng *r);

/* As it was built. */
void corrupt_restore(struct corrupt_image *c);

#endif
