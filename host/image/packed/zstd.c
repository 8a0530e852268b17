#include "host/image/packed/packing.h"

#include "host/image/le.h"

#if PS_WITH_ZSTD
#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

#include "host/image/packed/input.h"
#include "host/image/packed/whole.h"
#include "host/image/packed/zstd_stream.h"
#endif

/* RFC 8878. */
#define MAGIC           0xfd2fb528u
#define SKIPPABLE       0x184d2a50u /* with any last four bits */
#define SKIPPABLE_HEAD  8u
#define SKIPPABLE_SMALL 24u

/* No memory has more: 64 TiB. */
#define MOST_BYTES ((uint64_t)64 << 40)

static int is_skippable(const uint8_t *head)
{
    return (ps_le32(head) & ~0xfu) == SKIPPABLE;
}

/* Frames to be skipped may come first, small ones: what is in them may be anybody's. */
static int zstd_probe(const uint8_t *head, size_t n_head)
{
    size_t at = 0;

    while (n_head - at >= SKIPPABLE_HEAD && is_skippable(head + at)) {
        const uint32_t n = ps_le32(head + at + 4);

        if (n > SKIPPABLE_SMALL || n > n_head - at - SKIPPABLE_HEAD)
            return 0;
        at += SKIPPABLE_HEAD + n;
    }
    return n_head - at >= 4 && ps_le32(head + at) == MAGIC;
}

#if PS_WITH_ZSTD

static int bad_frame(size_t code, uint64_t at, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, at, "zstd: %s at offset 0x%" PRIx64, ZSTD_getErrorName(code),
                   at);
}

/* The longest header: magic, descriptor, window, dictionary, content size. */
#define HEAD_MAX 18u

/* Bytes of the header of a frame; 0: n_head are too few. */
static size_t head_bytes(const uint8_t *head, size_t n_head)
{
    static const uint8_t dictionary_bytes[] = {0, 1, 2, 4};
    static const uint8_t content_bytes[] = {0, 2, 4, 8};
    const unsigned descriptor = n_head < 5 ? 0 : head[4];
    const unsigned is_single = descriptor >> 5 & 1;
    size_t n =
        5 + (is_single ? 0 : 1) + dictionary_bytes[descriptor & 3] + content_bytes[descriptor >> 6];

    if (is_single && descriptor >> 6 == 0)
        n++;
    return n_head < 5 || n > n_head ? 0 : n;
}

/* What can be seen of a frame without unpacking it. */
struct shape {
    uint8_t descriptor, window; /* the header's first two bytes */
    uint32_t n_blocks;
    int ends_empty; /* behind these is one that has no bytes */
};

/* Take the blocks of a frame whose header was taken, and its checksum. 0: they do not end. */
static int skip_frame_blocks(struct ps_input *in, int has_checksum, struct shape *shape,
                             struct ps_err *err)
{
    for (;;) {
        const uint8_t *p;
        uint32_t word;
        int rc = ps_input_peek(in, 3, err);

        if (rc < 0 || in->n - in->at < 3)
            return rc;
        p = in->buf + in->at;
        word = (uint32_t)(p[0] | p[1] << 8 | p[2] << 16);
        shape->ends_empty = word >> 1 == 0;
        shape->n_blocks += !shape->ends_empty;
        if ((word >> 1 & 3) == 3) /* reserved */
            return 0;
        /* A run of one byte has that byte. */
        if (!ps_input_skip(in, 3 + ((word >> 1 & 3) == 1 ? 1 : (uint64_t)(word >> 3))))
            return 0;
        if (word & 1)
            return ps_input_skip(in, has_checksum ? 4 : 0);
    }
}

enum frames {
    FRAMES_END,    /* of all */
    FRAMES_BROKEN, /* here */
    FRAMES_MORE,
    FRAMES_OPAQUE, /* the frame does not say how much is in it, or too much */
};

/* pzstd says before each frame, in one to be skipped, how long that is, but not how much is in it:
 * as much in each as in the first, but for the last. Such a block has this many bytes at first.
 *
 * Where what it wrote was put behind each other, a last one is in the middle. That shows: each has
 * four windows, cut into blocks of 128 KiB and an empty one at the end. */
#define UNSIZED     UINT32_MAX
#define PZSTD_MAGIC 0x184d2a50u
#define PZSTD_HEAD  4u
#define BLOCK_BYTES ((uint64_t)128 << 10) /* at most */

