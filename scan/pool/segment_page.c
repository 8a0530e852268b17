#include "scan/pool/segment_page.h"

#define TYPE_MASK          0x6fu
#define TYPE_IN_USE        0x02u
#define TYPE_CACHE_ALIGNED 0x04u

/* LFH buckets grow by one slot up to this many, then by four, then by eight. The published
 * tables differ by one slot in where the coarse part starts; both are accepted. */
#define FINE_SLOTS   64u
#define STRIDE_PEERS 3u /* headers at one stride, this one included */
#define MAX_STEPS    4u /* how far to look for peers: freed blocks may have lost their header */

#define RANK_PAIR    2
#define RANK_STRIDE  3
#define RANK_XOR     4

/* Candidate headers: a bit per slot. */
struct candidates {
    uint64_t first[PS_MAX_SLOTS / 64];  /* PreviousSize 0 */
    uint64_t second[PS_MAX_SLOTS / 64]; /* of a cache-aligned block: with a PreviousSize */
};

static int is_candidate(const struct candidates *c, uint32_t slot)
{
    return (int)(c->first[slot >> 6] >> (slot & 63u) & 1u);
}

static int word0_fits(const struct ps_page_view *view, uint32_t slot, uint32_t word0)
{
    uint32_t block = ps_view_block(view, word0);
    uint32_t type = ps_view_type(view, word0);
    uint32_t prev = ps_view_prev(view, word0);
    uint32_t prev_limit = type & TYPE_CACHE_ALIGNED ? slot : 0;

    return (block >= 2) & (block <= view->n_slots - slot) & (prev <= prev_limit) &
           ((type & (TYPE_IN_USE | ~TYPE_MASK)) == TYPE_IN_USE);
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof value);
    return value;
}

/* A bit for each of the 64 slots from 'base' on whose first eight bytes have the PoolType bits of
 * a block in use and no top bit in the tag (the protected bit is Windows 7's). Few slots do, and
 * which is as good as random: no branch. */
static uint64_t maybe_headers(const struct ps_page_view *view, uint32_t base)
{
    const uint64_t mask = (uint64_t)0x80808080u << 32 |
                          (uint64_t)(0xff & ~TYPE_MASK & 0xff >> (view->type_shift - 24))
                              << view->type_shift |
                          (uint64_t)TYPE_IN_USE << view->type_shift;
    const uint64_t value = (uint64_t)TYPE_IN_USE << view->type_shift;
    const uint8_t *p = view->page + ((size_t)base << view->slot_shift);
    uint64_t bits = 0;

    for (uint32_t i = 0; i < 64; i++)
        bits |= (uint64_t)((load64(p + ((size_t)i << view->slot_shift)) & mask) == value) << i;
    return bits;
}

static void find_candidates(const struct ps_page_view *view, struct candidates *c)
{
    for (uint32_t base = 0; base < view->n_slots; base += 64) {
        uint64_t first = 0;
        uint64_t second = 0;

        for (uint64_t left = maybe_headers(view, base); left != 0; left &= left - 1) {
            uint32_t slot = base + (uint32_t)__builtin_ctzll(left);
            uint32_t word0 = ps_view_word0(view, slot);

            if (!word0_fits(view, slot, word0) ||
                !ps_view_tag_printable(view, ps_view_tag(view, slot)))
                continue;
            if (ps_view_prev(view, word0) == 0)
                first |= left & -left;
            else
                second |= left & -left;
        }
        c->first[base >> 6] = first;
        c->second[base >> 6] = second;
    }
}

static uint32_t block_at(const struct ps_page_view *view, uint32_t slot)
{
    return ps_view_block(view, ps_view_word0(view, slot));
}

/* Can an LFH bucket of 'stride' slots hold a block of 'block' slots? */
static int fits_bucket(uint32_t block, uint32_t stride)
{
    return block <= FINE_SLOTS ? block == stride : block <= stride && stride - block < 8;
}

static uint32_t count_peers(const struct ps_page_view *view, const struct candidates *c,
                            uint32_t slot, uint32_t stride)
{
    uint32_t peers = 1;

    for (uint32_t step = 1; step <= MAX_STEPS && step * stride < view->n_slots; step++) {
        uint32_t up = slot + step * stride;
        uint32_t down = slot - step * stride;

        peers +=
            up < view->n_slots && is_candidate(c, up) && fits_bucket(block_at(view, up), stride);
        peers += step * stride <= slot && is_candidate(c, down) &&
                 fits_bucket(block_at(view, down), stride);
        if (peers >= STRIDE_PEERS)
            break;
    }
    return peers;
}

