/* Bytes of a stream that are unpacked while they are read, from the first to the last, and are
 * nowhere afterwards.
 *
 * For whoever reads everything once and in order (ps_bytes_ops.read_once): no file is written. Of
 * one thread, each read unpacks what it asks for; as soon as several read, one more thread unpacks
 * for all of them, into the memory of who asks, while the others work on theirs. It is a bet: that
 * the stream has as many bytes as it promises, that nobody comes back for what went by, and that
 * nothing is damaged. When it is lost, every read fails, ps_bytes_ops.finish says so, and the bytes
 * have to be opened in another way. */
#ifndef PS_HOST_IMAGE_BYTES_FLOW_H
#define PS_HOST_IMAGE_BYTES_FLOW_H

#include "host/image/bytes/bytes.h"
#include "host/image/bytes/unpacked.h"
#include "scan/err.h"

/* Reads that are not once may go this far, and the last MiB can be read after finish. */
#define PS_FLOW_HEAD_BYTES ((uint64_t)64 << 20)
#define PS_FLOW_TAIL_BYTES ((uint64_t)1 << 20)

/* *out has stream->n_promised bytes. It owns the stream's arg, which is free'd by stream->free, and
 * 'packed', which it closes. PS_ENOMEM; then both are still the caller's. */
int ps_flow_open(struct ps_bytes **out, const struct ps_unpack_stream *stream,
                 struct ps_bytes *packed, struct ps_err *err);

#endif
