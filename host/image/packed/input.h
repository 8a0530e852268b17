/* Packed bytes read from their beginning to their end, piece by piece. */
#ifndef PS_HOST_IMAGE_PACKED_INPUT_H
#define PS_HOST_IMAGE_PACKED_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "scan/err.h"

struct ps_input {
    struct ps_bytes *bytes;
    uint64_t off; /* of the byte behind those in the buffer */
    uint8_t *buf;
    size_t n;  /* in the buffer */
    size_t at; /* of them taken */
};

/* From offset 'off' on. PS_ENOMEM. Free with ps_input_fini, also after failure. */
int ps_input_init(struct ps_input *in, struct ps_bytes *bytes, uint64_t off, struct ps_err *err);
void ps_input_fini(struct ps_input *in);
/* Fetch more if all in the buffer was taken: in->at == in->n then only at the end. Like
 * ps_bytes_ops.read. */
int ps_input_fill(struct ps_input *in, struct ps_err *err);
/* Have n_bytes (up to 64) in the buffer, or as many as there are left. */
int ps_input_peek(struct ps_input *in, size_t n_bytes, struct ps_err *err);
/* Offset in the packed bytes of what comes next. */
uint64_t ps_input_off(const struct ps_input *in);
/* Take n_bytes, which may be more than the buffer has. 0: there are not so many. */
int ps_input_skip(struct ps_input *in, uint64_t n_bytes);

#endif
