/* Bytes in a buffer, for readers under test: no file is needed.
 *
 * A reader that asks for bytes outside of them ends the program with a message: that they lie
 * inside is part of the contract (host/image/bytes/bytes.h). */
#ifndef PS_TESTS_SUPPORT_MEMORY_BYTES_H
#define PS_TESTS_SUPPORT_MEMORY_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"

struct ps_memory_bytes {
    struct ps_bytes bytes; /* pass a pointer to this */
    const uint8_t *data;
    size_t n_data; /* what follows up to bytes.n_bytes reads as zeros */
    const struct ps_range *range;
    size_t n_ranges;
    unsigned n_closed; /* how often it was closed, which frees nothing */
};

/* The n_bytes at 'data', which stay the caller's and outlive *m. Maps when 'data' + offset is
 * aligned to 8 bytes, as ps_bytes_ops.map promises. *m must not move. */
void ps_memory_bytes_init(struct ps_memory_bytes *m, const uint8_t *data, size_t n_bytes);
/* Pretend to be n_bytes large, at least as many as there are: a header can be tested without the
 * memory behind it. Nothing behind the data can be mapped. */
void ps_memory_bytes_grow(struct ps_memory_bytes *m, uint64_t n_bytes);
/* Say that only these ranges hold data (page aligned, ascending; the caller's). */
void ps_memory_bytes_ranges(struct ps_memory_bytes *m, const struct ps_range *range, size_t n);

#endif
