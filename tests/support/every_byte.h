/* Every byte of a packed file that matters changed, one at a time, and what can be read then. For
 * Criterion tests. */
#ifndef PS_TESTS_SUPPORT_EVERY_BYTE_H
#define PS_TESTS_SUPPORT_EVERY_BYTE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/packed_case.h"

#define PS_EVERY_PAGE  ((size_t)4096)
#define PS_EVERY_PARTS 24u

/* What is unpacked by itself: a frame, a member, a block. */
struct ps_every_part {
    size_t packed, packed_end; /* in the file */
    size_t at, end;            /* unpacked */
    size_t size_at, n_size;    /* in the file: what says how much is in it; no bytes: nothing */
};

/* Begin with all zero but for packing and truth. */
struct ps_every {
    const struct ps_packing *packing;
    const uint8_t *truth;
    struct ps_packed_buffer file;
    struct ps_every_part part[PS_EVERY_PARTS];
    size_t n_parts;
    int has_checksums; /* all damage within a part can be noticed when that is unpacked */
    int says_where;    /* the parts are listed elsewhere: damage to one costs no other */
};

/* Pages of which no two are equal, and which pack well. Free with free(). */
uint8_t *ps_every_truth(size_t n_pages);

/* The bytes from e->file.data + packed on are a part, of n_bytes behind those of the last part. */
struct ps_every_part *ps_every_add(struct ps_every *e, size_t packed, size_t n_bytes);

/* Change each byte outside the parts and at the two ends of each, and some of those between, in
 * four ways. No page may be other bytes, wherever the damage is, but for those of the part that it
 * is in, if that has no checksum, or if the file could only be read as a stream, whose checksum
 * comes after what it is of. What says a size, damaged, costs no other part a page. Frees the
 * file. */
void ps_every_check(struct ps_every *e);

#endif
