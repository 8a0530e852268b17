#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/support/every_byte.h"
#include "tests/support/packed_case.h"

#define N_BYTES ((size_t)1500000)
#define BGZF    60000u

/* One member; 'is_raw': without header and trailer. */
static void deflate_to(struct ps_packed_buffer *b, const uint8_t *data, size_t n, int is_raw)
{
    z_stream z = {0};
    const size_t room = n + n / 100 + 200;

    cr_assert_eq(deflateInit2(&z, 1, Z_DEFLATED, is_raw ? -15 : 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = ps_packed_room(b, room);
    z.avail_out = (uInt)room;
    z.next_in = (uint8_t *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    b->n += z.total_out;
    deflateEnd(&z);
}

static void put_le(struct ps_packed_buffer *b, uint32_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        const uint8_t byte = (uint8_t)(value >> 8 * i);

        ps_packed_append(b, &byte, 1);
    }
}

/* As bgzip writes them. */
static void put_bgzf(struct ps_packed_buffer *b, const uint8_t *data, size_t n)
{
    const size_t begin = b->n;

    ps_packed_append(b, "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0\0\0", 18);
    deflate_to(b, data, n, 1);
    put_le(b, (uint32_t)crc32(0, data, (uInt)n), 4);
    put_le(b, (uint32_t)n, 4);
    b->data[begin + 16] = (uint8_t)(b->n - begin - 1);
    b->data[begin + 17] = (uint8_t)((b->n - begin - 1) >> 8);
}

static void put_all_bgzf(struct ps_packed_buffer *b, const uint8_t *data, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes; at += BGZF)
        put_bgzf(b, data + at, n_bytes - at < BGZF ? n_bytes - at : BGZF);
}

Test(gzip, members)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 1);
    struct ps_packed_buffer b = {0};

    deflate_to(&b, truth, N_BYTES / 3, 0);
    deflate_to(&b, truth, 0, 0);
    deflate_to(&b, truth + N_BYTES / 3, N_BYTES - N_BYTES / 3, 0);
    ps_packed_check(&ps_packing_gzip, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

Test(gzip, bgzf)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 2);
    struct ps_packed_buffer b = {0};

    put_all_bgzf(&b, truth, N_BYTES);
    ps_packed_check(&ps_packing_gzip, &b, truth, N_BYTES, 0);
    put_bgzf(&b, truth, 0); /* the end mark */
    ps_packed_check(&ps_packing_gzip, &b, truth, N_BYTES, 0);
    ps_packed_check_damaged(&ps_packing_gzip, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

/* Behind one member, several, and those of bgzip, the end mark included. */
Test(gzip, rest)
{
    const size_t n_bytes = 200000;
    uint8_t *truth = ps_packed_truth(n_bytes, 5);
    struct ps_packed_buffer b = {0}, part = {0}, blocks = {0}, block = {0};

    deflate_to(&part, truth, 9000, 0);
    deflate_to(&b, truth, n_bytes / 2, 0);
    ps_packed_check_rest(&ps_packing_gzip, &b, &part, truth, n_bytes / 2);
    deflate_to(&b, truth + n_bytes / 2, n_bytes / 2, 0);
    ps_packed_check_rest(&ps_packing_gzip, &b, &part, truth, n_bytes);
    put_all_bgzf(&blocks, truth, n_bytes);
    put_bgzf(&block, truth, 9000);
    ps_packed_check_rest(&ps_packing_gzip, &blocks, &block, truth, n_bytes);
    put_bgzf(&blocks, truth, 0);
    ps_packed_check_rest(&ps_packing_gzip, &blocks, &block, truth, n_bytes);
    free(b.data);
    free(part.data);
    free(blocks.data);
    free(block.data);
    free(truth);
}

/* BGZF members before ordinary ones. */
Test(gzip, mixed)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 3);
    struct ps_packed_buffer b = {0};

    put_all_bgzf(&b, truth, N_BYTES / 2);
    deflate_to(&b, truth + N_BYTES / 2, N_BYTES - N_BYTES / 2, 0);
    ps_packed_check(&ps_packing_gzip, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

Test(gzip, cut_short)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 4);
    struct ps_packed_buffer stream = {0}, blocks = {0};
    struct ps_packed_case c;

    deflate_to(&stream, truth, N_BYTES, 0);
    put_all_bgzf(&blocks, truth, N_BYTES);
    stream.n /= 2;
    ps_packed_open_case(&c, &ps_packing_gzip, &stream, 2);
    cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes < N_BYTES);
    ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
    cr_assert(ps_packed_notes(&c, "cut short"));
    ps_packed_close_case(&c);
    blocks.n /= 2;
    ps_packed_open_case(&c, &ps_packing_gzip, &blocks, 2);
    cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes % BGZF == 0);
    ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
    cr_assert(ps_packed_notes(&c, "packed bytes are lost"));
    ps_packed_close_case(&c);
    stream.n = 30;
    ps_packed_open_case(&c, &ps_packing_gzip, &stream, 2);
    cr_assert_eq(c.err.code, PS_EFORMAT);
    free(stream.data);
    free(blocks.data);
    free(truth);
}

Test(gzip, bomb)
{
    uint8_t *zeros = calloc(1, N_BYTES);
    struct ps_packed_buffer b = {0};
    struct ps_packed_case c = {0};
    const struct ps_packed packed = {&c.memory.bytes, NULL, &c.spec, &c.notes};

    deflate_to(&b, zeros, N_BYTES, 0);
    ps_memory_bytes_init(&c.memory, b.data, b.n);
    c.spec.max_unpacked = N_BYTES - 1;
    c.spec.temp_dir = "/dev/shm";
    cr_assert_eq(ps_packing_gzip.open(&c.bytes, &packed, &c.err), -PS_ECREATE);
    c.spec.max_unpacked = N_BYTES;
    cr_assert_eq(ps_packing_gzip.open(&c.bytes, &packed, &c.err), 0);
    ps_packed_equals(&c, zeros, N_BYTES);
    c.bytes->ops->close(c.bytes);
    free(b.data);
    free(zeros);
}

/* Members of one size but for the last one; as a writer makes them that ends one early; and with an
 * end mark in the middle. */
Test(gzip, every_byte_of_bgzf)
{
    uint8_t *truth = ps_every_truth(24);
    struct ps_every e = {.packing = &ps_packing_gzip, .truth = truth, .has_checksums = 1};

    for (size_t n_members = 1; n_members <= 12; n_members += n_members < 3 ? 1 : 9) {
        for (int ends_early = 0; ends_early < 2; ends_early++) {
            size_t at = 0;

            for (size_t k = 0; k < n_members; k++) {
                const size_t n_pages = k + 1 == n_members || (k == 5 && ends_early) ? 1 : 2;
                const size_t packed = e.file.n;
                struct ps_every_part *part;

                put_bgzf(&e.file, truth + at, n_pages * PS_EVERY_PAGE);
                at += n_pages * PS_EVERY_PAGE;
                part = ps_every_add(&e, packed, n_pages * PS_EVERY_PAGE);
                part->size_at = part->packed_end - 4;
                part->n_size = 4;
                if (k == 5)
                    put_bgzf(&e.file, truth, 0);
            }
            put_bgzf(&e.file, truth, 0);
            ps_packed_check(&ps_packing_gzip, &e.file, truth, at, 0);
            ps_every_check(&e);
        }
    }
    free(truth);
}
