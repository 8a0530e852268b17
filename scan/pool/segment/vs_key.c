#include "scan/pool/segment/vs_key.h"

#include "scan/pool/segment/vs_word.h"

/* A block in use at 'slot', the chunk before it and the one behind it. */
struct pair {
    const struct ps_page_view *view;
    const struct ps_vs_format *format;
    const struct ps_candidates *c;
    uint64_t nil;  /* bits of a chunk's word that are never set: most words have some */
    uint64_t word; /* of the chunk in front of the block */
    uint32_t slot;
    uint32_t next; /* slot of the chunk behind */
};

static int is_zero(const struct ps_page_view *view, uint32_t slot)
{
    return ps_vs_word(view, slot) == (uint64_t)slot << view->slot_shift;
}

/* Two pointers to the same neighbourhood differ by little more than two encoded words do. */
static int is_like_pointer(const struct ps_page_view *view, uint32_t slot)
{
    return ps_vs_word(view, slot) >> 48 == 0xffffu;
}

/* Does the chunk behind the next one know the next one's size? */
static int is_confirmed(const struct pair *p, const struct ps_vs_fields *next, uint64_t key)
{
    struct ps_vs_fields after;

    return next->size < p->view->n_slots - p->next &&
           ps_vs_read(p->format, ps_vs_word(p->view, p->next + next->size) ^ key, &after) &&
           after.prev == next->size && (after.in_use || next->in_use);
}

/* Sizes and states of the two chunks, as far as their XOR shows them, are what a block in use and
 * the chunk behind it have. */
static int vote_of(const struct pair *p, struct ps_vs_vote *vote)
{
    const uint32_t chunk = p->slot - 1;
    const struct ps_vs_fields own = {.size = p->next - chunk, .in_use = 1};
    const uint64_t x = p->word ^ ps_vs_word(p->view, p->next) ^ ps_vs_encode(p->format, &own);
    const uint32_t header = p->next + 1;
    struct ps_vs_fields next;
    int has_header;

    if ((x & p->nil) != 0)
        return 0;
    /* Zeros are zeros and not an encoded word. */
    if (!ps_vs_read(p->format, x, &next) || is_zero(p->view, chunk) || is_zero(p->view, p->next))
        return 0;
    has_header = header < p->view->n_slots && ps_bit(p->c->first, header);
    if (has_header && !ps_vs_fits(next.size, ps_block_at(p->view, header)))
        return 0;
    /* Only a free chunk may lack memory. */
    if (next.cost != 0 && (has_header || next.in_use))
        return 0;
    next.prev = own.size;
    vote->key = ps_vs_word(p->view, p->next) ^ ps_vs_encode(p->format, &next);
    vote->slot = (uint16_t)p->slot;
    vote->strong = (has_header && next.in_use) ||
                   (p->view->era->arch == PS_ARCH_X64 && !is_like_pointer(p->view, chunk)) ||
                   is_confirmed(p, &next, vote->key);
    return 1;
}

/* The chunk behind a block starts right behind it or one slot later. */
static void vote_for(struct pair *p, struct ps_vs_votes *votes)
{
    const uint32_t end = p->slot + ps_block_at(p->view, p->slot);

    p->word = ps_vs_word(p->view, p->slot - 1);
    for (p->next = end; p->next <= end + 1 && p->next < p->view->n_slots; p->next++)
        if (vote_of(p, &votes->vote[votes->n])) {
            votes->n++;
            return;
        }
}

void ps_vs_vote_pairs(const struct ps_page_view *view, const struct ps_candidates *c,
                      const uint64_t *slots, uint32_t most, struct ps_vs_votes *votes)
{
    const struct ps_vs_format *f = ps_vs_format(view);
    struct pair p = {.view = view, .format = f, .c = c};

    p.nil = f->unused | (f->cost_mask & ~(2u * PS_VS_MAX_COST - 1));
    votes->n = 0;
    for (uint32_t i = 0; i < view->n_slots / 64; i++)
        for (uint64_t left = slots[i]; left != 0 && most > 0; left &= left - 1, most--) {
            p.slot = 64 * i + (uint32_t)__builtin_ctzll(left);
            if (p.slot > 0 && votes->n < PS_MAX_SLOTS / 2)
                vote_for(&p, votes);
        }
}

