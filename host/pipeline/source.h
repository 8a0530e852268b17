/* Sequence number -> the memory of one chunk. */
#ifndef PS_HOST_PIPELINE_SOURCE_H
#define PS_HOST_PIPELINE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/image.h"
#include "scan/err.h"

/* Part of one extent, at most a chunk long. */
struct ps_piece {
    uint64_t phys;
    uint64_t n_bytes; /* a multiple of 4096 but at a torn end */
};

/* What one chunk holds: pieces of ascending address, each of them on pages of its own. More than
 * one only where extents are short: a chunk for each of them would cost more than its scan. */
struct ps_span {
    size_t extent; /* of the first piece; each other one is a whole further extent */
    size_t n_pieces;
    uint64_t skip;     /* bytes of the first extent before it, if it is the only piece */
    uint64_t n_bytes;  /* of all pieces together; all but the last one's are multiples of 4096 */
    uint64_t file_off; /* where several pieces lie, if one behind the other in the bytes of the
                        * image; else PS_NO_FILE_OFF */
};

struct ps_source_unit;

/* The chunks of [start, end), numbered by physical address. Immutable; any thread. */
struct ps_source {
    const struct ps_extent *extent;
    size_t n_extents; /* up to the last one before 'end' */
    uint64_t start, end;
    uint64_t chunk_bytes;
    struct ps_source_unit *unit;
    size_t n_units;
    uint64_t n_seq;
};

int ps_source_init(struct ps_source *s, struct ps_image *image, uint64_t start, uint64_t end,
                   uint64_t chunk_bytes, struct ps_err *err);
void ps_source_fini(struct ps_source *s);
uint64_t ps_source_count(const struct ps_source *s);
struct ps_span ps_source_span(const struct ps_source *s, uint64_t seq);
/* Piece number i of a span, from 0 to n_pieces - 1. */
struct ps_piece ps_source_piece(const struct ps_source *s, const struct ps_span *span, size_t i);

/* A way through the pages of a span, in ascending order. */
struct ps_source_pages {
    const struct ps_source *source;
    const struct ps_span *span;
    size_t i;          /* the piece */
    size_t first_page; /* its first one, counted in the span */
    struct ps_piece piece;
};

struct ps_source_pages ps_source_pages(const struct ps_source *s, const struct ps_span *span);
/* The physical address of page number 'page' of the span, which is none before the last one asked
 * for. */
uint64_t ps_source_page(struct ps_source_pages *pages, size_t page);

#endif
