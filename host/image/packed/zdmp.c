#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#if PS_WITH_ZLIB
#include <zlib.h>
#endif

#include "host/image/le.h"
#include "host/image/packed/packing.h"
#include "host/image/packed/whole.h"
#include "host/image/xpress/xpress.h"

/* A page that begins with this header, then blocks. */
#define MAGIC         "ZDMP"
#define BYTES_AT      0x08u /* 8 bytes: of what is packed */
#define BLOCK_AT      0x10u /* 4: the bytes in each block but the last */
#define TYPE_AT       0x14u /* 2: 1 is packed, 2 encrypted */
#define METHOD_AT     0x16u /* 2: 2 is LZNT1 */
#define HEADER_BYTES  0x18u
#define FIRST_BLOCK   0x1000u
#define TYPE_PACKED   1u
#define METHOD_LZNT1  2u
#define BLOCK_MAGIC   "ZBLK"
#define BLOCK_HEAD    12u /* magic, bytes that follow, their CRC-32 */
#define BLOCK_SIZE_AT 4u
#define BLOCK_CRC_AT  8u

static int zdmp_probe(const uint8_t *head, size_t n_head)
{
    return n_head >= HEADER_BYTES && !memcmp(head, MAGIC, 4);
}

struct zdmp {
    uint64_t n_bytes; /* unpacked */
    uint32_t block_bytes;
};

static int read_header(struct ps_bytes *bytes, struct zdmp *z, struct ps_err *err)
{
    uint8_t head[HEADER_BYTES];
    int rc = bytes->ops->read(bytes, 0, head, sizeof head, err);

    if (rc < 0)
        return rc;
    if (ps_le16(head + TYPE_AT) != TYPE_PACKED || ps_le16(head + METHOD_AT) != METHOD_LZNT1)
        return ps_fail(err, PS_EFORMAT, TYPE_AT,
                       "zdmp: type %u, method %u: only 1 (packed) with 2 (LZNT1) is supported",
                       ps_le16(head + TYPE_AT), ps_le16(head + METHOD_AT));
    z->n_bytes = ps_le64(head + BYTES_AT);
    z->block_bytes = ps_le32(head + BLOCK_AT);
    if (!z->block_bytes || z->block_bytes > PS_BLOCK_MAX_BYTES)
        return ps_fail(err, PS_EFORMAT, BLOCK_AT,
                       "zdmp: blocks of %" PRIu32 " bytes; the file is damaged", z->block_bytes);
    return 0;
}

/* The block at 'at' without its head. 1: *block is filled but for n_bytes; 0: it is none, or not
 * all there. */
static int block_at(struct ps_bytes *bytes, uint64_t at, struct ps_block *block, struct ps_err *err)
{
    uint8_t head[BLOCK_HEAD];
    uint64_t left;
    int rc;

    if (at > bytes->n_bytes || bytes->n_bytes - at < BLOCK_HEAD)
        return 0;
    rc = bytes->ops->read(bytes, at, head, sizeof head, err);
    if (rc < 0)
        return rc;
    left = bytes->n_bytes - at - BLOCK_HEAD;
    *block = (struct ps_block){.packed_off = at, .packed_bytes = ps_le32(head + BLOCK_SIZE_AT)};
    if (memcmp(head, BLOCK_MAGIC, 4) != 0 || !block->packed_bytes ||
        block->packed_bytes > PS_BLOCK_MAX_BYTES || block->packed_bytes > left)
        return 0;
    block->packed_bytes += BLOCK_HEAD; /* the checksum is needed too */
    return 1;
}

/* All that follow one another, whatever the header says: how many there are is a witness of it. */
static int list_chain(struct ps_bytes *bytes, struct ps_block_list *list, struct ps_err *err)
{
    uint64_t at = FIRST_BLOCK;

    for (;;) {
        struct ps_block block;
        int rc = block_at(bytes, at, &block, err);

        if (rc > 0)
            rc = ps_block_list_add(list, &block, err) < 0 ? -PS_ENOMEM : 1;
        if (rc <= 0)
            return rc;
        at += block.packed_bytes;
    }
}

