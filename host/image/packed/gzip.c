#include "host/image/packed/packing.h"

#if PS_WITH_ZLIB
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "host/image/le.h"
#include "host/image/packed/input.h"
#include "host/image/packed/rest.h"
#include "host/image/packed/sizes.h"
#include "host/image/packed/whole.h"
#endif

/* RFC 1952: two bytes of magic, the only method, flags of which three are reserved. */
static int gzip_probe(const uint8_t *head, size_t n_head)
{
    return n_head >= 18 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8 && head[3] < 0x20;
}

#if PS_WITH_ZLIB

/* zlib: a window of 32 KiB, and a gzip header around each member, whose checksum it looks at. */
#define WINDOW_BITS (15 + 16)

static int bad_member(int code, uint64_t at, struct ps_err *err)
{
    if (code == Z_MEM_ERROR)
        return ps_fail(err, PS_ENOMEM, at, "out of memory");
    return ps_fail(
        err, PS_EFORMAT, at, "gzip: %s at offset 0x%" PRIx64,
        code == Z_BUF_ERROR ? "the file ends too early, it is cut short" : "damaged data", at);
}

/* The magic, the method, and no reserved flag. */
static unsigned differ(const uint8_t *head)
{
    return (unsigned)(head[0] != 0x1f) + (head[1] != 0x8b) + (head[2] != 8) + (head[3] >= 0x20);
}

static const struct ps_parts members = {"gzip", "member", differ};

/* Members that can only be read one after the other. */
struct gzip_stream {
    struct ps_input in;
    z_stream z;
    int is_ended;
    int is_checked; /* what follows is an error */
};

static int next_member(struct gzip_stream *s, struct ps_err *err)
{
    int rc = ps_input_peek(&s->in, 18, err);

    /* Padding behind the last member, or whatever else it is, is no part of it. */
    s->is_ended = rc == 0 && !gzip_probe(s->in.buf + s->in.at, s->in.n - s->in.at);
    inflateReset(&s->z);
    if (rc == 0 && s->is_ended && s->is_checked)
        rc = ps_rest_check(s->in.bytes, &members, ps_input_off(&s->in), err);
    return rc;
}

static uint64_t gzip_end(const void *arg)
{
    const struct gzip_stream *s = arg;

    return s->is_ended ? ps_input_off(&s->in) : UINT64_MAX;
}

static int gzip_next(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct gzip_stream *s = arg;
    int rc = 0;

    *n = 0;
    while (rc == 0 && *n < n_bytes && !s->is_ended) {
        int code;

        rc = ps_input_fill(&s->in, err);
        if (rc < 0)
            return rc;
        s->z.next_in = s->in.buf + s->in.at;
        s->z.avail_in = (uInt)(s->in.n - s->in.at);
        s->z.next_out = out + *n;
        s->z.avail_out = (uInt)(n_bytes - *n);
        code = inflate(&s->z, Z_NO_FLUSH);
        s->in.at = s->in.n - s->z.avail_in;
        *n = n_bytes - s->z.avail_out;
        if (code == Z_STREAM_END)
            rc = next_member(s, err);
        else if (code != Z_OK)
            rc = bad_member(code, ps_input_off(&s->in), err);
    }
    return rc;
}

static void free_stream(void *arg)
{
    struct gzip_stream *s = arg;

    inflateEnd(&s->z);
    ps_input_fini(&s->in);
    free(s);
}

static struct gzip_stream *make_stream(struct ps_bytes *bytes, struct ps_err *err)
{
    struct gzip_stream *s = calloc(1, sizeof *s);

    if (s && ps_input_init(&s->in, bytes, 0, err) >= 0 && inflateInit2(&s->z, WINDOW_BITS) == Z_OK)
        return s;
    if (s)
        ps_input_fini(&s->in);
    free(s);
    ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    return NULL;
}

/* Memory that is packed to less than this is rather 4 GiB larger than its last four bytes say. */
#define LIKELY_RATIO 4u

/* The last member's size modulo 4 GiB is at the end. It is that of the image if there is no other
 * member, and if the file is too small to hold 4 GiB more; 0: it is not known. */
static uint64_t promised_bytes(struct ps_bytes *bytes)
{
    const uint64_t wrap = (uint64_t)1 << 32;
    const uint64_t least = bytes->n_bytes - bytes->n_bytes / 512;
    struct ps_err ignored;
    uint8_t size[4];
    uint64_t n;

    if (bytes->n_bytes < sizeof size ||
        bytes->ops->read(bytes, bytes->n_bytes - sizeof size, size, sizeof size, &ignored) < 0)
        return 0;
    n = ps_le32(size);
    while (n < least)
        n += wrap;
    return n % 4096 == 0 && n + wrap > LIKELY_RATIO * bytes->n_bytes ? n : 0;
}