static int has_stride(const struct ps_page_view *view, const struct candidates *c, uint32_t slot)
{
    uint32_t block = block_at(view, slot);
    uint32_t last = block <= FINE_SLOTS ? block : block + 7;

    /* Three headers need two strides between them. */
    for (uint32_t stride = block; stride <= last && 2 * stride < view->n_slots; stride++)
        if (count_peers(view, c, slot, stride) >= STRIDE_PEERS)
            return 1;
    return 0;
}

uint64_t ps_vs_xor(const struct ps_page_view *view, uint32_t chunk_a, uint32_t chunk_b)
{
    size_t a = (size_t)chunk_a << view->slot_shift;
    size_t b = (size_t)chunk_b << view->slot_shift;

    return load64(view->page + a) ^ load64(view->page + b) ^ a ^ b;
}

/* The chunk header in front of the header at 'slot' and the one behind its block: MemoryCost is
 * nil in both, the bits above Allocated are unused, Allocated may differ only where the second
 * chunk has no header (a free one), and a header there has a size that fits its chunk. */
static int chunks_agree(const struct ps_page_view *view, const struct candidates *c, uint32_t slot,
                        uint32_t next_chunk)
{
    uint64_t x = ps_vs_xor(view, slot - 1, next_chunk);
    uint32_t size = next_chunk - (slot - 1);
    uint32_t next_size = ((uint32_t)(x >> 16) & 0xffffu) ^ size;
    uint32_t next = next_chunk + 1;

    if ((x & 0xffffu) != 0 || x >> 49 != 0 || next_size == 0)
        return 0;
    if (next >= view->n_slots || !is_candidate(c, next))
        return 1;
    return x >> 48 == 0 && next_size > block_at(view, next) &&
           next_size - block_at(view, next) <= 2;
}

static void mark(struct ps_page_map *map, uint32_t slot, unsigned bits, unsigned rank)
{
    map->segment[slot] |= (uint8_t)bits;
    ps_page_map_rank(map, slot, rank);
}

/* The chunk behind this one starts right after the block or one slot later. */
static void mark_vs(const struct ps_page_view *view, const struct candidates *c, uint32_t slot,
                    struct ps_page_map *map)
{
    uint32_t end = slot + block_at(view, slot);

    for (uint32_t chunk = end; chunk <= end + 1 && chunk + 1 < view->n_slots; chunk++) {
        int neighbour = is_candidate(c, chunk + 1);

        /* In a coarse LFH bucket the slack looks like a chunk header. */
        if (neighbour && !(map->segment[slot] & PS_SEG_STRIDE)) {
            mark(map, slot, PS_SEG_NEIGHBOUR, RANK_PAIR);
            mark(map, chunk + 1, PS_SEG_NEIGHBOUR, RANK_PAIR);
        }
        if (view->era->arch == PS_ARCH_X64 && slot > 0 && chunks_agree(view, c, slot, chunk)) {
            mark(map, slot, PS_SEG_XOR, RANK_XOR);
            if (neighbour)
                mark(map, chunk + 1, PS_SEG_XOR, RANK_XOR);
        }
    }
}

/* A second header leads back to a first one of the same tag. */
static void mark_aligned(const struct ps_page_view *view, const struct candidates *c, uint32_t slot,
                         struct ps_page_map *map)
{
    uint32_t first = slot - ps_view_prev(view, ps_view_word0(view, slot));

    if (!is_candidate(c, first) || ps_view_tag(view, first) != ps_view_tag(view, slot))
        return;
    mark(map, first, PS_SEG_ALIGNED, RANK_PAIR);
    mark(map, slot, PS_SEG_ALIGNED, RANK_PAIR - 1);
}

void ps_segment_walk(const struct ps_page_view *view, struct ps_page_map *map)
{
    struct candidates c;

    find_candidates(view, &c);
    for (uint32_t i = 0; i < view->n_slots / 64; i++) {
        for (uint64_t left = c.first[i]; left != 0; left &= left - 1) {
            uint32_t slot = 64 * i + (uint32_t)__builtin_ctzll(left);

            if (has_stride(view, &c, slot))
                mark(map, slot, PS_SEG_STRIDE, RANK_STRIDE);
            mark_vs(view, &c, slot, map);
        }
        for (uint64_t left = c.second[i]; left != 0; left &= left - 1)
            mark_aligned(view, &c, 64 * i + (uint32_t)__builtin_ctzll(left), map);
    }
}
