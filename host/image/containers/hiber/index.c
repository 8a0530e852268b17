#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/containers/hiber/borrowed.h"
#include "host/image/containers/hiber/hiber.h"
#include "host/image/xpress/xpress.h"
#include "host/log.h"

/* A set is so small that handing out blocks of one would cost as much as unpacking it. */
#define BLOCK_BYTES ((uint32_t)1 << 20)

static struct ps_block *new_block(struct ps_hiber_index *index)
{
    if (index->n == index->cap) {
        const size_t cap = index->cap ? 2 * index->cap : 64;
        struct ps_block *block = realloc(index->block, cap * sizeof *block);

        if (!block)
            return NULL;
        index->block = block;
        index->cap = cap;
    }
    return &index->block[index->n++];
}

int ps_hiber_index_add(struct ps_hiber_index *index, uint64_t off, const struct ps_hiber_set *set,
                       struct ps_err *err)
{
    const uint32_t n_unpacked = set->n_pages * PS_HIBER_PAGE;
    struct ps_block *block = index->n ? &index->block[index->n - 1] : NULL;

    if (!block || off != index->end || index->is_last_partial ||
        block->n_bytes + n_unpacked > BLOCK_BYTES) {
        block = new_block(index);
        if (!block)
            return ps_fail(err, PS_ENOMEM, off,
                           "out of memory for the index of a hibernation file");
        *block = (struct ps_block){.packed_off = off};
    }
    block->n_bytes += n_unpacked;
    block->packed_bytes = (uint32_t)(off - block->packed_off) + set->n_head + set->n_data;
    index->n_bytes += n_unpacked;
    index->end = off + set->n_head + set->n_data + set->n_padding;
    index->is_last_partial = index->form == PS_HIBER_BLOCKS && set->n_pages < PS_HIBER_SET_PAGES;
    return 0;
}

void ps_hiber_index_free(struct ps_hiber_index *index)
{
    free(index->block);
    *index = (struct ps_hiber_index){.form = index->form};
}

struct codec_arg {
    enum ps_hiber_form form;
    atomic_uint n_damaged;  /* pages */
    atomic_uchar is_told[]; /* of each block: what is damaged in it was counted */
};

static void arg_free(void *arg)
{
    struct codec_arg *a = arg;
    const unsigned n = atomic_load(&a->n_damaged);

    if (n)
        ps_log(PS_LOG_WARN, "hibernation file: %u pages could not be unpacked and read as zeros",
               n);
    free(a);
}

/* Returns 0, or a negative value when the data are damaged. */
static int unpack_set(const struct ps_hiber_set *set, const uint8_t *in, uint8_t *out)
{
    const size_t n_out = (size_t)set->n_pages * PS_HIBER_PAGE;
    struct ps_err err;

    switch (set->method) {
    case PS_HIBER_STORED:
        memcpy(out, in, n_out);
        return 0;
    case PS_HIBER_XPRESS:
        return ps_xpress_unpack(in, set->n_data, out, n_out, &err);
    default:
        return ps_xpress_huffman_unpack(in, set->n_data, out, n_out, &err);
    }
}

static int unpack_block(void *arg, void *worker, const struct ps_block *block, size_t number,
                        const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    struct codec_arg *a = arg;
    unsigned n_damaged = 0;
    uint32_t in_at = 0, out_at = 0;

    (void)worker;
    while (out_at < block->n_bytes) {
        const uint32_t n_in = block->packed_bytes - in_at;
        struct ps_hiber_set set;

        if (!ps_hiber_head(a->form, in + in_at, n_in, (block->n_bytes - out_at) / PS_HIBER_PAGE,
                           &set) ||
            set.n_head + set.n_data > n_in || set.n_pages * PS_HIBER_PAGE > block->n_bytes - out_at)
            return ps_fail(err, PS_EFORMAT, block->packed_off + in_at,
                           "the hibernation file was changed while it was read");
        if (unpack_set(&set, in + in_at + set.n_head, out + out_at) < 0) {
            memset(out + out_at, 0, (size_t)set.n_pages * PS_HIBER_PAGE);
            n_damaged += set.n_pages;
        }
        out_at += set.n_pages * PS_HIBER_PAGE;
        in_at += set.n_head + set.n_data + set.n_padding;
    }
    if (n_damaged && !atomic_exchange(&a->is_told[number], 1))
        atomic_fetch_add(&a->n_damaged, n_damaged);
    return 0;
}

static const struct ps_blocks_codec codec = {
    .prefix = "",
    .unpack = unpack_block,
    .free = arg_free,
};

int ps_hiber_index_open(struct ps_container *c, struct ps_hiber_index *index, struct ps_err *err)
{
    struct codec_arg *a = calloc(1, sizeof *a + index->n);
    struct ps_bytes *packed = ps_borrowed_bytes(c->bytes);
    struct ps_bytes *data = NULL;
    int rc = 0;

    if (!a || !packed)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a hibernation file");
    if (rc == 0) {
        const struct ps_blocks_spec spec = {.codec = &codec,
                                            .arg = a,
                                            .packed = packed,
                                            .block = index->block,
                                            .n_blocks = index->n,
                                            .n_threads = c->spec->n_threads,
                                            .keep_bytes =
                                                c->spec->in_order ? 0 : c->spec->unpack_memory,
                                            .all = c->spec->all};

        a->form = index->form;
        rc = ps_blocks_open(&data, &spec, err);
    }
    if (rc < 0) {
        if (packed)
            packed->ops->close(packed);
        free(a);
        return rc;
    }
    index->block = NULL; /* NOLINT(clang-analyzer-unix.Malloc): taken, as 'a' is */
    ps_hiber_index_free(index);
    c->data = data;
    c->has_no_offsets = 1;
    return 0;
}

void ps_hiber_turn_runs(struct ps_container *c)
{
    struct ps_run *run = c->runs.run;

    for (size_t i = 0, k = c->runs.n; i + 1 < k; i++) {
        const struct ps_run one = run[i];

        run[i] = run[--k];
        run[k] = one;
    }
}

int ps_hiber_read(const struct ps_container *c, uint64_t off, uint8_t *buf, size_t n_bytes,
                  struct ps_err *err)
{
    const uint64_t left = off < c->bytes->n_bytes ? c->bytes->n_bytes - off : 0;
    int rc;

    if (n_bytes > left)
        n_bytes = (size_t)left;
    if (!n_bytes)
        return 0;
    rc = c->bytes->ops->read(c->bytes, off, buf, n_bytes, err);
    return rc < 0 ? rc : (int)n_bytes;
}

uint64_t ps_hiber_file_pages(const struct ps_container *c)
{
    return c->bytes->n_bytes / PS_HIBER_PAGE + (c->bytes->n_bytes % PS_HIBER_PAGE != 0);
}