static int open_stream(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct gzip_stream *s = make_stream(packed->bytes, err);
    const struct ps_unpack_stream stream = {
        .name = "gzip",
        .n_packed = packed->bytes->n_bytes,
        .arg = s,
        .next = gzip_next,
        .n_promised = packed->spec->once ? promised_bytes(packed->bytes) : 0,
        .free = free_stream,
    };

    if (!s)
        return -PS_ENOMEM;
    s->is_checked = ps_whole_may_flow(packed, &stream);
    return ps_whole_stream(out, packed, &stream, &(struct ps_stream_end){&members, gzip_end}, err);
}

/* BGZF: members of up to 64 KiB, each of which says in an extra field how long it is. */
#define BGZF_HEAD  18u /* the smallest header that has the field */
#define BGZF_TAIL  8u  /* CRC-32, and the size of what is in it */
#define BGZF_MOST  65536u
#define FLAG_EXTRA 4u

/* Bytes of the member that begins with 'head', or 0 when it does not say. The field is the first
 * one, as every writer has it. */
static uint32_t bgzf_bytes(const uint8_t *head, size_t n_head)
{
    if (!gzip_probe(head, n_head) || !(head[3] & FLAG_EXTRA) || ps_le16(head + 10) < 6 ||
        head[12] != 'B' || head[13] != 'C' || ps_le16(head + 14) != 2)
        return 0;
    return ps_le16(head + 16) + 1u;
}

/* Deflated data of so few bytes have none in them. */
#define EMPTY_BYTES 2u

/* The member at 'at': its size, and from its last four bytes, that of what is in it. 0: none. */
static int bgzf_member(struct ps_bytes *bytes, uint64_t at, struct ps_block *block,
                       struct ps_err *err)
{
    const uint64_t left = bytes->n_bytes - at;
    uint8_t head[BGZF_HEAD], size[4];
    int rc;

    if (left < BGZF_HEAD)
        return 0;
    rc = bytes->ops->read(bytes, at, head, sizeof head, err);
    if (rc < 0)
        return rc;
    *block = (struct ps_block){.packed_off = at, .packed_bytes = bgzf_bytes(head, sizeof head)};
    if (block->packed_bytes < BGZF_HEAD + BGZF_TAIL || block->packed_bytes > left)
        return 0;
    rc = bytes->ops->read(bytes, at + block->packed_bytes - 4, size, sizeof size, err);
    block->n_bytes = ps_le32(size) > BGZF_MOST ? PS_SIZE_UNKNOWN : ps_le32(size);
    if (block->packed_bytes <= BGZF_HEAD + EMPTY_BYTES + BGZF_TAIL)
        block->n_bytes = 0;
    return rc < 0 ? rc : 1;
}

/* *end: of the last member that is one. */
static int bgzf_list(struct ps_bytes *bytes, struct ps_block_list *list, uint64_t *end,
                     struct ps_err *err)
{
    struct ps_block block;
    int rc = 1;

    for (*end = 0; rc > 0;) {
        rc = bgzf_member(bytes, *end, &block, err);
        if (rc <= 0)
            return rc;
        *end += block.packed_bytes;
        if (block.n_bytes || block.packed_bytes > BGZF_HEAD + EMPTY_BYTES + BGZF_TAIL)
            rc = ps_block_list_add(list, &block, err) < 0 ? -err->code : 1;
    }
    return rc;
}

/* Raw deflated data: the size at the end would be compared with what is in it. */
static uint32_t inflated_bytes(uint8_t *in, uint32_t n_in, uint8_t *out, uint32_t n_most)
{
    z_stream z = {0};
    int code;

    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return PS_SIZE_UNKNOWN;
    z.next_in = in;
    z.avail_in = n_in;
    z.next_out = out;
    z.avail_out = n_most;
    code = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return code == Z_STREAM_END && !z.avail_in ? n_most - z.avail_out : PS_SIZE_UNKNOWN;
}

/* What is in a member with no other field in its header than the one extra field. */
static void measure_member(uint8_t *in, uint32_t n_in, uint8_t *out, uint32_t n_most,
                           struct ps_measured *m)
{
    const uint32_t head = 12u + ps_le16(in + 10);