static int has_checksum(const uint8_t *in, size_t n, uint32_t checksum)
{
#if PS_WITH_ZLIB
    return crc32(0, in, (uInt)n) == checksum;
#else
    (void)in;
    (void)n;
    (void)checksum;
    return 1;
#endif
}

/* How many chunks of LZNT1 these are; 0: it is something else. *last_at: where the last begins. */
static size_t count_chunks(const uint8_t *in, size_t n_in, size_t *last_at)
{
    size_t at = 0, n = 0;

    while (n_in - at >= 2 && ps_le16(in + at) != 0) {
        const unsigned head = ps_le16(in + at);
        const size_t n_chunk = (head & 0xfffu) + 3u;

        if ((head & 0x7000u) != 0x3000u || n_chunk > n_in - at)
            return 0;
        *last_at = at;
        at += n_chunk;
        n++;
    }
    return n;
}

#define CHUNK_BYTES 4096u

/* What a block has, found without the header's help. */
struct own_size {
    uint64_t n_bytes; /* 0: it is damaged */
    int is_stored;
};

static void size_data(const uint8_t *data, size_t n_data, struct own_size *own)
{
    uint8_t last[CHUNK_BYTES];
    struct ps_err ignored;
    size_t last_at = 0, n_last;
    const size_t n = count_chunks(data, n_data, &last_at);

    if (!n) /* with a checksum that fits */
        *own = (struct own_size){n_data, 1};
    else if (ps_lznt1_unpack(data + last_at, n_data - last_at, last, sizeof last, &n_last,
                             &ignored) == 0)
        *own = (struct own_size){(uint64_t)(n - 1) * CHUNK_BYTES + n_last, 0};
}

static int size_block(struct ps_bytes *bytes, const struct ps_block *block, struct own_size *own,
                      struct ps_err *err)
{
    uint8_t *in = malloc(block->packed_bytes);
    const size_t n_data = block->packed_bytes - BLOCK_HEAD;
    int rc = in ? bytes->ops->read(bytes, block->packed_off, in, block->packed_bytes, err)
                : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    *own = (struct own_size){0};
    if (rc == 0 && has_checksum(in + BLOCK_HEAD, n_data, ps_le32(in + BLOCK_CRC_AT)))
        size_data(in + BLOCK_HEAD, n_data, own);
    free(in);
    return rc == -PS_EIO || rc == -PS_EFORMAT ? 0 : rc;
}

/* Blocks that are looked at for one that is as large as the header says. */
#define MOST_LOOKS 16u

/* The size of the largest of the first blocks: not of the last, which may be a shorter one, unless
 * there is no other. That of the header, once there is one of it. */
static int largest_own(struct ps_bytes *bytes, const struct zdmp *z,
                       const struct ps_block_list *list, struct own_size *most, struct ps_err *err)
{
    const size_t n = list->n > 1 ? list->n - 1 : list->n;

    *most = (struct own_size){0};
    for (size_t i = 0; i < n && i < MOST_LOOKS; i++) {
        struct own_size own;
        int rc = size_block(bytes, &list->block[i], &own, err);

        if (rc < 0)
            return rc;
        if (own.n_bytes > most->n_bytes || own.n_bytes == z->block_bytes)
            *most = own;
        if (own.n_bytes == z->block_bytes)
            return 0;
    }
    return 0;
}

/* 1 if so many bytes, in blocks of that size, are as many blocks as there are. */
static int is_in(uint64_t n_bytes, uint64_t block_bytes, size_t n_blocks)
{
    return n_bytes / block_bytes + (n_bytes % block_bytes != 0) == n_blocks;
}

static int can_be_own(const struct own_size *own)
{
    return own->n_bytes && own->n_bytes % CHUNK_BYTES == 0 && own->n_bytes <= PS_BLOCK_MAX_BYTES;
}

/* The header's size of a block decides where all blocks but the first lie, and has no checksum:
 * it has to be that of a block, or to go with their number. */
