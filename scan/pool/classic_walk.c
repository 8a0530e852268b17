#include "scan/pool/classic_walk.h"

/* Could a header with these fields stand at 'slot'? A block of a single slot is always free, and
 * four printable characters are text: they would make PoolIndex 16 or more. */
static int plausible(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t block = ps_view_block(view, word0);
    enum ps_type_state state;

    if (block == 0 || block > view->n_slots - slot || ps_is_printable(word0))
        return 0;
    state = ps_era_type_state(view->era, ps_view_type(view, word0));
    return state == PS_TYPE_FREE || (state == PS_TYPE_IN_USE && block > 1);
}

static int ends_page(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    return ps_view_block(view, word0) == view->n_slots - slot;
}

/* Is there a header behind the block that gives the block's size as its PreviousSize? */
static int next_agrees(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t block = ps_view_block(view, word0);
    uint32_t next_word;

    if (block == 0 || block >= view->n_slots - slot)
        return 0;
    next_word = ps_view_word0(view, slot + block);
    return ps_view_prev(view, next_word) == block && plausible(view, slot + block, next_word);
}

static int prev_agrees(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t prev = ps_view_prev(view, word0);
    uint32_t prev_word;

    if (prev == 0 || prev > slot)
        return 0;
    prev_word = ps_view_word0(view, slot - prev);
    return ps_view_block(view, prev_word) == prev && plausible(view, slot - prev, prev_word);
}

/* A neighbour in use has a tag: code and data meet one link by chance, seldom with a tag too. */
static int vouches(const struct ps_page_view *view, uint32_t slot)
{
    uint32_t type = ps_view_type(view, ps_view_word0(view, slot));

    return ps_era_type_state(view->era, type) == PS_TYPE_FREE ||
           ps_view_tag_printable(view, ps_view_tag(view, slot));
}

unsigned ps_classic_links(const struct ps_page_view *view, uint32_t slot)
{
    uint32_t word0 = ps_view_word0(view, slot);
    int prev, next;

    if (!plausible(view, slot, word0))
        return 0;
    prev = prev_agrees(view, slot, word0) && vouches(view, slot - ps_view_prev(view, word0));
    next = next_agrees(view, slot, word0) && vouches(view, slot + ps_view_block(view, word0));
    return (prev || (next && slot == 0 && ps_view_prev(view, word0) == 0) ? PS_LINK_PREV : 0) |
           (next || (prev && ends_page(view, slot, word0)) ? PS_LINK_NEXT : 0);
}

/* A chain: blocks that follow each other without a gap, each confirming the one before. */
struct chain {
    uint32_t first;
    uint32_t end; /* slot behind its last block */
    uint32_t n_blocks;
    uint32_t n_in_use;
    uint32_t n_printable; /* of those, with a printable tag */
};

static void count_block(const struct ps_page_view *view, struct chain *chain, uint32_t slot,
                        uint32_t word0)
{
    chain->n_blocks++;
    if (ps_era_type_state(view->era, ps_view_type(view, word0)) != PS_TYPE_IN_USE)
        return;
    chain->n_in_use++;
    chain->n_printable += (uint32_t)ps_view_tag_printable(view, ps_view_tag(view, slot));
}

/* The chain that starts at 'slot', whose header is plausible. */
static struct chain follow(const struct ps_page_view *view, uint32_t slot)
{
    struct chain chain = {.first = slot};
    uint32_t word0 = ps_view_word0(view, slot);

    count_block(view, &chain, slot, word0);
    while (next_agrees(view, slot, word0)) {
        slot += ps_view_block(view, word0);
        word0 = ps_view_word0(view, slot);
        count_block(view, &chain, slot, word0);
    }
    chain.end = slot + ps_view_block(view, word0);
    return chain;
}

/* Bytes of pictures and sound close a page now and then, but not with tags in their blocks. */
static int is_pool(const struct chain *chain)
{
    return chain->n_blocks > 1 && chain->n_in_use > 0 && 2 * chain->n_printable >= chain->n_in_use;
}

static void rank_chain(const struct ps_page_view *view, const struct chain *chain,
                       struct ps_page_map *map)
{
    uint32_t rank = chain->n_blocks < PS_RANK_MAX ? chain->n_blocks : PS_RANK_MAX;

    for (uint32_t slot = chain->first; slot < chain->end;
         slot += ps_view_block(view, ps_view_word0(view, slot)))
        ps_page_map_rank(map, slot, rank);
    map->n_chained += chain->end - chain->first;
}

/* next_agrees() less the slow half, in a form without unpredictable branches: it runs on every
 * slot of a page. */
static int may_continue(const struct ps_page_view *view, uint32_t slot)
{
    uint32_t block = ps_view_block(view, ps_view_word0(view, slot));
    uint32_t next = (slot + block) & (view->n_slots - 1u);

    return ((ps_view_prev(view, ps_view_word0(view, next)) ^ block) == 0) & (next > slot);
}

/* A header has one PreviousSize, hence at most one predecessor: chains never share a block, and
 * all of them together are no longer than the page. */
static void rank_partial_chains(const struct ps_page_view *view, struct ps_page_map *map)
{
    for (uint32_t slot = 0; slot < view->n_slots; slot++) {
        uint32_t word0;
        struct chain chain;

        if (!may_continue(view, slot))
            continue;
        word0 = ps_view_word0(view, slot);
        if (map->rank[slot] != 0 || !plausible(view, slot, word0) ||
            !next_agrees(view, slot, word0) || prev_agrees(view, slot, word0))
            continue;
        chain = follow(view, slot);
        if (is_pool(&chain))
            rank_chain(view, &chain, map);
    }
}

void ps_classic_walk(const struct ps_page_view *view, struct ps_page_map *map)
{
    uint32_t word0 = ps_view_word0(view, 0);
    struct chain chain;

    if (ps_view_prev(view, word0) == 0 && plausible(view, 0, word0)) {
        chain = follow(view, 0);
        if (chain.end == view->n_slots && is_pool(&chain)) {
            rank_chain(view, &chain, map);
            map->closed = 1;
            return;
        }
    }
    rank_partial_chains(view, map);
}
