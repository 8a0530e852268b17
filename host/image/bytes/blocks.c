#include "host/image/bytes/blocks.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/image/bytes/block_ahead.h"

/* What is kept. */
#define MIN_CACHE_BYTES ((uint64_t)64 << 20)
#define MAX_CACHE_BYTES ((uint64_t)512 << 20)
static struct ps_blocks *blocks_of(struct ps_bytes *bytes)
{
    return (struct ps_blocks *)bytes;
}

/* The block that holds 'off'. */
size_t ps_blocks_at(const struct ps_blocks *b, uint64_t off)
{
    size_t low = 0;
    size_t high = b->n_blocks;
    const uint64_t guess = off / b->block[0].n_bytes; /* most have one size */

    if (guess < b->n_blocks && b->start[guess] <= off && off < b->start[guess + 1])
        return (size_t)guess;
    while (high - low > 1) {
        const size_t mid = low + (high - low) / 2;

        if (b->start[mid] <= off)
            low = mid;
        else
            high = mid;
    }
    return low;
}

int ps_blocks_is_zeros(const struct ps_blocks *b, size_t number)
{
    return b->packed && !b->block[number].packed_bytes;
}

/* The lock is held, but not while it unpacks. */
static int unpack_to(struct ps_blocks *b, size_t number, uint8_t *out, struct ps_err *err)
{
    struct ps_block_worker *w = ps_block_worker_take(&b->workers);
    int rc;

    pthread_mutex_unlock(&b->lock);
    if (b->arena.mem && out == b->arena.mem + b->start[number])
        ps_arena_prepare(&b->arena, (size_t)b->start[number], b->block[number].n_bytes);
    rc =
        ps_block_worker_unpack(w, b->codec, b->arg, b->packed, &b->block[number], number, out, err);
    pthread_mutex_lock(&b->lock);
    ps_block_worker_give(&b->workers, w);
    return rc;
}

/* As unpack_to. */
void ps_blocks_unpack(struct ps_blocks *b, struct ps_kept_block *kept)
{
    struct ps_err err = {0};

    if (unpack_to(b, kept->number, kept->mem, &err) < 0)
        ps_block_cache_fail(&b->cache, kept, &err);
    else
        kept->state = PS_BLOCK_READY;
    if (b->n_waiting)
        pthread_cond_broadcast(&b->done);
}

/* The lock is held. Blocks that nobody unpacks yet are added, and are then the caller's to
 * unpack. */
struct ps_kept_block *ps_blocks_add(struct ps_blocks *b, size_t number)
{
    return ps_block_cache_add(&b->cache, number, b->block[number].n_bytes);
}

/* The lock is held. A block that was unpacked, or failed, pinned; NULL: out of memory. */
static struct ps_kept_block *pin(struct ps_blocks *b, size_t number)
{
    struct ps_kept_block *kept = b->cache.of[number];

    if (!kept) {
        kept = ps_blocks_add(b, number);
        if (kept)
            ps_blocks_unpack(b, kept);
        return kept;
    }
    kept->n_pins++;
    while (kept->state == PS_BLOCK_UNPACKING) {
        b->n_waiting++;
        pthread_cond_wait(&b->done, &b->lock);
        b->n_waiting--;
    }
    return kept;
}

static void unpin(struct ps_blocks *b, struct ps_kept_block *kept, size_t n_bytes, int in_order)
{
    /* Where all of it can be kept, all of it is. */
    const int is_large = b->bytes.n_bytes > b->cache.budget;

    if (in_order)
        kept->n_streamed += n_bytes;
    kept->n_pins--;
    ps_block_cache_touch(&b->cache, kept,
                         in_order && is_large &&
                             kept->n_streamed >= b->block[kept->number].n_bytes);
}

/* The lock is held, but not while it copies. */
static int read_part(struct ps_blocks *b, uint64_t off, uint8_t *to, size_t n_bytes, int in_order,
                     size_t number, struct ps_err *err)
{
    struct ps_kept_block *kept;
    int rc = 0;

    if (ps_blocks_is_zeros(b, number)) {
        memset(to, 0, n_bytes);
        return 0;
    }
    kept = pin(b, number);
    if (!kept)
        return ps_fail(err, PS_ENOMEM, b->block[number].packed_off,
                       "out of memory for a block of %" PRIu32 " bytes", b->block[number].n_bytes);
    if (kept->state == PS_BLOCK_FAILED) {
        *err = kept->err;
        rc = -kept->err.code;
    } else {
        const uint8_t *from = kept->mem + (off - b->start[number]);

        pthread_mutex_unlock(&b->lock);
        memcpy(to, from, n_bytes);
        pthread_mutex_lock(&b->lock);
    }
    unpin(b, kept, n_bytes, in_order);
    return rc;
}

enum reading { READ_SOMEWHERE, READ_IN_ORDER, READ_ONCE };

