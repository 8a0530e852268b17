#include "host/pipeline/ring.h"

#include <stdlib.h>
#include <time.h>

int ps_ring_init(struct ps_ring *ring, size_t n_entries, uint64_t n_seq, struct ps_err *err)
{
    pthread_condattr_t attr;

    *ring = (struct ps_ring){.n = n_entries, .n_seq = n_seq};
    ring->entry = calloc(n_entries, sizeof *ring->entry);
    if (!ring->entry)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    pthread_mutex_init(&ring->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->changed, &attr);
    pthread_condattr_destroy(&attr);
    return 0;
}

void ps_ring_fini(struct ps_ring *ring)
{
    if (!ring->entry)
        return;
    for (size_t i = 0; i < ring->n; i++) {
        free(ring->entry[i].finding);
        free(ring->entry[i].print);
        ps_kept_free(&ring->entry[i].kept);
    }
    free(ring->entry);
    ring->entry = NULL;
    pthread_mutex_destroy(&ring->lock);
    pthread_cond_destroy(&ring->changed);
}

int ps_ring_take(struct ps_ring *ring, int wait, uint64_t *seq)
{
    int got = 0;

    pthread_mutex_lock(&ring->lock);
    while (wait && !ring->stop && ring->next_take < ring->n_seq &&
           ring->next_take - ring->next_done >= ring->n)
        pthread_cond_wait(&ring->changed, &ring->lock);
    if (!ring->stop && ring->next_take < ring->n_seq &&
        ring->next_take - ring->next_done < ring->n) {
        *seq = ring->next_take++;
        got = 1;
    }
    pthread_mutex_unlock(&ring->lock);
    return got;
}

struct ps_ring_entry *ps_ring_entry(struct ps_ring *ring, uint64_t seq)
{
    return &ring->entry[seq % ring->n];
}

void ps_ring_put(struct ps_ring *ring, uint64_t seq)
{
    pthread_mutex_lock(&ring->lock);
    ps_ring_entry(ring, seq)->full = 1;
    if (seq == ring->next_done)
        pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

void ps_ring_stop(struct ps_ring *ring, const struct ps_err *err)
{
    pthread_mutex_lock(&ring->lock);
    if (err && ring->failure.code == 0)
        ring->failure = *err;
    ring->stop = 1;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

static struct timespec deadline(unsigned wait_ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    t.tv_sec += wait_ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

int ps_ring_next(struct ps_ring *ring, unsigned wait_ms, struct ps_ring_entry **out)
{
    const struct timespec until = deadline(wait_ms);
    struct ps_ring_entry *e;
    int timed_out = 0;
    int rc;

    pthread_mutex_lock(&ring->lock);
    e = ps_ring_entry(ring, ring->next_done);
    while (!ring->stop && ring->next_done < ring->n_seq && !e->full && !timed_out)
        timed_out = pthread_cond_timedwait(&ring->changed, &ring->lock, &until) != 0;
    if (ring->stop || ring->next_done == ring->n_seq)
        rc = -1;
    else
        rc = e->full;
    pthread_mutex_unlock(&ring->lock);
    *out = e;
    return rc;
}

void ps_ring_done(struct ps_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ps_ring_entry(ring, ring->next_done)->full = 0;
    ring->next_done++;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

static int reserve_prints(struct ps_ring_entry *e, size_t n, struct ps_err *err)
{
    struct ps_page_print *grown;

    if (n <= e->cap_prints)
        return 0;
    grown = realloc(e->print, n * sizeof *grown);
    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu pages of one chunk", n);
    e->print = grown;
    e->cap_prints = n;
    return 0;
}

int ps_ring_reserve(struct ps_ring_entry *e, size_t n, size_t n_pages, struct ps_err *err)
{
    struct ps_finding *grown;
    int rc = reserve_prints(e, n_pages, err);

    if (rc < 0 || n <= e->cap)
        return rc;
    grown = n <= SIZE_MAX / sizeof *grown ? realloc(e->finding, n * sizeof *grown) : NULL;
    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu findings of one chunk",
                       n);
    e->finding = grown;
    e->cap = n;
    return 0;
}
