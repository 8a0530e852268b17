#include "host/image/packed/whole.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/bytes/flow.h"
#include "host/image/grow.h"

/* Up to this size a block is unpacked again rather than all of them at once: page tables and heaps
 * are read page by page, and with blocks of 1 MiB that unpacked a whole image nine times, with 4
 * MiB 32 times, with 128 KiB twice (docs/IMAGES.md); a file costs less than half of an image. */
#define FINE_BYTES ((uint32_t)128 << 10)

int ps_whole_may_flow(const struct ps_packed *packed, const struct ps_unpack_stream *stream)
{
    return packed->spec->once && packed->path && !packed->spec->max_unpacked && stream->n_promised;
}

int ps_whole_stream(struct ps_bytes **out, const struct ps_packed *packed,
                    const struct ps_unpack_stream *stream, const struct ps_stream_end *end,
                    struct ps_err *err)
{
    int rc;

    if (ps_whole_may_flow(packed, stream) && ps_flow_open(out, stream, packed->bytes, err) >= 0) {
        ps_notes_add(packed->notes, PS_NOTE_INFO,
                     "%s cannot be entered in the middle: scanned while it is unpacked",
                     stream->name);
        return 0;
    }
    rc = ps_unpacked_open(out, stream, packed->spec, packed->notes, err);
    if (rc >= 0 && end->off(stream->arg) != UINT64_MAX)
        ps_rest_note(packed, end->parts, end->off(stream->arg));
    if (stream->free)
        stream->free(stream->arg);
    if (rc >= 0)
        packed->bytes->ops->close(packed->bytes);
    return rc;
}

/* Blocks read in order. */
struct in_order {
    struct ps_bytes *bytes;
    const struct ps_block *block;
    size_t n_blocks;
    size_t number;   /* of the block that is read */
    uint32_t within; /* bytes of it that were */
    uint64_t off;
    size_t n_bad;
    uint64_t n_lost;
};

/* Of one block; a bad one is zeros. */
static int next_part(struct in_order *o, uint8_t *out, size_t n_bytes, struct ps_err *err)
{
    int rc = o->bytes->ops->read(o->bytes, o->off, out, n_bytes, err);

    if (rc == -PS_EFORMAT || rc == -PS_EIO) {
        o->n_bad += o->within == 0;
        o->n_lost += n_bytes;
        memset(out, 0, n_bytes);
        rc = 0;
    }
    return rc;
}

static int next_in_order(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct in_order *o = arg;

    for (*n = 0; *n < n_bytes && o->number < o->n_blocks;) {
        const uint32_t left = o->block[o->number].n_bytes - o->within;
        const size_t part = n_bytes - *n < left ? n_bytes - *n : left;
        const int rc = next_part(o, out + *n, part, err);

        if (rc < 0)
            return rc;
        *n += part;
        o->off += part;
        o->within += (uint32_t)part;
        if (part == left) {
            o->number++;
            o->within = 0;
        }
    }
    return 0;
}

static uint32_t largest_block(const struct ps_blocks_spec *spec)
{
    uint32_t largest = 0;

    for (size_t i = 0; i < spec->n_blocks; i++)
        largest = spec->block[i].n_bytes > largest ? spec->block[i].n_bytes : largest;
    return largest;
}

/* *bytes, which are blocks, become a file. */
static int unpack_blocks(struct ps_bytes **bytes, const struct ps_packed *packed, const char *name,
                         const struct ps_blocks_spec *spec, uint32_t largest, struct ps_err *err)
{
    struct in_order o = {.bytes = *bytes, .block = spec->block, .n_blocks = spec->n_blocks};
    char why[80];
    const struct ps_unpack_stream stream = {
        .name = name,
        .why = why,
        .n_packed = packed->bytes->n_bytes,
        .arg = &o,
        .next = next_in_order,
        .n_promised = (*bytes)->n_bytes,
    };
    struct ps_bytes *file;
    int rc;

    snprintf(why, sizeof why, "%s blocks of up to %" PRIu32 " MiB are slow to enter", name,
             (largest + (1u << 20) - 1) >> 20);
    rc = ps_unpacked_open(&file, &stream, packed->spec, packed->notes, err);
    if (rc < 0)
        return rc;
    if (o.n_bad)
        ps_notes_add(packed->notes, PS_NOTE_LOSS,
                     "%zu of %zu %s blocks are damaged: %" PRIu64
                     " bytes of them are lost and read as zeros",
                     o.n_bad, o.n_blocks, name, o.n_lost);
    (*bytes)->ops->close(*bytes);
    *bytes = file;
    return 0;
}

static int open_blocks(struct ps_bytes **out, const struct ps_packed *packed, const char *name,
                       struct ps_blocks_spec *spec, struct ps_err *err)
{
    const uint64_t max = packed->spec->max_unpacked;
    int rc;

    spec->packed = packed->bytes;
    spec->n_threads = packed->spec->n_threads;
    spec->keep_bytes = packed->spec->in_order ? 0 : packed->spec->unpack_memory;
    spec->all = packed->spec->all;
    rc = ps_blocks_open(out, spec, err);
    if (rc < 0 || !max || (*out)->n_bytes <= max)
        return rc;
    ps_blocks_let_go(*out);
    return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%s unpacks to more than %" PRIu64 " bytes", name,
                   max);
}

int ps_whole_blocks(struct ps_bytes **out, const struct ps_packed *packed, const char *name,
                    struct ps_blocks_spec *spec, struct ps_err *err)
{
    const uint32_t largest = largest_block(spec);
    struct ps_bytes *bytes;
    int rc = open_blocks(&bytes, packed, name, spec, err);

    if (rc < 0)
        return rc;
    if (largest > FINE_BYTES && !packed->spec->in_order && !bytes->ops->stays &&
        bytes->n_bytes > ps_blocks_cache_bytes(largest, packed->spec->n_threads)) {
        struct ps_err why;

        rc = unpack_blocks(&bytes, packed, name, spec, largest, &why);
        if (rc == -PS_ECREATE)
            ps_notes_add(packed->notes, PS_NOTE_WARNING,
                         "%s blocks of up to %" PRIu32
                         " MiB are unpacked again for every look into them, which is slow: %.120s",
                         name, (largest + (1u << 20) - 1) >> 20, why.msg);
        else if (rc < 0) {
            /* The caller closes what it owns; nothing of it may be closed twice. */
            *err = why;
            ps_blocks_let_go(bytes);
            return rc;
        }
    }
    *out = bytes;
    return 0;
}

/* Headers and rounding. */
#define RATIO_SLACK ((uint64_t)64 << 10)

int ps_block_can_be(const struct ps_block *block, uint32_t ratio)
{
    return block->n_bytes <= (uint64_t)block->packed_bytes * ratio + RATIO_SLACK;
}

int ps_block_list_add(struct ps_block_list *list, const struct ps_block *block, struct ps_err *err)
{
    struct ps_block *grown = ps_grow(list->block, list->n, &list->cap, sizeof *grown, err);

    if (!grown)
        return -PS_ENOMEM;
    list->block = grown;
    list->block[list->n++] = *block;
    return 0;
}

void ps_block_list_free(struct ps_block_list *list)
{
    free(list->block);
    *list = (struct ps_block_list){0};
}