/* The lock is held, but not while it unpacks and copies. */
static int read_parts(struct ps_blocks *b, uint64_t off, uint8_t *to, size_t n_bytes,
                      enum reading reading, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = ps_blocks_at(b, off); n_bytes && rc >= 0; i++) {
        const uint64_t left = b->start[i + 1] - off;
        const size_t n = n_bytes < left ? n_bytes : (size_t)left;

        if (reading == READ_ONCE && n == b->block[i].n_bytes && !b->cache.of[i] &&
            !ps_blocks_is_zeros(b, i))
            rc = unpack_to(b, i, to, err);
        else
            rc = read_part(b, off, to, n, reading != READ_SOMEWHERE, i, err);
        to += n;
        off += n;
        n_bytes -= n;
    }
    return rc;
}

static int blocks_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                       struct ps_err *err)
{
    struct ps_blocks *b = blocks_of(bytes);
    int rc;

    if (!n_bytes)
        return 0;
    pthread_mutex_lock(&b->lock);
    rc = read_parts(b, off, buf, n_bytes,
                    ps_blocks_note_read(b, off, n_bytes) ? READ_IN_ORDER : READ_SOMEWHERE, err);
    pthread_mutex_unlock(&b->lock);
    return rc;
}

/* Is one block at least all in these bytes, n_bytes > 0? */
static int has_whole_block(const struct ps_blocks *b, uint64_t off, size_t n_bytes)
{
    size_t i = ps_blocks_at(b, off);

    if (b->start[i] < off)
        i++;
    return i < b->n_blocks && b->start[i + 1] - off <= n_bytes;
}

/* Bytes of the blocks that these bytes are in, and are not kept yet. */
static uint64_t missing(const struct ps_blocks *b, uint64_t off, size_t n_bytes)
{
    uint64_t n = 0;

    for (size_t i = ps_blocks_at(b, off); i < b->n_blocks && b->start[i] < off + n_bytes; i++)
        if (!b->cache.of[i] && !ps_blocks_is_zeros(b, i))
            n += b->block[i].n_bytes;
    return n;
}

/* All blocks that these bytes are in stay from then on: who reads much of which little is there
 * yet is better off with memory of his own, which is used again and again. */
static const uint8_t *blocks_map(struct ps_bytes *bytes, uint64_t off, size_t n_bytes)
{
    struct ps_blocks *b = blocks_of(bytes);
    int is_good = n_bytes && off % 8 == 0;

    pthread_mutex_lock(&b->lock);
    if (is_good && has_whole_block(b, off, n_bytes) && missing(b, off, n_bytes) > n_bytes / 2)
        is_good = 0;
    if (is_good)
        ps_blocks_note_read(b, off, n_bytes);
    for (size_t i = is_good ? ps_blocks_at(b, off) : 0;
         is_good && i < b->n_blocks && b->start[i] < off + n_bytes; i++) {
        struct ps_kept_block *kept = ps_blocks_is_zeros(b, i) ? NULL : pin(b, i);

        is_good = ps_blocks_is_zeros(b, i) || (kept && kept->state == PS_BLOCK_READY);
        if (kept)
            kept->n_pins--;
    }
    pthread_mutex_unlock(&b->lock);
    return is_good ? b->arena.mem + off : NULL;
}

/* Who reads large blocks in parts would wait for whoever reads the rest of each: others unpack
 * those ahead. */
static int blocks_read_once(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                            struct ps_err *err)
{
    struct ps_blocks *b = blocks_of(bytes);
    int rc;

    if (!n_bytes || !has_whole_block(b, off, n_bytes))
        return blocks_read(bytes, off, buf, n_bytes, err);
    pthread_mutex_lock(&b->lock);
    ps_blocks_leave_rest(b);
    rc = read_parts(b, off, buf, n_bytes, READ_ONCE, err);
    pthread_mutex_unlock(&b->lock);
    return rc;
}

/* What is packed is fetched from the disk; it is unpacked when a reader comes near. */
static void blocks_will_need(struct ps_bytes *bytes, uint64_t off, uint64_t n_bytes)
{
    struct ps_blocks *b = blocks_of(bytes);
    uint64_t begin = UINT64_MAX, end = 0;

    if (!n_bytes || !b->packed || !b->packed->ops->will_need)
        return;
    for (size_t i = ps_blocks_at(b, off); i < b->n_blocks && b->start[i] < off + n_bytes; i++) {
        const struct ps_block *block = &b->block[i];

        if (!block->packed_bytes)
            continue;
        begin = block->packed_off < begin ? block->packed_off : begin;
        end = block->packed_off + block->packed_bytes > end
                  ? block->packed_off + block->packed_bytes
                  : end;
    }
    /* Blocks that lie in another order than they are read in would fetch half of the file. */
    if (begin < end && (end - begin) / 2 <= n_bytes)
        b->packed->ops->will_need(b->packed, begin, end - begin);
}

static void free_own(struct ps_blocks *b)
{
    ps_block_workers_free(&b->workers, b->codec, b->arg);
    ps_block_cache_fini(&b->cache);
    ps_arena_fini(&b->arena);
    pthread_cond_destroy(&b->ahead.work);
    pthread_cond_destroy(&b->done);
    pthread_mutex_destroy(&b->lock);
    free(b->start);
    free(b);
}

