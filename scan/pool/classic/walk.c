#include "scan/pool/classic/walk.h"

#include "scan/pool/classic/broken_walk.h"
#include "scan/pool/classic/chain.h"

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
    return ps_view_prev(view, next_word) == block &&
           ps_chain_plausible(view, slot + block, next_word);
}

static int prev_agrees(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t prev = ps_view_prev(view, word0);
    uint32_t prev_word;

    if (prev == 0 || prev > slot)
        return 0;
    prev_word = ps_view_word0(view, slot - prev);
    return ps_view_block(view, prev_word) == prev &&
           ps_chain_plausible(view, slot - prev, prev_word);
}

unsigned ps_classic_links(const struct ps_page_view *view, uint32_t slot)
{
    uint32_t word0 = ps_view_word0(view, slot);
    int prev, next;

    if (!ps_chain_plausible(view, slot, word0))
        return 0;
    prev =
        prev_agrees(view, slot, word0) && ps_chain_vouches(view, slot - ps_view_prev(view, word0));
    next =
        next_agrees(view, slot, word0) && ps_chain_vouches(view, slot + ps_view_block(view, word0));
    return (prev || (next && slot == 0 && ps_view_prev(view, word0) == 0) ? PS_LINK_PREV : 0) |
           (next || (prev && ends_page(view, slot, word0)) ? PS_LINK_NEXT : 0);
}

struct ps_chain ps_chain_follow(const struct ps_page_view *view, uint32_t slot)
{
    struct ps_chain chain = {.first = slot};
    uint32_t word0 = ps_view_word0(view, slot);

    for (;;) {
        uint32_t type = ps_view_type(view, word0);

        chain.n_blocks++;
        if (ps_era_type_state(view->era, type) == PS_TYPE_IN_USE) {
            chain.n_in_use++;
            chain.n_with_4 += (type & PS_TYPE_NT5_MARK) != 0;
            chain.n_with_2 += (type & PS_TYPE_VISTA_MARK) != 0;
            chain.n_tagged += (uint32_t)ps_chain_has_tag(view, slot, type);
        }
        if (!next_agrees(view, slot, word0))
            break;
        slot += ps_view_block(view, word0);
        word0 = ps_view_word0(view, slot);
    }
    chain.last = slot;
    chain.end = slot + ps_view_block(view, word0);
    return chain;
}

static int is_pool(const struct ps_chain *chain)
{
    return chain->n_blocks > 1 && ps_chain_has_tags(chain);
}

static void rank_chain(const struct ps_page_view *view, const struct ps_chain *chain,
                       struct ps_page_map *map)
{
    uint32_t rank = chain->n_blocks < PS_RANK_WALK ? chain->n_blocks : PS_RANK_WALK - 1;

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

/* Chains never share a block, so all of them together are no longer than the page. Returns the
 * first slot of the longest one that ends with the page, or the number of slots. */
static uint32_t rank_partial_chains(const struct ps_page_view *view, struct ps_page_map *map)
{
    uint32_t tail = view->n_slots;

    for (uint32_t slot = 0; slot < view->n_slots; slot++) {
        uint32_t word0;
        struct ps_chain chain;

        if (!may_continue(view, slot))
            continue;
        word0 = ps_view_word0(view, slot);
        if (map->rank[slot] != 0 || !ps_chain_plausible(view, slot, word0) ||
            !next_agrees(view, slot, word0) || prev_agrees(view, slot, word0))
            continue;
        chain = ps_chain_follow(view, slot);
        if (!is_pool(&chain))
            continue;
        rank_chain(view, &chain, map);
        if (chain.end == view->n_slots && tail == view->n_slots)
            tail = slot;
    }
    return tail;
}

void ps_classic_walk(const struct ps_page_view *view, struct ps_page_map *map)
{
    uint32_t word0 = ps_view_word0(view, 0);
    struct ps_chain chain;

    if (ps_view_prev(view, word0) == 0 && ps_chain_plausible(view, 0, word0)) {
        chain = ps_chain_follow(view, 0);
        if (chain.end == view->n_slots && is_pool(&chain)) {
            rank_chain(view, &chain, map);
            map->closed = 1;
            map->walked = 1;
            map->mark = ps_chain_mark(view, &chain);
            return;
        }
    }
    ps_broken_walk(view, rank_partial_chains(view, map), map);
}
