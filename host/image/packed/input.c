#include "host/image/packed/input.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)256 << 10)

int ps_input_init(struct ps_input *in, struct ps_bytes *bytes, uint64_t off, struct ps_err *err)
{
    *in = (struct ps_input){.bytes = bytes, .off = off, .buf = malloc(BUFFER_BYTES)};
    return in->buf ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

void ps_input_fini(struct ps_input *in)
{
    free(in->buf);
    *in = (struct ps_input){0};
}

/* Behind the 'kept' bytes at the beginning of the buffer. */
static int fill_behind(struct ps_input *in, size_t kept, struct ps_err *err)
{
    const uint64_t left = in->bytes->n_bytes - in->off;
    const size_t room = BUFFER_BYTES - kept;
    const size_t n = left < room ? (size_t)left : room;
    int rc = n ? in->bytes->ops->read(in->bytes, in->off, in->buf + kept, n, err) : 0;

    in->at = 0;
    in->n = kept;
    if (rc < 0)
        return rc;
    in->n += n;
    in->off += n;
    return 0;
}

int ps_input_fill(struct ps_input *in, struct ps_err *err)
{
    return in->at < in->n ? 0 : fill_behind(in, 0, err);
}

int ps_input_peek(struct ps_input *in, size_t n_bytes, struct ps_err *err)
{
    const size_t kept = in->n - in->at;

    if (kept >= n_bytes || in->off == in->bytes->n_bytes)
        return 0;
    memmove(in->buf, in->buf + in->at, kept);
    return fill_behind(in, kept, err);
}

uint64_t ps_input_off(const struct ps_input *in)
{
    return in->off - (in->n - in->at);
}

int ps_input_skip(struct ps_input *in, uint64_t n_bytes)
{
    const size_t kept = in->n - in->at;

    if (n_bytes <= kept) {
        in->at += (size_t)n_bytes;
        return 1;
    }
    in->at = in->n;
    if (n_bytes - kept > in->bytes->n_bytes - in->off) {
        in->off = in->bytes->n_bytes;
        return 0;
    }
    in->off += n_bytes - kept;
    return 1;
}
