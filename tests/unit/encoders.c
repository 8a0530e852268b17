/* The encoders of make_container against the decoders of libfwnt, which share nothing with them:
 * what comes out is what went in, for pieces of every kind and length. Plain LZ77 has a second
 * witness, since libfwnt 20181227 refuses its matches of more than 32,771 bytes. */
#include <libfwnt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/support/rng.h"

#define ROUNDS        400
#define MAX_BYTES     65536u
#define LIBFWNT_MATCH 32771u

struct codec {
    const char *name;
    size_t (*encode)(const uint8_t *in, size_t n_bytes, uint8_t *out);
    int (*decode)(const uint8_t *in, size_t n_in, uint8_t *out, size_t *n_out,
                  libfwnt_error_t **error);
    /* A decoder that says how long the longest match was; 0 is failure. NULL: none. */
    size_t (*second)(const uint8_t *in, uint8_t *out, size_t n_out);
    size_t n_smaller, n_checked;
};

static uint8_t in[MAX_BYTES], packed[ENCODED_ROOM(MAX_BYTES)], out[MAX_BYTES];

/* The length of the match whose 16 bits end at *at; *nibble is the byte with a half to spare. */
static size_t match_length(const uint8_t *from, size_t *at, size_t *nibble)
{
    size_t length = from[*at - 2] & 7;

    if (length < 7)
        return length + 3;
    if (*nibble) {
        length = from[*nibble] >> 4;
        *nibble = 0;
    } else {
        *nibble = *at;
        length = from[(*at)++] & 15;
    }
    if (length < 15)
        return length + 7 + 3;
    length = from[(*at)++];
    if (length < 255)
        return length + 15 + 7 + 3;
    *at += 2;
    return (size_t)(from[*at - 2] | from[*at - 1] << 8) + 3;
}

static size_t decode_xpress(const uint8_t *from, uint8_t *to, size_t n_to)
{
    size_t at = 0, n = 0, nibble = 0, longest = 1;
    uint32_t flags = 0;

    for (unsigned token = 0; n < n_to; token++, flags <<= 1) {
        if (token % 32 == 0) {
            for (int i = 0; i < 4; i++)
                flags = flags >> 8 | (uint32_t)from[at++] << 24;
        }
        if (flags >> 31 == 0) {
            to[n++] = from[at++];
        } else {
            const size_t back = (size_t)(from[at] | from[at + 1] << 8) / 8 + 1;
            size_t length;

            at += 2;
            length = match_length(from, &at, &nibble);
            longest = length > longest ? length : longest;
            if (back > n || length > n_to - n)
                return 0;
            for (; length > 0; length--, n++)
                to[n] = to[n - back];
        }
    }
    return longest;
}

static struct codec codecs[] = {
    {"xpress", encode_xpress, libfwnt_lzxpress_decompress, decode_xpress, 0, 0},
    {"xpress huffman", encode_xpress_huffman, libfwnt_lzxpress_huffman_decompress, NULL, 0, 0},
    {"lznt1", encode_lznt1, libfwnt_lznt1_decompress, NULL, 0, 0},
};

/* Noise, text-like bytes, one byte for long, and repeats of what stood near or far before. */
static void draw(struct rng *r, size_t n_bytes)
{
    size_t at = 0;

    while (at < n_bytes) {
        const uint32_t kind = rng_below(r, 5);
        const uint32_t most = rng_below(r, 4) ? 64 : 20000;
        size_t n = 1 + rng_below(r, most);
        const size_t back = at ? 1 + rng_below(r, at < 9000 ? (uint32_t)at : 9000) : 0;
        const uint8_t byte = (uint8_t)rng_next(r);

        for (n = n < n_bytes - at ? n : n_bytes - at; n > 0; n--, at++) {
            if (kind == 0)
                in[at] = (uint8_t)rng_next(r);
            else if (kind == 1)
                in[at] = (uint8_t)('a' + rng_below(r, 6));
            else if (kind == 2 || back == 0)
                in[at] = byte;
            else
                in[at] = in[at - back];
        }
    }
}

/* Right by the second witness and, where it takes such matches, by libfwnt. */
static int comes_out(const struct codec *codec, size_t n_packed, size_t n_bytes)
{
    size_t n_out = n_bytes, longest = 1;

    memset(out, 0xa5, sizeof out);
    if (codec->second) {
        longest = codec->second(packed, out, n_bytes);
        if (longest == 0 || memcmp(in, out, n_bytes) != 0)
            return 0;
        memset(out, 0xa5, sizeof out);
    }
    if (longest > LIBFWNT_MATCH)
        return 1;
    return codec->decode(packed, n_packed, out, &n_out, NULL) == 1 && n_out == n_bytes &&
           memcmp(in, out, n_bytes) == 0;
}

static int check(struct codec *codec, size_t n_bytes)
{
    const size_t n_packed = codec->encode(in, n_bytes, packed);

    if (n_packed > ENCODED_ROOM(n_bytes)) {
        fprintf(stderr, "%s: %zu bytes became %zu\n", codec->name, n_bytes, n_packed);
        return 1;
    }
    if (!comes_out(codec, n_packed, n_bytes)) {
        fprintf(stderr, "%s: %zu bytes, packed %zu, come out wrong\n", codec->name, n_bytes,
                n_packed);
        return 1;
    }
    codec->n_smaller += n_packed < n_bytes;
    codec->n_checked++;
    return 0;
}

int main(void)
{
    const uint64_t seed = rng_seed();
    int n_wrong = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rng r = rng_make(seed + round);
        const size_t n_bytes = 4096 * (1 + (size_t)rng_below(&r, 16));

        draw(&r, n_bytes);
        for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
            if (check(&codecs[i], n_bytes)) {
                fprintf(stderr, "FAILED: PS_SEED=0x%llx\n", (unsigned long long)(seed + round));
                n_wrong++;
            }
    }
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        printf("%s: %zu pieces, %zu of them smaller\n", codecs[i].name, codecs[i].n_checked,
               codecs[i].n_smaller);
        n_wrong += codecs[i].n_smaller < ROUNDS / 4;
    }
    return n_wrong != 0;
}