struct frame_list {
    size_t n_unsized;
    struct shape first, last; /* of these */
    uint32_t fewest_blocks;   /* of those between */
    int is_uneven;            /* one between is not like the first */
    uint64_t said_at;         /* where pzstd says that a frame begins */
    uint32_t said;            /* and its bytes; 0: it does not */
};

static void add_unsized(struct frame_list *l, const struct shape *shape)
{
    const struct shape *between = &l->last;

    if (l->n_unsized == 0) {
        l->first = *shape;
        l->fewest_blocks = UINT32_MAX;
    } else if (l->n_unsized > 1) {
        l->is_uneven |= between->descriptor != l->first.descriptor ||
                        between->window != l->first.window ||
                        between->ends_empty != l->first.ends_empty;
        if (between->n_blocks < l->fewest_blocks)
            l->fewest_blocks = between->n_blocks;
    }
    l->last = *shape;
    l->n_unsized++;
}

/* A block of 128 KiB of one byte is four bytes. */
#define MAX_RATIO 32768u

/* Skip a frame that is to be skipped, of which the buffer has the beginning. */
static int skip_skippable(struct frame_list *l, struct ps_input *in, struct ps_err *err)
{
    const uint8_t *head;
    int rc = ps_input_peek(in, SKIPPABLE_HEAD + PZSTD_HEAD, err);

    if (rc < 0)
        return rc;
    head = in->buf + in->at;
    l->said = 0;
    if (in->n - in->at >= SKIPPABLE_HEAD + PZSTD_HEAD && ps_le32(head) == PZSTD_MAGIC &&
        ps_le32(head + 4) == PZSTD_HEAD)
        l->said = ps_le32(head + SKIPPABLE_HEAD);
    if (!ps_input_skip(in, SKIPPABLE_HEAD + (uint64_t)ps_le32(head + 4)))
        return FRAMES_BROKEN;
    l->said_at = ps_input_off(in);
    return FRAMES_MORE;
}

/* One frame further. *block is of one with content, or has no n_bytes. */
static int next_frame(struct frame_list *l, struct ps_input *in, struct ps_block *block,
                      struct ps_err *err)
{
    const uint64_t at = ps_input_off(in);
    const uint8_t *head;
    size_t n, n_head;
    unsigned long long content;
    struct shape shape = {0};
    int rc = ps_input_peek(in, HEAD_MAX, err);

    if (rc < 0)
        return rc;
    *block = (struct ps_block){.packed_off = at};
    head = in->buf + in->at;
    n_head = in->n - in->at;
    if (!n_head)
        return FRAMES_END;
    if (n_head >= SKIPPABLE_HEAD && is_skippable(head))
        return skip_skippable(l, in, err);
    n = n_head >= 4 && ps_le32(head) == MAGIC ? head_bytes(head, n_head) : 0;
    if (!n)
        return FRAMES_BROKEN;
    content = ZSTD_getFrameContentSize(head, n_head);
    if (content == ZSTD_CONTENTSIZE_UNKNOWN && l->said && l->said_at == at)
        content = UNSIZED;
    else if (content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR ||
             content > PS_BLOCK_MAX_BYTES)
        return FRAMES_OPAQUE;
    shape.descriptor = head[4];
    shape.window = head[5];
    ps_input_skip(in, n);
    rc = skip_frame_blocks(in, shape.descriptor >> 2 & 1, &shape, err);
    if (rc <= 0)
        return rc < 0 ? rc : FRAMES_BROKEN;
    if (ps_input_off(in) - at > UINT32_MAX)
        return FRAMES_OPAQUE;
    block->packed_bytes = (uint32_t)(ps_input_off(in) - at);
    block->n_bytes = (uint32_t)content;
    if (content == UNSIZED) {
        add_unsized(l, &shape);
        return block->packed_bytes == l->said ? FRAMES_MORE : FRAMES_OPAQUE;
    }
    return ps_block_can_be(block, MAX_RATIO) ? FRAMES_MORE : FRAMES_OPAQUE;
}

