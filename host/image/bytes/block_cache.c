#include "host/image/bytes/block_cache.h"

#include <stdlib.h>

int ps_block_cache_init(struct ps_block_cache *cache, size_t n_blocks, uint64_t budget,
                        struct ps_err *err)
{
    *cache = (struct ps_block_cache){.n_blocks = n_blocks, .budget = budget};
    cache->of = calloc(n_blocks, sizeof(struct ps_kept_block *));
    if (!cache->of)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu blocks", n_blocks);
    return 0;
}

static uint64_t cost(const struct ps_kept_block *block)
{
    return sizeof *block + block->cap;
}

static void take_out(struct ps_block_cache *cache, struct ps_kept_block *block)
{
    *(block->newer ? &block->newer->older : &cache->newest) = block->older;
    *(block->older ? &block->older->newer : &cache->oldest) = block->newer;
}

static void put_newest(struct ps_block_cache *cache, struct ps_kept_block *block)
{
    block->newer = NULL;
    block->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = block;
    cache->newest = block;
}

static void put_oldest(struct ps_block_cache *cache, struct ps_kept_block *block)
{
    block->older = NULL;
    block->newer = cache->oldest;
    *(cache->oldest ? &cache->oldest->older : &cache->newest) = block;
    cache->oldest = block;
}

void ps_block_cache_touch(struct ps_block_cache *cache, struct ps_kept_block *block, int is_spent)
{
    block->is_spent = is_spent;
    if (block == (is_spent ? cache->oldest : cache->newest))
        return;
    take_out(cache, block);
    if (is_spent)
        put_oldest(cache, block);
    else
        put_newest(cache, block);
}

static void forget(struct ps_block_cache *cache, struct ps_kept_block *block)
{
    take_out(cache, block);
    cache->of[block->number] = NULL;
    cache->used -= cost(block);
}

static void drop(const struct ps_block_cache *cache, struct ps_kept_block *block)
{
    if (!cache->all)
        free(block->mem);
    free(block);
}

static struct ps_kept_block *oldest_unpinned(const struct ps_block_cache *cache)
{
    struct ps_kept_block *block = cache->oldest;

    while (block && block->n_pins)
        block = block->newer;
    return block;
}

/* Memory that is a little too large is fine; much too large, it would not be counted rightly. */
static int fits(const struct ps_kept_block *block, size_t n_bytes)
{
    return block->cap >= n_bytes && block->cap / 2 <= n_bytes;
}

/* A block that went, with memory for n_bytes; NULL: there is room for a new one. Spent memory is
 * taken even then: it is still in the processor's caches, and new memory has to be cleared. */
static struct ps_kept_block *make_room(struct ps_block_cache *cache, size_t n_bytes)
{
    struct ps_kept_block *block;

    while ((block = oldest_unpinned(cache)) != NULL) {
        const uint64_t left = cache->used < cache->budget ? cache->budget - cache->used : 0;

        if (!block->is_spent && left >= n_bytes + sizeof *block)
            break;
        forget(cache, block);
        if (fits(block, n_bytes))
            return block;
        drop(cache, block);
    }
    return NULL;
}

static struct ps_kept_block *make_block(const struct ps_block_cache *cache, size_t number,
                                        size_t n_bytes)
{
    struct ps_kept_block *block = malloc(sizeof *block);

    if (!block)
        return NULL;
    if (cache->all) {
        block->cap = 0;
        block->mem = cache->all + cache->start[number];
        return block;
    }
    block->cap = n_bytes;
    block->mem = malloc(n_bytes);
    if (!block->mem) {
        free(block);
        return NULL;
    }
    return block;
}

struct ps_kept_block *ps_block_cache_add(struct ps_block_cache *cache, size_t number,
                                         size_t n_bytes)
{
    struct ps_kept_block *block = make_room(cache, n_bytes);

    if (!block)
        block = make_block(cache, number, n_bytes);
    if (!block)
        return NULL;
    block->number = number;
    block->state = PS_BLOCK_UNPACKING;
    block->n_pins = 1;
    block->is_spent = 0;
    block->n_streamed = 0;
    cache->of[number] = block;
    cache->used += cost(block);
    put_newest(cache, block);
    return block;
}

void ps_block_cache_fail(struct ps_block_cache *cache, struct ps_kept_block *block,
                         const struct ps_err *err)
{
    cache->used -= block->cap;
    if (!cache->all)
        free(block->mem);
    block->mem = NULL;
    block->cap = 0;
    block->state = PS_BLOCK_FAILED;
    block->err = *err;
}

void ps_block_cache_fini(struct ps_block_cache *cache)
{
    while (cache->newest) {
        struct ps_kept_block *block = cache->newest;

        cache->newest = block->older;
        drop(cache, block);
    }
    free(cache->of);
    *cache = (struct ps_block_cache){0};
}