static int settle_block(struct zdmp *z, const struct own_size *most, size_t n_blocks,
                        struct ps_notes *notes, struct ps_err *err)
{
    const int says_all = is_in(z->n_bytes, z->block_bytes, n_blocks);

    if (most->n_bytes == z->block_bytes || !can_be_own(most))
        return 0;
    /* A single block may be packed shorter, and moves none. */
    if (n_blocks == 1 && says_all && !most->is_stored)
        return 0;
    if (is_in(z->n_bytes, most->n_bytes, n_blocks)) {
        ps_notes_add(notes, PS_NOTE_WARNING,
                     "zdmp: the header says blocks of %" PRIu32 " bytes, and they have %" PRIu64
                     ", which is used; the header is damaged",
                     z->block_bytes, most->n_bytes);
        z->block_bytes = (uint32_t)most->n_bytes;
        return 0;
    }
    if (most->n_bytes < z->block_bytes && (says_all || n_blocks == 1))
        return 0; /* filled up with zeros */
    return ps_fail(err, PS_EFORMAT, BLOCK_AT,
                   "zdmp: the header says blocks of %" PRIu32 " bytes, and they have %" PRIu64
                   ": it is damaged, and where they belong cannot be told",
                   z->block_bytes, most->n_bytes);
}

/* More blocks than the header says: it is damaged there, and the blocks are not. */
static int settle_bytes(struct ps_bytes *bytes, struct zdmp *z, const struct ps_block_list *list,
                        struct ps_notes *notes, struct ps_err *err)
{
    const uint64_t before = (uint64_t)(list->n - 1) * z->block_bytes;
    struct own_size last;
    int rc;

    if (z->n_bytes > before)
        return 0;
    rc = size_block(bytes, &list->block[list->n - 1], &last, err);
    if (rc < 0)
        return rc;
    if (!last.n_bytes || last.n_bytes > z->block_bytes)
        last.n_bytes = z->block_bytes;
    ps_notes_add(notes, PS_NOTE_WARNING,
                 "zdmp: the header says %" PRIu64 " bytes, and %zu blocks have %" PRIu64
                 ", which are read; the header is damaged",
                 z->n_bytes, list->n, before + last.n_bytes);
    z->n_bytes = before + last.n_bytes;
    return 0;
}

/* LZNT1 makes 4096 bytes of six, or of three that would be no whole token. */
#define MAX_RATIO 1366u

/* Give the blocks their bytes. How many these are; blocks that cannot have them, and all behind
 * them, are left out. */
static uint64_t size_blocks(const struct zdmp *z, struct ps_block_list *list)
{
    uint64_t n_listed = 0;
    size_t n = 0;

    for (; n < list->n && n_listed < z->n_bytes; n++) {
        const uint64_t left = z->n_bytes - n_listed;
        struct ps_block *block = &list->block[n];

        block->n_bytes = left < z->block_bytes ? (uint32_t)left : z->block_bytes;
        if (block->packed_bytes - BLOCK_HEAD > z->block_bytes || !ps_block_can_be(block, MAX_RATIO))
            break;
        n_listed += block->n_bytes;
    }
    list->n = n;
    return n_listed;
}

/* *n_listed: bytes that the blocks unpack to. */
static int list_blocks(const struct ps_packed *packed, struct zdmp *z, struct ps_block_list *list,
                       uint64_t *n_listed, struct ps_err *err)
{
    struct own_size most;
    int rc = list_chain(packed->bytes, list, err);

    if (rc == 0)
        rc = largest_own(packed->bytes, z, list, &most, err);
    if (rc == 0 && list->n)
        rc = settle_block(z, &most, list->n, packed->notes, err);
    if (rc == 0 && list->n && most.n_bytes == z->block_bytes)
        rc = settle_bytes(packed->bytes, z, list, packed->notes, err);
    *n_listed = size_blocks(z, list);
    return rc;
}