/* How much is in the frame of a block? UNSIZED: it is damaged, or too much. */
static int measure(struct ps_bytes *bytes, const struct ps_block *block, uint32_t *n_bytes,
                   struct ps_err *err)
{
    uint8_t *in = malloc(block->packed_bytes);
    uint8_t *out = malloc(ZSTD_DStreamOutSize());
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in, block->packed_bytes, 0};
    uint64_t sum = 0;
    size_t code = 1;
    int rc = in && out && context
                 ? bytes->ops->read(bytes, block->packed_off, in, block->packed_bytes, err)
                 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    while (rc == 0 && code && sum <= PS_BLOCK_MAX_BYTES) {
        ZSTD_outBuffer to = {out, ZSTD_DStreamOutSize(), 0};

        code = ZSTD_decompressStream(context, &to, &from);
        if (ZSTD_isError(code) || (code && from.pos == from.size && !to.pos))
            break;
        sum += to.pos;
    }
    *n_bytes = rc == 0 && !code && sum <= PS_BLOCK_MAX_BYTES ? (uint32_t)sum : UNSIZED;
    free(in);
    free(out);
    ZSTD_freeDCtx(context);
    return rc;
}

/* Give the frames of pzstd their sizes. FRAMES_OPAQUE: they cannot be told. */
static int size_frames(struct ps_bytes *bytes, const struct frame_list *l,
                       struct ps_block_list *list, struct ps_err *err)
{
    struct ps_block *last = &list->block[list->n - 1];
    uint32_t n_first, n_last;
    int rc = measure(bytes, &list->block[0], &n_first, err);

    if (rc == 0)
        rc = measure(bytes, last, &n_last, err);
    if (rc < 0)
        return rc;
    if (!n_first || n_first == UNSIZED || n_last > n_first || l->is_uneven ||
        l->fewest_blocks * BLOCK_BYTES < n_first)
        return FRAMES_OPAQUE;
    for (size_t i = 0; i < list->n; i++) {
        list->block[i].n_bytes = &list->block[i] == last ? n_last : n_first;
        if (!ps_block_can_be(&list->block[i], MAX_RATIO))
            return FRAMES_OPAQUE;
    }
    list->n -= !n_last; /* an image of whole frames ends with an empty one */
    return FRAMES_END;
}

/* *end: of the last frame that is one. */
static int list_frames(struct ps_bytes *bytes, struct ps_block_list *list, uint64_t *end,
                       struct ps_err *err)
{
    struct frame_list l = {0};
    struct ps_block block;
    struct ps_input in;
    int rc = ps_input_init(&in, bytes, 0, err);

    for (rc = rc < 0 ? rc : FRAMES_MORE; rc == FRAMES_MORE;) {
        *end = ps_input_off(&in);
        rc = next_frame(&l, &in, &block, err);
        if (rc == FRAMES_MORE && block.n_bytes && ps_block_list_add(list, &block, err) < 0)
            rc = -err->code;
    }
    ps_input_fini(&in);
    if (rc < 0 || !l.n_unsized)
        return rc;
    /* A file that is cut short has a last frame of any size: the one that is not there. */
    return rc == FRAMES_END && l.n_unsized == list->n ? size_frames(bytes, &l, list, err)
                                                      : FRAMES_OPAQUE;
}

/* The table that the seekable format has in a last frame, which is skipped by those who do not
 * know it: of each frame the bytes packed and unpacked, and perhaps a checksum. */
#define TABLE_MAGIC 0x8f92eab1u
#define TABLE_FRAME 0x184d2a5eu
#define TABLE_TAIL  9u

struct table {
    uint64_t at; /* of the first entry */
    uint32_t n_entries;
    uint32_t entry_bytes;
};

/* 0: there is none. */
static int find_table(struct ps_bytes *bytes, struct table *t, struct ps_err *err)
{
    uint8_t tail[TABLE_TAIL], head[SKIPPABLE_HEAD];
    uint64_t n;
    int rc;

    if (bytes->n_bytes < TABLE_TAIL + SKIPPABLE_HEAD)
        return 0;
    rc = bytes->ops->read(bytes, bytes->n_bytes - TABLE_TAIL, tail, sizeof tail, err);
    if (rc < 0 || ps_le32(tail + 5) != TABLE_MAGIC)
        return rc < 0 ? rc : 0;
    t->n_entries = ps_le32(tail);
    t->entry_bytes = tail[4] & 0x80 ? 12 : 8;
    n = (uint64_t)t->n_entries * t->entry_bytes + TABLE_TAIL;
    if (n > UINT32_MAX || n > bytes->n_bytes - SKIPPABLE_HEAD)
        return 0;
    t->at = bytes->n_bytes - n;
    rc = bytes->ops->read(bytes, t->at - SKIPPABLE_HEAD, head, sizeof head, err);
    return rc < 0 ? rc : ps_le32(head) == TABLE_FRAME && ps_le32(head + 4) == n;
}

