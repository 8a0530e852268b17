#include "host/image/bytes/block_ahead.h"

#include "host/threads/start.h"

/* How far ahead of a reader in order small blocks are unpacked: enough that threads seldom sleep,
 * and little enough that what they wrote is still in the processor's caches when it is read. */
#define AHEAD_BYTES ((uint64_t)4 << 20)
/* Readers in order come as several threads, each a few pieces before or behind the others. */
#define ORDER_PIECES 16u
#define MIN_PIECE    4096u
/* Blocks of a fast codec up to this size are not unpacked ahead of everybody: those of them that
 * nobody wants before the scan need no memory, which costs more than to unpack them. */
#define FAST_BYTES ((uint32_t)512 << 10)

/* The lock is held. The next block to be unpacked ahead; n_blocks: none. */
static size_t next_ahead(struct ps_blocks *b)
{
    struct ps_blocks_ahead *a = &b->ahead;

    while (a->next < a->end) {
        const size_t number = a->next++;

        if (!b->cache.of[number] && !ps_blocks_is_zeros(b, number))
            return number;
    }
    return b->n_blocks;
}

static void *ahead_main(void *arg)
{
    struct ps_blocks *b = arg;
    struct ps_blocks_ahead *a = &b->ahead;

    pthread_mutex_lock(&b->lock);
    while (!a->is_closing) {
        const size_t number = next_ahead(b);
        struct ps_kept_block *kept = number < b->n_blocks ? ps_blocks_add(b, number) : NULL;

        if (kept) {
            ps_blocks_unpack(b, kept);
            kept->n_pins--;
        } else {
            a->n_idle++;
            pthread_cond_wait(&a->work, &b->lock);
            a->n_idle--;
        }
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* The lock is held. Without threads every reader unpacks what it reads. */
static void start_threads(struct ps_blocks *b, unsigned n_threads)
{
    struct ps_blocks_ahead *a = &b->ahead;

    a->is_started = 1;
    while (a->n_threads < n_threads &&
           ps_thread_start(&a->thread[a->n_threads], &a->cpus, ahead_main, b))
        a->n_threads++;
}

/* Where unpacking ahead from block 'from' on ends: twice as many blocks as there are threads, or
 * more small ones, and half of the cache at most. */
static size_t ahead_end(const struct ps_blocks *b, size_t from)
{
    size_t end = from;

    while (end < b->n_blocks) {
        const uint64_t n_bytes = b->start[end + 1] - b->start[from];

        if (n_bytes > b->cache.budget / 2 ||
            (end - from >= 2 * (size_t)b->n_threads && n_bytes > AHEAD_BYTES))
            break;
        end++;
    }
    return end;
}

/* The lock is held. Somebody who reads in order got as far as b->order.end. */
static void unpack_ahead(struct ps_blocks *b)
{
    struct ps_blocks_ahead *a = &b->ahead;
    const size_t from = ps_blocks_at(b, b->order.end - 1) + 1;

    if (b->n_threads < 2 || from >= b->n_blocks)
        return;
    /* Behind: overtaken by the reader. Far ahead: left by a reader who went back. */
    if (a->next < from || b->start[a->next] - b->start[from] > b->cache.budget / 2)
        a->next = from;
    a->end = ahead_end(b, from);
    if (a->next >= a->end)
        return;
    if (!a->is_started)
        start_threads(b, b->n_threads);
    /* Not for every small block: a thread that was woken should find something to do. */
    if (a->n_idle &&
        (b->start[a->end] - b->start[a->next] >= AHEAD_BYTES / 4 || a->end == b->n_blocks))
        pthread_cond_broadcast(&a->work);
}

/* The lock is held. From the first read on, unless nobody is known to want all of it. */
static void unpack_all(struct ps_blocks *b)
{
    if (b->ahead.is_started || b->n_threads < 2 ||
        (b->codec->is_fast && b->block[0].n_bytes <= FAST_BYTES))
        return;
    b->ahead.end = b->n_blocks;
    start_threads(b, b->n_threads - 1);
}

int ps_blocks_note_read(struct ps_blocks *b, uint64_t off, size_t n_bytes)
{
    struct ps_blocks_order *o = &b->order;
    const uint64_t slack = n_bytes * (uint64_t)ORDER_PIECES;
    const uint64_t distance = off > o->end ? off - o->end : o->end - off;

    if (b->is_all_wanted) {
        unpack_all(b);
        return 0;
    }
    if (n_bytes < MIN_PIECE)
        return 0;
    if (o->end && distance <= slack) {
        o->end = off + n_bytes > o->end ? off + n_bytes : o->end;
        unpack_ahead(b);
        return 1;
    }
    o->n_in_a_row = off == o->last_end ? o->n_in_a_row + 1 : 1;
    o->last_end = off + n_bytes;
    if (o->n_in_a_row < 2)
        return 0;
    o->end = o->last_end;
    o->n_in_a_row = 0;
    unpack_ahead(b);
    return 1;
}

void ps_blocks_leave_rest(struct ps_blocks *b)
{
    if (b->is_all_wanted)
        b->ahead.end = 0;
}

void ps_blocks_stop(struct ps_blocks *b)
{
    pthread_mutex_lock(&b->lock);
    b->ahead.is_closing = 1;
    pthread_cond_broadcast(&b->ahead.work);
    pthread_mutex_unlock(&b->lock);
    for (unsigned i = 0; i < b->ahead.n_threads; i++)
        pthread_join(b->ahead.thread[i], NULL);
}
