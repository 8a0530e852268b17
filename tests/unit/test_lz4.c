#include <criterion/criterion.h>
#include <lz4.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/every_byte.h"
#include "tests/support/packed_case.h"

#define N_BYTES ((size_t)1500000)

static void put_frame(struct ps_packed_buffer *b, const uint8_t *data, size_t n,
                      const LZ4F_preferences_t *preferences)
{
    const size_t room = LZ4F_compressFrameBound(n, preferences);
    const size_t got = LZ4F_compressFrame(ps_packed_room(b, room), room, data, n, preferences);

    cr_assert(!LZ4F_isError(got));
    b->n += got;
}

static void put_le32(struct ps_packed_buffer *b, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 24)};

    ps_packed_append(b, bytes, 4);
}

static void put_legacy(struct ps_packed_buffer *b, const uint8_t *data, size_t n_bytes)
{
    const size_t full = (size_t)8 << 20;

    put_le32(b, 0x184c2102);
    for (size_t at = 0; at < n_bytes; at += full) {
        const size_t n = n_bytes - at < full ? n_bytes - at : full;
        const int room = LZ4_compressBound((int)n);
        uint8_t *out = malloc((size_t)room);
        const int got = LZ4_compress_default((const char *)data + at, (char *)out, (int)n, room);

        cr_assert(got > 0);
        put_le32(b, (uint32_t)got);
        ps_packed_append(b, out, (size_t)got);
        free(out);
    }
}

static LZ4F_preferences_t preferences(LZ4F_blockSizeID_t size, LZ4F_blockMode_t mode)
{
    LZ4F_preferences_t p = {0};

    p.frameInfo.blockSizeID = size;
    p.frameInfo.blockMode = mode;
    return p;
}

Test(lz4, independent_blocks)
{
    uint8_t *truth = ps_packed_truth(N_BYTES, 1);

    for (int i = 0; i < 8; i++) {
        LZ4F_preferences_t p =
            preferences(i & 1 ? LZ4F_max64KB : LZ4F_max1MB, LZ4F_blockIndependent);
        struct ps_packed_buffer b = {0};

        p.frameInfo.contentChecksumFlag = i & 2 ? LZ4F_contentChecksumEnabled : 0;
        p.frameInfo.blockChecksumFlag = i & 2 ? LZ4F_blockChecksumEnabled : 0;
        p.frameInfo.contentSize = i & 4 ? N_BYTES : 0;
        put_frame(&b, truth, N_BYTES, &p);
        ps_packed_check(&ps_packing_lz4, &b, truth, N_BYTES, 0);
        free(b.data);
    }
    free(truth);
}

Test(lz4, frames)
{
    const LZ4F_preferences_t p = preferences(LZ4F_max64KB, LZ4F_blockIndependent);
    const LZ4F_preferences_t q = preferences(LZ4F_max256KB, LZ4F_blockIndependent);
    uint8_t *truth = ps_packed_truth(N_BYTES, 2);
    struct ps_packed_buffer b = {0};

    put_frame(&b, truth, 500001, &p);
    ps_packed_append(&b, "\x5f\x2a\x4d\x18\x05\0\0\0hello", 13);
    put_frame(&b, truth, 0, &p);
    put_legacy(&b, truth + 500001, 300000);
    put_frame(&b, truth + 800001, N_BYTES - 800001, &q);
    ps_packed_check(&ps_packing_lz4, &b, truth, N_BYTES, 0);
    ps_packed_check_damaged(&ps_packing_lz4, &b, truth, N_BYTES, 0);
    free(b.data);
    free(truth);
}

Test(lz4, dependent_blocks)
{
    const LZ4F_preferences_t p = preferences(LZ4F_max64KB, LZ4F_blockLinked);
    uint8_t *truth = ps_packed_truth(N_BYTES, 3);
    struct ps_packed_buffer b = {0};

    put_frame(&b, truth, N_BYTES / 2, &p);
    put_frame(&b, truth + N_BYTES / 2, N_BYTES - N_BYTES / 2, &p);
    ps_packed_check(&ps_packing_lz4, &b, truth, N_BYTES, 1);
    free(b.data);
    free(truth);
}

