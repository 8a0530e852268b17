#include "host/image/bytes/flow.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/threads/start.h"

#define PIECE_BYTES ((size_t)1 << 20)
/* What was unpacked for others, who are late: as much as many lanes can have on their way. */
#define MAX_KEPT_BYTES ((uint64_t)256 << 20)

/* Unpacked bytes that somebody will come for. */
struct kept {
    uint64_t off;
    size_t n_bytes;
    size_t n_taken; /* by those who read them once */
    struct kept *next;
    uint8_t mem[];
};

/* What somebody who reads once waits for. On his stack. */
struct wanted {
    uint64_t off;
    uint8_t *to;
    size_t n_bytes;
    size_t n_got; /* 0: he has to look again */
    int rc;
    struct ps_err err;
    int is_done;
    pthread_cond_t done;
    struct wanted *next; /* further behind */
};

struct flow {
    struct ps_bytes bytes;
    struct ps_unpack_stream stream;
    struct ps_bytes *packed;
    uint8_t *tail; /* the last bytes */
    uint64_t tail_off;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t moved;
    uint64_t pos;      /* bytes unpacked so far */
    int is_unpacking;  /* somebody is, without the lock */
    int is_lost;       /* the bet */
    struct ps_err why; /* if an error did it */
    struct kept *kept; /* in order, all before pos */
    uint64_t n_kept;   /* bytes */

    /* Readers who unpack by turns take the window of the stream from one processor's cache to the
     * other, and each turn begins with a thread that has to wake up. So as soon as there are two of
     * them, one more thread unpacks for all, into their memory. */
    pthread_t thread;
    struct ps_thread_cpus cpus; /* of the process: the reader who starts it may be bound */
    int has_thread, is_closing;
    pthread_cond_t asked;  /* for the thread: there is something wanted, and nobody unpacks */
    struct wanted *wanted; /* in order */
};

static struct flow *flow_of(struct ps_bytes *bytes)
{
    return (struct flow *)bytes;
}

static void lose(struct flow *f, const struct ps_err *why)
{
    if (!f->is_lost && why)
        f->why = *why;
    f->is_lost = 1;
}

static int fail_lost(const struct flow *f, uint64_t off, struct ps_err *err)
{
    if (f->why.code)
        *err = f->why;
    else
        ps_fail(err, PS_EFORMAT, off, "%s: offset 0x%" PRIx64 " went by", f->stream.name, off);
    return -err->code;
}

static void note_tail(const struct flow *f, uint64_t off, const uint8_t *mem, size_t n_bytes)
{
    const uint64_t from = off > f->tail_off ? off : f->tail_off;

    if (off + n_bytes > from)
        memcpy(f->tail + (from - f->tail_off), mem + (from - off), (size_t)(off + n_bytes - from));
}

static int unpack(struct flow *f, uint64_t off, uint8_t *out, size_t n_bytes, struct ps_err *err)
{
    while (n_bytes) {
        const size_t want = n_bytes < PIECE_BYTES ? n_bytes : PIECE_BYTES;
        size_t n = 0;
        int rc = ps_cancel_check(err);

        if (rc == 0)
            rc = f->stream.next(f->stream.arg, out, want, &n, err);
        if (rc == 0 && n < want)
            rc = ps_fail(err, PS_EFORMAT, off + n,
                         "%s: ends after %" PRIu64 " bytes and promised %" PRIu64, f->stream.name,
                         off + n, f->bytes.n_bytes);
        if (rc < 0)
            return rc;
        note_tail(f, off, out, want);
        out += want;
        off += want;
        n_bytes -= want;
    }
    return 0;
}

/* The lock is held, but not while it unpacks; nobody else unpacks. */
static int take(struct flow *f, uint8_t *out, size_t n_bytes, struct ps_err *err)
{
    struct ps_err why = {0};
    int rc;

    f->is_unpacking = 1;
    pthread_mutex_unlock(&f->lock);
    rc = unpack(f, f->pos, out, n_bytes, &why);
    pthread_mutex_lock(&f->lock);
    f->is_unpacking = 0;
    f->pos += n_bytes;
    if (rc < 0) {
        lose(f, &why);
        *err = why;
    }
    pthread_cond_broadcast(&f->moved);
    pthread_cond_signal(&f->asked);
    return rc;
}

