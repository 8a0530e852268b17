/* zstd as one stream: frames that can only be read one after the other. */
#ifndef PS_HOST_IMAGE_PACKED_ZSTD_STREAM_H
#define PS_HOST_IMAGE_PACKED_ZSTD_STREAM_H

#include "host/image/packed/packing.h"
#include "scan/err.h"

/* As ps_packing.open, of bytes that begin with a frame. Only where the build has libzstd. */
int ps_zstd_stream_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err);

#endif
