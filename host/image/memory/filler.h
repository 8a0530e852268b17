/* A thread that has the memory of an arena ready before somebody writes to it in order. */
#ifndef PS_HOST_IMAGE_MEMORY_FILLER_H
#define PS_HOST_IMAGE_MEMORY_FILLER_H

#include <pthread.h>

#include "host/image/memory/arena.h"

/* Private. */
struct ps_filler {
    struct ps_arena *arena;
    pthread_t thread;
    int has_thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t moved;
    size_t at; /* where the writer is */
    int is_ended;
};

/* Without a thread, if it is not wanted or cannot be had, the writer prepares what it needs. */
void ps_filler_begin(struct ps_filler *filler, struct ps_arena *arena, int with_thread);
/* The writer's: the n_bytes at 'off' come next. */
void ps_filler_need(struct ps_filler *filler, size_t off, size_t n_bytes);
/* The writer's, who does not know how much comes next: he got to 'off'. */
void ps_filler_is_at(struct ps_filler *filler, size_t off);
void ps_filler_end(struct ps_filler *filler);

#endif