    if (in[3] != FLAG_EXTRA || head > n_in - BGZF_TAIL)
        return;
    m->n_bytes = inflated_bytes(in + head, n_in - BGZF_TAIL - head, out, n_most);
    m->is_sure = m->n_bytes != PS_SIZE_UNKNOWN &&
                 crc32(0, out, (uInt)m->n_bytes) == ps_le32(in + n_in - BGZF_TAIL);
}

static int bgzf_measure(struct ps_bytes *bytes, const struct ps_block *block, uint32_t n_most,
                        struct ps_measured *measured, struct ps_err *err)
{
    uint8_t *in = malloc(block->packed_bytes);
    uint8_t *out = malloc(n_most ? n_most : 1);
    int rc = in && out ? bytes->ops->read(bytes, block->packed_off, in, block->packed_bytes, err)
                       : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    *measured = (struct ps_measured){.n_bytes = PS_SIZE_UNKNOWN};
    if (rc == 0)
        measure_member(in, block->packed_bytes, out, n_most, measured);
    free(in);
    free(out);
    return rc;
}

static int bgzf_worker_new(void *arg, void **worker, struct ps_err *err)
{
    z_stream *z = calloc(1, sizeof *z);

    (void)arg;
    if (!z || inflateInit2(z, WINDOW_BITS) != Z_OK) {
        free(z);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    }
    *worker = z;
    return 0;
}

static void bgzf_worker_free(void *arg, void *worker)
{
    (void)arg;
    inflateEnd(worker);
    free(worker);
}

static int bgzf_unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                       const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    z_stream *z = worker;
    uint8_t *from;
    int code;

    (void)arg;
    (void)number;
    inflateReset(z);
    memcpy(&from, &in, sizeof from); /* zlib's pointer is not const, its use of it is */
    z->next_in = from;
    z->avail_in = block->packed_bytes;
    z->next_out = out;
    z->avail_out = block->n_bytes;
    code = inflate(z, Z_FINISH);
    if (code == Z_STREAM_END && !z->avail_out && !z->avail_in)
        return 0;
    return bad_member(code == Z_MEM_ERROR ? code : Z_DATA_ERROR, block->packed_off, err);
}

static const struct ps_blocks_codec bgzf_codec = {
    .prefix = "",
    .worker_new = bgzf_worker_new,
    .worker_free = bgzf_worker_free,
    .unpack = bgzf_unpack,
};

/* Is there another member at 'at', of the ordinary kind? */
static int is_member(struct ps_bytes *bytes, uint64_t at)
{
    uint8_t head[BGZF_HEAD];
    struct ps_err ignored;

    return bytes->n_bytes - at >= sizeof head &&
           bytes->ops->read(bytes, at, head, sizeof head, &ignored) >= 0 &&
           gzip_probe(head, sizeof head) && !bgzf_bytes(head, sizeof head);
}

static int open_bgzf(struct ps_bytes **out, const struct ps_packed *packed,
                     const struct ps_block_list *list, uint64_t end, struct ps_err *err)
{
    struct ps_blocks_spec spec = {
        .codec = &bgzf_codec,
        .block = list->block,
        .n_blocks = list->n,
    };

    ps_rest_note(packed, &members, end);
    return ps_whole_blocks(out, packed, "gzip", &spec, err);
}

static int gzip_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct ps_block_list list = {0};
    uint64_t end = 0;
    int rc = bgzf_list(packed->bytes, &list, &end, err);
    int is_stream = rc >= 0 && (!list.n || is_member(packed->bytes, end));

    if (rc >= 0 && !is_stream) {
        rc = ps_sizes_settle(&list, packed->bytes, bgzf_measure, BGZF_MOST, &end, err);
        is_stream = rc > 0 || (rc == 0 && !list.n);
    }
    if (rc >= 0 && !is_stream) {
        rc = open_bgzf(out, packed, &list, end, err);
        if (rc >= 0)
            return rc; /* which took the list */
    } else if (rc >= 0) {
        rc = open_stream(out, packed, err);
    }
    ps_block_list_free(&list);
    return rc;
}

static const char *gzip_version(void)
{
    return zlibVersion();
}

#endif

const struct ps_packing ps_packing_gzip = {
    .name = "gzip",
    .library = "zlib",
    .probe = gzip_probe,
#if PS_WITH_ZLIB
    .open = gzip_open,
    .version = gzip_version,
#endif
};
