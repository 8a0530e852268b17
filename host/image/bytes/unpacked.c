#include "host/image/bytes/unpacked.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/cancel.h"
#include "host/image/bytes/files.h"
#include "host/image/bytes/temp_file.h"
#include "host/image/memory/arena_bytes.h"
#include "host/image/memory/filler.h"
#include "host/log.h"
#include "host/report/status.h"
#include "host/threads/start.h"

#define PAGE        4096u
#define PIECE_BYTES ((size_t)1 << 20) /* a multiple of the page */
#define N_PIECES    2u
/* More memory than any machine that runs Windows has: 64 TiB. */
#define MAX_BYTES ((uint64_t)64 << 40)
/* Less memory than this is not worth it. */
#define MIN_MEMORY ((uint64_t)4 << 20)
#define TELL_BYTES ((uint64_t)1 << 30)

/* A part of the file on its way from who unpacks to who writes. */
struct piece {
    uint8_t *mem;
    size_t n_bytes;
    int is_full;
};

struct unpacking {
    const struct ps_unpack_stream *stream;
    const char *dir;
    int fd;
    uint64_t max_bytes;
    uint64_t n_bytes;      /* unpacked so far */
    struct ps_arena arena; /* into which it is unpacked; none: into the file */
    struct piece piece[N_PIECES];

    uint64_t n_written;   /* the writer's own */
    pthread_mutex_t lock; /* of is_full and all below */
    pthread_cond_t changed;
    int is_ended;
    int write_rc;
    struct ps_err write_err;
};

static int is_zero_page(const uint8_t *page, size_t n_bytes)
{
    return page[0] == 0 && memcmp(page, page + 1, n_bytes - 1) == 0;
}

static int write_error(const struct unpacking *u, struct ps_err *err)
{
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                       "no room in %.100s to unpack %s behind %" PRIu64 " bytes; name a directory "
                       "with more room with --temp-dir, or unpack it yourself",
                       u->dir, u->stream->name, u->n_written);
    return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot write to a temporary file in %.100s: %s",
                   u->dir, strerror(errno));
}