void ps_blocks_let_go(struct ps_bytes *bytes)
{
    struct ps_blocks *b = blocks_of(bytes);

    ps_blocks_stop(b);
    free_own(b);
}

static void blocks_close(struct ps_bytes *bytes)
{
    const struct ps_blocks *b = blocks_of(bytes);
    const struct ps_blocks_codec *codec = b->codec;
    struct ps_bytes *packed = b->packed;
    struct ps_block *block = b->block;
    void *arg = b->arg;

    ps_blocks_let_go(bytes);
    if (codec->free)
        codec->free(arg);
    if (packed)
        packed->ops->close(packed);
    free(block);
}

/* Checks the list, and fills b->start. */
static int add_up(struct ps_blocks *b, uint32_t *largest, struct ps_err *err)
{
    const uint64_t n_packed = b->packed ? b->packed->n_bytes : 0;
    uint64_t at = 0;

    for (size_t i = 0; i < b->n_blocks; i++) {
        const struct ps_block *block = &b->block[i];

        if (!block->n_bytes || block->n_bytes > PS_BLOCK_MAX_BYTES)
            return ps_fail(err, PS_EFORMAT, block->packed_off,
                           "block %zu at offset 0x%" PRIx64 " has %" PRIu32
                           " bytes; the file is damaged",
                           i, block->packed_off, block->n_bytes);
        if (b->packed &&
            (block->packed_off > n_packed || block->packed_bytes > n_packed - block->packed_off))
            return ps_fail(err, PS_EFORMAT, block->packed_off,
                           "block %zu at offset 0x%" PRIx64 " ends behind the end of the file; it "
                           "is cut short",
                           i, block->packed_off);
        b->start[i] = at;
        at += block->n_bytes; /* 2^35 blocks of 2^28 bytes would be needed to overflow */
        *largest = block->n_bytes > *largest ? block->n_bytes : *largest;
    }
    b->start[b->n_blocks] = at;
    b->bytes.n_bytes = at;
    return 0;
}

static unsigned count_threads(unsigned n_threads)
{
    const long n_cpus = n_threads ? (long)n_threads : sysconf(_SC_NPROCESSORS_ONLN);

    if (n_cpus < 1)
        return 1;
    return n_cpus > (long)PS_BLOCKS_MAX_THREADS ? PS_BLOCKS_MAX_THREADS : (unsigned)n_cpus;
}

uint64_t ps_blocks_cache_bytes(uint32_t largest, unsigned n_threads)
{
    const uint64_t wanted = (2 * (uint64_t)count_threads(n_threads) + 2) * largest;

    if (wanted < MIN_CACHE_BYTES)
        return MIN_CACHE_BYTES;
    return wanted < MAX_CACHE_BYTES ? wanted : MAX_CACHE_BYTES;
}

static struct ps_blocks *make(const struct ps_blocks_spec *spec)
{
    struct ps_blocks *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->codec = spec->codec;
    b->arg = spec->arg;
    b->packed = spec->packed;
    b->block = spec->block;
    b->n_blocks = spec->n_blocks;
    b->n_threads = count_threads(spec->n_threads);
    b->ops = (struct ps_bytes_ops){
        .prefix = spec->codec->prefix,
        .read = blocks_read,
        .read_once = blocks_read_once,
        .will_need = blocks_will_need,
        .close = blocks_close,
    };
    b->bytes.ops = &b->ops;
    ps_thread_cpus_of_caller(&b->ahead.cpus);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->done, NULL);
    pthread_cond_init(&b->ahead.work, NULL);
    return b;
}

/* All unpacked bytes stay, if they may and the system has room for them. */
static void keep_all(struct ps_blocks *b, const struct ps_blocks_spec *spec)
{
    if (b->bytes.n_bytes > spec->keep_bytes || !ps_arena_init(&b->arena, b->bytes.n_bytes))
        return;
    b->cache.all = b->arena.mem;
    b->cache.start = b->start;
    b->cache.budget = UINT64_MAX;
    b->is_all_wanted = spec->all;
    b->ops.map = blocks_map;
    b->ops.stays = 1;
}

int ps_blocks_open(struct ps_bytes **out, const struct ps_blocks_spec *spec, struct ps_err *err)
{
    struct ps_blocks *b = make(spec);
    uint32_t largest = 0;
    int rc;

    if (!b)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    b->start = malloc((b->n_blocks + 1) * sizeof *b->start);
    if (!b->n_blocks)
        rc = ps_fail(err, PS_EFORMAT, PS_AT_NONE, "nothing is packed in the file");
    else if (!b->start)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu blocks", b->n_blocks);
    else
        rc = add_up(b, &largest, err);
    if (rc >= 0)
        rc = ps_block_cache_init(&b->cache, b->n_blocks,
                                 spec->cache_bytes ? spec->cache_bytes
                                                   : ps_blocks_cache_bytes(largest, b->n_threads),
                                 err);
    if (rc < 0) {
        free_own(b);
        return rc;
    }
    keep_all(b, spec);
    *out = &b->bytes;
    return 0;
}
