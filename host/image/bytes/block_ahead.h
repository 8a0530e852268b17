/* The inside of host/image/bytes/blocks.h: its state, and the threads that unpack ahead of whoever
 * reads in order, or of everybody. For the two files of it only. */
#ifndef PS_HOST_IMAGE_BYTES_BLOCK_AHEAD_H
#define PS_HOST_IMAGE_BYTES_BLOCK_AHEAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/block_cache.h"
#include "host/image/bytes/block_worker.h"
#include "host/image/bytes/blocks.h"
#include "host/image/memory/arena.h"
#include "host/threads/start.h"

#define PS_BLOCKS_MAX_THREADS 256u

/* Reads that follow each other. */
struct ps_blocks_order {
    uint64_t end;        /* of the furthest one; 0: none known */
    uint64_t last_end;   /* of the last read that did not belong to it */
    unsigned n_in_a_row; /* such reads that followed each other */
};

/* Threads that unpack ahead of readers in order. */
struct ps_blocks_ahead {
    pthread_t thread[PS_BLOCKS_MAX_THREADS];
    unsigned n_threads;
    unsigned n_idle;
    int is_started, is_closing;
    size_t next, end; /* blocks to be unpacked */
    pthread_cond_t work;
    struct ps_thread_cpus cpus; /* of the process: the reader who starts them may be bound */
};

struct ps_blocks {
    struct ps_bytes bytes;
    struct ps_bytes_ops ops;
    const struct ps_blocks_codec *codec;
    void *arg;
    struct ps_bytes *packed;
    struct ps_block *block;
    uint64_t *start; /* of each block in the unpacked bytes, and where the last one ends */
    size_t n_blocks;
    unsigned n_threads;
    struct ps_arena arena; /* all unpacked bytes, if there is memory for them */
    int is_all_wanted;     /* so that all are unpacked ahead */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t done;  /* a block was unpacked */
    unsigned n_waiting;   /* for it */
    struct ps_block_cache cache;
    struct ps_block_worker *workers; /* not at work */
    struct ps_blocks_order order;
    struct ps_blocks_ahead ahead;
};

/* The block that holds 'off'. */
size_t ps_blocks_at(const struct ps_blocks *b, uint64_t off);
/* Does it read as zeros without being unpacked? */
int ps_blocks_is_zeros(const struct ps_blocks *b, size_t number);

/* Under the lock. Blocks that nobody unpacks yet are added, and are then the caller's to unpack;
 * NULL: out of memory. */
struct ps_kept_block *ps_blocks_add(struct ps_blocks *b, size_t number);
/* Under the lock, which it lets go while it unpacks: the block is ready, or failed. */
void ps_blocks_unpack(struct ps_blocks *b, struct ps_kept_block *kept);

/* Under the lock. Somebody reads these bytes: does that belong to reads that follow each other? Two
 * that touch begin such a row; those near its end go on with it. Threads unpack what comes next. */
int ps_blocks_note_read(struct ps_blocks *b, uint64_t off, size_t n_bytes);
/* Under the lock. Whoever reads all of it once unpacks what he reads himself from now on. */
void ps_blocks_leave_rest(struct ps_blocks *b);
/* End the threads. */
void ps_blocks_stop(struct ps_blocks *b);

#endif
