/* Sequence number -> piece of the image. */
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

/* The pieces of [start, end), numbered by physical address. Immutable; any thread. */
struct ps_source {
    const struct ps_extent *extent;
    size_t n_extents;
    uint64_t start, end;
    uint64_t chunk_bytes;
    uint64_t *first_seq; /* of each extent; n_extents + 1 entries */
};

int ps_source_init(struct ps_source *s, struct ps_image *image, uint64_t start, uint64_t end,
                   uint64_t chunk_bytes, struct ps_err *err);
void ps_source_fini(struct ps_source *s);
uint64_t ps_source_count(const struct ps_source *s);
struct ps_piece ps_source_piece(const struct ps_source *s, uint64_t seq);

#endif
