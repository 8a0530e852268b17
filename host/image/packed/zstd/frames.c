#include "host/image/packed/zstd/frames.h"

#if PS_WITH_ZSTD
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "host/image/grow.h"
#include "host/image/packed/input.h"
#include "host/image/packed/sizes.h"

#define BLOCK_BYTES ((uint64_t)128 << 10) /* at most, in each block of a frame */
#define MAX_RATIO   32768u                /* such a block of one byte is four bytes */

int ps_zstd_bad_frame(size_t code, uint64_t at, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, at, "zstd: %s at offset 0x%" PRIx64, ZSTD_getErrorName(code),
                   at);
}

static unsigned differ(const uint8_t *head)
{
    const unsigned same =
        (unsigned)(head[0] == 0x28) + (head[1] == 0xb5) + (head[2] == 0x2f) + (head[3] == 0xfd);
    const unsigned skipped =
        (unsigned)(head[0] >> 4 == 5) + (head[1] == 0x2a) + (head[2] == 0x4d) + (head[3] == 0x18);

    return 4 - (same > skipped ? same : skipped);
}

const struct ps_parts ps_zstd_parts = {"zstd", "frame", differ};

static int is_single(unsigned descriptor)
{
    return descriptor >> 5 & 1;
}

static size_t dictionary_bytes(unsigned descriptor)
{
    static const uint8_t n_bytes[] = {0, 1, 2, 4};

    return n_bytes[descriptor & 3];
}

static size_t content_bytes(unsigned descriptor)
{
    static const uint8_t n_bytes[] = {0, 2, 4, 8};

    return is_single(descriptor) && descriptor >> 6 == 0 ? 1 : n_bytes[descriptor >> 6];
}

/* Bytes of the header of a frame; 0: n_head are too few. */
static size_t head_bytes(const uint8_t *head, size_t n_head)
{
    const unsigned descriptor = n_head < 5 ? 0 : head[4];
    const size_t n = 5 + (is_single(descriptor) ? 0 : 1) + dictionary_bytes(descriptor) +
                     content_bytes(descriptor);

    return n_head < 5 || n > n_head ? 0 : n;
}

/* What can be seen of a frame without unpacking it. */
struct shape {
    uint8_t descriptor, window; /* the header's first two bytes */
    uint32_t n_blocks;
    int ends_empty; /* behind these is one that has no bytes */
    int is_long;    /* it goes on behind where it was to end */
};

/* Take the blocks of a frame whose header was taken, and its checksum. 0: they do not end, or not
 * before 'limit'. */
