/* zdmp: a header page and blocks, each LZNT1 or as it is. */
#include "host/image/packed/packing.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/image.h"
#include "tests/containers/codecs/codecs.h"
#include "tests/support/every_byte.h"
#include "tests/support/memory_bytes.h"
#include "tests/support/tmpdir.h"

#define BLOCK 8192u

static _Alignas(16) uint8_t file[1 << 16];
static size_t n_file;
static struct ps_memory_bytes m;
static struct ps_notes notes;
static struct ps_err err;
static const struct ps_image_spec spec = {.n_threads = 1};

static void put(size_t at, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
    if (n_file < at + n)
        n_file = at + n;
}

static void begin(uint64_t n_bytes)
{
    memset(file, 0, sizeof file);
    n_file = 0;
    memset(&notes, 0, sizeof notes);
    memcpy(file, "ZDMP", 4);
    put(4, 0x100, 4);
    put(8, n_bytes, 8);
    put(0x10, BLOCK, 4);
    put(0x14, 1, 2);
    put(0x16, 2, 2);
    put(0xfff, 0, 1);
}

/* CRC-32 as in zip, one bit after the other. */
static uint32_t checksum(const uint8_t *in, size_t n)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < 8 * n; i++) {
        const uint32_t bit = (crc ^ in[i / 8] >> i % 8) & 1;

        crc = crc >> 1 ^ (bit ? 0xedb88320 : 0);
    }
    return ~crc;
}

static size_t add(const void *data, size_t n)
{
    const size_t at = n_file;

    memcpy(file + at, "ZBLK", 4);
    put(at + 4, n, 4);
    put(at + 8, checksum(data, n), 4);
    memcpy(file + n_file, data, n);
    n_file += n;
    return at;
}

/* Two chunks of 4096 times 'x' and 'y': a literal and a match of 4095 in each. */
static const char xy[] = "\x03\xb0\x02x\xfc\x0f\x03\xb0\x02y\xfc\x0f";
#define N_XY (sizeof xy - 1)

static int open_it(struct ps_bytes **out)
{
    const struct ps_packed packed = {&m.bytes, "x", &spec, &notes};

    ps_memory_bytes_init(&m, file, n_file);
    cr_assert(ps_packing_zdmp.probe(file, n_file < 64 ? n_file : 64));
    return ps_packing_zdmp.open(out, &packed, &err);
}

static void expect(struct ps_bytes *bytes, uint64_t off, int byte, size_t n)
{
    static uint8_t got[BLOCK], expected[BLOCK];

    cr_assert_eq(bytes->ops->read(bytes, off, got, n, &err), 0, "%s", err.msg);
    memset(expected, byte, n);
    cr_assert_arr_eq(got, expected, n);
}

Test(zdmp, blocks)
{
    static uint8_t stored[BLOCK];
    struct ps_bytes *bytes;

    memset(stored, 's', sizeof stored);
    begin(3 * BLOCK + 100);
    add(xy, N_XY);
    add(stored, sizeof stored);
    add(xy, N_XY / 2); /* filled up with zeros */
    add(xy, N_XY);     /* of which 100 bytes count */
    put(n_file, 'Z', 1);
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    cr_assert_eq(bytes->n_bytes, 3 * BLOCK + 100);
    expect(bytes, 0, 'x', 4096);
    expect(bytes, 4096, 'y', 4096);
    expect(bytes, BLOCK, 's', BLOCK);
    expect(bytes, 2 * BLOCK, 'x', 4096);
    expect(bytes, 2 * BLOCK + 4096, 0, 4096);
    expect(bytes, 3 * BLOCK, 'x', 100);
    cr_assert_eq(notes.n, 0);
    bytes->ops->close(bytes);
    cr_assert_eq(m.n_closed, 1);
}

/* The last block is stored whole, too, or packed for itself. */
Test(zdmp, last_blocks)
{
    static uint8_t stored[BLOCK];
    struct ps_bytes *bytes;

    memset(stored, 's', sizeof stored);
    begin(10);
    add(stored, sizeof stored);
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    cr_assert_eq(bytes->n_bytes, 10);
    expect(bytes, 0, 's', 10);
    bytes->ops->close(bytes);
    begin(10);
    add("\x02\x30xyz", 5);
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    expect(bytes, 3, 0, 7);
    bytes->ops->close(bytes);
}

Test(zdmp, damaged_blocks)
{
    struct ps_bytes *bytes;
    uint8_t byte;
    size_t at;

    begin(2 * BLOCK);
    at = add("\x03\xb0\x02x\xfc\x1f", 6); /* a match from before the chunk */
    add(xy, N_XY);
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    cr_assert_eq(bytes->ops->read(bytes, 0, &byte, 1, &err), -PS_EFORMAT);
    cr_assert_geq(err.at, at + 12);
    cr_assert_leq(err.at, at + 18);
    expect(bytes, BLOCK, 'x', 4096);
    bytes->ops->close(bytes);
}

