/* zdmp: what the input file holds, as it is, in blocks of LZNT1 with a checksum each. */
#include <stdlib.h>
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/containers/fail.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#define USUAL_BLOCK  (2u << 20)
#define FIRST_BLOCK  0x1000u
#define TYPE_PACKED  1u
#define METHOD_LZNT1 2u
#define PIECE        65536u

static uint32_t crc32_of(const uint8_t *bytes, size_t n_bytes)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

/* The bytes of a block; as they are when packing does not make them fewer. */
static size_t pack(const uint8_t *in, size_t n_in, uint8_t *out)
{
    size_t n = 0;

    for (size_t at = 0; at < n_in; at += PIECE)
        n += encode_lznt1(in + at, n_in - at < PIECE ? n_in - at : PIECE, out + n);
    if (n < n_in)
        return n;
    memcpy(out, in, n_in);
    return n_in;
}

void write_zdmp(struct maker *maker)
{
    const uint32_t n_block = maker->number == NUMBER_NOT_GIVEN ? USUAL_BLOCK : maker->number;
    const uint64_t n_raw = maker->ram.n_raw;
    uint8_t *packed = need_memory(2ul * n_block + ENCODED_ROOM(PIECE));
    uint8_t head[FIRST_BLOCK] = {'Z', 'D', 'M', 'P', 1};
    struct out out;

    set64(head + 8, n_raw);
    set32(head + 0x10, n_block);
    set16(head + 0x14, TYPE_PACKED);
    set16(head + 0x16, METHOD_LZNT1);
    out_open(&out, maker->out);
    out_bytes(&out, head, sizeof head);
    for (uint64_t at = 0; at < n_raw; at += n_block) {
        const size_t here = n_raw - at < n_block ? (size_t)(n_raw - at) : n_block;
        const size_t n = pack(maker->ram.raw + at, here, packed);
        uint8_t block[12] = {'Z', 'B', 'L', 'K'};

        set32(block + 4, (uint32_t)n);
        set32(block + 8, crc32_of(packed, n));
        out_bytes(&out, block, sizeof block);
        out_bytes(&out, packed, n);
    }
    out_close(&out);
    free(packed);
}