static int skip_frame_blocks(struct ps_input *in, int has_checksum, uint64_t limit,
                             struct shape *shape, struct ps_err *err)
{
    for (;;) {
        const uint8_t *p;
        uint32_t word;
        int rc = ps_input_peek(in, 3, err);

        if (rc < 0 || in->n - in->at < 3)
            return rc;
        shape->is_long = ps_input_off(in) > limit;
        if (shape->is_long)
            return 0;
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
    FRAMES_OPAQUE, /* they cannot be unpacked each by itself */
};

/* pzstd says before each frame, in one to be skipped, how long that is, but not how much is in it:
 * as much in each as in the first, but for the last. Such a frame is unsized.
 *
 * Where what it wrote was put behind each other, a last one is in the middle. That shows: each has
 * four windows, cut into blocks of 128 KiB and an empty one at the end. */
#define PZSTD_MAGIC 0x184d2a50u
#define PZSTD_HEAD  4u

struct frame_list {
    struct ps_block_list *blocks;
    struct shape *shape; /* of those that are unsized */
    size_t n_unsized, cap;
    uint64_t said_at; /* where pzstd says that a frame begins */
    uint32_t said;    /* and its bytes; 0: it does not */
};

/* Skip a frame that is to be skipped, of which the buffer has the beginning. */
static int skip_skippable(struct frame_list *l, struct ps_input *in, struct ps_err *err)
{
    const uint8_t *head;
    int rc = ps_input_peek(in, PS_ZSTD_SKIPPABLE_HEAD + PZSTD_HEAD, err);

    if (rc < 0)
        return rc;
    head = in->buf + in->at;
    l->said = 0;
    if (in->n - in->at >= PS_ZSTD_SKIPPABLE_HEAD + PZSTD_HEAD && ps_le32(head) == PZSTD_MAGIC &&
        ps_le32(head + 4) == PZSTD_HEAD)
        l->said = ps_le32(head + PS_ZSTD_SKIPPABLE_HEAD);
    if (!ps_input_skip(in, PS_ZSTD_SKIPPABLE_HEAD + (uint64_t)ps_le32(head + 4)))
        return FRAMES_BROKEN;
    l->said_at = ps_input_off(in);
    return FRAMES_MORE;
}

static int add_unsized(struct frame_list *l, const struct shape *shape,
                       const struct ps_block *block, struct ps_err *err)
{
    struct shape *grown = ps_grow(l->shape, l->n_unsized, &l->cap, sizeof *grown, err);

    if (!grown)
        return -PS_ENOMEM;
    l->shape = grown;
    l->shape[l->n_unsized++] = *shape;
    if (ps_block_list_add(l->blocks, block, err) < 0)
        return -PS_ENOMEM;
    return block->packed_bytes == l->said ? FRAMES_MORE : FRAMES_OPAQUE;
}

/* A frame whose blocks are all empty is empty, whatever its header says. */
static int add_sized(struct frame_list *l, const struct shape *shape, struct ps_block *block,
                     struct ps_err *err)
{
    if (!shape->n_blocks)
        return FRAMES_MORE;
    if (block->n_bytes > shape->n_blocks * BLOCK_BYTES || !ps_block_can_be(block, MAX_RATIO))
        block->n_bytes = PS_SIZE_UNKNOWN;
    return ps_block_list_add(l->blocks, block, err) < 0 ? -PS_ENOMEM : FRAMES_MORE;
}

/* One that says it has more than a block may, and does not end before this, may well be right. */
#define HUGE_PACKED ((uint64_t)8 << 20)

/* A frame, whose header the buffer has. */
static int take_frame(struct frame_list *l, struct ps_input *in, struct ps_err *err)
{
    const uint64_t at = ps_input_off(in);
    const uint8_t *head = in->buf + in->at;
    const size_t n = head_bytes(head, in->n - in->at);
    const unsigned long long content = ZSTD_getFrameContentSize(head, in->n - in->at);
    const int is_announced = l->said && l->said_at == at;
    struct ps_block block = {.packed_off = at, .n_bytes = PS_SIZE_UNKNOWN};
    struct shape shape = {0};
    int rc;

    if (!n)
        return FRAMES_BROKEN;
    if (content == ZSTD_CONTENTSIZE_UNKNOWN && !is_announced)
        return FRAMES_OPAQUE;
    if (content <= PS_BLOCK_MAX_BYTES)
        block.n_bytes = (uint32_t)content;
    shape.descriptor = head[4];
    shape.window = head[5];
    ps_input_skip(in, n);
    rc = skip_frame_blocks(in, shape.descriptor >> 2 & 1,
                           is_announced || block.n_bytes != PS_SIZE_UNKNOWN ? UINT64_MAX
                                                                            : at + HUGE_PACKED,
                           &shape, err);
    if (shape.is_long)
        return FRAMES_OPAQUE;
    if (rc <= 0)
        return rc < 0 ? rc : FRAMES_BROKEN;
    if (ps_input_off(in) - at > UINT32_MAX)
        return FRAMES_OPAQUE;
    block.packed_bytes = (uint32_t)(ps_input_off(in) - at);
    /* One that says its size behind others that do not has a damaged header. */
    if (is_announced && (content == ZSTD_CONTENTSIZE_UNKNOWN || l->n_unsized))
        return add_unsized(l, &shape, &block, err);
    return add_sized(l, &shape, &block, err);
}

/* One frame further. */
static int next_frame(struct frame_list *l, struct ps_input *in, struct ps_err *err)
{
    const uint8_t *head;
    size_t n_head;
    int rc = ps_input_peek(in, PS_ZSTD_HEAD_MAX, err);

    if (rc < 0)
        return rc;
    head = in->buf + in->at;
    n_head = in->n - in->at;
    if (!n_head)
        return FRAMES_END;
    if (n_head >= PS_ZSTD_SKIPPABLE_HEAD && ps_zstd_is_skippable(head))
        return skip_skippable(l, in, err);
    return n_head >= 4 && ps_le32(head) == PS_ZSTD_MAGIC ? take_frame(l, in, err) : FRAMES_BROKEN;
}

#define WINDOW_MIN 17u /* the logarithm: a block */
#define WINDOW_MAX 28u /* PS_BLOCK_MAX_BYTES */

/* Make of the header of a frame that says how much is in it one that does not, so that it is
 * unpacked whatever that is. Where the new one begins. */
static size_t forget_content(uint8_t *in, size_t n_in, uint32_t n_most)
{
    const unsigned descriptor = n_in < 5 ? 0 : in[4];
    const size_t n_dictionary = dictionary_bytes(descriptor);
    const size_t n_head = head_bytes(in, n_in);
    unsigned window = WINDOW_MIN;
    uint8_t *head;

    if (!content_bytes(descriptor) || !n_head)
        return 0;
    while (window < WINDOW_MAX && (uint32_t)1 << window < n_most)
        window++;
    memmove(in + n_head - n_dictionary, in + (is_single(descriptor) ? 5 : 6), n_dictionary);
    head = in + n_head - n_dictionary - 6;
    memmove(head, in, 4);
    head[4] = descriptor & 7; /* the checksum and the dictionary */
    head[5] = (uint8_t)((window - 10) << 3);
    return (size_t)(head - in);
}

/* The most that a frame can unpack to, by its blocks, if that is less than n_most. */
static uint32_t possible_bytes(const uint8_t *in, size_t n_in, uint32_t n_most)
{
    size_t at = head_bytes(in, n_in);
    uint64_t sum = 0;

    while (at && n_in - at >= 3 && sum < n_most) {
        const uint32_t word = (uint32_t)(in[at] | in[at + 1] << 8 | in[at + 2] << 16);
        const unsigned type = word >> 1 & 3;
        const uint32_t n = type == 1 ? 1 : word >> 3;

        sum += type == 2 ? BLOCK_BYTES : word >> 3;
        at += 3;
        if (word & 1 || n > n_in - at)
            break;
        at += n;
    }
    return sum < n_most ? (uint32_t)sum : n_most;
}

/* Bytes that the frame unpacks to; PS_SIZE_UNKNOWN: it is damaged, or has more than n_most. */
static uint32_t unpacked_bytes(ZSTD_DCtx *context, ZSTD_inBuffer *from, uint8_t *out, size_t n_out,
                               uint32_t n_most)
{
    uint64_t sum = 0;
    size_t code = 1;

    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_MAX);
    while (code && sum <= n_most) {
        ZSTD_outBuffer to = {out, n_out, 0};

        code = ZSTD_decompressStream(context, &to, from);
        if (ZSTD_isError(code) || (code && from->pos == from->size && !to.pos))
            return PS_SIZE_UNKNOWN;
        sum += to.pos;
    }
    return !code && sum <= n_most && from->pos == from->size ? (uint32_t)sum : PS_SIZE_UNKNOWN;
}