static int write_all(const struct unpacking *u, const uint8_t *mem, size_t n_bytes, uint64_t off,
                     struct ps_err *err)
{
    while (n_bytes) {
        const ssize_t n = pwrite(u->fd, mem, n_bytes, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return write_error(u, err);
        mem += n;
        off += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

/* Pages of zeros are left out; what lies between them is written at once. */
static int write_piece(struct unpacking *u, const uint8_t *mem, size_t n_bytes, struct ps_err *err)
{
    size_t begin = 0;
    int rc = 0;

    for (size_t at = 0; at < n_bytes && rc == 0; at += PAGE) {
        const size_t n = n_bytes - at < PAGE ? n_bytes - at : PAGE;

        if (!is_zero_page(mem + at, n))
            continue;
        rc = write_all(u, mem + begin, at - begin, u->n_written + begin, err);
        begin = at + n;
    }
    if (rc == 0)
        rc = write_all(u, mem + begin, n_bytes - begin, u->n_written + begin, err);
    u->n_written += n_bytes;
    return rc;
}

static void *write_main(void *arg)
{
    struct unpacking *u = arg;

    pthread_mutex_lock(&u->lock);
    for (size_t i = 0;; i = (i + 1) % N_PIECES) {
        struct piece *p = &u->piece[i];
        struct ps_err err = {0};
        int rc;

        while (!p->is_full && !u->is_ended)
            pthread_cond_wait(&u->changed, &u->lock);
        if (!p->is_full)
            break;
        pthread_mutex_unlock(&u->lock);
        rc = write_piece(u, p->mem, p->n_bytes, &err);
        pthread_mutex_lock(&u->lock);
        p->is_full = 0;
        if (rc < 0 && u->write_rc == 0) {
            u->write_rc = rc;
            u->write_err = err;
        }
        pthread_cond_signal(&u->changed);
    }
    pthread_mutex_unlock(&u->lock);
    return NULL;
}

/* Wait until piece i is empty. What the writer says. */
static int wait_for_piece(struct unpacking *u, size_t i, struct ps_err *err)
{
    int rc;

    pthread_mutex_lock(&u->lock);
    while (u->piece[i].is_full)
        pthread_cond_wait(&u->changed, &u->lock);
    rc = u->write_rc;
    if (rc < 0)
        *err = u->write_err;
    pthread_mutex_unlock(&u->lock);
    return rc;
}

static void hand_over(struct unpacking *u, size_t i)
{
    pthread_mutex_lock(&u->lock);
    u->piece[i].is_full = 1;
    pthread_cond_signal(&u->changed);
    pthread_mutex_unlock(&u->lock);
}

static int check_piece(struct unpacking *u, size_t n_bytes, struct ps_err *err)
{
    const uint64_t before = u->n_bytes / TELL_BYTES;

    if (n_bytes > u->max_bytes - u->n_bytes)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                       "unpacks to more than %" PRIu64 " bytes, which no memory image has; unpack "
                       "it yourself to see what it is",
                       u->max_bytes);
    u->n_bytes += n_bytes;
    ps_status_bytes(u->n_bytes);
    if (u->n_bytes / TELL_BYTES != before)
        ps_log(PS_LOG_DEBUG, "%s: %" PRIu64 " bytes unpacked", u->stream->name, u->n_bytes);
    return ps_cancel_check(err);
}

/* Piece after piece. *damage is what ended it early, if anything did. */
static int unpack_all(struct unpacking *u, int has_writer, struct ps_err *damage,
                      struct ps_err *err)
{
    for (size_t i = 0;; i = (i + 1) % N_PIECES) {
        struct piece *p = &u->piece[i];
        int rc = has_writer ? wait_for_piece(u, i, err) : 0;
        int stream_rc;

        if (rc < 0)
            return rc;
        p->n_bytes = 0;
        stream_rc = u->stream->next(u->stream->arg, p->mem, PIECE_BYTES, &p->n_bytes, damage);
        rc = check_piece(u, p->n_bytes, err);
        if (rc < 0)
            return rc;
        if (has_writer)
            hand_over(u, i);
        else
            rc = write_piece(u, p->mem, p->n_bytes, err);
        if (rc < 0 || stream_rc < 0 || p->n_bytes < PIECE_BYTES)
            return rc;
    }
}

/* With a writer beside it, if that can be had. */
static int unpack_to_file(struct unpacking *u, int with_writer, struct ps_err *damage,
                          struct ps_err *err)
{
    pthread_t writer;
    int rc;

    with_writer = with_writer && ps_thread_start(&writer, NULL, write_main, u);
    rc = unpack_all(u, with_writer, damage, err);
    if (!with_writer)
        return rc;
    pthread_mutex_lock(&u->lock);
    u->is_ended = 1;
    pthread_cond_signal(&u->changed);
    pthread_mutex_unlock(&u->lock);
    pthread_join(writer, NULL);
    if (rc == 0 && u->write_rc < 0) {
        *err = u->write_err;
        rc = u->write_rc;
    }
    return rc;
}

static int is_fatal(const struct unpacking *u, const struct ps_err *damage)
{
    return damage->code &&
           ((damage->code != PS_EFORMAT && damage->code != PS_EIO) || u->n_bytes < PAGE);
}

/* The end of what was unpacked, and the memory or the file as bytes. */
static int finish(struct ps_bytes **out, struct unpacking *u, const struct ps_err *damage,
                  struct ps_err *err)
{
    if (is_fatal(u, damage)) {
        *err = *damage;
        return -damage->code;
    }
    if (!u->n_bytes)
        return ps_fail(err, PS_EFORMAT, 0, "format %s: nothing is packed in it", u->stream->name);
    if (u->arena.mem)
        return ps_arena_bytes_open(out, &u->arena, u->n_bytes, err);
    if (ftruncate(u->fd, (off_t)u->n_bytes) < 0)
        return write_error(u, err);
    return ps_files_open_fd(out, u->fd, err);
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void add_notes(struct ps_notes *notes, const struct unpacking *u,
                      const struct ps_err *damage, double seconds)
{
    const struct ps_unpack_stream *stream = u->stream;
    char entered[64], lost[96] = "", where[160];

    snprintf(entered, sizeof entered, "%s cannot be entered in the middle", stream->name);
    if (u->fd >= 0)
        snprintf(where, sizeof where, "a temporary file of %" PRIu64 " bytes in %.60s", u->n_bytes,
                 u->dir);
    else
        snprintf(where, sizeof where, "%" PRIu64 " bytes of memory", u->n_bytes);
    ps_notes_add(notes, PS_NOTE_INFO, "%s: unpacked to %s in %.1f s",
                 stream->why ? stream->why : entered, where, seconds);
    if (!damage->code)
        return;
    if (damage->at < stream->n_packed)
        snprintf(lost, sizeof lost, "the last %" PRIu64 " of %" PRIu64 " packed bytes are lost, ",
                 stream->n_packed - damage->at, stream->n_packed);
    ps_notes_add(notes, PS_NOTE_LOSS, "%.110s: %s%" PRIu64 " bytes were unpacked", damage->msg,
                 lost, u->n_bytes);
}

/* Memory for all of it, as far as is known how much that is. A promise is believed only as far as
 * the budget goes: no more is taken than is unpacked. One piece more shows that it ends there. */
static void take_memory(struct unpacking *u, uint64_t budget)
{
    const uint64_t promised = u->stream->n_promised;
    uint64_t n = budget;

    if (budget < MIN_MEMORY || promised > budget)
        return;
    if (promised && budget - promised > PIECE_BYTES)
        n = promised + PIECE_BYTES;
    ps_arena_init(&u->arena, n);
}

/* Until the end, *is_ended, or until the memory is full. *damage as in unpack_all. */
static int fill_memory(struct unpacking *u, struct ps_filler *filler, int *is_ended,
                       struct ps_err *damage, struct ps_err *err)
{
    for (*is_ended = 0; !*is_ended && u->n_bytes < u->arena.n_bytes;) {
        const size_t at = (size_t)u->n_bytes;
        const size_t left = u->arena.n_bytes - at;
        const size_t n_bytes = left < PIECE_BYTES ? left : PIECE_BYTES;
        size_t n = 0;
        int stream_rc, rc;

        ps_filler_need(filler, at, n_bytes);
        stream_rc = u->stream->next(u->stream->arg, u->arena.mem + at, n_bytes, &n, damage);
        *is_ended = stream_rc < 0 || n < n_bytes;
        rc = check_piece(u, n, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* As fill_memory, by next_in. What is damaged is unpacked again: next says how far it is good. */
static int fill_in_place(struct unpacking *u, struct ps_filler *filler, int *is_ended,
                         struct ps_err *err)
{
    const struct ps_unpack_stream *stream = u->stream;
    int more = 1;

    while (more > 0 && u->n_bytes < u->arena.n_bytes) {
        const size_t before = (size_t)u->n_bytes;
        struct ps_err why = {0};
        size_t at = before;

        more = stream->next_in(stream->arg, u->arena.mem, u->arena.n_bytes, &at, &why);
        if (more == -PS_EFORMAT || more == -PS_EIO) {
            u->n_bytes = 0;
            return stream->restart(stream->arg, err) < 0 ? -err->code : 1;
        }
        if (more < 0) {
            *err = why;
            return more;
        }
        if (check_piece(u, at - before, err) < 0)
            return -err->code;
        ps_filler_is_at(filler, at);
    }
    *is_ended = more == 0;
    return 0;
}

static int unpack_to_memory(struct unpacking *u, int with_thread, int *is_ended,
                            struct ps_err *damage, struct ps_err *err)
{
    struct ps_filler filler;
    int rc = 1;

    ps_status_phase("unpacking to memory");
    ps_filler_begin(&filler, &u->arena, with_thread);
    if (u->stream->next_in)
        rc = fill_in_place(u, &filler, is_ended, err);
    if (rc > 0)
        rc = fill_memory(u, &filler, is_ended, damage, err);
    ps_filler_end(&filler);
    return rc;
}

/* It is more than there is memory for: what was unpacked goes to the file. */
static int spill(struct unpacking *u, struct ps_err *err)
{
    int rc = 0;

    while (rc == 0 && u->n_written < u->n_bytes && (rc = ps_cancel_check(err)) == 0) {
        const size_t at = (size_t)u->n_written;
        const uint64_t left = u->n_bytes - at;
        const size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

        rc = write_piece(u, u->arena.mem + at, n, err);
        ps_arena_forget(&u->arena, at, n);
    }
    ps_arena_fini(&u->arena);
    return rc;
}

static int unpack_rest_to_file(struct unpacking *u, const struct ps_image_spec *spec,
                               struct ps_err *damage, struct ps_err *err)
{
    uint8_t *mem = malloc(N_PIECES * PIECE_BYTES);
    char what[64];
    int rc = mem ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    snprintf(what, sizeof what, "format %s", u->stream->name);
    ps_status_phase("unpacking to a temporary file");
    for (size_t i = 0; i < N_PIECES && rc == 0; i++)
        u->piece[i].mem = mem + i * PIECE_BYTES;
    if (rc == 0)
        u->fd = ps_temp_file(spec->temp_dir, what, err);
    if (rc == 0 && u->fd < 0)
        rc = u->fd;
    if (rc == 0)
        rc = spill(u, err);
    if (rc == 0)
        rc = unpack_to_file(u, spec->n_threads != 1, damage, err);
    free(mem);
    return rc;
}

int ps_unpacked_open(struct ps_bytes **out, const struct ps_unpack_stream *stream,
                     const struct ps_image_spec *spec, struct ps_notes *notes, struct ps_err *err)
{
    struct unpacking u = {
        .stream = stream,
        .dir = ps_temp_dir(spec->temp_dir),
        .fd = -1,
        .max_bytes = spec->max_unpacked ? spec->max_unpacked : MAX_BYTES,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    struct ps_err damage = {0};
    struct timespec begin;
    int is_ended = 0;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    take_memory(&u, spec->unpack_memory);
    if (u.arena.mem)
        rc = unpack_to_memory(&u, spec->n_threads != 1, &is_ended, &damage, err);
    if (rc == 0 && !is_ended)
        rc = unpack_rest_to_file(&u, spec, &damage, err);
    if (rc == 0)
        rc = finish(out, &u, &damage, err);
    if (rc == 0)
        add_notes(notes, &u, &damage, seconds_since(&begin));
    else if (u.fd >= 0)
        close(u.fd);
    ps_arena_fini(&u.arena);
    return rc;
}