/* The lock is held. Unpack up to n_bytes more for those who will come for them. */
static int keep(struct flow *f, uint64_t n_bytes, struct ps_err *err)
{
    const uint64_t left = f->bytes.n_bytes - f->pos;
    size_t n = n_bytes < left ? (size_t)n_bytes : (size_t)left;
    struct kept **end = &f->kept;
    struct kept *kept;
    int rc;

    n = n < PIECE_BYTES ? n : PIECE_BYTES;
    if (f->n_kept + n > MAX_KEPT_BYTES) {
        lose(f, NULL);
        return fail_lost(f, f->pos, err);
    }
    kept = malloc(sizeof *kept + n);
    if (!kept)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    *kept = (struct kept){.off = f->pos, .n_bytes = n};
    rc = take(f, kept->mem, n, err);
    if (rc < 0) {
        free(kept);
        return rc;
    }
    while (*end)
        end = &(*end)->next;
    *end = kept;
    f->n_kept += n;
    return 0;
}

/* The lock is held. How many bytes from 'off' on were kept, up to n_bytes of them copied. */
static size_t copy_kept(struct flow *f, uint64_t off, uint8_t *to, size_t n_bytes, int once)
{
    struct kept **at = &f->kept;
    struct kept *kept;
    size_t n;

    while (*at && off - (*at)->off >= (*at)->n_bytes)
        at = &(*at)->next;
    kept = *at;
    if (!kept)
        return 0;
    n = kept->n_bytes - (size_t)(off - kept->off);
    n = n < n_bytes ? n : n_bytes;
    memcpy(to, kept->mem + (off - kept->off), n);
    kept->n_taken += once ? n : 0;
    if (kept->n_taken == kept->n_bytes) {
        *at = kept->next;
        f->n_kept -= kept->n_bytes;
        free(kept);
    }
    return n;
}

/* The lock is held, but not while it unpacks. What is wanted first, or something before it. */
static void serve(struct flow *f)
{
    struct wanted *w = f->wanted;

    f->wanted = w->next;
    if (!f->is_lost && w->off > f->pos) {
        w->rc = keep(f, w->off - f->pos, &w->err);
    } else if (!f->is_lost && w->off == f->pos) {
        w->rc = take(f, w->to, w->n_bytes, &w->err);
        w->n_got = w->rc < 0 ? 0 : w->n_bytes;
    }
    w->is_done = 1;
    pthread_cond_signal(&w->done);
}

