#include "host/image/le.h"
#include "host/image/xpress/match.h"
#include "host/image/xpress/xpress.h"

#define CHUNK 4096u

struct chunk {
    const uint8_t *in;
    size_t n_in;
    uint8_t *out;
    size_t n_out; /* at most a chunk's */
};

/* How many of the 16 bits of a match say how long it is: the rest says how far back, in as many
 * bits as the place in the chunk needs, at least four. */
static unsigned length_bits(size_t n_unpacked)
{
    const unsigned last = (unsigned)n_unpacked - 1;
    const unsigned needed = last < 16 ? 4 : 32u - (unsigned)__builtin_clz(last);

    return 16 - needed;
}

/* Returns 0, or 1 when there is no such match. */
static int match(const struct chunk *c, size_t *in_at, size_t *out_at)
{
    const unsigned bits = *out_at ? length_bits(*out_at) : 0;
    unsigned token;
    size_t back, n_bytes;

    if (!*out_at || c->n_in - *in_at < 2)
        return 1;
    token = ps_le16(c->in + *in_at);
    back = (token >> bits) + 1;
    n_bytes = (token & ((1u << bits) - 1)) + 3;
    if (back > *out_at || n_bytes > c->n_out - *out_at)
        return 1;
    ps_match_copy(c->out + *out_at, back, n_bytes, c->n_out - *out_at);
    *in_at += 2;
    *out_at += n_bytes;
    return 0;
}

/* Returns 0 with the *n bytes that it gave, or 1 with the place in the chunk that is wrong. */
static int unpack_chunk(const struct chunk *c, size_t *n)
{
    size_t in_at = 0, out_at = 0;

    while (in_at < c->n_in) {
        unsigned flags = c->in[in_at++];

        for (unsigned i = 0; i < 8 && in_at < c->n_in; i++, flags >>= 1) {
            int wrong = 0;

            if (flags & 1)
                wrong = match(c, &in_at, &out_at);
            else if (out_at == c->n_out)
                wrong = 1;
            else
                c->out[out_at++] = c->in[in_at++];
            if (wrong) {
                *n = in_at;
                return 1;
            }
        }
    }
    *n = out_at;
    return 0;
}

#define HEAD_SIZE     0x0fffu /* one less than the bytes that follow */
#define HEAD_FIXED    0x7000u
#define HEAD_FIXED_IS 0x3000u
#define HEAD_PACKED   0x8000u

/* The chunk behind the 'head' at in_at; *n as unpack_chunk. */
static int one_chunk(unsigned head, const struct chunk *c, size_t *n)
{
    if (head & HEAD_PACKED)
        return unpack_chunk(c, n);
    *n = 0;
    if (c->n_in > c->n_out)
        return 1;
    memcpy(c->out, c->in, c->n_in);
    *n = c->n_in;
    return 0;
}

/* Zeros up to where the next chunk belongs. */
static size_t fill_up(uint8_t *out, size_t n_out, size_t at)
{
    size_t n = (CHUNK - at % CHUNK) % CHUNK;

    if (n > n_out - at)
        n = n_out - at;
    memset(out + at, 0, n);
    return at + n;
}

int ps_lznt1_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out, size_t *n,
                    struct ps_err *err)
{
    size_t at = 0;

    *n = 0;
    while (n_in - at >= 2 && ps_le16(in + at) != 0) {
        const unsigned head = ps_le16(in + at);
        const size_t n_chunk = (head & HEAD_SIZE) + 1;
        struct chunk c = {in + at + 2, n_chunk, NULL, 0};
        size_t given;

        if ((head & HEAD_FIXED) != HEAD_FIXED_IS || n_chunk > n_in - at - 2)
            return ps_fail(err, PS_EFORMAT, at, "LZNT1: a chunk's header is damaged");
        *n = fill_up(out, n_out, *n);
        c.out = out + *n;
        c.n_out = n_out - *n < CHUNK ? n_out - *n : CHUNK;
        if (one_chunk(head, &c, &given))
            return ps_fail(err, PS_EFORMAT, at + 2 + given, "LZNT1: a chunk is damaged");
        *n += given;
        at += 2 + n_chunk;
    }
    return 0;
}