/* 1: the frames as the table has them, if they fill the file; 0: they do not. */
static int list_table(struct ps_bytes *bytes, const struct table *t, struct ps_block_list *list,
                      struct ps_err *err)
{
    uint64_t at = 0;
    struct ps_input in;
    int rc = ps_input_init(&in, bytes, t->at, err);

    for (uint32_t i = 0; rc >= 0 && i < t->n_entries; i++) {
        struct ps_block block = {.packed_off = at};

        rc = ps_input_peek(&in, t->entry_bytes, err);
        if (rc < 0)
            break;
        block.packed_bytes = ps_le32(in.buf + in.at);
        block.n_bytes = ps_le32(in.buf + in.at + 4);
        in.at += t->entry_bytes;
        at += block.packed_bytes;
        if (block.n_bytes > PS_BLOCK_MAX_BYTES || !ps_block_can_be(&block, MAX_RATIO) ||
            (block.n_bytes && !block.packed_bytes))
            at = UINT64_MAX / 2;
        else if (block.n_bytes)
            rc = ps_block_list_add(list, &block, err);
    }
    ps_input_fini(&in);
    return rc < 0 ? rc : at == t->at - SKIPPABLE_HEAD;
}

static int zstd_worker_new(void *arg, void **worker, struct ps_err *err)
{
    (void)arg;
    *worker = ZSTD_createDCtx();
    return *worker ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static void zstd_worker_free(void *arg, void *worker)
{
    (void)arg;
    ZSTD_freeDCtx(worker);
}

static int zstd_unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                       const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    const size_t n = ZSTD_decompressDCtx(worker, out, block->n_bytes, in, block->packed_bytes);

    (void)arg;
    (void)number;
    if (ZSTD_isError(n))
        return bad_frame(n, block->packed_off, err);
    if (n != block->n_bytes)
        return ps_fail(err, PS_EFORMAT, block->packed_off,
                       "zstd: the frame at offset 0x%" PRIx64 " has %zu bytes and says %" PRIu32,
                       block->packed_off, n, block->n_bytes);
    return 0;
}

static const struct ps_blocks_codec zstd_codec = {
    .prefix = "",
    .worker_new = zstd_worker_new,
    .worker_free = zstd_worker_free,
    .unpack = zstd_unpack,
};

/* 'end': behind the last frame of the list. */
static int open_blocks(struct ps_bytes **out, const struct ps_packed *packed,
                       const struct ps_block_list *list, uint64_t end, struct ps_err *err)
{
    const uint64_t n_packed = packed->bytes->n_bytes;
    struct ps_blocks_spec spec = {
        .codec = &zstd_codec,
        .block = list->block,
        .n_blocks = list->n,
    };
    const int rc = ps_whole_blocks(out, packed, "zstd", &spec, err);

    if (rc >= 0 && end < n_packed)
        ps_notes_add(packed->notes, PS_NOTE_LOSS,
                     "zstd: no whole frame at offset 0x%" PRIx64 ": the last %" PRIu64
                     " of %" PRIu64 " packed bytes are lost; the file is cut short or damaged",
                     end, n_packed - end, n_packed);
    return rc;
}

/* Can the file be read as blocks? *end is then where they end. */
static int list_blocks(struct ps_bytes *bytes, struct ps_block_list *list, uint64_t *end,
                       struct ps_err *err)
{
    struct table table;
    int rc = find_table(bytes, &table, err);

    if (rc > 0)
        rc = list_table(bytes, &table, list, err);
    if (rc > 0) {
        *end = bytes->n_bytes;
        return list->n > 1;
    }
    list->n = 0;
    if (rc == 0)
        rc = list_frames(bytes, list, end, err);
    return rc < 0 ? rc : rc != FRAMES_OPAQUE && list->n > 1;
}

static int zstd_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct ps_block_list list = {0};
    uint64_t end = 0;
    int rc = list_blocks(packed->bytes, &list, &end, err);

    if (rc > 0) {
        rc = open_blocks(out, packed, &list, end, err);
        if (rc >= 0)
            return rc; /* which took the list */
    } else if (rc == 0) {
        rc = ps_zstd_stream_open(out, packed, err);
    }
    ps_block_list_free(&list);
    return rc;
}

static const char *zstd_version(void)
{
    return ZSTD_versionString();
}

#endif

const struct ps_packing ps_packing_zstd = {
    .name = "zstd",
    .library = "libzstd",
    .probe = zstd_probe,
#if PS_WITH_ZSTD
    .open = zstd_open,
    .version = zstd_version,
#endif
};