/* zlib, which builds may lack, computes it. */
Test(zdmp, wrong_checksum)
{
    struct ps_bytes *bytes;
    uint8_t byte;
    size_t at;

    if (!ps_packing_gzip.open)
        cr_skip_test("built without zlib");
    begin(BLOCK);
    at = add(xy, N_XY);
    put(at + 8, 1, 4);
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    cr_assert_eq(bytes->ops->read(bytes, 0, &byte, 1, &err), -PS_EFORMAT);
    cr_assert_eq(err.at, at);
    cr_assert(strstr(err.msg, "checksum"));
    bytes->ops->close(bytes);
}

Test(zdmp, cut_short)
{
    struct ps_bytes *bytes;

    begin(UINT64_MAX);
    add(xy, N_XY);
    add(xy, N_XY);
    n_file--;
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    cr_assert_eq(bytes->n_bytes, BLOCK);
    cr_assert_eq(notes.n, 1);
    cr_assert_eq(notes.note[0].kind, PS_NOTE_LOSS);
    bytes->ops->close(bytes);
}

static void expect_refused(uint64_t at)
{
    struct ps_bytes *bytes;

    cr_assert_eq(open_it(&bytes), -PS_EFORMAT);
    cr_assert_eq(err.at, at, "%s", err.msg);
    cr_assert(err.msg[0]);
    cr_assert_eq(m.n_closed, 0);
}

Test(zdmp, refused)
{
    static const uint8_t too_large[BLOCK + 1];

    begin(BLOCK);
    expect_refused(0x1000);
    add("", 0);
    expect_refused(0x1000);
    begin(BLOCK);
    add(too_large, sizeof too_large);
    expect_refused(0x1000);
    begin(BLOCK);
    put(0x14, 2, 2);
    expect_refused(0x14);
    begin(BLOCK);
    put(0x16, 3, 2);
    expect_refused(0x14);
    begin(BLOCK);
    put(0x10, 0, 4);
    expect_refused(0x10);
    begin(BLOCK);
    put(0x10, 0xffffffff, 4);
    expect_refused(0x10);
    begin(BLOCK);
    n_file = 0x18;
    expect_refused(0x1000);
}

/* Blocks too large to be entered over and over become a file, and nothing is lost by that. */
Test(zdmp, large_blocks)
{
    const uint32_t block = 1 << 18, n_blocks = 280;
    char half[16 * N_XY]; /* of a block: so little cannot be all of it */
    struct ps_bytes *bytes;

    for (size_t i = 0; i < 16; i++)
        memcpy(half + i * N_XY, xy, N_XY);

    begin((uint64_t)n_blocks * block);
    put(0x10, block, 4);
    for (uint32_t i = 0; i < n_blocks; i++)
        add(half, sizeof half);
    cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
    cr_assert_not_null(bytes->ops->map, "not unpacked to a file");
    cr_assert_eq(bytes->n_bytes, (uint64_t)n_blocks * block);
    expect(bytes, (uint64_t)(n_blocks - 1) * block, 'x', 4096);
    for (size_t i = 0; i < notes.n; i++)
        cr_assert_eq(notes.note[i].kind, PS_NOTE_INFO, "%s", notes.note[i].text);
    bytes->ops->close(bytes);
    cr_assert_eq(m.n_closed, 1);
}

/* No twelve bytes are 256 MiB. */
Test(zdmp, forged_sizes)
{
    struct ps_bytes *bytes;

    begin((uint64_t)1 << 40);
    put(0x10, 1 << 28, 4);
    add(xy, N_XY);
    add(xy, N_XY);
    cr_assert_eq(open_it(&bytes), -PS_EFORMAT);
    cr_assert_eq(err.at, 0x10);
    begin((uint64_t)1 << 28);
    put(0x10, 1 << 28, 4);
    add(xy, N_XY);
    cr_assert_eq(open_it(&bytes), -PS_EFORMAT);
    cr_assert_eq(err.at, 0x1000);
}

