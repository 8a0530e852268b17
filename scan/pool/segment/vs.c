#include "scan/pool/segment/vs.h"

#include <stddef.h>

#include "scan/pool/segment/segment_page.h"
#include "scan/pool/segment/vs_key.h"
#include "scan/pool/segment/vs_word.h"

/* A page has one key; a page that was torn while it was read may show two. */
#define MAX_KEYS   2u
#define MAX_CHAINS 16u
#define MAX_LINKS  PS_MAX_SLOTS
#define MAX_TRIES  4u

/* A chunk of a chain. */
struct link {
    uint16_t slot;
    uint16_t prev;
    uint8_t state;      /* the state bit as the key shows it */
    uint8_t has_header; /* with a size that fits, where the chunk has it */
};

/* Chunks that follow each other, each with the size of the one before. */
struct chain {
    uint32_t first;
    uint32_t end;   /* slot behind the last chunk that the one behind it confirms,
                     * or that reaches   the end of the page */
    uint32_t claim; /* 0 when the chunk before the first one began in the page
                       before, else first */
    uint32_t first_link;
    uint32_t n_links;
};

struct walk {
    const struct ps_page_view *view;
    const struct ps_candidates *c;
    const struct ps_vs_format *format;
    struct ps_page_map *map;
    uint64_t key;      /* but for the state, which 'in_use' tells */
    uint8_t in_use;    /* the state bit, decoded with the key, of a chunk in use */
    uint32_t before;   /* slots at the page's start that the page before owns */
    uint32_t n_marked; /* headers */
    uint32_t n_links, n_chains;
    uint32_t n_accepted;                 /* chains, at the front */
    uint64_t seen[PS_MAX_SLOTS / 64];    /* chunk headers of the chains of this key */
    uint64_t taken[PS_MAX_SLOTS / 64];   /* slots of chains that were accepted, of any key */
    uint64_t claimed[PS_MAX_SLOTS / 64]; /* ... of this key, with what they claim */
    struct chain chain[MAX_CHAINS];
    struct link link[MAX_LINKS];
};

static inline int chunk_at(const struct walk *w, uint32_t slot, struct ps_vs_fields *out)
{
    return ps_vs_read(w->format, ps_vs_word(w->view, slot) ^ w->key, out);
}

/* Is a header that fits where the chunk has it? */
static int has_header(const struct walk *w, uint32_t slot, const struct ps_vs_fields *chunk)
{
    return slot + 1 < w->view->n_slots && ps_bit(w->c->first, slot + 1) &&
           ps_vs_fits(chunk->size, ps_block_at(w->view, slot + 1));
}

static uint32_t first_of_chain(const struct walk *w, uint32_t slot, struct ps_vs_fields *at)
{
    struct ps_vs_fields before;

    while (at->prev != 0 && at->prev <= slot && chunk_at(w, slot - at->prev, &before) &&
           before.size == at->prev) {
        slot -= at->prev;
        *at = before;
    }
    return slot;
}

static void add_link(struct walk *w, uint32_t slot, const struct ps_vs_fields *chunk)
{
    ps_bit_set(w->seen, slot);
    w->link[w->n_links++] = (struct link){.slot = (uint16_t)slot,
                                          .prev = (uint16_t)chunk->prev,
                                          .state = (uint8_t)chunk->in_use,
                                          .has_header = (uint8_t)has_header(w, slot, chunk)};
}

/* Chains may meet where one is of former chunks: what is left of the links bounds them all. */
static void follow(struct walk *w, uint32_t slot, struct ps_vs_fields at)
{
    struct chain *chain = &w->chain[w->n_chains++];
    struct ps_vs_fields next;

    slot = first_of_chain(w, slot, &at);
    *chain =
        (struct chain){.first = slot, .claim = at.prev > slot ? 0 : slot, .first_link = w->n_links};
    add_link(w, slot, &at);
    while (w->n_links < MAX_LINKS && at.size < w->view->n_slots - slot &&
           chunk_at(w, slot + at.size, &next) && next.prev == at.size) {
        slot += at.size;
        at = next;
        add_link(w, slot, &at);
    }
    chain->n_links = w->n_links - chain->first_link;
    /* Nothing confirms the last chunk: no more of it counts than its headers. */
    chain->end = at.size < w->view->n_slots - slot ? slot + 2 : w->view->n_slots;
}

/* How many slots in front of this page does the chunk begin that ends at 'end', if the block at
 * the page's start is its? 0: it is not. A block that would have crossed into this page was moved
 * to its start. */
