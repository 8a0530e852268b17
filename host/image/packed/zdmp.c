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
static int block_at(struct ps_bytes *bytes, uint64_t at, uint32_t n_most, struct ps_block *block,
                    struct ps_err *err)
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
    if (memcmp(head, BLOCK_MAGIC, 4) != 0 || !block->packed_bytes || block->packed_bytes > n_most ||
        block->packed_bytes > left)
        return 0;
    block->packed_bytes += BLOCK_HEAD; /* the checksum is needed too */
    return 1;
}

/* LZNT1 makes 4096 bytes of six, or of three that would be no whole token. */
#define MAX_RATIO 1366u

/* *n_listed: bytes that the blocks unpack to. */
static int list_blocks(struct ps_bytes *bytes, const struct zdmp *z, struct ps_block_list *list,
                       uint64_t *n_listed, struct ps_err *err)
{
    uint64_t at = FIRST_BLOCK;

    for (*n_listed = 0; *n_listed < z->n_bytes;) {
        const uint64_t left = z->n_bytes - *n_listed;
        struct ps_block block;
        int rc = block_at(bytes, at, z->block_bytes, &block, err);

        if (rc <= 0)
            return rc;
        block.n_bytes = left < z->block_bytes ? (uint32_t)left : z->block_bytes;
        if (!ps_block_can_be(&block, MAX_RATIO))
            return 0;
        rc = ps_block_list_add(list, &block, err);
        if (rc < 0)
            return rc;
        *n_listed += block.n_bytes;
        at += block.packed_bytes;
    }
    return 0;
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
    int rc = list_blocks(packed->bytes, z, list, &n_listed, err);
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
