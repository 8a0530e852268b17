/* How many bytes are in each block, where a header that has no checksum says so.
 *
 * A size that is damaged would move all that follows. Writers give all blocks but the last one the
 * same size: whatever says something else is unpacked, to see what is in it. */
#ifndef PS_HOST_IMAGE_PACKED_SIZES_H
#define PS_HOST_IMAGE_PACKED_SIZES_H

#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/packed/whole.h"
#include "scan/err.h"

/* Of a block: it does not say how much is in it, or what it says cannot be. */
#define PS_SIZE_UNKNOWN UINT32_MAX

/* What is in a block, found by unpacking it, whatever it says. */
struct ps_measured {
    uint32_t n_bytes; /* PS_SIZE_UNKNOWN: it is damaged, or more than was asked for */
    int is_sure;      /* it has a checksum, which fits */
};

/* Unpack a block of up to n_most bytes. PS_ENOMEM; what 'bytes' says of damage. */
typedef int ps_measure(struct ps_bytes *bytes, const struct ps_block *block, uint32_t n_most,
                       struct ps_measured *measured, struct ps_err *err);

/* 'list': the blocks with the bytes that they say, or PS_SIZE_UNKNOWN; none can have more than
 * n_most. Afterwards each has the size that it has, unless it says, being another size, that of the
 * others, or is the last one; those without bytes are left out.
 *
 * A block whose size cannot be told (its header says one thing, and its data are damaged) is the
 * last of the list, with what it says, if that can be: *cut_at is then its offset, else it stays.
 * 0; 1 when too many blocks would have to be unpacked, the list is then as it was; else what
 * 'measure' fails with. */
int ps_sizes_settle(struct ps_block_list *list, struct ps_bytes *bytes, ps_measure *measure,
                    uint32_t n_most, uint64_t *cut_at, struct ps_err *err);

#endif