static uint32_t moved_by(const struct walk *w, uint32_t end, uint32_t chunk_size)
{
    uint32_t block;

    if (end == 0 || chunk_size <= end || !ps_bit(w->c->first, 0))
        return 0;
    block = ps_block_at(w->view, 0);
    return (end == block || end == block + 1) && chunk_size - end <= w->view->n_slots
               ? chunk_size - end
               : 0;
}

static void follow_moved(struct walk *w)
{
    struct ps_vs_fields chunk;
    uint32_t block;

    if (!ps_bit(w->c->first, 0))
        return;
    block = ps_block_at(w->view, 0);
    for (uint32_t end = block; end <= block + 1 && end < w->view->n_slots; end++)
        if (chunk_at(w, end, &chunk) && moved_by(w, end, chunk.prev) > 0) {
            follow(w, end, chunk);
            return;
        }
}

static void find_chains(struct walk *w)
{
    struct ps_vs_fields chunk;

    w->n_chains = 0;
    w->n_links = 0;
    memset(w->seen, 0, sizeof w->seen);
    follow_moved(w);
    for (uint32_t i = 0; i < w->view->n_slots / 64; i++) {
        /* The chunk header is a slot before the header. */
        const uint64_t carry = i > 0 ? w->seen[i - 1] >> 63 : 0;
        uint64_t left = w->c->first[i] & ~(w->seen[i] << 1 | carry);

        for (; left != 0; left &= left - 1) {
            const uint32_t slot = 64 * i + (uint32_t)__builtin_ctzll(left);

            if (slot > 0 && w->n_chains < MAX_CHAINS && w->n_links < MAX_LINKS &&
                !ps_bit(w->seen, slot - 1) && chunk_at(w, slot - 1, &chunk) &&
                has_header(w, slot - 1, &chunk))
                follow(w, slot - 1, chunk);
        }
    }
}

static void mark_header(struct walk *w, uint32_t slot, unsigned bits)
{
    ps_segment_mark(w->map, slot, PS_SEG_XOR | bits, PS_SEG_RANK_XOR);
    w->map->inside[slot >> 6] &= ~((uint64_t)1 << (slot & 63u));
    w->n_marked++;
}

/* Freeing a block that was moved spares its POOL_HEADER, but for one whose chunk header is right
 * in front of it. */
static void mark_moved(struct walk *w, uint32_t end, uint32_t chunk_size)
{
    const uint32_t in_front = moved_by(w, end, chunk_size);

    w->before = end;
    if (in_front > 0)
        mark_header(w, 0, in_front == 1 ? PS_SEG_LIVE : 0);
}

static void mark_link(struct walk *w, const struct link *link, const struct link *before,
                      uint32_t end)
{
    const int in_use = link->state == w->in_use;

    if (!in_use)
        ps_bits_set(w->map->freed, link->slot + 1u, end);
    if (!link->has_header) {
        if (in_use && link->slot + 1u < w->view->n_slots)
            w->map->inside[(link->slot + 1u) >> 6] &= ~((uint64_t)1 << ((link->slot + 1u) & 63u));
        return;
    }
    mark_header(w, link->slot + 1u, in_use ? PS_SEG_LIVE : PS_SEG_FREED);
    if (before && before->has_header) {
        w->map->segment[before->slot + 1u] |= PS_SEG_NEIGHBOUR;
        w->map->segment[link->slot + 1u] |= PS_SEG_NEIGHBOUR;
    }
}

static void mark_chain(struct walk *w, const struct chain *chain)
{
    const struct link *link = &w->link[chain->first_link];

    ps_bits_set(w->map->inside, chain->first + 1, chain->end);
    for (uint32_t i = 0; i < chain->n_links; i++)
        mark_link(w, &link[i], i > 0 ? &link[i - 1] : NULL,
                  i + 1 < chain->n_links ? link[i + 1].slot : chain->end);
    if (link->prev > chain->first) {
        mark_moved(w, chain->first, link->prev);
        if (w->map->segment[0] != 0 && link->has_header) {
            w->map->segment[0] |= PS_SEG_NEIGHBOUR;
            w->map->segment[link->slot + 1u] |= PS_SEG_NEIGHBOUR;
        }
    }
}

static uint32_t reach(const struct chain *chain)
{
    return chain->end - chain->claim;
}

static int is_free_of_others(const struct walk *w, const struct chain *chain)
{
    return !ps_bits_any(w->taken, chain->first, chain->end) &&
           !ps_bits_any(w->claimed, chain->claim, chain->end);
}

/* Memory that was carved otherwise before leaves chunk headers inside blocks. The chain that
 * covers most of the page is the one that holds. */