/* The chunk of the block at 'slot' and one that ends where it begins. */
static int vote_by_chunk_before(const struct ps_page_view *view, uint32_t slot,
                                struct ps_vs_votes *votes)
{
    const struct ps_vs_format *f = ps_vs_format(view);
    const uint32_t chunk = slot - 1;
    const uint32_t block = ps_block_at(view, slot);

    if (is_zero(view, chunk) || is_like_pointer(view, chunk))
        return 0;
    for (uint32_t before = 0; before + 2 <= chunk; before++) {
        const struct ps_vs_fields guess = {.size = chunk - before, .in_use = 1};
        const uint64_t x = ps_vs_xor(view, before, chunk) ^ ps_vs_encode(f, &guess);
        struct ps_vs_fields own;

        if (is_zero(view, before) || !ps_vs_read(f, x, &own) || !ps_vs_fits(own.size, block))
            continue;
        /* It is this block that is in use, whatever the chunk before it is. */
        own.prev = guess.size;
        own.in_use = 1;
        votes->vote[votes->n++] = (struct ps_vs_vote){
            .key = ps_vs_word(view, chunk) ^ ps_vs_encode(f, &own),
            .slot = (uint16_t)slot,
            .strong = 1,
        };
        return 1;
    }
    return 0;
}

/* A block that was moved to the page's start: its chunk began in the page before. */
static int vote_of_moved(const struct ps_page_view *view, uint32_t chunk, struct ps_vs_votes *votes)
{
    const struct ps_vs_format *f = ps_vs_format(view);

    if (chunk >= view->n_slots || is_zero(view, chunk) || is_like_pointer(view, chunk))
        return 0;
    for (uint32_t next = chunk + 2; next < view->n_slots; next++) {
        const struct ps_vs_fields own = {.size = next - chunk, .in_use = 0};
        const uint64_t x = ps_vs_xor(view, chunk, next) ^ ps_vs_encode(f, &own);
        struct ps_vs_fields behind;
        uint32_t before; /* size of the moved block's chunk */

        if (is_zero(view, next) || !ps_vs_read(f, x, &behind))
            continue;
        before = behind.prev ^ own.size;
        if (before <= chunk || before - chunk > view->n_slots)
            continue;
        behind.prev = own.size;
        votes->vote[votes->n++] = (struct ps_vs_vote){
            .key = ps_vs_word(view, next) ^ ps_vs_encode(f, &behind),
            .slot = 0,
            .strong = 1,
        };
        return 1;
    }
    return 0;
}

void ps_vs_vote_search(const struct ps_page_view *view, const uint64_t *slots,
                       struct ps_vs_votes *votes)
{
    votes->n = 0;
    if (view->era->arch != PS_ARCH_X64)
        return;
    for (uint32_t i = 0; i < view->n_slots / 64; i++)
        for (uint64_t left = slots[i]; left != 0; left &= left - 1) {
            const uint32_t slot = 64 * i + (uint32_t)__builtin_ctzll(left);
            const uint32_t block = ps_block_at(view, slot);

            if (slot > 0
                    ? vote_by_chunk_before(view, slot, votes)
                    : vote_of_moved(view, block, votes) || vote_of_moved(view, block + 1, votes))
                return;
        }
}

size_t ps_vs_key_pick(const struct ps_page_view *view, const struct ps_vs_votes *votes,
                      uint64_t *key)
{
    const uint64_t fields = ~((uint64_t)1 << ps_vs_format(view)->use_shift);
    const size_t least = view->era->arch == PS_ARCH_X64 ? 1 : 2;
    size_t best = 0;

    for (size_t i = 0; i + best < votes->n; i++) {
        size_t n = 0;
        int strong = 0;

        for (size_t k = i; k < votes->n; k++)
            if (((votes->vote[k].key ^ votes->vote[i].key) & fields) == 0) {
                n++;
                strong |= votes->vote[k].strong;
            }
        if (n > best && n >= least && strong) {
            best = n;
            *key = votes->vote[i].key & fields;
        }
    }
    return best;
}
