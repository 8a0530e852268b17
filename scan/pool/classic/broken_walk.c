#include "scan/pool/classic/broken_walk.h"

#include "scan/pool/classic/chain.h"

#define MIN_BLOCKS 3u
/* More damage than this is no page worth the trouble. */
#define MAX_PIECES 8u

struct walk {
    struct ps_chain piece[MAX_PIECES];
    uint32_t n_pieces;
    struct ps_chain sum; /* the counts of all pieces */
};

static void add_piece(struct walk *walk, const struct ps_chain *chain)
{
    walk->piece[walk->n_pieces++] = *chain;
    walk->sum.n_blocks += chain->n_blocks;
    walk->sum.n_in_use += chain->n_in_use;
    walk->sum.n_tagged += chain->n_tagged;
    walk->sum.n_with_4 += chain->n_with_4;
    walk->sum.n_with_2 += chain->n_with_2;
}

/* Is there a block at 'slot' to go on with: of a chain, or one that ends the page, or, where
 * 'alone' is allowed, any with a tag? */
static int may_go_on(const struct ps_page_view *view, const struct ps_page_map *map, uint32_t slot,
                     int alone)
{
    uint32_t word0 = ps_view_word0(view, slot);

    if (!ps_chain_plausible(view, slot, word0))
        return 0;
    if (map->rank[slot] != 0)
        return 1;
    return (alone || ps_view_block(view, word0) == view->n_slots - slot) &&
           ps_view_tag_printable(view, ps_view_tag(view, slot));
}

/* A header should stand at 'end'. Where that one is lost, the one behind its block still says how
 * far back it was; where only its PreviousSize is, the chain starts there. Of several the one that
 * leads farthest: leftovers inside the block end with it. 0 or 1. */
static int find_rest(const struct ps_page_view *view, const struct ps_page_map *map, uint32_t end,
                     int alone, struct ps_chain *rest)
{
    int found = 0;

    for (uint32_t slot = end; slot < view->n_slots; slot++) {
        uint32_t prev = ps_view_prev(view, ps_view_word0(view, slot));
        struct ps_chain chain;

        if ((slot != end && prev != slot - end) || !may_go_on(view, map, slot, alone))
            continue;
        chain = ps_chain_follow(view, slot);
        if (!found || chain.end > rest->end)
            *rest = chain;
        found = 1;
    }
    return found;
}

/* From 0 to where the chain breaks off. */
static void walk_head(const struct ps_page_view *view, struct walk *walk)
{
    uint32_t word0 = ps_view_word0(view, 0);
    struct ps_chain chain;

    if (ps_view_prev(view, word0) != 0 || !ps_chain_plausible(view, 0, word0))
        return;
    chain = ps_chain_follow(view, 0);
    if (chain.n_blocks > 1 || ps_chain_vouches(view, 0))
        add_piece(walk, &chain);
}

static int ends(const struct ps_page_view *view, const struct walk *walk)
{
    return walk->n_pieces > 0 && walk->piece[walk->n_pieces - 1].end == view->n_slots;
}

/* From the head on, behind headers that are lost. */
static struct walk walk_on(const struct ps_page_view *view, const struct ps_page_map *map,
                           int alone, const struct walk *head)
{
    struct walk walk = *head;
    struct ps_chain chain = head->piece[0];

    if (head->n_pieces == 0)
        return walk;
    while (chain.end < view->n_slots && walk.n_pieces < MAX_PIECES &&
           find_rest(view, map, chain.end, alone, &chain))
        add_piece(&walk, &chain);
    return walk;
}

/* The part of the page that was read later. Its first header leads back to one that was there then:
 * in front of the place where the page tears, and the block that the walk breaks off with reaches
 * that place at least. */
static int is_later_part(const struct ps_page_view *view, const struct walk *walk, uint32_t tail)
{
    const struct ps_chain *head = walk->n_pieces ? &walk->piece[0] : NULL;
    uint32_t prev;

    if (tail >= view->n_slots)
        return 0;
    prev = ps_view_prev(view, ps_view_word0(view, tail));
    if (prev > tail || (head && tail <= head->last))
        return 0;
    return tail - prev < (head ? head->end : 1);
}

static void mark_piece(const struct ps_page_view *view, const struct ps_chain *chain,
                       struct ps_page_map *map)
{
    uint32_t prev = ps_view_prev(view, ps_view_word0(view, chain->first));

    for (uint32_t slot = chain->first; slot < chain->end;
         slot += ps_view_block(view, ps_view_word0(view, slot)))
        ps_page_map_rank(map, slot, PS_RANK_WALK);
    if (prev > 1 && prev <= chain->first && map->n_gaps < PS_MAX_GAPS) {
        map->gap[map->n_gaps].first = (uint16_t)(chain->first - prev + 1);
        map->gap[map->n_gaps++].end = (uint16_t)chain->first;
    }
}

/* What explains the page best: lost headers, or else a tear. A block between two lost headers
 * has only its place to speak for it: it counts when nothing else explains the page. */
static struct walk best_walk(const struct ps_page_view *view, const struct ps_page_map *map,
                             uint32_t tail)
{
    struct walk head = {.n_pieces = 0};
    struct walk whole, other;

    walk_head(view, &head);
    whole = walk_on(view, map, 0, &head);
    if (ends(view, &whole))
        return whole;
    if (is_later_part(view, &head, tail)) {
        struct ps_chain chain = ps_chain_follow(view, tail);

        add_piece(&head, &chain);
        return head;
    }
    other = walk_on(view, map, 1, &head);
    return ends(view, &other) ? other : whole;
}

void ps_broken_walk(const struct ps_page_view *view, uint32_t tail, struct ps_page_map *map)
{
    struct walk walk = best_walk(view, map, tail);

    if (walk.sum.n_blocks < MIN_BLOCKS || !ps_chain_has_tags(&walk.sum))
        return;
    for (uint32_t i = 0; i < walk.n_pieces; i++)
        mark_piece(view, &walk.piece[i], map);
    map->walked = 1;
    map->mark = ps_chain_mark(view, &walk.sum);
}
