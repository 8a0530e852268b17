#include "host/image/packed/packing.h"

#include "host/image/le.h"

#if PS_WITH_LZ4
#include <inttypes.h>
#include <lz4.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "host/image/packed/input.h"
#include "host/image/packed/whole.h"
#endif

/* The LZ4 frame format 1.6.2, and the one before it. */
#define MAGIC          0x184d2204u
#define MAGIC_LEGACY   0x184c2102u
#define SKIPPABLE      0x184d2a50u /* with any last four bits */
#define SKIPPABLE_HEAD 8u

static int lz4_probe(const uint8_t *head, size_t n_head)
{
    if (n_head < 11)
        return 0;
    /* Version 1 and no reserved bit, or the size of the first block. */
    if (ps_le32(head) == MAGIC)
        return (head[4] & 0xc2) == 0x40 && (head[5] & 0x8f) == 0;
    return ps_le32(head) == MAGIC_LEGACY && ps_le32(head + 4) > 0 &&
           ps_le32(head + 4) < (uint32_t)9 << 20;
}

#if PS_WITH_LZ4

#define LEGACY_BYTES ((uint32_t)8 << 20) /* of each block but the last */
#define STORED       0x80000000u         /* in the size of a block: not compressed */

static int cut_short(uint64_t at, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, at,
                   "lz4: the file ends too early, it is cut short at offset 0x%" PRIx64, at);
}

static int bad_block(uint64_t at, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, at, "lz4: damaged data at offset 0x%" PRIx64, at);
}

/* Of a frame, of one of the kind before it, and of one to be skipped. */
static unsigned differ(const uint8_t *head)
{
    static const uint8_t magic[][4] = {
        {0x04, 0x22, 0x4d, 0x18}, {0x02, 0x21, 0x4c, 0x18}, {0x50, 0x2a, 0x4d, 0x18}};
    unsigned least = 4;

    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++) {
        const uint8_t first = i == 2 ? head[0] & 0xf0 : head[0];
        const unsigned n = (unsigned)(first != magic[i][0]) + (head[1] != magic[i][1]) +
                           (head[2] != magic[i][2]) + (head[3] != magic[i][3]);

        least = n < least ? n : least;
    }
    return least;
}

static const struct ps_parts frames = {"lz4", "frame", differ};

/* Frames that can only be read one after the other. */
struct lz4_stream {
    struct ps_input in;
    LZ4F_dctx *context;
    int is_within; /* a frame */
    int is_ended;
};

/* Padding behind the last frame, or whatever else it is, is no part of it. */
static int is_frame_next(struct lz4_stream *s, struct ps_err *err)
{
    const int rc = ps_input_peek(&s->in, 4, err);
    const uint8_t *at = s->in.buf + s->in.at;

    if (rc < 0)
        return rc;
    return s->in.n - s->in.at >= 4 && (ps_le32(at) == MAGIC || (ps_le32(at) & ~0xfu) == SKIPPABLE);
}

static int decompress(struct lz4_stream *s, uint8_t *out, size_t n_bytes, size_t *n,
                      struct ps_err *err)
{
    size_t n_out = n_bytes - *n;
    size_t n_in;
    size_t code;
    int rc = ps_input_fill(&s->in, err);

    if (rc < 0)
        return rc;
    n_in = s->in.n - s->in.at;
    code = LZ4F_decompress(s->context, out + *n, &n_out, s->in.buf + s->in.at, &n_in, NULL);
    if (LZ4F_isError(code))
        return ps_fail(err, PS_EFORMAT, ps_input_off(&s->in), "lz4: %s at offset 0x%" PRIx64,
                       LZ4F_getErrorName(code), ps_input_off(&s->in));
    if (code && !n_in && !n_out)
        return cut_short(ps_input_off(&s->in), err);
    s->in.at += n_in;
    *n += n_out;
    s->is_within = code != 0;
    return 0;
}

static int lz4_next(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct lz4_stream *s = arg;
    int rc = 0;

    *n = 0;
    while (rc == 0 && *n < n_bytes && !s->is_ended) {
        if (!s->is_within) {
            rc = is_frame_next(s, err);
            s->is_ended = rc == 0;
            rc = rc > 0 ? 0 : rc;
        }
        if (!s->is_ended)
            rc = decompress(s, out, n_bytes, n, err);
    }
    return rc;
}

