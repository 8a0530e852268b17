#include "scan/pool/segment/lfh.h"

#include "scan/pool/segment/segment_page.h"

/* Buckets grow by one slot up to 1008 bytes, by 64 bytes up to 2032 and by 128 from there on. The
 * published tables differ by 16 bytes in where the coarse parts start; both are accepted. */
#define FINE_BYTES    1008u
#define MEDIUM_BYTES  2032u
#define MEDIUM_STEP   64u
#define COARSE_STEP   128u
#define TABLES_DIFFER 16u

#define STRIDE_PEERS  3u
#define MAX_GAP       8u /* strides without a header: freed blocks may have lost theirs */
#define MAX_BUCKETS   4u

struct members {
    struct ps_lfh_grid grid;
    uint64_t bits[PS_MAX_SLOTS / 64];
};

struct lfh {
    const struct ps_page_view *view;
    const uint64_t *slots;
    struct ps_page_map *map;
    uint64_t done[MAX_BUCKETS][PS_MAX_SLOTS / 64]; /* looked at with its n-th bucket */
    uint64_t left[PS_MAX_SLOTS / 64];              /* of no grid yet */
    struct members best;
};

static uint32_t round_up(uint32_t n, uint32_t start, uint32_t step)
{
    return n <= start ? start : start + (n - start + step - 1) / step * step;
}

/* The bucket of n bytes in the table that begins its coarse parts 'shift' bytes later. */
static uint32_t coarse_bucket(uint32_t n, uint32_t shift)
{
    if (n <= MEDIUM_BYTES + shift)
        return round_up(n, FINE_BYTES + shift, MEDIUM_STEP);
    return round_up(n, MEDIUM_BYTES + shift, COARSE_STEP);
}

/* Strides, in slots, at which blocks of 'block' slots may stand; returns how many. Slots of 8
 * bytes: no source says whether the fine buckets grow by 8 or by 16 there. */
static uint32_t buckets_of(const struct ps_page_view *view, uint32_t block, uint32_t *stride)
{
    const uint32_t n_bytes = block << view->slot_shift;
    uint32_t n = 0;

    if (n_bytes <= FINE_BYTES + TABLES_DIFFER) {
        stride[n++] = block;
        if (view->slot_shift == PS_SLOT_SHIFT_X86 && (block & 1u) != 0)
            stride[n++] = block + 1;
    }
    if (n_bytes > FINE_BYTES)
        for (uint32_t shift = 0; shift <= TABLES_DIFFER; shift += TABLES_DIFFER) {
            const uint32_t bucket = coarse_bucket(n_bytes, shift) >> view->slot_shift;

            if (n == 0 || stride[n - 1] != bucket)
                stride[n++] = bucket;
        }
    return n;
}

/* Which of its buckets is the stride, from 0; -1: none. */
static int bucket_index(const struct ps_page_view *view, uint32_t block, uint32_t stride)
{
    uint32_t bucket[MAX_BUCKETS];
    const uint32_t n = buckets_of(view, block, bucket);

    for (uint32_t i = 0; i < n; i++)
        if (bucket[i] == stride)
            return (int)i;
    return -1;
}

/* The headers at that stride from 'slot' on, whose n-th bucket it is, as far as gaps are small;
 * they need not be looked at with it again. */
static void members_from(struct lfh *l, uint32_t slot, uint32_t stride, uint32_t index,
                         struct members *m)
{
    const uint32_t block = ps_block_at(l->view, slot);

    *m = (struct members){.grid = {.stride = stride, .first = slot}};
    for (uint32_t at = slot, gap = 0; at < l->view->n_slots && gap < MAX_GAP; at += stride) {
        int i = (int)index;

        gap++;
        if (!ps_bit(l->slots, at))
            continue;
        if (ps_block_at(l->view, at) != block)
            i = bucket_index(l->view, ps_block_at(l->view, at), stride);
        if (i < 0)
            continue;
        ps_bit_set(l->done[i], at);
        ps_bit_set(m->bits, at);
        m->grid.count++;
        m->grid.last = at;
        gap = 0;
    }
}

static void mark_members(struct lfh *l, const struct members *m, unsigned bits, unsigned rank)
{
    for (uint32_t i = 0; i < l->view->n_slots / 64; i++)
        for (uint64_t left = m->bits[i]; left != 0; left &= left - 1)
            ps_segment_mark(l->map, 64 * i + (uint32_t)__builtin_ctzll(left), bits, rank);
    if (m->grid.count > l->best.grid.count)
        l->best = *m;
}

static void take_from_left(struct lfh *l, const struct members *m)
{
    for (uint32_t i = 0; i < l->view->n_slots / 64; i++)
        l->left[i] &= ~m->bits[i];
}

/* Two headers count when they are next to each other, or their blocks so large that few fit. */
static int is_pair(const struct lfh *l, const struct ps_lfh_grid *grid)
{
    const uint32_t apart = grid->last - grid->first;

    return grid->count == 2 && (apart == grid->stride ||
                                (apart == 2 * grid->stride && grid->stride > l->view->n_slots / 8));
}

/* 'inside': the slot is in the block of a header before it, so that two alone prove nothing. */
static void try_slot(struct lfh *l, uint32_t slot, uint32_t block, int inside)
{
    uint32_t stride[MAX_BUCKETS];
    const uint32_t n = buckets_of(l->view, block, stride);

    for (uint32_t i = 0; i < n; i++) {
        struct members m;

        if (ps_bit(l->done[i], slot))
            continue;
        members_from(l, slot, stride[i], i, &m);
        if (m.grid.count >= STRIDE_PEERS) {
            l->map->covers |= l->best.grid.count > 0; /* only one grid marks what is inside */
            mark_members(l, &m, PS_SEG_STRIDE, PS_SEG_RANK_STRIDE);
            take_from_left(l, &m);
        } else if (!inside && is_pair(l, &m.grid)) {
            mark_members(l, &m, PS_SEG_PAIR, PS_SEG_RANK_PAIR);
        }
    }
}

/* A header between those of a grid is content of a block, be its own header there or lost. */
static void mark_inside(struct lfh *l)
{
    const struct ps_lfh_grid *grid = &l->best.grid;
    const uint32_t left = l->view->n_slots - grid->last;

    ps_bits_set(l->map->inside, grid->first,
                grid->last + (grid->stride < left ? grid->stride : left));
    for (uint32_t i = 0; i < l->view->n_slots / 64; i++)
        l->map->inside[i] &= ~l->best.bits[i];
}

struct ps_lfh_grid ps_lfh_walk(const struct ps_page_view *view, const uint64_t *slots,
                               struct ps_page_map *map)
{
    struct lfh l = {.view = view, .slots = slots, .map = map};
    uint32_t end = 0; /* of the blocks so far */

    memcpy(l.left, slots, view->n_slots / 8);
    for (uint32_t i = 0; i < view->n_slots / 64; i++)
        while (l.left[i] != 0) {
            const uint32_t slot = 64 * i + (uint32_t)__builtin_ctzll(l.left[i]);
            const uint32_t block = ps_block_at(view, slot);

            l.left[i] &= l.left[i] - 1;
            try_slot(&l, slot, block, slot < end);
            if (slot + block > end)
                end = slot + block;
        }
    if (l.best.grid.count >= STRIDE_PEERS)
        mark_inside(&l);
    return l.best.grid;
}
