/* Bytes that go by (host/image/bytes/flow.h), of a stream that is made up here. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/bytes/flow.h"

#define MIB     ((uint64_t)1 << 20)
#define N_BYTES (9 * MIB + 12288)
#define CHUNK   ((size_t)300000) /* no multiple of anything */

/* Byte number i of the stream is truth(i). */
static uint8_t truth(uint64_t i)
{
    return (uint8_t)((i * 0x9e3779b97f4a7c15u) >> 56);
}

struct made {
    struct ps_bytes packed;
    struct ps_bytes *bytes;
    uint64_t n;         /* bytes that there are */
    uint64_t damage_at; /* the stream ends here with an error; UINT64_MAX: nowhere */
    uint64_t at;
    atomic_int n_users; /* at once */
    int n_freed, n_closed;
    atomic_uint_fast64_t next; /* of the threads */
    atomic_int n_wrong;
};

static int made_next(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct made *m = arg;
    int rc = 0;

    if (atomic_fetch_add(&m->n_users, 1) != 0)
        atomic_fetch_add(&m->n_wrong, 1);
    for (*n = 0; *n < n_bytes && m->at < m->n && m->at != m->damage_at; ++*n, m->at++)
        out[*n] = truth(m->at);
    if (m->at == m->damage_at)
        rc = ps_fail(err, PS_EFORMAT, m->at, "damaged");
    atomic_fetch_sub(&m->n_users, 1);
    return rc;
}

static void made_free(void *arg)
{
    ((struct made *)arg)->n_freed++;
}

static void packed_close(struct ps_bytes *bytes)
{
    ((struct made *)bytes)->n_closed++;
}

static const struct ps_bytes_ops packed_ops = {.close = packed_close};

static void open_made(struct made *m, uint64_t n_promised)
{
    const struct ps_unpack_stream stream = {
        .name = "made",
        .arg = m,
        .next = made_next,
        .n_promised = n_promised,
        .free = made_free,
    };
    struct ps_err err;

    m->packed.ops = &packed_ops;
    cr_assert_eq(ps_flow_open(&m->bytes, &stream, &m->packed, &err), 0);
    cr_assert_eq(m->bytes->n_bytes, n_promised);
}

static void close_made(struct made *m)
{
    m->bytes->ops->close(m->bytes);
    cr_assert_eq(m->n_freed, 1);
    cr_assert_eq(m->n_closed, 1);
    cr_assert_eq(atomic_load(&m->n_wrong), 0);
}

static int is_truth(const uint8_t *mem, uint64_t off, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        if (mem[i] != truth(off + i))
            return 0;
    return 1;
}

typedef int read_fn(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                    struct ps_err *err);

/* 1: they are right; 0: an error; others fail here. */
static int read_with(struct made *m, read_fn *read, uint64_t off, size_t n_bytes)
{
    uint8_t *buf = malloc(n_bytes);
    struct ps_err err = {0};
    const int rc = read(m->bytes, off, buf, n_bytes, &err);
    const int is_right = rc == 0 && is_truth(buf, off, n_bytes);

    free(buf);
    cr_assert(rc < 0 ? err.code != 0 : is_right, "offset %" PRIu64, off);
    return rc == 0;
}

static int read_once(struct made *m, uint64_t off, size_t n_bytes)
{
    return read_with(m, m->bytes->ops->read_once, off, n_bytes);
}

static int read_any(struct made *m, uint64_t off, size_t n_bytes)
{
    return read_with(m, m->bytes->ops->read, off, n_bytes);
}

static size_t chunk_at(const struct made *m, uint64_t off)
{
    return m->bytes->n_bytes - off < CHUNK ? (size_t)(m->bytes->n_bytes - off) : CHUNK;
}

static void read_all(struct made *m, uint64_t from)
{
    for (uint64_t off = from; off < m->bytes->n_bytes; off += CHUNK)
        read_once(m, off, chunk_at(m, off));
}

/* What finish says. */
static int finish(struct made *m)
{
    struct ps_err err = {0};
    const int rc = m->bytes->ops->finish(m->bytes, &err);

    cr_assert_geq(rc, 0, "%s", err.msg);
    cr_assert_eq(m->bytes->ops->is_lost(m->bytes), !rc);
    return rc;
}

static struct made made(uint64_t n, uint64_t damage_at)
{
    return (struct made){.n = n, .damage_at = damage_at};
}

