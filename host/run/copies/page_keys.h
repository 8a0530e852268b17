/* Keys of pages (ps_digest_page_key) by their address: what tells whether two pages are equal
 * without unpacking one of them once more. */
#ifndef PS_HOST_RUN_COPIES_PAGE_KEYS_H
#define PS_HOST_RUN_COPIES_PAGE_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* Twelve bytes for each of 2^PS_PAGE_KEYS_MAX_BITS places, of which three quarters are used: 48 MiB
 * know as many pages as struct ps_seen_pages does. */
#define PS_PAGE_KEYS_MAX_BITS 22u

/* The key in two halves, so that a place has no gap. */
struct ps_page_key_place {
    uint32_t frame_1; /* number of the frame and one; 0: free */
    uint32_t low, high;
};

/* Begin with all zero. */
struct ps_page_keys {
    struct ps_page_key_place *place;
    uint64_t factor; /* of scan/hash.h: the image chooses the addresses */
    unsigned bits;   /* of the number of places; 0: none yet */
    size_t n;
};

/* Remember the key of the page at 'phys', which has none yet. What finds no room is not
 * remembered. */
void ps_page_keys_put(struct ps_page_keys *keys, uint64_t phys, uint64_t key);
/* 1 and *key; 0: not known. */
int ps_page_keys_get(const struct ps_page_keys *keys, uint64_t phys, uint64_t *key);
void ps_page_keys_free(struct ps_page_keys *keys);

#endif
