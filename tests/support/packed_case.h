/* Packed bytes in memory, opened and compared with what was packed. For Criterion tests. */
#ifndef PS_TESTS_SUPPORT_PACKED_CASE_H
#define PS_TESTS_SUPPORT_PACKED_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/packed/packing.h"
#include "tests/support/memory_bytes.h"

/* Like memory: pages of zeros, of text, of numbers and of noise. Free with free(). */
uint8_t *ps_packed_truth(size_t n_bytes, uint64_t seed);

/* A buffer that packed bytes are appended to. Begin with all zero; free 'data'. */
struct ps_packed_buffer {
    uint8_t *data;
    size_t n;
};

/* Room for n_bytes more; where they begin. */
uint8_t *ps_packed_room(struct ps_packed_buffer *b, size_t n_bytes);
void ps_packed_append(struct ps_packed_buffer *b, const void *data, size_t n_bytes);

struct ps_packed_case {
    struct ps_memory_bytes memory;
    struct ps_image_spec spec;
    struct ps_notes notes;
    struct ps_bytes *bytes; /* NULL if it was refused */
    struct ps_err err;
};

/* Open with so many threads; it has to be recognised. */
void ps_packed_open_case(struct ps_packed_case *c, const struct ps_packing *packing,
                         const struct ps_packed_buffer *b, unsigned n_threads);
void ps_packed_close_case(struct ps_packed_case *c);
/* All of it, in order and at random places, is the n_bytes at 'truth'. */
void ps_packed_equals(struct ps_packed_case *c, const uint8_t *truth, size_t n_bytes);
/* Does a note say this? */
int ps_packed_notes(const struct ps_packed_case *c, const char *word);

/* Open, compare and close, with one thread and with three. Unpacked to a file or not, as told. */
void ps_packed_check(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                     const uint8_t *truth, size_t n_bytes, int is_file);

/* Change bytes of *b at random, one at a time: reading gives an error at worst. Where blocks have
 * checksums (has_checksums), some reads have to fail and all others give the truth. */
void ps_packed_check_damaged(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                             const uint8_t *truth, size_t n_bytes, int has_checksums);

/* Behind the whole file *b of n_bytes come zeros, something else, or another part that is damaged
 * or cut short ('part' is a whole one): the bytes stay the same, and the notes tell what it is.
 * Also where it is read while it is unpacked. */
void ps_packed_check_rest(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                          const struct ps_packed_buffer *part, const uint8_t *truth,
                          size_t n_bytes);

#endif