Test(flow, in_order)
{
    struct made m = made(N_BYTES, UINT64_MAX);

    open_made(&m, N_BYTES);
    cr_assert(read_any(&m, 0, 8192));
    read_all(&m, 0);
    cr_assert_eq(finish(&m), 1);
    cr_assert_eq(m.at, N_BYTES);
    /* The end is still there, as the identity needs it, and nothing else. */
    cr_assert(read_any(&m, N_BYTES - MIB, MIB));
    cr_assert(!read_any(&m, N_BYTES - MIB - 1, 1));
    close_made(&m);
}

Test(flow, head_is_kept)
{
    struct made m = made(N_BYTES, UINT64_MAX);

    open_made(&m, N_BYTES);
    cr_assert(read_any(&m, 5 * MIB, 100000));
    cr_assert(read_any(&m, 0, 3 * MIB));
    cr_assert(read_any(&m, 123, 456));
    read_all(&m, 0);
    cr_assert_eq(finish(&m), 1);
    close_made(&m);
}

Test(flow, rest_is_looked_at)
{
    struct made m = made(N_BYTES, UINT64_MAX);

    open_made(&m, N_BYTES);
    cr_assert(read_once(&m, 0, CHUNK));
    cr_assert_eq(finish(&m), 1);
    cr_assert_eq(m.at, N_BYTES);
    cr_assert(read_any(&m, N_BYTES - 4096, 4096));
    close_made(&m);
}

Test(flow, small)
{
    struct made m = made(4096, UINT64_MAX);

    open_made(&m, 4096);
    cr_assert(read_any(&m, 0, 4096));
    cr_assert(read_once(&m, 0, 4096));
    cr_assert_eq(finish(&m), 1);
    cr_assert(read_any(&m, 0, 4096));
    close_made(&m);
}

/* Each chunk by whoever takes it next; some are late. */
static void *read_chunks(void *arg)
{
    struct made *m = arg;
    uint64_t off;

    while ((off = atomic_fetch_add(&m->next, CHUNK)) < m->bytes->n_bytes) {
        const size_t n = chunk_at(m, off);
        uint8_t *buf = malloc(n);
        struct ps_err err;

        for (unsigned i = 0; i < (off / CHUNK) % 7 * 20; i++)
            sched_yield();
        if (m->bytes->ops->read_once(m->bytes, off, buf, n, &err) != 0 || !is_truth(buf, off, n))
            atomic_fetch_add(&m->n_wrong, 1);
        free(buf);
    }
    return NULL;
}

Test(flow, threads)
{
    struct made m = made(N_BYTES, UINT64_MAX);
    pthread_t thread[5];

    open_made(&m, N_BYTES);
    cr_assert(read_any(&m, 0, 2 * MIB));
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, read_chunks, &m), 0);
    for (size_t i = 0; i < 5; i++)
        pthread_join(thread[i], NULL);
    cr_assert_eq(m.at, N_BYTES);
    cr_assert_eq(finish(&m), 1);
    close_made(&m);
}

Test(flow, what_went_by_is_gone)
{
    struct made m = made(N_BYTES, UINT64_MAX);

    open_made(&m, N_BYTES);
    cr_assert(read_once(&m, 0, 2 * CHUNK));
    cr_assert(!m.bytes->ops->is_lost(m.bytes));
    cr_assert(!read_once(&m, CHUNK, 10));
    cr_assert(!read_once(&m, 2 * CHUNK, 10), "nothing is read any more");
    cr_assert_eq(finish(&m), 0);
    close_made(&m);
}

Test(flow, far_ahead_is_refused_at_once)
{
    struct made m = made(PS_FLOW_HEAD_BYTES * 4, UINT64_MAX);

    open_made(&m, PS_FLOW_HEAD_BYTES * 4);
    cr_assert(read_any(&m, 4096, 4096));
    cr_assert(!read_any(&m, PS_FLOW_HEAD_BYTES, 1));
    cr_assert_leq(m.at, 2 * MIB);
    cr_assert_eq(finish(&m), 0);
    close_made(&m);
}

/* {bytes that there are, promised, damage}; each is lost, wherever it shows. */
static const uint64_t lost[][3] = {
    {N_BYTES - 1, N_BYTES, UINT64_MAX},
    {N_BYTES + 1, N_BYTES, UINT64_MAX},
    {0, N_BYTES, UINT64_MAX},
    {N_BYTES, N_BYTES, 5 * MIB + 7},
    {N_BYTES, N_BYTES, 0},
    {N_BYTES, N_BYTES, N_BYTES},
    {N_BYTES + MIB, N_BYTES, N_BYTES + 1},
};

Test(flow, promises_not_kept)
{
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        struct made m = made(lost[i][0], lost[i][2]);

        open_made(&m, lost[i][1]);
        read_all(&m, 0);
        cr_assert_eq(finish(&m), 0, "case %zu", i);
        close_made(&m);
    }
}