static void *thread_main(void *arg)
{
    struct flow *f = arg;

    pthread_mutex_lock(&f->lock);
    while (!f->is_closing)
        if (f->wanted && !f->is_unpacking)
            serve(f);
        else
            pthread_cond_wait(&f->asked, &f->lock);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* The lock is held. Without a thread readers take turns. */
static void start_thread(struct flow *f)
{
    f->has_thread = ps_thread_start(&f->thread, &f->cpus, thread_main, f);
}

/* The lock is held, but not while it waits. *n as in read_some. */
static int ask(struct flow *f, uint64_t off, uint8_t *to, size_t n_bytes, size_t *n,
               struct ps_err *err)
{
    struct wanted w = {.off = off, .to = to, .n_bytes = n_bytes};
    struct wanted **at = &f->wanted;

    pthread_cond_init(&w.done, NULL);
    while (*at && (*at)->off <= off)
        at = &(*at)->next;
    w.next = *at;
    *at = &w;
    pthread_cond_signal(&f->asked);
    while (!w.is_done)
        pthread_cond_wait(&w.done, &f->lock);
    pthread_cond_destroy(&w.done);
    *n = w.n_got;
    if (w.rc < 0)
        *err = w.err;
    return w.rc;
}

/* The lock is held. Some of the bytes: *n, none when something had to be waited for. */
static int read_some(struct flow *f, uint64_t off, uint8_t *to, size_t n_bytes, int once, size_t *n,
                     struct ps_err *err)
{
    *n = 0;
    if (f->is_lost)
        return fail_lost(f, off, err);
    *n = copy_kept(f, off, to, n_bytes, once);
    if (*n)
        return 0;
    if (once && f->is_unpacking && !f->has_thread)
        start_thread(f);
    if (once && f->has_thread && off >= f->pos)
        return ask(f, off, to, n_bytes, n, err);
    if (f->is_unpacking) {
        pthread_cond_wait(&f->moved, &f->lock);
        return 0;
    }
    if (off < f->pos && off >= f->tail_off && f->pos == f->bytes.n_bytes) {
        *n = n_bytes;
        memcpy(to, f->tail + (off - f->tail_off), n_bytes);
        return 0;
    }
    if (off < f->pos || (!once && off + n_bytes > PS_FLOW_HEAD_BYTES)) {
        lose(f, NULL);
        return fail_lost(f, off, err);
    }
    if (!once || off > f->pos)
        return keep(f, off + (once ? 0 : n_bytes) - f->pos, err);
    *n = n_bytes;
    return take(f, to, n_bytes, err);
}

static int read_all(struct flow *f, uint64_t off, uint8_t *to, size_t n_bytes, int once,
                    struct ps_err *err)
{
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    while (rc >= 0 && n_bytes) {
        size_t n;

        rc = read_some(f, off, to, n_bytes, once, &n, err);
        off += n;
        to += n;
        n_bytes -= n;
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static int flow_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                     struct ps_err *err)
{
    return read_all(flow_of(bytes), off, buf, n_bytes, 0, err);
}

static int flow_read_once(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                          struct ps_err *err)
{
    return read_all(flow_of(bytes), off, buf, n_bytes, 1, err);
}

static int flow_is_lost(struct ps_bytes *bytes)
{
    struct flow *f = flow_of(bytes);
    int is_lost;

    pthread_mutex_lock(&f->lock);
    is_lost = f->is_lost;
    pthread_mutex_unlock(&f->lock);
    return is_lost;
}

/* The stream is over where it promised, and says so: checksums come last. */
static int is_at_end(struct flow *f, struct ps_err *err)
{
    uint8_t byte;
    size_t n = 0;
    const int rc = f->stream.next(f->stream.arg, &byte, 1, &n, err);

    return rc == 0 && n == 0;
}

static int flow_finish(struct ps_bytes *bytes, struct ps_err *err)
{
    struct flow *f = flow_of(bytes);
    uint8_t *rest = malloc(PIECE_BYTES);
    int rc = rest ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    pthread_mutex_lock(&f->lock);
    while (rc == 0 && !f->is_lost && f->pos < f->bytes.n_bytes) {
        const uint64_t left = f->bytes.n_bytes - f->pos;

        rc = take(f, rest, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, err);
    }
    if (rc == 0 && !f->is_lost && !is_at_end(f, err))
        lose(f, err->code ? err : NULL);
    if (rc == -PS_EFORMAT || rc == -PS_EIO)
        rc = 0;
    if (rc == 0)
        rc = !f->is_lost;
    pthread_mutex_unlock(&f->lock);
    free(rest);
    return rc;
}

static void free_own(struct flow *f)
{
    while (f->kept) {
        struct kept *kept = f->kept;

        f->kept = kept->next;
        free(kept);
    }
    pthread_cond_destroy(&f->asked);
    pthread_cond_destroy(&f->moved);
    pthread_mutex_destroy(&f->lock);
    free(f->tail);
    free(f);
}

static void stop_thread(struct flow *f)
{
    pthread_mutex_lock(&f->lock);
    f->is_closing = 1;
    pthread_cond_signal(&f->asked);
    pthread_mutex_unlock(&f->lock);
    if (f->has_thread)
        pthread_join(f->thread, NULL);
}

static void flow_close(struct ps_bytes *bytes)
{
    struct flow *f = flow_of(bytes);

    stop_thread(f);
    f->stream.free(f->stream.arg);
    f->packed->ops->close(f->packed);
    free_own(f);
}

static const struct ps_bytes_ops flow_ops = {
    .prefix = "",
    .read = flow_read,
    .read_once = flow_read_once,
    .is_lost = flow_is_lost,
    .finish = flow_finish,
    .close = flow_close,
};

int ps_flow_open(struct ps_bytes **out, const struct ps_unpack_stream *stream,
                 struct ps_bytes *packed, struct ps_err *err)
{
    const uint64_t n = stream->n_promised;
    struct flow *f = calloc(1, sizeof *f);

    if (!f)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    f->bytes = (struct ps_bytes){&flow_ops, n};
    f->stream = *stream;
    f->packed = packed;
    ps_thread_cpus_of_caller(&f->cpus);
    f->tail_off = n > PS_FLOW_TAIL_BYTES ? n - PS_FLOW_TAIL_BYTES : 0;
    f->tail = malloc((size_t)(n - f->tail_off));
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->moved, NULL);
    pthread_cond_init(&f->asked, NULL);
    if (!f->tail) {
        free_own(f);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    }
    *out = &f->bytes;
    return 0;
}
