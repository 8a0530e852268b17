/* LZNT1. A chunk of 4 KiB begins with 16 bits: its length - 3 in the lower 12 (with the header),
 * 3 in the next three, and whether it is compressed in the highest. Then a byte of flags for each
 * eight tokens, the first in the lowest bit: 0 a literal, 1 a match of 16 bits, whose division
 * into offset - 1 and length - 3 follows how much of the chunk there is already. */
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/containers/codecs/matches.h"
#include "tests/containers/out.h"

#define CHUNK 4096u

/* Bits for the length of a match that begins at 'at' in its chunk. */
static uint32_t length_bits(uint32_t at)
{
    uint32_t bits = 12;

    for (uint32_t rest = at - 1; rest >= 16; rest >>= 1)
        bits--;
    return bits;
}

static uint32_t put_match(const struct match *m, uint32_t at, uint8_t *out)
{
    const uint32_t bits = length_bits(at), most = (1u << bits) + 2;
    const uint32_t length = m->length < most ? m->length : most;

    set16(out, (m->offset - 1) << bits | (length - 3));
    return length;
}

static size_t compress(const uint8_t *in, uint32_t n_bytes, uint8_t *out)
{
    static struct matches m;
    size_t n = 0, flags_at = 0;
    uint32_t at = 0;

    matches_begin(&m, in, n_bytes);
    for (int token = 0; at < n_bytes; token++) {
        const struct match found = matches_find(&m, at);
        uint32_t length = 1;

        if (token % 8 == 0) {
            flags_at = n;
            out[n++] = 0;
        }
        if (found.length) {
            out[flags_at] |= (uint8_t)(1u << (token % 8));
            length = put_match(&found, at, out + n);
            n += 2;
        } else {
            out[n++] = in[at];
        }
        matches_add(&m, at, length);
        at += length;
    }
    return n;
}

size_t encode_lznt1(const uint8_t *in, size_t n_bytes, uint8_t *out)
{
    uint8_t chunk[CHUNK + CHUNK / 8 + 16];
    size_t n = 0;

    for (size_t at = 0; at < n_bytes; at += CHUNK) {
        const uint32_t here = n_bytes - at < CHUNK ? (uint32_t)(n_bytes - at) : CHUNK;
        const size_t packed = compress(in + at, here, chunk);
        const int is_smaller = packed < here;
        const size_t stored = is_smaller ? packed : here;

        set16(out + n, (is_smaller ? 0xb000u : 0x3000u) | (uint32_t)(stored + 2 - 3));
        memcpy(out + n + 2, is_smaller ? chunk : in + at, stored);
        n += 2 + stored;
    }
    return n;
}
