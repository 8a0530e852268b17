/* What one thread at a time unpacks blocks with: a decoder's state, and memory for what is packed.
 */
#ifndef PS_HOST_IMAGE_BYTES_BLOCK_WORKER_H
#define PS_HOST_IMAGE_BYTES_BLOCK_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/blocks.h"
#include "scan/err.h"

struct ps_block_worker {
    void *state; /* the codec's */
    uint8_t *in;
    size_t cap;
    struct ps_block_worker *next;
};

/* One of those in the list, else a new one without state; NULL: out of memory. Whoever owns the
 * list holds a lock around this and ps_block_worker_give. */
struct ps_block_worker *ps_block_worker_take(struct ps_block_worker **list);
/* Back into the list; accepts NULL. */
void ps_block_worker_give(struct ps_block_worker **list, struct ps_block_worker *w);
void ps_block_workers_free(struct ps_block_worker **list, const struct ps_blocks_codec *codec,
                           void *arg);

/* Block 'number' into 'out', as ps_blocks_codec.unpack; packed is NULL if the codec fetches.
 * PS_ENOMEM also when w is NULL. */
int ps_block_worker_unpack(struct ps_block_worker *w, const struct ps_blocks_codec *codec,
                           void *arg, struct ps_bytes *packed, const struct ps_block *block,
                           size_t number, uint8_t *out, struct ps_err *err);

#endif
