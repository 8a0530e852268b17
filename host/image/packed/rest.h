/* What follows the last part of a packed file: padding, something appended, or parts that are
 * damaged. */
#ifndef PS_HOST_IMAGE_PACKED_REST_H
#define PS_HOST_IMAGE_PACKED_REST_H

#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/packed/packing.h"
#include "scan/err.h"

/* What a packed file consists of. */
struct ps_parts {
    const char *packing; /* "gzip" */
    const char *name;    /* of one part: "member" */
    /* How many of the first four bytes are others than those of every part. */
    unsigned (*differ)(const uint8_t *head);
};

/* Parts end at 'end' of packed->bytes: note what follows there. Zeros are padding, of which nothing
 * is said. What begins like a part but for one byte, and 16 KiB or more of anything, is a loss: a
 * part that is damaged or cut short. Else a warning: a signature or the like was appended. */
void ps_rest_note(const struct ps_packed *packed, const struct ps_parts *parts, uint64_t end);

/* PS_EFORMAT: something follows at 'end' that ps_rest_note would tell. PS_EIO; PS_ECANCEL. */
int ps_rest_check(struct ps_bytes *bytes, const struct ps_parts *parts, uint64_t end,
                  struct ps_err *err);

#endif
