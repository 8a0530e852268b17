/* Hibernation files, written field by field from docs/IMAGES.md. */
#ifndef PS_TESTS_SUPPORT_MADE_HIBER_H
#define PS_TESTS_SUPPORT_MADE_HIBER_H

#include <stddef.h>
#include <stdint.h>

#define MADE_HIBER_BYTES ((size_t)4 << 20)

struct made_hiber {
    size_t n_bytes; /* of the file so far */
    _Alignas(16) uint8_t bytes[MADE_HIBER_BYTES];
};

/* Outside of the buffer ends the program; these grow the file as needed. */
void made_hiber_init(struct made_hiber *h); /* empty */
void made_hiber_put(struct made_hiber *h, size_t at, uint64_t value, size_t n_bytes);
void made_hiber_add(struct made_hiber *h, const void *bytes, size_t n);
void made_hiber_align(struct made_hiber *h, size_t to);

/* The byte that page number 'page' of memory is filled with, never 0. */
uint8_t made_hiber_fill(uint64_t page);

struct made_range {
    uint64_t first;
    uint32_t n; /* 1 to 16 in a set */
};

enum made_method { MADE_STORED, MADE_XPRESS, MADE_HUFFMAN };

/* A compression set of Windows 8 or later; returns its offset. */
size_t made_hiber_set(struct made_hiber *h, int is_x86, const struct made_range *range, unsigned n,
                      enum made_method method);
/* A block of XP to 7, with the fills of the n pages at 'page'; returns its offset. */
size_t made_hiber_block(struct made_hiber *h, const uint64_t *page, unsigned n,
                        enum made_method method);

#endif
