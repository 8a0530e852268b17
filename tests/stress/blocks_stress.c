/* Blocks (host/image/bytes/blocks.h) read by many threads at once, in order and at random, with a
 * small cache, blocks of all zeros and blocks that fail, for ThreadSanitizer too. PS_SEED repeats
 * a run. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/bytes/blocks.h"
#include "tests/support/rng.h"

#define N_THREADS 6
#define N_READS   400
#define MAX_READ  20000u
#define MAX_SHARE 200000u

/* Packed bytes that are their own unpacked ones, each XORed with KEY. */
#define KEY 0x5au

struct flat {
    struct ps_bytes bytes;
    const uint8_t *mem;
    atomic_int n_closed;
};

static int flat_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                     struct ps_err *err)
{
    (void)err;
    memcpy(buf, ((struct flat *)bytes)->mem + off, n_bytes);
    return 0;
}

static void flat_close(struct ps_bytes *bytes)
{
    atomic_fetch_add(&((struct flat *)bytes)->n_closed, 1);
}

static const struct ps_bytes_ops flat_ops = {.read = flat_read, .close = flat_close};

struct test {
    struct flat flat;
    uint8_t *packed, *truth;
    uint8_t *is_bad; /* by block */
    struct ps_block *block;
    uint64_t *start;
    size_t n_blocks;
    uint64_t n_bytes;
    struct ps_bytes *bytes;
    uint64_t seed;
    atomic_int n_wrong, n_unpacked, n_workers, n_most_workers, n_freed;
    atomic_int *n_at; /* unpacking a block now */
    int n_at_once;    /* may do so */
};

static int worker_new(void *arg, void **worker, struct ps_err *err)
{
    struct test *t = arg;

    (void)err;
    atomic_fetch_add(&t->n_workers, 1);
    *worker = calloc(1, sizeof(atomic_int));
    return 0;
}

static void worker_free(void *arg, void *worker)
{
    atomic_fetch_sub(&((struct test *)arg)->n_workers, 1);
    free(worker);
}

static int unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                  const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    struct test *t = arg;
    atomic_int *busy = worker;

    if (atomic_exchange(busy, 1) || atomic_fetch_add(&t->n_at[number], 1) >= t->n_at_once ||
        block != &t->block[number])
        atomic_fetch_add(&t->n_wrong, 1);
    atomic_fetch_add(&t->n_unpacked, 1);
    for (uint32_t i = 0; i < block->n_bytes; i++)
        out[i] = in[i] ^ KEY;
    atomic_fetch_sub(&t->n_at[number], 1);
    atomic_store(busy, 0);
    return t->is_bad[number] ? ps_fail(err, PS_EFORMAT, block->packed_off, "bad block") : 0;
}

static void codec_free(void *arg)
{
    atomic_fetch_add(&((struct test *)arg)->n_freed, 1);
}

static const struct ps_blocks_codec codec = {
    .prefix = "xor ",
    .worker_new = worker_new,
    .worker_free = worker_free,
    .unpack = unpack,
    .free = codec_free,
};

/* One in 16 blocks is of zeros, one in 'bad_of' fails. */
static void make(struct test *t, size_t n_blocks, uint32_t largest, uint32_t bad_of)
{
    struct rng rng = rng_make(t->seed);
    uint64_t at = 0;

    t->n_blocks = n_blocks;
    t->block = calloc(n_blocks, sizeof *t->block);
    t->start = calloc(n_blocks + 1, sizeof *t->start);
    t->is_bad = calloc(n_blocks, 1);
    t->n_at = calloc(n_blocks, sizeof *t->n_at);
    for (size_t i = 0; i < n_blocks; i++) {
        t->block[i].n_bytes = rng_below(&rng, 4) ? largest : 1 + rng_below(&rng, largest);
        t->block[i].packed_off = t->n_bytes;
        t->block[i].packed_bytes = rng_below(&rng, 16) ? t->block[i].n_bytes : 0;
        t->is_bad[i] = t->block[i].packed_bytes && !rng_below(&rng, bad_of);
        t->start[i] = t->n_bytes;
        t->n_bytes += t->block[i].n_bytes;
    }
    t->start[n_blocks] = t->n_bytes;
    t->packed = malloc(t->n_bytes);
    t->truth = malloc(t->n_bytes);
    rng_fill(&rng, t->packed, t->n_bytes);
    for (size_t i = 0; i < n_blocks; i++)
        for (uint32_t k = 0; k < t->block[i].n_bytes; k++, at++)
            t->truth[at] = t->block[i].packed_bytes ? t->packed[at] ^ KEY : 0;
    t->flat.bytes = (struct ps_bytes){&flat_ops, t->n_bytes};
    t->flat.mem = t->packed;
}

/* Is there a block in these bytes that fails? */
static int is_bad(const struct test *t, uint64_t off, size_t n_bytes)
{
    for (size_t i = 0; i < t->n_blocks; i++)
        if (t->is_bad[i] && t->start[i] < off + n_bytes && t->start[i + 1] > off)
            return 1;
    return 0;
}

