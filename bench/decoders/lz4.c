#include <lz4.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

#include "bench/decoders/decoders.h"

#define MAX_BLOCKS   (1u << 20)
#define BLOCK_BYTES  (4u << 20)
#define INDEPENDENT  0x20u
#define HAS_CHECKSUM 0x10u
#define HAS_SIZE     0x08u
#define HAS_DICT     0x01u
#define IS_STORED    0x80000000u

struct blocks {
    const uint8_t *at[MAX_BLOCKS];
    uint32_t n_packed[MAX_BLOCKS]; /* with IS_STORED */
    size_t n;
};

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t decode_block(void *arg, void **state, size_t number)
{
    const struct blocks *b = arg;
    const uint32_t n = b->n_packed[number] & ~IS_STORED;
    int n_out;

    if (!*state)
        *state = malloc(BLOCK_BYTES);
    if (!*state)
        die("no memory");
    if (b->n_packed[number] & IS_STORED) {
        memcpy(*state, b->at[number], n);
        return n;
    }
    n_out = LZ4_decompress_safe((const char *)b->at[number], *state, (int)n, BLOCK_BYTES);
    if (n_out < 0)
        die("lz4: damaged");
    return (uint64_t)n_out;
}

/* The blocks of one frame; 0: they depend on each other, or there is more than one frame. */
static int list_blocks(const struct packed_file *file, struct blocks *b)
{
    const uint8_t *p = file->bytes;
    const uint8_t *end = p + file->n_bytes;
    unsigned flags;

    if (file->n_bytes < 15 || le32(p) != 0x184d2204u)
        return 0;
    flags = p[4];
    p += 7 + (flags & HAS_SIZE ? 8 : 0) + (flags & HAS_DICT ? 4 : 0);
    while (end - p >= 4 && le32(p) != 0 && b->n < MAX_BLOCKS) {
        const size_t n = le32(p) & ~IS_STORED;

        if ((size_t)(end - p) - 4 < n || n > BLOCK_BYTES)
            return 0;
        b->at[b->n] = p + 4;
        b->n_packed[b->n++] = le32(p);
        p += 4 + n + (flags & HAS_CHECKSUM ? 4 : 0);
    }
    return (flags & INDEPENDENT) && end - p <= 8;
}

static uint64_t decode_stream(const struct packed_file *file)
{
    LZ4F_dctx *context;
    uint8_t *out = malloc(BLOCK_BYTES);
    uint64_t n_bytes = 0;
    size_t at = 0;

    if (!out || LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        die("no memory for lz4");
    while (at < file->n_bytes) {
        size_t n_in = file->n_bytes - at;
        size_t n_out = BLOCK_BYTES;

        if (LZ4F_isError(LZ4F_decompress(context, out, &n_out, file->bytes + at, &n_in, NULL)) ||
            n_in + n_out == 0)
            die("lz4: damaged");
        at += n_in;
        n_bytes += n_out;
    }
    LZ4F_freeDecompressionContext(context);
    free(out);
    return n_bytes;
}

uint64_t decode_lz4(const struct packed_file *file)
{
    static struct blocks blocks;

    if (!list_blocks(file, &blocks))
        return decode_stream(file);
    return decode_pieces(decode_block, &blocks, blocks.n, file->n_threads);
}