/* The header's block size is damaged: what the blocks have, and how many they are, tells. */
Test(zdmp, wrong_block_size)
{
    static const uint32_t wrong[] = {4096, 8191, 8193, 12288, 16384, 24576, 1 << 20};
    struct ps_bytes *bytes;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(2 * BLOCK + 4096);
        put(0x10, wrong[i], 4);
        add(xy, N_XY);
        add(xy, N_XY);
        add(xy, N_XY / 2);
        cr_assert_eq(open_it(&bytes), 0, "%u: %s", wrong[i], err.msg);
        cr_assert_eq(bytes->n_bytes, 2 * BLOCK + 4096);
        for (uint64_t block = 0; block < 2; block++) {
            expect(bytes, block * BLOCK, 'x', 4096);
            expect(bytes, block * BLOCK + 4096, 'y', 4096);
        }
        expect(bytes, 2 * BLOCK, 'x', 4096);
        cr_assert_eq(notes.n, 1);
        cr_assert_eq(notes.note[0].kind, PS_NOTE_WARNING);
        bytes->ops->close(bytes);
    }
    /* Cut short, too: then their number tells nothing. */
    begin(5 * BLOCK);
    put(0x10, 4096, 4);
    add(xy, N_XY);
    add(xy, N_XY);
    cr_assert_eq(open_it(&bytes), -PS_EFORMAT);
    cr_assert_eq(err.at, 0x10);
    cr_assert(strstr(err.msg, "cannot be told"));
}

/* The header has fewer bytes than the blocks. */
Test(zdmp, wrong_size)
{
    struct ps_bytes *bytes;

    for (uint64_t n = 0; n <= 2 * BLOCK; n += BLOCK / 2) {
        begin(n);
        add(xy, N_XY);
        add(xy, N_XY);
        add(xy, N_XY / 2);
        cr_assert_eq(open_it(&bytes), 0, "%s", err.msg);
        cr_assert_eq(bytes->n_bytes, 2 * BLOCK + 4096);
        expect(bytes, 2 * BLOCK, 'x', 4096);
        cr_assert_eq(notes.n, 1);
        cr_assert_eq(notes.note[0].kind, PS_NOTE_WARNING);
        bytes->ops->close(bytes);
    }
}

/* Blocks of 'n_pages' pages each, the last of one; packed, stored, or by turns. */
static void put_blocks(struct ps_every *e, size_t n_blocks, size_t n_pages, int way)
{
    static uint8_t packed[BLOCK * 8];
    size_t at = 0;

    begin(((n_blocks - 1) * n_pages + 1) * PS_EVERY_PAGE);
    put(0x10, n_pages * PS_EVERY_PAGE, 4);
    ps_packed_append(&e->file, file, 0x1000);
    for (size_t k = 0; k < n_blocks; k++) {
        const size_t n = (k + 1 < n_blocks ? n_pages : 1) * PS_EVERY_PAGE;
        const size_t from = e->file.n;
        const int is_stored = k + 1 < n_blocks && (way == 1 || (way == 2 && k % 2 == 0));
        const uint8_t *data = is_stored ? e->truth + at : packed;

        n_file = 0;
        add(data, is_stored ? n : encode_lznt1(e->truth + at, n, packed));
        ps_packed_append(&e->file, file, n_file);
        ps_every_add(e, from, n);
        at += n;
    }
}

Test(zdmp, every_byte)
{
    const size_t n_blocks[] = {1, 2, 3, 9};
    uint8_t *truth = ps_every_truth(24);

    if (!ps_packing_gzip.open)
        cr_skip_test("built without zlib");
    memset(truth, 0, 64); /* what is no LZNT1, and looks like the end of it */
    for (size_t i = 0; i < 4; i++) {
        for (int way = 0; way < 3; way++) {
            struct ps_every e = {.packing = &ps_packing_zdmp, .truth = truth, .has_checksums = 1};

            put_blocks(&e, n_blocks[i], 2, way);
            ps_packed_check(&ps_packing_zdmp, &e.file, truth, e.part[n_blocks[i] - 1].end, 0);
            ps_every_check(&e);
        }
    }
    free(truth);
}

/* An image with a damaged block is one all the same: the block counts as zeros for its identity. */
Test(zdmp, identity_of_damaged)
{
    static uint8_t raw[3 * BLOCK];
    struct ps_image *packed = NULL, *plain = NULL;
    struct ps_tmpdir dir;

    for (unsigned i = 0; i < 3; i += 2) {
        memset(raw + i * BLOCK, 'x', 4096);
        memset(raw + i * BLOCK + 4096, 'y', 4096);
    }
    begin(sizeof raw);
    add(xy, N_XY);
    add("\x03\xb0\x02x\xfc\x1f", 6);
    add(xy, N_XY);
    ps_tmpdir_make(&dir);
    cr_assert_eq(ps_image_open(&packed, ps_tmpdir_write(&dir, "z", file, n_file), NULL, &err), 0,
                 "%s", err.msg);
    cr_assert_eq(ps_image_open(&plain, ps_tmpdir_write(&dir, "r", raw, sizeof raw), NULL, &err), 0,
                 "%s", err.msg);
    cr_assert_str_eq(ps_image_id(packed), ps_image_id(plain));
    ps_image_close(packed);
    ps_image_close(plain);
    ps_tmpdir_remove(&dir);
}