static void wrong(struct test *t, const char *what, uint64_t off, size_t n_bytes)
{
    if (atomic_fetch_add(&t->n_wrong, 1) < 5)
        fprintf(stderr, "FAILED: %s at 0x%" PRIx64 ", %zu bytes; PS_SEED=0x%" PRIx64 "\n", what,
                off, n_bytes, t->seed);
}

typedef int read_fn(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                    struct ps_err *err);

static void read_with(struct test *t, read_fn *read, uint8_t *buf, uint64_t off, size_t n_bytes)
{
    struct ps_err err = {0};
    const int rc = read(t->bytes, off, buf, n_bytes, &err);
    const int want = is_bad(t, off, n_bytes) ? -PS_EFORMAT : 0;

    if (rc != want || (rc < 0 && strcmp(err.msg, "bad block") != 0))
        wrong(t, rc ? err.msg : "no error", off, n_bytes);
    else if (rc == 0 && memcmp(buf, t->truth + off, n_bytes) != 0)
        wrong(t, "other bytes", off, n_bytes);
}

static void read_one(struct test *t, uint8_t *buf, uint64_t off, size_t n_bytes)
{
    read_with(t, t->bytes->ops->read, buf, off, n_bytes);
}

/* The same as memory, where all of it is kept. */
static void map_one(struct test *t, uint8_t *buf, uint64_t off, size_t n_bytes)
{
    const uint8_t *mem = t->bytes->ops->map(t->bytes, off, n_bytes);

    /* Much that is not there yet is refused. */
    if (!mem && off % 8 == 0 && !is_bad(t, off, n_bytes)) {
        read_one(t, buf, off, n_bytes);
        mem = t->bytes->ops->map(t->bytes, off, n_bytes);
    }
    if (!mem != (off % 8 || is_bad(t, off, n_bytes)))
        wrong(t, "mapped or not", off, n_bytes);
    else if (mem && memcmp(mem, t->truth + off, n_bytes) != 0)
        wrong(t, "other bytes are mapped", off, n_bytes);
}

struct reader {
    struct test *t;
    size_t number;
};

/* Even readers go through all of it in order, each from another place on; odd ones jump. */
static void *read_many(void *arg)
{
    const struct reader *r = arg;
    struct test *t = r->t;
    struct rng rng = rng_make(t->seed + r->number);
    uint8_t *buf = malloc(MAX_READ);
    uint64_t at = t->n_bytes * r->number / N_THREADS;

    for (int i = 0; i < N_READS; i++) {
        size_t n = 1 + rng_below(&rng, MAX_READ);

        if (r->number % 2)
            at = rng_next(&rng) % t->n_bytes;
        if (at >= t->n_bytes)
            at = 0;
        if (n > t->n_bytes - at)
            n = (size_t)(t->n_bytes - at);
        if (rng_below(&rng, 8) == 0)
            t->bytes->ops->will_need(t->bytes, at, n);
        if (t->bytes->ops->map && rng_below(&rng, 2))
            map_one(t, buf, at, n);
        else
            read_one(t, buf, at, n);
        at += n;
    }
    free(buf);
    return NULL;
}

/* Alone and in order: what is read ahead by threads is what is wanted. */
static void read_in_order(struct test *t)
{
    uint8_t *buf = malloc(MAX_READ);

    for (uint64_t at = 0; at < t->n_bytes; at += MAX_READ)
        read_one(t, buf, at, t->n_bytes - at < MAX_READ ? (size_t)(t->n_bytes - at) : MAX_READ);
    free(buf);
}

/* All of it once, shared with the others: now and then a piece so small that no block is whole in
 * it, or one that is read as any other. */
static void *read_share(void *arg)
{
    const struct reader *r = arg;
    struct test *t = r->t;
    struct rng rng = rng_make(t->seed ^ 1); /* the same pieces in all threads */
    uint8_t *buf = malloc(MAX_SHARE);
    uint64_t at = 0;

    for (size_t i = 0; at < t->n_bytes; i++) {
        const uint32_t kind = rng_below(&rng, 8);
        size_t n = 1 + rng_below(&rng, kind == 0 ? 50 : MAX_SHARE);

        n = n > t->n_bytes - at ? (size_t)(t->n_bytes - at) : n;
        if (i % N_THREADS == r->number)
            read_with(t, kind == 1 ? t->bytes->ops->read : t->bytes->ops->read_once, buf, at, n);
        at += n;
    }
    free(buf);
    return NULL;
}