static uint64_t lz4_end(const void *arg)
{
    const struct lz4_stream *s = arg;

    return s->is_ended ? ps_input_off(&s->in) : UINT64_MAX;
}

static int open_stream(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct lz4_stream s = {.context = NULL};
    const struct ps_unpack_stream stream = {
        .name = "lz4",
        .n_packed = packed->bytes->n_bytes,
        .arg = &s,
        .next = lz4_next,
    };
    int rc = ps_input_init(&s.in, packed->bytes, 0, err);

    if (rc >= 0 && LZ4F_isError(LZ4F_createDecompressionContext(&s.context, LZ4F_VERSION)))
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    if (rc >= 0)
        rc = ps_whole_stream(out, packed, &stream, &(struct ps_stream_end){&frames, lz4_end}, err);
    ps_input_fini(&s.in);
    LZ4F_freeDecompressionContext(s.context);
    return rc;
}

/* Blocks of all frames. A block is in the list with the four bytes of its size before it and its
 * checksum behind it. */
struct lz4_list {
    struct ps_block_list blocks;
    struct ps_input in;
    uint64_t end;  /* behind the last whole block, or the last whole frame */
    int is_broken; /* there: not all frames end as they should */
    int is_rest;   /* ... or all do, and what follows is none */
    int is_opaque; /* a frame's blocks cannot be unpacked by themselves */
    int is_unsure; /* the last frame does not say how much is in it: nothing may follow it */
    int is_lost;   /* ... nor can that be found */
};

/* What a frame's header says. */
struct lz4_frame {
    uint32_t block_bytes; /* of each block but the last */
    int is_legacy;
    int has_block_checksum, has_checksum;
    uint64_t content; /* 0: it does not say */
};

/* The header ends with the second byte of the hash of what is between it and the magic. */
static int is_header(const uint8_t *head, size_t n_head)
{
    return (XXH32(head + 4, n_head - 5, 0) >> 8 & 0xff) == head[n_head - 1];
}

/* Take the header of a frame at l->in. 1: it is one; 0: it is none. */
static int take_header(struct lz4_list *l, struct lz4_frame *f, struct ps_err *err)
{
    int rc = ps_input_peek(&l->in, 19, err);
    const uint8_t *p = l->in.buf + l->in.at;
    const size_t n = l->in.n - l->in.at;
    size_t n_head = 7;

    *f = (struct lz4_frame){0};
    if (rc < 0 || n < 4)
        return rc;
    if (ps_le32(p) == MAGIC_LEGACY) {
        f->is_legacy = 1;
        f->block_bytes = LEGACY_BYTES;
        return ps_input_skip(&l->in, 4);
    }
    if (ps_le32(p) != MAGIC || n < 7 || !(p[5] >> 4 & 4))
        return 0;
    n_head += (p[4] >> 3 & 1 ? 8 : 0) + (p[4] & 1 ? 4 : 0);
    if (n < n_head || !is_header(p, n_head))
        return 0;
    f->block_bytes = (uint32_t)1 << (8 + 2 * (p[5] >> 4 & 7));
    f->has_block_checksum = p[4] >> 4 & 1;
    f->has_checksum = p[4] >> 2 & 1;
    f->content = p[4] >> 3 & 1 ? ps_le64(p + 6) : 0;
    l->is_opaque |= !(p[4] >> 5 & 1) || (p[4] & 1);
    return ps_input_skip(&l->in, n_head);
}

static int is_magic(uint32_t word)
{
    return word == MAGIC || word == MAGIC_LEGACY || (word & ~0xfu) == SKIPPABLE;
}

/* The four bytes that come next, zeros behind the end. */
static uint32_t next_word(const struct ps_input *in)
{
    const size_t n = in->n - in->at;
    uint8_t word[4] = {0};

    memcpy(word, in->buf + in->at, n < 4 ? n : 4);
    return ps_le32(word);
}

