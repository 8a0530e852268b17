#include "host/image/le.h"
#include "host/image/xpress/match.h"
#include "host/image/xpress/xpress.h"

struct stream {
    const uint8_t *in;
    size_t n_in;
    size_t at;
    size_t half_at; /* of the byte whose upper half is the next length; 0: none is left over */
};

/* The next n_bytes as a number, or -1 at the end. */
static int64_t number(struct stream *s, unsigned n_bytes)
{
    const uint8_t *p = s->in + s->at;

    if (s->n_in - s->at < n_bytes)
        return -1;
    s->at += n_bytes;
    return n_bytes == 1 ? *p : n_bytes == 2 ? ps_le16(p) : (int64_t)ps_le32(p);
}

#define LENGTH_LEAST 3
#define LENGTH_TOKEN 7 /* the most that 3 bits of the token say; then half a byte goes on, */
#define LENGTH_HALF  15
#define LENGTH_BYTE  255 /* a byte, two bytes, and four if those are zero */

static int64_t half_byte(struct stream *s)
{
    int64_t value;

    if (s->half_at) {
        value = s->in[s->half_at] >> 4;
        s->half_at = 0;
        return value;
    }
    s->half_at = s->at;
    value = number(s, 1);
    return value < 0 ? value : value & 15;
}

/* What follows a token whose length is LENGTH_TOKEN: the whole length, or -1. */
static int64_t long_length(struct stream *s)
{
    int64_t length = half_byte(s);

    if (length < 0)
        return -1;
    if (length < LENGTH_HALF)
        return length + LENGTH_TOKEN + LENGTH_LEAST;
    length = number(s, 1);
    if (length != LENGTH_BYTE)
        return length < 0 ? -1 : length + LENGTH_HALF + LENGTH_TOKEN + LENGTH_LEAST;
    length = number(s, 2);
    if (length == 0)
        length = number(s, 4);
    return length < LENGTH_HALF + LENGTH_TOKEN ? -1 : length + LENGTH_LEAST;
}

/* How many bytes of 'out' it gave; 0: there is no such match. */
static size_t match(struct stream *s, uint8_t *out, size_t out_at, size_t n_out)
{
    const int64_t token = number(s, 2);
    int64_t length = (token & LENGTH_TOKEN) + LENGTH_LEAST;
    const size_t back = (size_t)(token >> 3) + 1;

    if (token < 0)
        return 0;
    if ((token & LENGTH_TOKEN) == LENGTH_TOKEN)
        length = long_length(s);
    if (length < 0 || back > out_at || (uint64_t)length > n_out - out_at)
        return 0;
    ps_match_copy(out + out_at, back, (size_t)length, n_out - out_at);
    return (size_t)length;
}

#define FLAGS 32u

/* Literal bytes up to the next match, or the end of the flags: how many; 0: the end of 'in'. */
static size_t literals(struct stream *s, uint32_t flags, unsigned n_flags, uint8_t *out,
                       size_t n_out)
{
    const size_t n_left = s->n_in - s->at;
    size_t n = flags ? (size_t)__builtin_clz(flags) : FLAGS;

    if (n > n_flags)
        n = n_flags;
    if (n_left >= FLAGS && n_out >= FLAGS) {
        memcpy(out, s->in + s->at, FLAGS);
    } else {
        if (n > n_left)
            n = n_left;
        if (n > n_out)
            n = n_out;
        memcpy(out, s->in + s->at, n);
    }
    s->at += n;
    return n;
}

int ps_xpress_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out, struct ps_err *err)
{
    struct stream s = {.in = in, .n_in = n_in};
    uint32_t flags = 0;
    unsigned n_flags = 0;
    size_t at = 0;

    while (at < n_out) {
        unsigned n_used = 1;
        size_t n;

        if (n_flags == 0) {
            const int64_t word = number(&s, 4);

            if (word < 0)
                break;
            flags = (uint32_t)word;
            n_flags = FLAGS;
        }
        if (flags >> 31) {
            n = match(&s, out, at, n_out);
        } else {
            n = literals(&s, flags, n_flags, out + at, n_out - at);
            n_used = (unsigned)n;
        }
        if (n == 0)
            break;
        at += n;
        n_flags -= n_used;
        flags = n_flags ? flags << n_used : 0;
    }
    return at == n_out ? 0 : ps_fail(err, PS_EFORMAT, s.at, "Xpress data are damaged");
}
