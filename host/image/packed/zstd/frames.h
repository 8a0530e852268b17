/* Where the frames of a zstd file begin, and how much is in each (RFC 8878). */
#ifndef PS_HOST_IMAGE_PACKED_ZSTD_FRAMES_H
#define PS_HOST_IMAGE_PACKED_ZSTD_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/le.h"
#include "host/image/packed/rest.h"
#include "host/image/packed/whole.h"
#include "scan/err.h"

#define PS_ZSTD_MAGIC          0xfd2fb528u
#define PS_ZSTD_SKIPPABLE_HEAD 8u /* magic, and the bytes that follow */
/* The longest header: magic, descriptor, window, dictionary, content size. */
#define PS_ZSTD_HEAD_MAX 18u

/* Do these four bytes begin a frame that is to be skipped? The last four bits are any. */
static inline int ps_zstd_is_skippable(const uint8_t *head)
{
    return (ps_le32(head) & ~0xfu) == 0x184d2a50u;
}

/* What follows the last of them, for ps_rest_note. */
extern const struct ps_parts ps_zstd_parts;

/* List the frames without unpacking any but those whose sizes look wrong; pzstd's first and last
 * one. 1: they can be unpacked each by itself, and what follows *end in the file is no part of them
 * or cannot be placed; 0: the file has to be read from its beginning on. PS_ENOMEM; what 'bytes'
 * says of damage. Only in builds with zstd. */
int ps_zstd_list(struct ps_bytes *bytes, struct ps_block_list *list, uint64_t *end,
                 struct ps_err *err);

/* PS_EFORMAT: what the library said of a frame near 'at' of the packed bytes. Only there. */
int ps_zstd_bad_frame(size_t code, uint64_t at, struct ps_err *err);

#endif
