#include "host/output/sink/write_behind.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/threads/start.h"

struct ps_write_behind {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    char *buffer; /* the thread's while n > 0, else spare; may be NULL */
    size_t cap;
    size_t n; /* bytes to write; 0: it waits */
    int error;
    int ends;
};

static int wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

int ps_write_fully(int fd, const char *data, size_t n)
{
    while (n) {
        const ssize_t w = write(fd, data, n);

        if (w >= 0) {
            data += w;
            n -= (size_t)w;
        } else if (errno == EAGAIN && wait_writable(fd)) {
            continue;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* The owner touches neither buffer nor n while n > 0. */
static void *write_on(void *arg)
{
    struct ps_write_behind *w = arg;
    int error = 0;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->n == 0 && !w->ends)
            pthread_cond_wait(&w->changed, &w->lock);
        if (w->n == 0)
            break;
        pthread_mutex_unlock(&w->lock);
        if (error == 0)
            error = ps_write_fully(w->fd, w->buffer, w->n);
        pthread_mutex_lock(&w->lock);
        w->error = error;
        w->n = 0;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct ps_write_behind *ps_write_behind_new(int fd)
{
    struct ps_write_behind *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->fd = fd;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    if (ps_thread_start(&w->thread, NULL, write_on, w))
        return w;
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

static int wait_locked(struct ps_write_behind *w)
{
    while (w->n)
        pthread_cond_wait(&w->changed, &w->lock);
    return w->error;
}

static int make_spare(struct ps_write_behind *w, size_t least)
{
    char *larger;

    if (w->cap >= least)
        return 0;
    larger = realloc(w->buffer, least);
    if (!larger)
        return ENOMEM;
    w->buffer = larger;
    w->cap = least;
    return 0;
}

int ps_write_behind_give(struct ps_write_behind *w, char **buffer, size_t *cap, size_t n,
                         size_t least)
{
    char *const full = *buffer;
    const size_t full_cap = *cap;
    int error;

    pthread_mutex_lock(&w->lock);
    error = wait_locked(w);
    if (error == 0)
        error = make_spare(w, least);
    if (error == 0) {
        *buffer = w->buffer;
        *cap = w->cap;
        w->buffer = full;
        w->cap = full_cap;
        w->n = n;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return error;
}

int ps_write_behind_wait(struct ps_write_behind *w)
{
    int error;

    pthread_mutex_lock(&w->lock);
    error = wait_locked(w);
    pthread_mutex_unlock(&w->lock);
    return error;
}

void ps_write_behind_free(struct ps_write_behind *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ends = 1;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w->buffer);
    free(w);
}