/* Take one block of a frame. 1: there was one; 0: the frame ends here, or l->is_broken. */
static int take_block(struct lz4_list *l, const struct lz4_frame *f, struct ps_err *err)
{
    const uint64_t at = ps_input_off(&l->in);
    struct ps_block block = {.packed_off = at, .n_bytes = f->block_bytes};
    int rc = ps_input_peek(&l->in, 4, err);
    uint32_t word, n;

    if (rc < 0)
        return rc;
    word = next_word(&l->in);
    if (f->is_legacy && (!word || is_magic(word))) /* or padding */
        return 0;
    l->is_broken = l->in.n - l->in.at < 4;
    if (l->is_broken)
        return 0;
    if (!f->is_legacy && !word) {
        l->is_broken = !ps_input_skip(&l->in, f->has_checksum ? 8 : 4);
        return 0;
    }
    n = f->is_legacy ? word : word & ~STORED;
    l->is_broken = !n || n > LZ4_COMPRESSBOUND(LEGACY_BYTES) ||
                   (!f->is_legacy && n > f->block_bytes) ||
                   !ps_input_skip(&l->in, 4 + (uint64_t)n + (f->has_block_checksum ? 4 : 0));
    if (l->is_broken)
        return 0;
    block.packed_bytes = (uint32_t)(ps_input_off(&l->in) - at);
    /* What is behind a frame whose last block may have any size cannot be placed. A stream has no
     * frames of the old kind. */
    l->is_broken = l->is_lost;
    l->is_opaque |= l->is_unsure && !f->is_legacy;
    if (l->is_broken || l->is_opaque)
        return 0;
    l->end = at + block.packed_bytes;
    rc = ps_block_list_add(&l->blocks, &block, err);
    return rc < 0 ? rc : 1;
}

/* Unpack a block to at most n_bytes. How many there were; negative: it is damaged. What is behind
 * the bytes that it says is its checksum. */
static int unpack_bytes(const uint8_t *in, uint32_t n_in, uint8_t *out, uint32_t n_bytes)
{
    const uint32_t word = ps_le32(in);
    const uint32_t n = word & ~STORED;

    if (n > n_in - 4 || (n_in - 4 - n >= 4 && XXH32(in + 4, n, 0) != ps_le32(in + 4 + n)))
        return -1;
    if (!(word & STORED))
        return LZ4_decompress_safe((const char *)in + 4, (char *)out, (int)n, (int)n_bytes);
    if (n > n_bytes)
        return -1;
    memcpy(out, in + 4, n);
    return (int)n;
}

/* How much is in this block? Found by unpacking it: 0 if that fails. */
static int measure(struct ps_bytes *bytes, const struct ps_block *block, uint32_t *n_bytes,
                   struct ps_err *err)
{
    uint8_t *in = malloc(block->packed_bytes);
    uint8_t *out = malloc(block->n_bytes);
    int rc, n;

    *n_bytes = 0;
    if (!in || !out) {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    } else {
        rc = bytes->ops->read(bytes, block->packed_off, in, block->packed_bytes, err);
        n = rc < 0 ? 0 : unpack_bytes(in, block->packed_bytes, out, block->n_bytes);
        *n_bytes = n > 0 ? (uint32_t)n : 0;
    }
    free(in);
    free(out);
    return rc;
}

/* A byte of a length of a match says 255. */
#define MAX_RATIO 255u

/* The last block of a frame that does not say how much is in it: found by unpacking it. Without a
 * checksum, data that are damaged may unpack to any size, and what says how long they are has none
 * in any case. Frames of the old kind never say it, and cannot be read as a stream either. */
static int size_last(struct lz4_list *l, const struct lz4_frame *f, struct ps_err *err)
{
    struct ps_block *last = &l->blocks.block[l->blocks.n - 1];
    uint32_t n;
    int rc = measure(l->in.bytes, last, &n, err);

    if (n) /* else it is damaged: who reads it will be told */
        last->n_bytes = n;
    l->is_opaque |= !ps_block_can_be(last, MAX_RATIO);
    l->is_unsure = !f->is_legacy;
    l->is_lost = f->is_legacy && !n;
    return rc;
}

/* Blocks 'first' to the end of the list are a whole frame: the last one's size is what is left of
 * the content, or has to be found; the first one has to be full, as all others are then. */
static int size_frame(struct lz4_list *l, const struct lz4_frame *f, size_t first,
                      struct ps_err *err)
{
    struct ps_block_list *list = &l->blocks;
    struct ps_block *last = &list->block[list->n - 1];
    const uint64_t before = (uint64_t)f->block_bytes * (list->n - 1 - first);
    uint32_t n;
    int rc;

