#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "tests/support/every_byte.h"
#include "tests/support/packed_case.h"
#include "tests/support/zstd_frame.h"

#define N_BYTES ((size_t)1500000)
#define FRAME   ((size_t)100000)

static void put_frames(struct ps_packed_buffer *b, const uint8_t *data, size_t n_bytes,
                       int says_size)
{
    for (size_t at = 0; at < n_bytes; at += FRAME)
        ps_put_zstd_frame(b, data + at, n_bytes - at < FRAME ? n_bytes - at : FRAME, says_size);
}

static void put_le32(struct ps_packed_buffer *b, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 24)};

    ps_packed_append(b, bytes, 4);
}

Test(zstd, frames)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 1);
    struct ps_packed_buffer b = {0};

    ps_packed_append(&b, "\x5f\x2a\x4d\x18\x05\0\0\0hello", 13);
    put_frames(&b, truth, N_BYTES / 2 / FRAME * FRAME, 1);
    ps_put_zstd_frame(&b, truth, 0, 1);
    ps_packed_append(&b, "\x50\x2a\x4d\x18\0\0\0\0", 8);
    put_frames(&b, truth + N_BYTES / 2 / FRAME * FRAME, N_BYTES - N_BYTES / 2 / FRAME * FRAME, 1);
    ps_packed_check(&ps_packing_zstd, &b, truth, N_BYTES, 0);
    ps_packed_check_damaged(&ps_packing_zstd, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

/* Behind one frame, which is also read while it is unpacked, and behind several. */
Test(zstd, rest)
{
    const size_t n_bytes = 3 * FRAME;
    uint8_t *truth = ps_packed_truth(n_bytes, 8);
    struct ps_packed_buffer b = {0}, part = {0};

    ps_put_zstd_frame(&part, truth, 9000, 1);
    for (size_t at = 0; at < n_bytes; at += FRAME) {
        ps_put_zstd_frame(&b, truth + at, FRAME, 1);
        if (at != FRAME)
            ps_packed_check_rest(&ps_packing_zstd, &b, &part, truth, at + FRAME);
    }
    free(b.data);
    free(part.data);
    free(truth);
}

Test(zstd, one_frame)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 2);
    struct ps_packed_buffer b = {0};

    ps_put_zstd_frame(&b, truth, N_BYTES, 1);
    ps_packed_check(&ps_packing_zstd, &b, truth, N_BYTES, 1);
    ps_packed_append(&b, "\0\0\0\0\0", 5);
    ps_packed_check(&ps_packing_zstd, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

/* As pzstd writes them: before each one, in a frame to be skipped, its packed size. */
static void put_pzstd(struct ps_packed_buffer *b, const uint8_t *data, size_t n)
{
    const size_t said_at = b->n + 8;
    size_t packed;

    ps_packed_append(b, "\x50\x2a\x4d\x18\x04\0\0\0....", 12);
    packed = ps_put_zstd_frame(b, data, n, 0);
    for (size_t i = 0; i < 4; i++)
        b->data[said_at + i] = (uint8_t)(packed >> 8 * i);
}

Test(zstd, pzstd)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 9);
    struct ps_packed_buffer b = {0};
    size_t at = 0;

    for (; at < N_BYTES - FRAME / 2; at += FRAME)
        put_pzstd(&b, truth + at, FRAME);
    ps_packed_check(&ps_packing_zstd, &b, truth, at, 0);
    put_pzstd(&b, truth, 0); /* where the last one is as large as the others */
    ps_packed_check(&ps_packing_zstd, &b, truth, at, 0);
    ps_packed_check_damaged(&ps_packing_zstd, &b, truth, at, 1);
    free(b.data);
    b = (struct ps_packed_buffer){0};
    put_pzstd(&b, truth, FRAME);
    put_pzstd(&b, truth + FRAME, FRAME);
    put_pzstd(&b, truth + 2 * FRAME, FRAME / 3);
    ps_packed_check(&ps_packing_zstd, &b, truth, 2 * FRAME + FRAME / 3, 0);
    b.data[8]++; /* what is said is not so */
    ps_packed_check(&ps_packing_zstd, &b, truth, 2 * FRAME + FRAME / 3, 1);
    free(b.data);
    free(truth);
}

