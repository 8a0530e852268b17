#include "scan/pool/segment/segment_page.h"

#include "scan/pool/segment/candidates.h"
#include "scan/pool/segment/lfh.h"
#include "scan/pool/segment/lfh_bitmap.h"
#include "scan/pool/segment/vs.h"

/* A search for chunks looks at the whole page once for each header. */
#define MAX_SEARCHED 3

/* The headers that nothing has explained yet. */
static uint32_t unexplained(const struct ps_page_view *view, const struct ps_candidates *c,
                            const struct ps_page_map *map, uint64_t *slots)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < view->n_slots / 64; i++) {
        slots[i] = c->first[i] & ~map->inside[i] & ~map->ranked[i];
        n += (uint32_t)__builtin_popcountll(slots[i]);
    }
    return n;
}

/* A header in use follows where the next chunk would have it: right behind the block's end and
 * the chunk header, or a slot later. In a coarse LFH bucket the slack looks like that. */
static void mark_neighbours(const struct ps_page_view *view, const struct ps_candidates *c,
                            uint32_t slot, struct ps_page_map *map)
{
    const uint32_t end = slot + ps_block_at(view, slot);

    if (map->segment[slot] & PS_SEG_STRIDE)
        return;
    for (uint32_t next = end + 1; next <= end + 2 && next < view->n_slots; next++)
        if (ps_bit(c->first, next) && !ps_bit(map->inside, next)) {
            ps_segment_mark(map, slot, PS_SEG_NEIGHBOUR, PS_SEG_RANK_PAIR);
            ps_segment_mark(map, next, PS_SEG_NEIGHBOUR, PS_SEG_RANK_PAIR);
        }
}

/* A second header leads back to a first one of the same tag, and shares its fate. */
static void mark_aligned(const struct ps_page_view *view, const struct ps_candidates *c,
                         uint32_t slot, struct ps_page_map *map)
{
    const uint32_t first = slot - ps_view_prev(view, ps_view_word0(view, slot));

    if (!ps_bit(c->first, first) || ps_view_tag(view, first) != ps_view_tag(view, slot) ||
        (ps_bit(map->inside, first) && !(map->segment[first] & (PS_SEG_XOR | PS_SEG_STRIDE))))
        return;
    ps_segment_mark(map, first, PS_SEG_ALIGNED, PS_SEG_RANK_PAIR);
    ps_segment_mark(map, slot, PS_SEG_ALIGNED | (map->segment[first] & (unsigned)PS_SEG_FREED),
                    PS_SEG_RANK_SECOND);
}

static void mark_spacing(const struct ps_page_view *view, const struct ps_candidates *c,
                         struct ps_page_map *map)
{
    for (uint32_t i = 0; i < view->n_slots / 64; i++) {
        for (uint64_t left = c->first[i] & ~map->inside[i]; left != 0; left &= left - 1)
            mark_neighbours(view, c, 64 * i + (uint32_t)__builtin_ctzll(left), map);
        for (uint64_t left = c->second[i]; left != 0; left &= left - 1)
            mark_aligned(view, c, 64 * i + (uint32_t)__builtin_ctzll(left), map);
    }
}

void ps_segment_walk(const struct ps_page_view *view, struct ps_page_map *map)
{
    uint64_t left[PS_MAX_SLOTS / 64];
    struct ps_lfh_grid grid = {0};
    struct ps_candidates c;
    uint32_t n_found, n_left;

    ps_candidates_find(view, &c);
    n_found = ps_vs_walk(view, &c, map);
    n_left = unexplained(view, &c, map, left);
    if (n_left > 1)
        grid = ps_lfh_walk(view, left, map);
    if (grid.count > 0)
        ps_lfh_bitmap_mark(view, &grid, left, map);
    else if (n_found == 0 && n_left > 0 && n_left <= MAX_SEARCHED)
        ps_vs_search(view, &c, left, map);
    mark_spacing(view, &c, map);
}
