#include "tests/support/made_hiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE  4096u
#define PAGES 16u

void made_hiber_init(struct made_hiber *h)
{
    memset(h, 0, sizeof *h);
}

static void grow(struct made_hiber *h, size_t n_bytes)
{
    if (n_bytes > MADE_HIBER_BYTES) {
        fprintf(stderr, "made_hiber: %zu bytes are too many\n", n_bytes);
        abort();
    }
    if (h->n_bytes < n_bytes)
        h->n_bytes = n_bytes;
}

void made_hiber_put(struct made_hiber *h, size_t at, uint64_t value, size_t n_bytes)
{
    grow(h, at + n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        h->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

void made_hiber_add(struct made_hiber *h, const void *bytes, size_t n)
{
    const size_t at = h->n_bytes;

    grow(h, at + n);
    memcpy(h->bytes + at, bytes, n);
}

void made_hiber_align(struct made_hiber *h, size_t to)
{
    grow(h, (h->n_bytes + to - 1) / to * to);
}

uint8_t made_hiber_fill(uint64_t page)
{
    return (uint8_t)(page * 37 % 251 + 1);
}

static size_t add_stored(const uint8_t *fill, unsigned n, uint8_t *out)
{
    for (unsigned i = 0; i < n; i++)
        memset(out + i * PAGE, fill[i], PAGE);
    return (size_t)n * PAGE;
}

/* A literal and a match of 4095 bytes for each page: half a byte with 15, a byte with 255, and the
 * length less 3 in two. */
static size_t add_xpress(const uint8_t *fill, unsigned n, uint8_t *out)
{
    uint32_t flags = 0;
    size_t at = 4;
    uint8_t *half = NULL;

    for (unsigned i = 0; i < n; i++) {
        flags |= 1u << (30 - 2 * i);
        out[at++] = fill[i];
        out[at++] = 7;
        out[at++] = 0;
        if (half) {
            *half |= 0xf0;
            half = NULL;
        } else {
            half = out + at++;
            *half = 0x0f;
        }
        out[at++] = 255;
        out[at++] = 0xfc;
        out[at++] = 0x0f;
    }
    if (n < PAGES)
        flags |= (1u << (32 - 2 * n)) - 1;
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(flags >> 8 * i);
    return at;
}

/* All 512 codes have 9 bits. A page is a literal, and the match one byte back that says its
 * length in three bytes; these lie behind the word of bits after next. */
static size_t add_huffman(const uint8_t *fill, unsigned n, uint8_t *out)
{
    size_t word[2] = {256, 258}, at = 260;
    uint32_t bits = 0;
    unsigned n_bits = 0;

    memset(out, 0x99, 256);
    for (unsigned i = 0; i < 18 * n; i++) {
        const unsigned symbol = i / 9 % 2 ? 256 + 15 : fill[i / 18];

        if (n_bits == 16) {
            out[word[0]] = (uint8_t)bits;
            out[word[0] + 1] = (uint8_t)(bits >> 8);
            word[0] = word[1];
            word[1] = at;
            at += 2;
            bits = n_bits = 0;
        }
        bits |= (symbol >> (8 - i % 9) & 1) << (15 - n_bits++);
        if (i % 18 == 17) {
            out[at++] = 255;
            out[at++] = 0xfc;
            out[at++] = 0x0f;
        }
    }
    out[word[0]] = (uint8_t)bits;
    out[word[0] + 1] = (uint8_t)(bits >> 8);
    out[word[1]] = out[word[1] + 1] = 0;
    return at;
}

static size_t pack(const uint8_t *fill, unsigned n, enum made_method method, uint8_t *out)
{
    return method == MADE_STORED   ? add_stored(fill, n, out)
           : method == MADE_XPRESS ? add_xpress(fill, n, out)
                                   : add_huffman(fill, n, out);
}

size_t made_hiber_set(struct made_hiber *h, int is_x86, const struct made_range *range, unsigned n,
                      enum made_method method)
{
    static uint8_t data[PAGES * PAGE];
    const size_t at = h->n_bytes;
    uint8_t fill[PAGES];
    unsigned n_pages = 0;
    size_t n_data;

    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < range[i].n; k++)
            fill[n_pages++] = made_hiber_fill(range[i].first + k);
    n_data = pack(fill, n_pages, method, data);
    made_hiber_put(h, at, n | n_data << 8 | (method == MADE_HUFFMAN ? 0x80000000u : 0), 4);
    for (unsigned i = 0; i < n; i++)
        made_hiber_put(h, h->n_bytes, range[i].first << 4 | (range[i].n - 1), is_x86 ? 4 : 8);
    made_hiber_add(h, data, n_data);
    return at;
}

size_t made_hiber_block(struct made_hiber *h, const uint64_t *page, unsigned n,
                        enum made_method method)
{
    static uint8_t data[PAGES * PAGE];
    const size_t at = h->n_bytes;
    uint8_t fill[PAGES];
    size_t n_data;

    for (unsigned i = 0; i < n; i++)
        fill[i] = made_hiber_fill(page[i]);
    n_data = pack(fill, n, method, data);
    made_hiber_add(h, "\x81\x81xpress", 8);
    made_hiber_put(h, at + 8, n - 1, 1);
    made_hiber_put(h, at + 9, 4 * n_data - 1, 3);
    made_hiber_put(h, at + 31, 0, 1);
    made_hiber_add(h, data, n_data);
    made_hiber_align(h, 8);
    return at;
}