static int measure(struct ps_bytes *bytes, const struct ps_block *block, uint32_t n_most,
                   struct ps_measured *measured, struct ps_err *err)
{
    const size_t n_out = ZSTD_DStreamOutSize();
    uint8_t *in = malloc(block->packed_bytes);
    uint8_t *out = malloc(n_out);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in, block->packed_bytes, 0};
    int rc = in && out && context
                 ? bytes->ops->read(bytes, block->packed_off, in, block->packed_bytes, err)
                 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    *measured = (struct ps_measured){.n_bytes = PS_SIZE_UNKNOWN};
    if (rc == 0) {
        measured->is_sure = block->packed_bytes > 4 && (in[4] >> 2 & 1);
        n_most = possible_bytes(in, block->packed_bytes, n_most);
        from.pos = forget_content(in, block->packed_bytes, n_most);
        measured->n_bytes = unpacked_bytes(context, &from, out, n_out, n_most);
    }
    free(in);
    free(out);
    ZSTD_freeDCtx(context);
    return rc;
}

/* Frames of pzstd that are measured at most, but for the first and the last one; of these, so many
 * are looked at for one that is not damaged. */
#define MOST_ODD 16u
#define MOST_REF 3u

/* The frame that the others are compared with, and its size. FRAMES_OPAQUE: there is none. */
static int find_whole(struct ps_bytes *bytes, const struct ps_block_list *list, size_t *number,
                      uint32_t *n_whole, struct ps_err *err)
{
    for (*number = 0; *number < MOST_REF && *number + 1 < list->n; ++*number) {
        struct ps_measured m;
        int rc = measure(bytes, &list->block[*number], PS_BLOCK_MAX_BYTES, &m, err);

        if (rc < 0)
            return rc;
        *n_whole = m.n_bytes;
        if (m.n_bytes != PS_SIZE_UNKNOWN)
            return m.n_bytes ? FRAMES_END : FRAMES_OPAQUE;
    }
    return FRAMES_OPAQUE;
}

