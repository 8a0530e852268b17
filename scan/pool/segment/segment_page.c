#include "scan/pool/segment/segment_page.h"

#include "scan/pool/segment/candidates.h"
#include "scan/pool/segment/lfh.h"
#include "scan/pool/segment/lfh_bitmap.h"
#include "scan/pool/segment/vs.h"

/* A search for chunks looks at the whole page once for each header. */
#define MAX_SEARCHED 3

#define FIRST_VOTES  4

/* The headers that nothing has explained yet; returns their number, up to one more than a search is
 * worth. */
static uint32_t unexplained(const struct ps_page_view *view, const struct ps_candidates *c,
                            const struct ps_page_map *map, uint64_t *slots)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < view->n_slots / 64; i++) {
        slots[i] = c->first[i] & ~map->inside[i] & ~map->ranked[i];
        for (uint64_t left = slots[i]; left != 0 && n <= MAX_SEARCHED; left &= left - 1)
            n++;
    }
    return n;
}

/* A header in use follows where the next chunk would have it: right behind the block's end and
 * the chunk header, or a slot later. In a coarse LFH bucket the slack looks like that. */
static void mark_neighbours(const struct ps_page_view *view, const struct ps_candidates *c,
                            uint32_t slot, struct ps_page_map *map)
{
    const uint32_t end = slot + ps_block_at(view, slot);

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
        const uint64_t alone = c->first[i] & ~map->inside[i] & ~map->ranked[i];

        for (uint64_t left = alone; left != 0; left &= left - 1)
            mark_neighbours(view, c, 64 * i + (uint32_t)__builtin_ctzll(left), map);
    }
}

static void mark_second(const struct ps_page_view *view, const struct ps_candidates *c,
                        struct ps_page_map *map)
{
    for (uint32_t i = 0; i < view->n_slots / 64; i++)
        for (uint64_t left = c->second[i]; left != 0; left &= left - 1)
            mark_aligned(view, c, 64 * i + (uint32_t)__builtin_ctzll(left), map);
}

/* What neither a key nor a stride explains. */
static void walk_rest(const struct ps_page_view *view, const struct ps_candidates *c, int is_vs,
                      struct ps_page_map *map)
{
    uint64_t left[PS_MAX_SLOTS / 64];
    const uint32_t n = unexplained(view, c, map, left);

    if (n == 0)
        return;
    if (!ps_vs_walk(view, c, left, PS_MAX_SLOTS, map) && !is_vs && n <= MAX_SEARCHED)
        ps_vs_search(view, c, left, map);
    mark_spacing(view, c, map);
}

/* A few headers show whether the page is one of VS; then the others follow from the chunks. */
void ps_segment_walk(const struct ps_page_view *view, struct ps_page_map *map)
{
    uint64_t left[PS_MAX_SLOTS / 64];
    struct ps_lfh_grid grid;
    struct ps_candidates c;
    int is_vs;

    ps_candidates_find(view, &c);
    is_vs = ps_vs_walk(view, &c, c.first, FIRST_VOTES, map);
    if (unexplained(view, &c, map, left) > 1) {
        grid = ps_lfh_walk(view, left, map);
        if (grid.count > 0)
            ps_lfh_bitmap_mark(view, &grid, left, map);
    }
    walk_rest(view, &c, is_vs, map);
    mark_second(view, &c, map);
}
