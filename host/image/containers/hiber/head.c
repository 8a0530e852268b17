#include <string.h>

#include "host/image/containers/hiber/hiber.h"
#include "host/image/le.h"

/* The word before the descriptors of a set. */
#define DESCRIPTORS  0xffu
#define DATA_AT      8
#define DATA_MASK    0xfffffu
#define HUFFMAN_BITS 0xc0000000u

#define PAGES_MASK   15u /* of a descriptor: one less than the pages that follow each other */

static int set_head(const uint8_t *in, size_t n_in, size_t descriptor_bytes,
                    struct ps_hiber_set *set)
{
    uint32_t word;

    if (n_in < 4)
        return 0;
    word = ps_le32(in);
    set->n_descriptors = word & DESCRIPTORS;
    set->n_head = (uint32_t)(4 + set->n_descriptors * descriptor_bytes);
    set->n_data = word >> DATA_AT & DATA_MASK;
    set->n_padding = 0;
    set->n_pages = 0;
    if (set->n_descriptors > PS_HIBER_SET_PAGES || n_in < set->n_head)
        return 0;
    for (unsigned i = 0; i < set->n_descriptors; i++)
        set->n_pages += 1 + (in[4 + i * descriptor_bytes] & PAGES_MASK);
    set->method = word & HUFFMAN_BITS ? PS_HIBER_HUFFMAN : PS_HIBER_XPRESS;
    return 1;
}

static const uint8_t block_magic[8] = {0x81, 0x81, 'x', 'p', 'r', 'e', 's', 's'};

int ps_hiber_is_block(const uint8_t *in, size_t n_in)
{
    return n_in >= PS_HIBER_BLOCK_HEAD && !memcmp(in, block_magic, sizeof block_magic);
}

#define BLOCK_SIZE_AT 8 /* a byte of another meaning, then the 24 bits of the size */
#define BLOCK_ALIGN   8u

static int block_head(const uint8_t *in, size_t n_in, uint32_t n_pages_left,
                      struct ps_hiber_set *set)
{
    if (!ps_hiber_is_block(in, n_in))
        return 0;
    set->n_descriptors = 0;
    set->n_head = PS_HIBER_BLOCK_HEAD;
    set->n_data = (ps_le32(in + BLOCK_SIZE_AT) >> 10) + 1;
    set->n_padding = -set->n_data % BLOCK_ALIGN;
    set->n_pages = n_pages_left < PS_HIBER_SET_PAGES ? n_pages_left : PS_HIBER_SET_PAGES;
    set->method = PS_HIBER_XPRESS;
    return 1;
}

int ps_hiber_head(enum ps_hiber_form form, const uint8_t *in, size_t n_in, uint32_t n_pages_left,
                  struct ps_hiber_set *set)
{
    int is_set;

    if (form == PS_HIBER_BLOCKS)
        is_set = block_head(in, n_in, n_pages_left, set);
    else
        is_set = set_head(in, n_in, form == PS_HIBER_SETS_X64 ? 8 : 4, set);
    if (!is_set || !set->n_pages || set->n_pages > PS_HIBER_SET_PAGES || !set->n_data ||
        set->n_data > set->n_pages * PS_HIBER_PAGE)
        return 0;
    if (set->n_data == set->n_pages * PS_HIBER_PAGE)
        set->method = PS_HIBER_STORED;
    return 1;
}