/* As pzstd does, which feeds a frame before it ends it: whole blocks have an empty one behind. */
static void put_fed(struct ps_packed_buffer *b, const uint8_t *data, size_t n, int level)
{
    const size_t room = ZSTD_compressBound(n) + 64;
    const size_t said_at = b->n + 8;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_inBuffer from = {data, n, 0};
    ZSTD_outBuffer to = {NULL, room, 0};

    ps_packed_append(b, "\x50\x2a\x4d\x18\x04\0\0\0....", 12);
    to.dst = ps_packed_room(b, room);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    cr_assert(!ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_continue)));
    cr_assert_eq(from.pos, n);
    cr_assert_eq(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0);
    b->n += to.pos;
    for (size_t i = 0; i < 4; i++)
        b->data[said_at + i] = (uint8_t)(to.pos >> 8 * i);
    ZSTD_freeCCtx(context);
}

/* What pzstd wrote twice, one behind the other: a frame in the middle is shorter, which is read as
 * a stream. Another window the second time is looked into. */
Test(zstd, pzstd_twice)
{
    const size_t block = (size_t)128 << 10;
    const size_t whole = 3 * block;
    const size_t parts[] = {0, 1, block, 2 * block, whole - 4096, whole - 1, whole};
    uint8_t *truth = ps_packed_truth(4 * whole, 10);

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (int level = 1; level < 4; level += 2) {
            const size_t sizes[] = {whole, parts[i], whole, whole / 2};
            struct ps_packed_buffer b = {0};
            size_t at = 0;

            for (size_t k = 0; k < 4; at += sizes[k++])
                put_fed(&b, truth + at, sizes[k], k < 2 ? 1 : level);
            ps_packed_check(&ps_packing_zstd, &b, truth, at, parts[i] != whole);
            free(b.data);
        }
    }
    free(truth);
}

Test(zstd, frames_of_unknown_size)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 3);
    struct ps_packed_buffer b = {0};

    put_frames(&b, truth, N_BYTES, 0);
    ps_packed_check(&ps_packing_zstd, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

/* The seekable format: the table alone tells the sizes here. */
Test(zstd, table)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 4);
    struct ps_packed_buffer b = {0}, table = {0};
    uint32_t n = 0;

    for (size_t at = 0; at < N_BYTES; at += FRAME, n++) {
        const size_t left = N_BYTES - at;

        put_le32(&table,
                 (uint32_t)ps_put_zstd_frame(&b, truth + at, left < FRAME ? left : FRAME, 0));
        put_le32(&table, (uint32_t)(left < FRAME ? left : FRAME));
    }
    put_le32(&b, 0x184d2a5e);
    put_le32(&b, (uint32_t)table.n + 9);
    ps_packed_append(&b, table.data, table.n);
    put_le32(&b, n);
    ps_packed_append(&b, "\0", 1);
    put_le32(&b, 0x8f92eab1);
    ps_packed_check(&ps_packing_zstd, &b, truth, N_BYTES, 0);
    b.data[b.n - 20]++; /* a table that is wrong is not believed */
    b.data[b.n - 24]++;
    ps_packed_check(&ps_packing_zstd, &b, truth, N_BYTES, 1);
    free(b.data);
    free(table.data);
    free(truth);
}

Test(zstd, long_window)
{
    const size_t n_bytes = 3000000;
    uint8_t *truth = ps_packed_truth(n_bytes, 5);
    struct ps_packed_buffer b = {0};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    const size_t room = ZSTD_compressBound(n_bytes);
    ZSTD_outBuffer to = {ps_packed_room(&b, room), room, 0};
    ZSTD_inBuffer from = {truth, n_bytes, 0};

    /* Streamed, so that the frame has this window although less is in it. */
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 30);
    cr_assert(!ZSTD_isError(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush)));
    cr_assert_eq(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end), 0);
    b.n = to.pos;
    ZSTD_freeCCtx(context);
    ps_packed_check(&ps_packing_zstd, &b, truth, n_bytes, 1);
    free(b.data);
    free(truth);
}

Test(zstd, cut_short)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 6);
    struct ps_packed_buffer one = {0}, many = {0};
    struct ps_packed_case c;

    ps_put_zstd_frame(&one, truth, N_BYTES, 1);
    put_frames(&many, truth, N_BYTES, 1);
    one.n /= 2;
    ps_packed_open_case(&c, &ps_packing_zstd, &one, 2);
    cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes < N_BYTES);
    ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
    cr_assert(ps_packed_notes(&c, "cut short"));
    ps_packed_close_case(&c);
    many.n /= 2;
    ps_packed_open_case(&c, &ps_packing_zstd, &many, 2);
    cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes % FRAME == 0);
    ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
    cr_assert(ps_packed_notes(&c, "packed bytes are lost"));
    ps_packed_close_case(&c);
    one.n = 20;
    ps_packed_open_case(&c, &ps_packing_zstd, &one, 2);
    cr_assert_eq(c.err.code, PS_EFORMAT);
    free(one.data);
    free(many.data);
    free(truth);
}

