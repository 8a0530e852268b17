/* A plain chain walk over whole pages, written from the README of the images: the second witness
 * beside the tracker. It shares nothing with the program. */
#ifndef PS_TESTS_REAL_WITNESS_H
#define PS_TESTS_REAL_WITNESS_H

#include <stddef.h>
#include <stdint.h>

#define WITNESS_MAX_BLOCKS 512

struct witness_block {
    uint32_t off; /* in the page */
    uint32_t n_bytes;
    uint32_t type; /* 0: free */
    uint32_t tag;
};

/* The blocks of a page whose chain closes, 0 if it does not. */
size_t witness_page(const uint8_t *page, int x64, struct witness_block block[WITNESS_MAX_BLOCKS]);

#endif
