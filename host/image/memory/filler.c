#include "host/image/memory/filler.h"

#include "host/threads/start.h"

#define STEP_BYTES  ((size_t)2 << 20)
#define AHEAD_BYTES ((size_t)32 << 20)

/* The lock is held, but not while it prepares. */
static size_t prepare_step(struct ps_filler *f, size_t next)
{
    const size_t left = f->arena->n_bytes - next;
    const size_t n = left < STEP_BYTES ? left : STEP_BYTES;

    pthread_mutex_unlock(&f->lock);
    ps_arena_prepare(f->arena, next, n);
    pthread_mutex_lock(&f->lock);
    return next + n;
}

static void *filler_main(void *arg)
{
    struct ps_filler *f = arg;
    size_t next = 0;

    pthread_mutex_lock(&f->lock);
    while (!f->is_ended && next < f->arena->n_bytes) {
        next = next < f->at ? f->at - f->at % STEP_BYTES : next;
        if (next < f->at + AHEAD_BYTES)
            next = prepare_step(f, next);
        else
            pthread_cond_wait(&f->moved, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

void ps_filler_begin(struct ps_filler *f, struct ps_arena *arena, int with_thread)
{
    *f = (struct ps_filler){.arena = arena};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->moved, NULL);
    f->has_thread = with_thread && ps_thread_start(&f->thread, NULL, filler_main, f);
}

void ps_filler_need(struct ps_filler *f, size_t off, size_t n_bytes)
{
    ps_arena_prepare(f->arena, off, n_bytes);
    ps_filler_is_at(f, off + n_bytes);
}

void ps_filler_is_at(struct ps_filler *f, size_t off)
{
    pthread_mutex_lock(&f->lock);
    f->at = off;
    pthread_cond_signal(&f->moved);
    pthread_mutex_unlock(&f->lock);
}

void ps_filler_end(struct ps_filler *f)
{
    pthread_mutex_lock(&f->lock);
    f->is_ended = 1;
    pthread_cond_signal(&f->moved);
    pthread_mutex_unlock(&f->lock);
    if (f->has_thread)
        pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->moved);
    pthread_mutex_destroy(&f->lock);
}