/* Behind frames read as a stream and as blocks. */
Test(lz4, rest)
{
    const size_t n_bytes = 200000;
    uint8_t *truth = ps_packed_truth(n_bytes, 6);

    for (int i = 0; i < 4; i++) {
        const LZ4F_preferences_t p =
            preferences(LZ4F_max64KB, i & 1 ? LZ4F_blockLinked : LZ4F_blockIndependent);
        struct ps_packed_buffer b = {0}, part = {0};

        put_frame(&part, truth, 9000, &p);
        put_frame(&b, truth, n_bytes - 65536, &p);
        if (i & 2)
            put_frame(&b, truth + n_bytes - 65536, 65536, &p);
        ps_packed_check_rest(&ps_packing_lz4, &b, &part, truth, n_bytes - (i & 2 ? 0 : 65536));
        free(b.data);
        free(part.data);
    }
    free(truth);
}

/* A legacy frame has no end: only zeros are none of it. */
Test(lz4, rest_of_legacy)
{
    const size_t n_bytes = 200000;
    uint8_t *truth = ps_packed_truth(n_bytes, 7);
    struct ps_packed_buffer b = {0};
    struct ps_packed_case c;

    put_legacy(&b, truth, n_bytes);
    ps_packed_check(&ps_packing_lz4, &b, truth, n_bytes, 0);
    for (size_t i = 1; i <= 8; i++) {
        ps_packed_append(&b, "", 1);
        ps_packed_check(&ps_packing_lz4, &b, truth, n_bytes, 0);
    }
    b.n -= 8;
    ps_packed_append(&b, "trailing", 8);
    ps_packed_open_case(&c, &ps_packing_lz4, &b, 1);
    ps_packed_equals(&c, truth, n_bytes);
    cr_assert_eq(c.notes.n, 1);
    cr_assert_eq(c.notes.note[0].kind, PS_NOTE_LOSS);
    ps_packed_close_case(&c);
    free(b.data);
    free(truth);
}

/* Blocks so large, and so many, that all are unpacked at once; one of them is damaged. */
Test(lz4, coarse_blocks)
{
    const size_t n_bytes = ((size_t)88 << 20) + 12345;
    uint8_t *truth = calloc(1, n_bytes);
    uint8_t *noise = ps_packed_truth((size_t)1 << 20, 4);
    struct ps_packed_buffer b = {0};
    struct ps_packed_case c;

    for (size_t i = 0; i < 22; i++)
        memcpy(truth + i * ((size_t)4 << 20), noise, (size_t)100000 + i);
    put_legacy(&b, truth, n_bytes);
    ps_packed_open_case(&c, &ps_packing_lz4, &b, 1);
    ps_packed_equals(&c, truth, n_bytes);
    cr_assert(ps_packed_notes(&c, "lz4 blocks of up to 8 MiB are slow to enter"));
    ps_packed_close_case(&c);
    memset(b.data + 8 + 1000, 0xff, 5000);
    ps_packed_open_case(&c, &ps_packing_lz4, &b, 2);
    cr_assert(ps_packed_notes(&c, "1 of 12 lz4 blocks are damaged: 8388608 bytes"));
    memset(truth, 0, (size_t)8 << 20);
    ps_packed_equals(&c, truth, n_bytes);
    ps_packed_close_case(&c);
    free(b.data);
    free(noise);
    free(truth);
}

Test(lz4, no_room_for_coarse_blocks)
{
    const size_t n_bytes = (size_t)72 << 20;
    uint8_t *truth = calloc(1, n_bytes);
    struct ps_packed_buffer b = {0};
    struct ps_packed_case c = {0};
    const struct ps_packed packed = {&c.memory.bytes, NULL, &c.spec, &c.notes};

    memset(truth + n_bytes / 2, 7, 100000);
    put_legacy(&b, truth, n_bytes);
    ps_memory_bytes_init(&c.memory, b.data, b.n);
    c.spec.n_threads = 1;
    c.spec.temp_dir = "/nonexistent";
    cr_assert_eq(ps_packing_lz4.open(&c.bytes, &packed, &c.err), 0, "%s", c.err.msg);
    cr_assert(ps_packed_notes(&c, "unpacked again for every look"));
    cr_assert_eq(c.notes.note[0].kind, PS_NOTE_WARNING);
    ps_packed_equals(&c, truth, n_bytes);
    ps_packed_close_case(&c);
    free(b.data);
    free(truth);
}

