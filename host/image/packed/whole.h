/* How packed bytes become bytes: as blocks, or all at once. */
#ifndef PS_HOST_IMAGE_PACKED_WHOLE_H
#define PS_HOST_IMAGE_PACKED_WHOLE_H

#include "host/image/bytes/blocks.h"
#include "host/image/bytes/unpacked.h"
#include "host/image/packed/packing.h"
#include "host/image/packed/rest.h"
#include "scan/err.h"

/* Where a stream ended. */
struct ps_stream_end {
    const struct ps_parts *parts;
    /* Behind the last part, once 'next' came to an end there; UINT64_MAX: it did not. */
    uint64_t (*off)(const void *arg);
};

/* Whether ps_whole_stream will try a flow. The stream has to fail at its end then if ps_rest_check
 * does: the image is opened again, in another way, which tells why. */
int ps_whole_may_flow(const struct ps_packed *packed, const struct ps_unpack_stream *stream);

/* Unpack the stream to a temporary file, which is *out; packed->bytes are closed then, and only
 * then. With spec->once, a stream that promises its size, and nothing around it, *out is a flow
 * instead (host/image/bytes/flow.h). The stream stays the caller's, but for its arg if it has
 * 'free', which is called in any case. What follows its end is noted, but by a flow. */
int ps_whole_stream(struct ps_bytes **out, const struct ps_packed *packed,
                    const struct ps_unpack_stream *stream, const struct ps_stream_end *end,
                    struct ps_err *err);

/* Blocks of packed->bytes. Where they are so large, and so many, that reading here and there would
 * unpack the same ones over and over, all of them are unpacked to a temporary file first, on all
 * threads; where there is no room for it, a warning says what that costs. Ownership as with
 * ps_blocks_open; spec->packed and spec->n_threads are set here. */
int ps_whole_blocks(struct ps_bytes **out, const struct ps_packed *packed, const char *name,
                    struct ps_blocks_spec *spec, struct ps_err *err);

/* Blocks in the order of the unpacked bytes. Begin with all zero. */
struct ps_block_list {
    struct ps_block *block;
    size_t n;
    size_t cap;
};

/* Can so few packed bytes be so many? 'ratio': the most that a method makes of one byte. A list
 * that says otherwise is forged, and would make a small file cost as much as a large one. */
int ps_block_can_be(const struct ps_block *block, uint32_t ratio);

/* PS_ENOMEM. */
int ps_block_list_add(struct ps_block_list *list, const struct ps_block *block, struct ps_err *err);
void ps_block_list_free(struct ps_block_list *list);

#endif