static void read_by_all(struct test *t, void *(*how)(void *))
{
    pthread_t thread[N_THREADS];
    struct reader reader[N_THREADS];

    for (size_t i = 0; i < N_THREADS; i++) {
        reader[i] = (struct reader){t, i};
        if (pthread_create(&thread[i], NULL, how, &reader[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(thread[i], NULL);
}

/* With room for all of it, every block is unpacked once, whoever reads. */
static void check_once(struct test *t)
{
    int n_stored = 0;

    for (size_t i = 0; i < t->n_blocks; i++)
        n_stored += t->block[i].packed_bytes != 0;
    if (atomic_load(&t->n_unpacked) > n_stored)
        wrong(t, "blocks unpacked more than once", 0, (size_t)atomic_load(&t->n_unpacked));
}

static int open_test(struct test *t, uint64_t cache_bytes, uint64_t keep_bytes, unsigned n_threads)
{
    struct ps_err err = {0};
    const struct ps_blocks_spec spec = {
        .codec = &codec,
        .arg = t,
        .n_threads = n_threads,
        .packed = &t->flat.bytes,
        .block = t->block,
        .n_blocks = t->n_blocks,
        .cache_bytes = cache_bytes,
        .keep_bytes = keep_bytes,
        .all = t->seed & 1,
    };

    if (ps_blocks_open(&t->bytes, &spec, &err) == 0)
        return 1;
    fprintf(stderr, "FAILED: open: %s\n", err.msg);
    atomic_fetch_add(&t->n_wrong, 1);
    return 0;
}

/* How many went wrong. */
static int close_test(struct test *t)
{
    t->bytes->ops->close(t->bytes);
    if (atomic_load(&t->n_workers) || atomic_load(&t->n_freed) != 1 ||
        atomic_load(&t->flat.n_closed) != 1)
        wrong(t, "not everything was freed", 0, 0);
    free(t->start);
    free(t->is_bad);
    free(t->n_at);
    free(t->packed);
    free(t->truth);
    return atomic_load(&t->n_wrong);
}

/* The cache is of cache_bytes; 0: large enough for all. How many went wrong. */
static int cache_round(uint64_t seed, size_t n_blocks, uint32_t largest, uint64_t cache_bytes,
                       unsigned n_threads)
{
    struct test t = {.seed = seed};

    make(&t, n_blocks, largest, 20);
    if (!open_test(&t, cache_bytes, 0, n_threads))
        return 1;
    /* Whoever reads a block whole and once does not ask whether it is unpacked ahead just now. */
    t.n_at_once = 2;
    read_by_all(&t, read_share);
    t.n_at_once = 1;
    atomic_store(&t.n_unpacked, 0);
    read_in_order(&t);
    read_by_all(&t, read_many);
    if (cache_bytes == 0)
        check_once(&t);
    return close_test(&t);
}

/* All of it is kept: nothing is unpacked twice from the beginning on, but for what was read at once
 * before. */
static int kept_round(uint64_t seed, size_t n_blocks, uint32_t largest, unsigned n_threads,
                      int once_first)
{
    struct test t = {.seed = seed, .n_at_once = 1 + once_first};

    make(&t, n_blocks, largest, 20);
    if (!open_test(&t, 100, t.n_bytes, n_threads))
        return 1;
    if (!t.bytes->ops->map || !t.bytes->ops->stays)
        wrong(&t, "not kept", 0, 0);
    if (once_first)
        read_by_all(&t, read_share);
    atomic_store(&t.n_unpacked, 0);
    t.n_at_once = 1;
    if (t.bytes->ops->map)
        read_by_all(&t, read_many);
    read_in_order(&t);
    read_by_all(&t, read_share);
    check_once(&t);
    return close_test(&t);
}

/* One byte less than it takes. */
static int too_large(uint64_t seed)
{
    struct test t = {.seed = seed, .n_at_once = 1};

    make(&t, 10, 4096, 20);
    if (!open_test(&t, 0, t.n_bytes - 1, 2))
        return 1;
    if (t.bytes->ops->map || t.bytes->ops->stays)
        wrong(&t, "more is kept than may be", 0, 0);
    return close_test(&t);
}

int main(void)
{
    const uint64_t seed = rng_seed();
    int n_wrong = 0;

    n_wrong += cache_round(seed, 500, 4096, 0, 4);
    n_wrong += cache_round(seed + 1, 500, 4096, 100000, 4);
    n_wrong += cache_round(seed + 2, 100, 70000, 0, 2);
    n_wrong += cache_round(seed + 3, 100, 70000, 300000, 3);
    n_wrong += cache_round(seed + 4, 20000, 100, 30000, 2);
    n_wrong += cache_round(seed + 5, 300, 4096, 5000, 1);
    n_wrong += cache_round(seed + 6, 1, 3, 0, 8);
    for (int once_first = 0; once_first < 2; once_first++) {
        n_wrong += kept_round(seed + 7, 500, 4096, 4, once_first);
        n_wrong += kept_round(seed + 8, 100, 70000, 3, once_first);
        n_wrong += kept_round(seed + 9, 20000, 100, 2, once_first);
        n_wrong += kept_round(seed + 10, 300, 4096, 1, once_first);
        n_wrong += kept_round(seed + 11, 1, 3, 8, once_first);
    }
    n_wrong += too_large(seed + 12);
    printf("%d reads gave a wrong answer, PS_SEED=0x%" PRIx64 "\n", n_wrong, seed);
    return n_wrong != 0;
}