Test(lz4, cut_short)
{
    const LZ4F_preferences_t p = preferences(LZ4F_max64KB, LZ4F_blockIndependent);
    const LZ4F_preferences_t linked = preferences(LZ4F_max64KB, LZ4F_blockLinked);
    uint8_t *truth = ps_packed_truth(N_BYTES, 6);
    struct ps_packed_buffer stream = {0}, blocks = {0};
    struct ps_packed_case c;

    put_frame(&stream, truth, N_BYTES, &linked);
    put_frame(&blocks, truth, N_BYTES, &p);
    stream.n /= 2;
    ps_packed_open_case(&c, &ps_packing_lz4, &stream, 2);
    cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes < N_BYTES);
    ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
    cr_assert(ps_packed_notes(&c, "cut short"));
    ps_packed_close_case(&c);
    blocks.n /= 2;
    ps_packed_open_case(&c, &ps_packing_lz4, &blocks, 2);
    cr_assert(c.bytes->n_bytes > N_BYTES / 4 && c.bytes->n_bytes % 65536 == 0);
    ps_packed_equals(&c, truth, (size_t)c.bytes->n_bytes);
    cr_assert(ps_packed_notes(&c, "packed bytes are lost"));
    ps_packed_close_case(&c);
    free(stream.data);
    free(blocks.data);
    free(truth);
}

/* Frames that say how much is in them. Blocks have a checksum or not: without one, those of the
 * damaged frame may be other bytes. */
Test(lz4, every_byte_of_frames)
{
    const size_t n_frames = 8, frame = 2 * PS_EVERY_PAGE;
    uint8_t *truth = ps_every_truth(2 * n_frames);
    struct ps_every e = {.packing = &ps_packing_lz4, .truth = truth};

    for (e.has_checksums = 0; e.has_checksums < 2; e.has_checksums++) {
        LZ4F_preferences_t p = preferences(LZ4F_max64KB, LZ4F_blockIndependent);

        p.frameInfo.blockChecksumFlag = e.has_checksums ? LZ4F_blockChecksumEnabled : 0;
        for (size_t k = 0; k < n_frames; k++) {
            const size_t packed = e.file.n;

            p.frameInfo.contentSize = k + 1 < n_frames ? frame : frame - 100;
            put_frame(&e.file, truth + k * frame, p.frameInfo.contentSize, &p);
            ps_every_add(&e, packed, p.frameInfo.contentSize);
        }
        ps_packed_check(&ps_packing_lz4, &e.file, truth, n_frames * frame - 100, 0);
        ps_every_check(&e);
    }
    free(truth);
}

/* Frames that do not: what is behind the first one is placed by what that unpacks to, all of it. */
Test(lz4, every_byte_of_frames_without_size)
{
    LZ4F_preferences_t p = preferences(LZ4F_max64KB, LZ4F_blockIndependent);
    const size_t n_frames = 4, frame = 2 * PS_EVERY_PAGE;
    uint8_t *truth = ps_every_truth(2 * n_frames);
    struct ps_every e = {.packing = &ps_packing_lz4, .truth = truth};

    p.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    for (size_t k = 0; k < n_frames; k++) {
        const size_t packed = e.file.n;

        put_frame(&e.file, truth + k * frame, frame, &p);
        ps_every_add(&e, packed, frame);
    }
    ps_packed_check(&ps_packing_lz4, &e.file, truth, n_frames * frame, 1);
    ps_every_check(&e);
    free(truth);
}

/* Several blocks in one frame, each of which is a part here. */
Test(lz4, every_byte_of_blocks)
{
    LZ4F_preferences_t p = preferences(LZ4F_max64KB, LZ4F_blockIndependent);
    const size_t n_bytes = (size_t)4 << 16;
    uint8_t *truth = ps_every_truth(n_bytes / PS_EVERY_PAGE);
    struct ps_every e = {.packing = &ps_packing_lz4, .truth = truth, .has_checksums = 1};
    size_t packed = 15;

    p.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
    p.frameInfo.contentSize = n_bytes;
    put_frame(&e.file, truth, n_bytes, &p);
    for (size_t k = 0; k < 4; k++) {
        const uint8_t *head = e.file.data + packed;
        struct ps_every_part *part = ps_every_add(&e, packed, (size_t)1 << 16);

        packed += 8 + (size_t)(head[0] | head[1] << 8 | head[2] << 16);
        part->packed_end = packed;
    }
    cr_assert_eq(packed + 4, e.file.n);
    ps_packed_check(&ps_packing_lz4, &e.file, truth, n_bytes, 0);
    ps_every_check(&e);
    free(truth);
}