#define SMALL (2 * PS_EVERY_PAGE)

/* A frame that is a part. */
static void add_frame(struct ps_every *e, size_t at, size_t n, int says_size)
{
    const size_t packed = e->file.n;
    const uint8_t *head;
    struct ps_every_part *part;

    ps_put_zstd_frame(&e->file, e->truth + at, n, says_size);
    head = e->file.data + packed;
    part = ps_every_add(e, packed, n);
    if (says_size) {
        cr_assert_eq(head[4] >> 6, 1); /* two bytes */
        part->size_at = packed + (head[4] & 0x20 ? 5 : 6);
        part->n_size = 2;
    }
}

Test(zstd, every_byte_of_frames)
{
    static const size_t n_frames[] = {2, 3, 4, 12};
    uint8_t *truth = ps_every_truth(24);
    struct ps_every e = {.packing = &ps_packing_zstd, .truth = truth, .has_checksums = 1};

    for (size_t i = 0; i < sizeof n_frames / sizeof *n_frames; i++) {
        for (size_t k = 0; k < n_frames[i]; k++)
            add_frame(&e, k * SMALL, k + 1 < n_frames[i] ? SMALL : SMALL - 100, 1);
        ps_packed_check(&ps_packing_zstd, &e.file, truth, e.part[e.n_parts - 1].end, 0);
        ps_every_check(&e);
    }
    free(truth);
}

/* Two files one behind the other, and empty frames and ones to be skipped. What cannot be noticed:
 * that the one in the middle which is not like the others is damaged so that it says it were. */
Test(zstd, every_byte_of_two_files)
{
    static const size_t pages[] = {2, 2, 2, 3, 2, 2, 1};
    uint8_t *truth = ps_every_truth(14);
    struct ps_every e = {.packing = &ps_packing_zstd, .truth = truth, .has_checksums = 1};
    size_t at = 0;

    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        add_frame(&e, at, pages[i] * PS_EVERY_PAGE, 1);
        at += pages[i] * PS_EVERY_PAGE;
        ps_put_zstd_frame(&e.file, truth, 0, 1);
        ps_packed_append(&e.file, "\x5f\x2a\x4d\x18\x05\0\0\0hello", 13);
    }
    ps_packed_check(&ps_packing_zstd, &e.file, truth, at, 0);
    ps_every_check(&e);
    free(truth);
}

/* What pzstd writes: its last frame may be shorter. */
Test(zstd, every_byte_of_pzstd)
{
    uint8_t *truth = ps_every_truth(16);
    struct ps_every e = {.packing = &ps_packing_zstd, .truth = truth, .has_checksums = 1};

    for (size_t k = 0; k < 8; k++) {
        const size_t packed = e.file.n;

        put_pzstd(&e.file, truth + k * SMALL, k < 7 ? SMALL : SMALL / 2);
        ps_every_add(&e, packed, k < 7 ? SMALL : SMALL / 2);
    }
    ps_packed_check(&ps_packing_zstd, &e.file, truth, 15 * PS_EVERY_PAGE, 0);
    ps_every_check(&e);
    free(truth);
}

Test(zstd, every_byte_with_a_table)
{
    const size_t n_frames = 8;
    uint8_t *truth = ps_every_truth(2 * n_frames);
    struct ps_every e = {
        .packing = &ps_packing_zstd, .truth = truth, .has_checksums = 1, .says_where = 1};

    for (int says_size = 0; says_size < 2; says_size++) {
        for (size_t k = 0; k < n_frames; k++)
            add_frame(&e, k * SMALL, k + 1 < n_frames ? SMALL : SMALL / 2, says_size);
        put_le32(&e.file, 0x184d2a5e);
        put_le32(&e.file, (uint32_t)n_frames * 8 + 9);
        for (size_t k = 0; k < n_frames; k++) {
            struct ps_every_part *part = &e.part[k];

            put_le32(&e.file, (uint32_t)(part->packed_end - part->packed));
            part->size_at = e.file.n;
            part->n_size = 4;
            put_le32(&e.file, (uint32_t)(part->end - part->at));
        }
        put_le32(&e.file, (uint32_t)n_frames);
        ps_packed_append(&e.file, "\0", 1);
        put_le32(&e.file, 0x8f92eab1);
        ps_packed_check(&ps_packing_zstd, &e.file, truth, e.part[n_frames - 1].end, 0);
        ps_every_check(&e);
    }
    free(truth);
}
