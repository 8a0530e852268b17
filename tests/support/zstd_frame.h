/* Frames of zstd, made by its library. For Criterion tests. */
#ifndef PS_TESTS_SUPPORT_ZSTD_FRAME_H
#define PS_TESTS_SUPPORT_ZSTD_FRAME_H

#include "tests/support/packed_case.h"

/* Append one frame with a checksum, which says how much is in it or does not. Its packed size. */
size_t ps_put_zstd_frame(struct ps_packed_buffer *b, const uint8_t *data, size_t n, int says_size);

#endif
