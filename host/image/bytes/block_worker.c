#include "host/image/bytes/block_worker.h"

#include <inttypes.h>
#include <stdlib.h>

struct ps_block_worker *ps_block_worker_take(struct ps_block_worker **list)
{
    struct ps_block_worker *w = *list;

    if (w)
        *list = w->next;
    else
        w = calloc(1, sizeof *w);
    return w;
}

void ps_block_worker_give(struct ps_block_worker **list, struct ps_block_worker *w)
{
    if (!w)
        return;
    w->next = *list;
    *list = w;
}

void ps_block_workers_free(struct ps_block_worker **list, const struct ps_blocks_codec *codec,
                           void *arg)
{
    while (*list) {
        struct ps_block_worker *w = *list;

        *list = w->next;
        if (w->state && codec->worker_free)
            codec->worker_free(arg, w->state);
        free(w->in);
        free(w);
    }
}

static int fetch(struct ps_block_worker *w, struct ps_bytes *packed, const struct ps_block *block,
                 struct ps_err *err)
{
    if (w->cap < block->packed_bytes) {
        free(w->in);
        w->cap = 0;
        w->in = malloc(block->packed_bytes);
        if (!w->in)
            return ps_fail(err, PS_ENOMEM, block->packed_off,
                           "out of memory for a block of %" PRIu32 " bytes", block->packed_bytes);
        w->cap = block->packed_bytes;
    }
    return packed->ops->read(packed, block->packed_off, w->in, block->packed_bytes, err);
}

int ps_block_worker_unpack(struct ps_block_worker *w, const struct ps_blocks_codec *codec,
                           void *arg, struct ps_bytes *packed, const struct ps_block *block,
                           size_t number, uint8_t *out, struct ps_err *err)
{
    int rc = 0;

    if (!w)
        return ps_fail(err, PS_ENOMEM, block->packed_off, "out of memory");
    if (!w->state && codec->worker_new)
        rc = codec->worker_new(arg, &w->state, err);
    if (rc >= 0 && packed)
        rc = fetch(w, packed, block, err);
    if (rc >= 0)
        rc = codec->unpack(arg, w->state, block, number, w->in, out, err);
    return rc;
}
