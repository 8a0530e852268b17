/* Pages seen so far, by fingerprint: is this page a copy of an earlier one? */
#ifndef PS_SCAN_COPIES_SEEN_PAGES_H
#define PS_SCAN_COPIES_SEEN_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Eight bytes for each of 2^PS_SEEN_MAX_BITS places, of which three quarters are used: 32 MiB know
 * three million pages. What comes after that is looked for, but not remembered. */
#define PS_SEEN_MAX_BITS 22u
/* Pages with one fingerprint that are remembered, and so compared with one page, at most. */
#define PS_SEEN_MAX_EQUAL 8u

/* Begin with all zero. */
struct ps_seen_pages {
    struct ps_seen_place *place;
    unsigned bits; /* of the number of places; 0: none yet */
    size_t n;
    uint64_t n_forgotten; /* pages that found no room */
};

/* Are the pages at these two physical addresses equal, byte by byte? */
typedef int ps_same_page_fn(void *arg, uint64_t phys, uint64_t other);

/* 1 and *first when an earlier page is equal by 'same', which is asked about those of the same
 * fingerprint only, the earliest first; then the page at 'phys' is not remembered. 0: it is the
 * first of its kind, and remembered. Negative: out of memory. What comes of a series of calls
 * depends on nothing but their order. One thread at a time. */
int ps_seen_pages_look(struct ps_seen_pages *s, uint32_t fingerprint, uint64_t phys,
                       ps_same_page_fn *same, void *arg, uint64_t *first);

/* Remember a page without asking; negative: out of memory. */
int ps_seen_pages_add(struct ps_seen_pages *s, uint32_t fingerprint, uint64_t phys);

void ps_seen_pages_free(struct ps_seen_pages *s);

#endif