/* The last block may have been packed as if it were as long as the others. */
static int unpack_last(const struct zdmp *z, const uint8_t *in, size_t n_in, uint8_t *out,
                       size_t n_out, struct ps_err *err)
{
    uint8_t *all = malloc(z->block_bytes);
    size_t n = 0;
    int rc;

    if (!all)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a block of %" PRIu32 " bytes",
                       z->block_bytes);
    rc = ps_lznt1_unpack(in, n_in, all, z->block_bytes, &n, err);
    if (n > n_out)
        n = n_out;
    memcpy(out, all, n);
    memset(out + n, 0, n_out - n);
    free(all);
    return rc;
}

static int zdmp_unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                       const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    const struct zdmp *z = arg;
    const uint8_t *data = in + BLOCK_HEAD;
    const size_t n_data = block->packed_bytes - BLOCK_HEAD;
    size_t n = 0;
    int rc;

    (void)worker;
    (void)number;
    if (!has_checksum(data, n_data, ps_le32(in + BLOCK_CRC_AT)))
        return ps_fail(err, PS_EFORMAT, block->packed_off,
                       "zdmp: the block at offset 0x%" PRIx64 " is damaged (checksum)",
                       block->packed_off);
    if (n_data == z->block_bytes) {
        memcpy(out, data, block->n_bytes);
        return 0;
    }
    if (n_data < 2 || ps_le16(data) == 0)
        return ps_fail(err, PS_EFORMAT, block->packed_off + BLOCK_HEAD,
                       "zdmp: the block at offset 0x%" PRIx64 " has nothing in it",
                       block->packed_off);
    if (block->n_bytes < z->block_bytes) {
        rc = unpack_last(z, data, n_data, out, block->n_bytes, err);
    } else {
        rc = ps_lznt1_unpack(data, n_data, out, block->n_bytes, &n, err);
        memset(out + n, 0, block->n_bytes - n);
    }
    if (rc == -PS_EFORMAT)
        err->at += block->packed_off + BLOCK_HEAD;
    return rc;
}

static const struct ps_blocks_codec codec = {
    .prefix = "",
    .unpack = zdmp_unpack,
    .free = free,
};

static int open_blocks(struct ps_bytes **out, const struct ps_packed *packed, struct zdmp *z,
                       struct ps_block_list *list, struct ps_err *err)
{
    uint64_t n_listed;
    int rc = list_blocks(packed, z, list, &n_listed, err);
    const uint64_t n_bytes = z->n_bytes; /* who takes z may be done with it */
    struct ps_blocks_spec spec = {.codec = &codec, .arg = z};

    if (rc < 0)
        return rc;
    if (!list->n)
        return ps_fail(err, PS_EFORMAT, FIRST_BLOCK,
                       "zdmp: no block at offset 0x%x; the file is "
                       "cut short or damaged",
                       FIRST_BLOCK);
    spec.block = list->block;
    spec.n_blocks = list->n;
    rc = ps_whole_blocks(out, packed, "zdmp", &spec, err);
    if (rc >= 0 && n_listed < n_bytes)
        ps_notes_add(packed->notes, PS_NOTE_LOSS,
                     "zdmp: the last %" PRIu64 " of %" PRIu64
                     " bytes are not in the file; it is cut short or damaged",
                     n_bytes - n_listed, n_bytes);
    return rc;
}

static int zdmp_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct zdmp *z = calloc(1, sizeof *z);
    struct ps_block_list list = {0};
    int rc;

    if (!z)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    rc = read_header(packed->bytes, z, err);
    if (rc >= 0)
        rc = open_blocks(out, packed, z, &list, err);
    if (rc >= 0)
        return rc; /* NOLINT(clang-analyzer-unix.Malloc): which took both */
    ps_block_list_free(&list);
    free(z);
    return rc;
}

static const char *zdmp_version(void)
{
    return PS_VERSION;
}

/* The decoder is poolscan's own. */
const struct ps_packing ps_packing_zdmp = {
    .name = "zdmp",
    .library = "poolscan",
    .probe = zdmp_probe,
    .open = zdmp_open,
    .version = zdmp_version,
};
