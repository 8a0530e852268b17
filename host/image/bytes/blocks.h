/* Bytes that are stored as blocks, each of which can be unpacked by itself.
 *
 * A codec lists the blocks and says how one is unpacked; this keeps unpacked blocks, all of them
 * where there is memory for it, else in a bounded cache, unpacks ahead of whoever reads in order,
 * on all threads, and lets several threads read at once: a block that two want is unpacked once. */
#ifndef PS_HOST_IMAGE_BYTES_BLOCKS_H
#define PS_HOST_IMAGE_BYTES_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "scan/err.h"

struct ps_block {
    uint64_t packed_off;   /* in the packed bytes */
    uint32_t packed_bytes; /* 0: nothing is stored, it reads as zeros and the codec is not asked; a
                            * codec that fetches by itself (no packed bytes) may use both */
    uint32_t n_bytes;      /* unpacked */
};

/* A larger block is none that can be unpacked by itself. Each unpack of a block costs a few tenths
 * of a microsecond beside the codec's work: blocks of 32 KiB are large enough. */
#define PS_BLOCK_MAX_BYTES ((uint32_t)256 << 20)

struct ps_blocks_codec {
    const char *prefix; /* as ps_bytes_ops.prefix; "" where the packing's name says it */
    int is_fast; /* to unpack costs no more than to get memory for what is unpacked */
    /* What a thread needs to unpack (a decoder's state, a handle of a library that is not safe for
     * threads); made when a thread first unpacks, kept for it and others after it, never used by
     * two at once. NULL: nothing. */
    int (*worker_new)(void *arg, void **worker, struct ps_err *err);
    void (*worker_free)(void *arg, void *worker);
    /* Exactly block->n_bytes into 'out' from the block->packed_bytes at 'in', which begin at
     * block->packed_off and end with the block; number: its place in the list. PS_EFORMAT with
     * err->at = offset in the packed bytes: whoever reads any of the block gets it, and it is not
     * tried again soon. 'in' is anything without packed bytes. Any thread. */
    int (*unpack)(void *arg, void *worker, const struct ps_block *block, size_t number,
                  const uint8_t *in, uint8_t *out, struct ps_err *err);
    void (*free)(void *arg); /* NULL: nothing to be freed */
};

struct ps_blocks_spec {
    const struct ps_blocks_codec *codec; /* static */
    void *arg;                           /* the codec's; freed by close */
    struct ps_bytes *packed;             /* owned from then on; NULL if the codec fetches */
    struct ps_block *block;              /* malloc'ed, owned from then on; in order of the unpacked
                                          * bytes, none of which is left out */
    size_t n_blocks;
    unsigned n_threads; /* that unpack ahead of whoever reads in order, started when somebody does;
                         * 1: each reader unpacks what it reads, and there are no threads;
                         * 0: as many as there are CPUs online */
    uint64_t cache_bytes; /* 0: as many as are good; others are for tests */
    uint64_t keep_bytes;  /* if all of them together are no more than this, each block that somebody
                           * reads stays, and they can be mapped, unless the system refuses the
                           * memory; what is read once (read_once) does not have to stay */
    int all; /* every one will be read: those that stay are unpacked from the first read on, by all
              * threads but the reader's, until somebody reads once */
};

/* PS_ENOMEM; PS_EFORMAT for blocks that are empty, too large or outside the packed bytes. On
 * failure all of *spec is still the caller's. */
int ps_blocks_open(struct ps_bytes **out, const struct ps_blocks_spec *spec, struct ps_err *err);
/* Close what ps_blocks_open gave, but for what spec had, which is the caller's again. */
void ps_blocks_let_go(struct ps_bytes *bytes);

/* So many bytes of unpacked blocks are kept, whose largest one is this large, with n_threads as in
 * the spec. */
uint64_t ps_blocks_cache_bytes(uint32_t largest, unsigned n_threads);

#endif