    for (size_t i = first; i + 1 < list->n; i++)
        l->is_opaque |= !ps_block_can_be(&list->block[i], MAX_RATIO);
    if (l->is_opaque)
        return 0;
    if (f->content > before && f->content - before <= f->block_bytes) {
        last->n_bytes = (uint32_t)(f->content - before);
        return 0;
    }
    rc = size_last(l, f, err);
    if (rc < 0 || last == &list->block[first])
        return rc;
    rc = measure(l->in.bytes, &list->block[first], &n, err);
    l->is_opaque |= n && n != f->block_bytes;
    return rc;
}

/* Take one frame, of whatever kind. 1: there may be more; 0: the end, or l->is_broken. */
static int take_frame(struct lz4_list *l, struct ps_err *err)
{
    const size_t first = l->blocks.n;
    struct lz4_frame f;
    int rc = ps_input_peek(&l->in, SKIPPABLE_HEAD, err);
    const uint8_t *p = l->in.buf + l->in.at;
    const size_t n = l->in.n - l->in.at;

    if (rc < 0 || !n)
        return rc;
    l->end = ps_input_off(&l->in);
    if (n >= SKIPPABLE_HEAD && (ps_le32(p) & ~0xfu) == SKIPPABLE) {
        l->is_broken = !ps_input_skip(&l->in, SKIPPABLE_HEAD + (uint64_t)ps_le32(p + 4));
        return !l->is_broken;
    }
    rc = take_header(l, &f, err);
    l->is_broken |= rc == 0;
    l->is_rest = l->is_broken;
    while (rc > 0 && !l->is_opaque)
        rc = take_block(l, &f, err);
    if (rc == 0 && l->blocks.n > first)
        rc = size_frame(l, &f, first, err);
    return rc < 0 ? rc : !l->is_broken && !l->is_opaque;
}

static int lz4_unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                      const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    const int n = unpack_bytes(in, block->packed_bytes, out, block->n_bytes);

    (void)arg;
    (void)worker;
    (void)number;
    return n >= 0 && (uint32_t)n == block->n_bytes ? 0 : bad_block(block->packed_off, err);
}

static const struct ps_blocks_codec lz4_codec = {.prefix = "", .is_fast = 1, .unpack = lz4_unpack};

static int open_blocks(struct ps_bytes **out, const struct ps_packed *packed,
                       const struct lz4_list *l, struct ps_err *err)
{
    const uint64_t n_packed = packed->bytes->n_bytes;
    struct ps_blocks_spec spec = {
        .codec = &lz4_codec,
        .block = l->blocks.block,
        .n_blocks = l->blocks.n,
    };

    if (l->is_rest)
        ps_rest_note(packed, &frames, l->end);
    else if (l->is_broken)
        ps_notes_add(packed->notes, PS_NOTE_LOSS,
                     "lz4: no whole block at offset 0x%" PRIx64 ": the last %" PRIu64 " of %" PRIu64
                     " packed bytes are lost; the file is cut short or damaged",
                     l->end, n_packed - l->end, n_packed);
    return ps_whole_blocks(out, packed, "lz4", &spec, err);
}

static int list_blocks(struct lz4_list *l, struct ps_bytes *bytes, struct ps_err *err)
{
    int rc = ps_input_init(&l->in, bytes, 0, err);

    for (rc = rc < 0 ? rc : 1; rc > 0;)
        rc = take_frame(l, err);
    ps_input_fini(&l->in);
    return rc;
}

static int lz4_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct lz4_list l = {.is_broken = 0};
    int rc = list_blocks(&l, packed->bytes, err);

    if (rc >= 0 && l.blocks.n && !l.is_opaque) {
        rc = open_blocks(out, packed, &l, err);
        if (rc >= 0)
            return rc; /* which took the list */
    } else if (rc >= 0) {
        rc = open_stream(out, packed, err);
    }
    ps_block_list_free(&l.blocks);
    return rc;
}

static const char *lz4_version(void)
{
    return LZ4_versionString();
}

#endif

const struct ps_packing ps_packing_lz4 = {
    .name = "lz4",
    .library = "liblz4",
    .probe = lz4_probe,
#if PS_WITH_LZ4
    .open = lz4_open,
    .version = lz4_version,
#endif
};
