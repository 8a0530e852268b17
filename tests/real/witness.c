#include "tests/real/witness.h"

#include <string.h>

struct fields {
    uint32_t prev_units, block_units, type, tag;
};

static struct fields read_header(const uint8_t *at, int x64)
{
    struct fields f;

    if (x64) {
        f.prev_units = at[0];
        f.block_units = at[2];
        f.type = at[3];
    } else {
        f.prev_units = at[0] + (at[1] & 1u) * 256u;
        f.block_units = at[2] + (at[3] & 1u) * 256u;
        f.type = at[3] / 2u;
    }
    memcpy(&f.tag, at + 4, sizeof f.tag);
    return f;
}

size_t witness_page(const uint8_t *page, int x64, struct witness_block block[WITNESS_MAX_BLOCKS])
{
    uint32_t unit = x64 ? 16 : 8;
    uint32_t prev = 0, off = 0;
    size_t n = 0;

    while (off < 4096) {
        struct fields f = read_header(page + off, x64);

        if (f.prev_units != prev || f.block_units == 0 || f.block_units > (4096 - off) / unit)
            return 0;
        block[n].off = off;
        block[n].n_bytes = f.block_units * unit;
        block[n].type = f.type;
        block[n++].tag = f.tag;
        prev = f.block_units;
        off += f.block_units * unit;
    }
    return n;
}