static void accept_chains(struct walk *w)
{
    memset(w->claimed, 0, sizeof w->claimed);
    w->n_accepted = 0;
    while (w->n_accepted < w->n_chains) {
        struct chain best;
        uint32_t at = w->n_accepted;

        for (uint32_t i = at + 1; i < w->n_chains; i++)
            if (reach(&w->chain[i]) > reach(&w->chain[at]))
                at = i;
        best = w->chain[at];
        if (is_free_of_others(w, &best)) {
            ps_bits_set(w->claimed, best.claim, best.end);
            ps_bits_set(w->taken, best.first, best.end);
            w->chain[at] = w->chain[w->n_accepted];
            w->chain[w->n_accepted++] = best;
        } else {
            w->chain[at] = w->chain[--w->n_chains];
        }
    }
}

/* Most chunks that have a header are in use: freeing one takes it, unless the chunk was joined to
 * the one before it. */
static void learn_state(struct walk *w)
{
    uint32_t n[2] = {0};

    for (uint32_t i = 0; i < w->n_accepted; i++) {
        const struct link *link = &w->link[w->chain[i].first_link];

        for (uint32_t k = 0; k < w->chain[i].n_links; k++)
            n[link[k].state] += link[k].has_header;
    }
    w->in_use = n[1] >= n[0];
}

static void settle(struct walk *w)
{
    accept_chains(w);
    learn_state(w);
    for (uint32_t i = 0; i < w->n_accepted; i++)
        mark_chain(w, &w->chain[i]);
}

/* Leave the votes for the key of another page of headers that nothing has explained yet. A chunk
 * that was joined to the one before it votes for a key that is wrong in what the next chunk knows
 * about its size. */
static void drop_settled(const struct walk *w, struct ps_vs_votes *votes)
{
    const struct ps_vs_format *f = w->format;
    const uint64_t unsure = (uint64_t)f->size_mask << f->prev_shift | (uint64_t)1 << f->use_shift;
    size_t n = 0;

    for (size_t i = 0; i < votes->n; i++)
        if (((votes->vote[i].key ^ w->key) & ~unsure) != 0 &&
            w->map->segment[votes->vote[i].slot] == 0 && !ps_bit(w->taken, votes->vote[i].slot))
            votes->vote[n++] = votes->vote[i];
    votes->n = n;
}

/* What the chunk from the page before covers here, unless the page is torn. */
static void mark_before(struct walk *w)
{
    if (w->before > 0 && !ps_bits_any(w->taken, 0, w->before))
        ps_bits_set(w->map->inside, w->map->segment[0] != 0, w->before);
}

static uint32_t longest(const struct walk *w)
{
    uint32_t most = 0;

    for (size_t i = 0; i < w->n_chains; i++)
        if (reach(&w->chain[i]) > most)
            most = reach(&w->chain[i]);
    return most;
}

/* Where votes are few and no two agree, the key that makes the longest chain. */
static void try_keys(struct walk *w, const struct ps_vs_votes *votes)
{
    const uint64_t fields = ~((uint64_t)1 << w->format->use_shift);
    uint64_t best = w->key;
    uint32_t most = 0;

    for (size_t i = 0; i < votes->n && i < MAX_TRIES; i++) {
        w->key = votes->vote[i].key & fields;
        find_chains(w);
        if (votes->vote[i].strong && longest(w) > most) {
            most = longest(w);
            best = w->key;
        }
    }
    w->key = best;
}

static int walk_by_votes(const struct ps_page_view *view, const struct ps_candidates *c,
                         struct ps_vs_votes *votes, struct ps_page_map *map)
{
    struct walk w;

    memset(&w, 0, offsetof(struct walk, chain));
    w.view = view;
    w.c = c;
    w.format = ps_vs_format(view);
    w.map = map;
    for (unsigned round = 0; votes->n > 0 && round < MAX_KEYS; round++) {
        const size_t n_agree = ps_vs_key_pick(view, votes, &w.key);

        if (n_agree == 0)
            break;
        if (n_agree == 1 && votes->n > 1)
            try_keys(&w, votes);
        find_chains(&w);
        settle(&w);
        drop_settled(&w, votes);
    }
    mark_before(&w);
    return w.n_marked > 0;
}

int ps_vs_walk(const struct ps_page_view *view, const struct ps_candidates *c,
               const uint64_t *slots, uint32_t most, struct ps_page_map *map)
{
    struct ps_vs_votes votes;

    ps_vs_vote_pairs(view, c, slots, most, &votes);
    return votes.n > 0 && walk_by_votes(view, c, &votes, map);
}

int ps_vs_search(const struct ps_page_view *view, const struct ps_candidates *c,
                 const uint64_t *slots, struct ps_page_map *map)
{
    struct ps_vs_votes votes;

    ps_vs_vote_search(view, slots, &votes);
    return votes.n > 0 && walk_by_votes(view, c, &votes, map);
}
