#include <criterion/criterion.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/every_byte.h"
#include "tests/support/packed_case.h"

#define N_BYTES ((size_t)1500000)
#define BLOCK   ((size_t)100000)

/* One stream with a block for every 'block' bytes, of which each ends at ends[] in it. */
static void put_stream_of(struct ps_packed_buffer *b, const uint8_t *data, size_t n, size_t block,
                          lzma_check check, size_t *ends)
{
    lzma_stream lzma = LZMA_STREAM_INIT;
    const size_t room = 2 * n + 10000;
    size_t at = 0;

    cr_assert_eq(lzma_easy_encoder(&lzma, 0, check), LZMA_OK);
    lzma.next_out = ps_packed_room(b, room);
    lzma.avail_out = room;
    lzma.next_in = data;
    while (at < n) {
        const size_t part = n - at < block ? n - at : block;
        lzma_ret code = LZMA_OK;

        lzma.avail_in = part;
        while (code == LZMA_OK)
            code = lzma_code(&lzma, LZMA_FULL_FLUSH);
        cr_assert_eq(code, LZMA_STREAM_END);
        at += part;
        if (ends)
            *ends++ = (size_t)lzma.total_out;
    }
    cr_assert_eq(lzma_code(&lzma, LZMA_FINISH), LZMA_STREAM_END);
    b->n += lzma.total_out;
    lzma_end(&lzma);
}

static void put_stream(struct ps_packed_buffer *b, const uint8_t *data, size_t n, size_t block,
                       lzma_check check)
{
    put_stream_of(b, data, n, block, check, NULL);
}

Test(xz, blocks)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 1);
    struct ps_packed_buffer b = {0};

    put_stream(&b, truth, N_BYTES, BLOCK, LZMA_CHECK_CRC64);
    ps_packed_check(&ps_packing_xz, &b, truth, N_BYTES, 0);
    ps_packed_check_damaged(&ps_packing_xz, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

/* Streams with different checks, an empty one, and padding. */
Test(xz, streams)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 2);
    struct ps_packed_buffer b = {0};

    put_stream(&b, truth, N_BYTES / 2, BLOCK, LZMA_CHECK_SHA256);
    ps_packed_append(&b, "\0\0\0\0\0\0\0\0", 8);
    put_stream(&b, truth, 0, BLOCK, LZMA_CHECK_CRC32);
    put_stream(&b, truth + N_BYTES / 2, N_BYTES - N_BYTES / 2, BLOCK + 1, LZMA_CHECK_NONE);
    ps_packed_append(&b, "\0\0\0\0", 4);
    ps_packed_check(&ps_packing_xz, &b, truth, N_BYTES, 0);
    free(b.data);
    free(truth);
}

/* Behind one stream and several, of a block and of some. */
Test(xz, rest)
{
    const size_t n_bytes = 200000;
    uint8_t *truth = ps_packed_truth(n_bytes, 8);
    struct ps_packed_buffer b = {0}, part = {0};

    put_stream(&part, truth, 9000, BLOCK, LZMA_CHECK_CRC32);
    put_stream(&b, truth, n_bytes / 2, n_bytes, LZMA_CHECK_CRC64);
    ps_packed_check_rest(&ps_packing_xz, &b, &part, truth, n_bytes / 2);
    put_stream(&b, truth + n_bytes / 2, n_bytes / 2, 30000, LZMA_CHECK_SHA256);
    ps_packed_check_rest(&ps_packing_xz, &b, &part, truth, n_bytes);
    free(b.data);
    free(part.data);
    free(truth);
}

Test(xz, one_block)
{
    const size_t n_bytes = 5000000;
    uint8_t *truth = ps_packed_truth(n_bytes, 3);
    struct ps_packed_buffer b = {0};

    put_stream(&b, truth, n_bytes, n_bytes, LZMA_CHECK_CRC64);
    ps_packed_check(&ps_packing_xz, &b, truth, n_bytes, 1);
    free(b.data);
    b = (struct ps_packed_buffer){0};
    put_stream(&b, truth, N_BYTES, N_BYTES, LZMA_CHECK_CRC64); /* small enough for one */
    ps_packed_check(&ps_packing_xz, &b, truth, N_BYTES, 0);
    free(b.data);
    free(truth);
}

Test(xz, cut_short)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 4);
    struct ps_packed_buffer b = {0};
    struct ps_packed_case c;

    put_stream(&b, truth, N_BYTES, BLOCK, LZMA_CHECK_CRC64);
    b.n /= 2;
    for (unsigned n_threads = 1; n_threads < 3; n_threads++) {
        ps_packed_open_case(&c, &ps_packing_xz, &b, n_threads);
        cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes < N_BYTES);
        ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
        cr_assert(ps_packed_notes(&c, "cut short"));
        ps_packed_close_case(&c);
    }
    b.n = 40;
    ps_packed_open_case(&c, &ps_packing_xz, &b, 2);
    cr_assert_eq(c.err.code, PS_EFORMAT);
    free(b.data);
    free(truth);
}

/* The index has a checksum, and so have the headers: a size that is damaged is noticed, and the
 * file read as a stream then. */
Test(xz, every_byte)
{
    const size_t n_blocks = 8, block = 2 * PS_EVERY_PAGE;
    uint8_t *truth = ps_every_truth(2 * n_blocks);
    struct ps_every e = {
        .packing = &ps_packing_xz, .truth = truth, .has_checksums = 1, .says_where = 1};
    const size_t n_bytes = n_blocks * block - 100;
    size_t ends[8];

    put_stream_of(&e.file, truth, n_bytes, block, LZMA_CHECK_CRC64, ends);
    for (size_t i = 0; i < n_blocks; i++) {
        struct ps_every_part *part =
            ps_every_add(&e, i ? ends[i - 1] : 12, i + 1 < n_blocks ? block : block - 100);

        part->packed_end = ends[i];
    }
    ps_packed_check(&ps_packing_xz, &e.file, truth, n_bytes, 0);
    ps_every_check(&e);
    free(truth);
}