static int is_odd(const struct shape *shape, const struct shape *whole, uint32_t n_whole)
{
    return shape->descriptor != whole->descriptor || shape->window != whole->window ||
           shape->ends_empty != whole->ends_empty || shape->n_blocks * BLOCK_BYTES < n_whole;
}

/* Look at all between the first and the last one: are they as large as *whole? A damaged one of
 * which that cannot be told ends the list. */
static int check_between(struct ps_bytes *bytes, const struct frame_list *l,
                         const struct shape *whole, uint32_t n_whole, uint64_t *end,
                         struct ps_err *err)
{
    struct ps_block_list *list = l->blocks;
    size_t n_odd = 0;

    for (size_t i = 0; i + 1 < list->n; i++) {
        struct ps_measured m;
        int rc;

        if (!is_odd(&l->shape[i], whole, n_whole))
            continue;
        rc = ++n_odd > MOST_ODD ? FRAMES_OPAQUE
                                : measure(bytes, &list->block[i], PS_BLOCK_MAX_BYTES, &m, err);
        if (rc != 0)
            return rc;
        if (m.n_bytes == PS_SIZE_UNKNOWN) {
            *end = list->block[i].packed_off;
            list->n = i;
        } else if (m.n_bytes != n_whole) {
            return FRAMES_OPAQUE;
        }
    }
    return FRAMES_END;
}

/* Give the frames of pzstd their sizes. FRAMES_OPAQUE: they cannot be told. */
static int size_unsized(struct ps_bytes *bytes, const struct frame_list *l, uint64_t *end,
                        struct ps_err *err)
{
    struct ps_block_list *list = l->blocks;
    const size_t n_listed = list->n;
    struct ps_measured last;
    uint32_t n_whole;
    size_t whole;
    int rc = find_whole(bytes, list, &whole, &n_whole, err);

