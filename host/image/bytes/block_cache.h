/* Unpacked blocks that are kept: which ones, in which memory, and which goes first.
 *
 * No locks: whoever uses it holds one around every call. */
#ifndef PS_HOST_IMAGE_BYTES_BLOCK_CACHE_H
#define PS_HOST_IMAGE_BYTES_BLOCK_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

enum ps_block_state { PS_BLOCK_UNPACKING, PS_BLOCK_READY, PS_BLOCK_FAILED };

struct ps_kept_block {
    size_t number;
    enum ps_block_state state;
    unsigned n_pins; /* while there are any, the block stays, and its memory with it */
    int is_spent;    /* will not be wanted again soon: its memory is the first to be used again */
    uint64_t n_streamed; /* bytes of it that readers in order took */
    uint8_t *mem;
    size_t cap;        /* bytes at 'mem' */
    struct ps_err err; /* of a failed one */
    struct ps_kept_block *newer, *older;
};

struct ps_block_cache {
    uint8_t *all; /* memory for all of the blocks, one behind the other; NULL: for each its own */
    const uint64_t *start; /* where a block is in it */
    struct ps_kept_block **of; /* by block number, NULL where it is not kept */
    size_t n_blocks;
    uint64_t budget; /* bytes; exceeded only while more than that is pinned */
    uint64_t used;
    struct ps_kept_block *newest, *oldest;
};

/* PS_ENOMEM. Free with ps_block_cache_fini, also after failure. For blocks that are all kept, set
 * 'all' and 'start' afterwards; both stay the caller's, and the budget has to be UINT64_MAX. */
int ps_block_cache_init(struct ps_block_cache *cache, size_t n_blocks, uint64_t budget,
                        struct ps_err *err);
/* Nothing may be pinned any more. */
void ps_block_cache_fini(struct ps_block_cache *cache);

/* Room for block 'number', which is not kept yet: PS_BLOCK_UNPACKING, n_bytes at 'mem' with
 * anything in them, pinned once. Older blocks go for it. NULL when memory is out. */
struct ps_kept_block *ps_block_cache_add(struct ps_block_cache *cache, size_t number,
                                         size_t n_bytes);
/* A block that has this error, and no memory any more. */
void ps_block_cache_fail(struct ps_block_cache *cache, struct ps_kept_block *block,
                         const struct ps_err *err);
/* Make a block the newest one, or, spent, the oldest. */
void ps_block_cache_touch(struct ps_block_cache *cache, struct ps_kept_block *block, int is_spent);

#endif