    if (rc == FRAMES_END)
        rc = measure(bytes, &list->block[list->n - 1], PS_BLOCK_MAX_BYTES, &last, err);
    if (rc == FRAMES_END)
        rc = check_between(bytes, l, &l->shape[whole], n_whole, end, err);
    if (rc != FRAMES_END)
        return rc;
    /* A damaged last one may have any size: nothing follows it. */
    if (list->n < n_listed || last.n_bytes == PS_SIZE_UNKNOWN)
        last.n_bytes = n_whole;
    if (last.n_bytes > n_whole)
        return FRAMES_OPAQUE;
    for (size_t i = 0; i < list->n; i++) {
        list->block[i].n_bytes = i + 1 < list->n ? n_whole : last.n_bytes;
        if (!ps_block_can_be(&list->block[i], MAX_RATIO))
            return FRAMES_OPAQUE;
    }
    list->n -= list->n && !last.n_bytes; /* an image of whole frames ends with an empty one */
    return FRAMES_END;
}

/* *end: of the last frame that is one, and can be placed. */
static int list_frames(struct ps_bytes *bytes, struct frame_list *l, uint64_t *end,
                       struct ps_err *err)
{
    struct ps_input in;
    int rc = ps_input_init(&in, bytes, 0, err);

    for (rc = rc < 0 ? rc : FRAMES_MORE; rc == FRAMES_MORE;) {
        *end = ps_input_off(&in);
        rc = next_frame(l, &in, err);
    }
    ps_input_fini(&in);
    if (rc < 0 || rc == FRAMES_OPAQUE)
        return rc;
    if (l->n_unsized)
        return l->n_unsized == l->blocks->n ? size_unsized(bytes, l, end, err) : FRAMES_OPAQUE;
    rc = ps_sizes_settle(l->blocks, bytes, measure, PS_BLOCK_MAX_BYTES, end, err);
    return rc > 0 ? FRAMES_OPAQUE : rc;
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
    uint8_t tail[TABLE_TAIL], head[PS_ZSTD_SKIPPABLE_HEAD];
    uint64_t n;
    int rc;

    if (bytes->n_bytes < TABLE_TAIL + PS_ZSTD_SKIPPABLE_HEAD)
        return 0;
    rc = bytes->ops->read(bytes, bytes->n_bytes - TABLE_TAIL, tail, sizeof tail, err);
    if (rc < 0 || ps_le32(tail + 5) != TABLE_MAGIC)
        return rc < 0 ? rc : 0;
    t->n_entries = ps_le32(tail);
    t->entry_bytes = tail[4] & 0x80 ? 12 : 8;
    n = (uint64_t)t->n_entries * t->entry_bytes + TABLE_TAIL;
    if (n > UINT32_MAX || n > bytes->n_bytes - PS_ZSTD_SKIPPABLE_HEAD)
        return 0;
    t->at = bytes->n_bytes - n;
    rc = bytes->ops->read(bytes, t->at - PS_ZSTD_SKIPPABLE_HEAD, head, sizeof head, err);
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
        if (block.n_bytes && !block.packed_bytes)
            at = UINT64_MAX / 2;
        if (block.n_bytes > PS_BLOCK_MAX_BYTES || !ps_block_can_be(&block, MAX_RATIO))
            block.n_bytes = PS_SIZE_UNKNOWN;
        if (block.packed_bytes)
            rc = ps_block_list_add(list, &block, err);
    }
    ps_input_fini(&in);
    return rc < 0 ? rc : at == t->at - PS_ZSTD_SKIPPABLE_HEAD;
}

int ps_zstd_list(struct ps_bytes *bytes, struct ps_block_list *list, uint64_t *end,
                 struct ps_err *err)
{
    struct frame_list l = {.blocks = list};
    struct table table;
    int rc = find_table(bytes, &table, err);

    if (rc > 0)
        rc = list_table(bytes, &table, list, err);
    if (rc > 0) {
        *end = bytes->n_bytes;
        rc = ps_sizes_settle(list, bytes, measure, PS_BLOCK_MAX_BYTES, end, err);
        return rc < 0 ? rc : rc == 0 && list->n > 1;
    }
    list->n = 0;
    if (rc == 0)
        rc = list_frames(bytes, &l, end, err);
    free(l.shape);
    return rc < 0 ? rc : rc != FRAMES_OPAQUE && list->n > 1;
}

#endif
