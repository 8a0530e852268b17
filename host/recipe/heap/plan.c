#include "host/recipe/heap/heap.h"

#include <stdlib.h>

#define TYPE_PAGED   0x001u
#define TYPE_NX      0x200u
#define FLAG_NX      0x040u
#define FLAG_EXECUTE 0x080u
#define FLAG_PAGED   0x100u
/* A heap with fewer pages gets smaller large allocations, so that its shares come out. */
#define SMALL_HEAP 1024u

struct plan {
    struct ps_rcp_heaps *heaps;
    struct ps_rcp_heap *h;
    struct ps_rcp_page pg; /* for what is drawn */
    struct ps_rcp_heap_page hp;
    uint32_t n_pages, left; /* pages to be used */
    uint32_t used[PS_RCP_N_EXTENTS];
};

static int no_memory(const struct plan *p)
{
    return ps_fail(p->heaps->sys->err, PS_ENOMEM, p->h->stmt.line,
                   "not enough memory for the recipe");
}

int ps_rcp_heap_list_big(const struct ps_rcp_heaps *heaps, const struct ps_rcp_heap *h, uint64_t va,
                         uint64_t n_bytes, uint32_t tag)
{
    static const uint32_t types[2][PS_RCP_N_POOLS] = {
        {0, TYPE_NX, TYPE_PAGED, TYPE_PAGED},
        {FLAG_EXECUTE, FLAG_NX, FLAG_PAGED, FLAG_PAGED},
    };
    struct ps_rcp_bigtable *t = &heaps->sys->big;
    struct ps_rcp_big row = {
        .va = va, .n_bytes = n_bytes, .tag = tag, .line = h->stmt.line, .is_of_heap = 1};

    if (t->slots == 0)
        return 0;
    row.type = types[t->has_flags != 0][h->pool];
    if (t->n_rows >= PS_RCP_MAX_BIGS || ps_rcp_big_push(t, &row) < 0)
        return ps_fail(heaps->sys->err, PS_EARG, row.line,
                       "a recipe has at most %u big allocations", PS_RCP_MAX_BIGS);
    return 0;
}

/* --- segments --- */

static int grow(struct plan *p)
{
    struct ps_rcp_heap *h = p->h;
    size_t old = (size_t)h->n_groups * PS_RCP_SEG_UNITS, n = old + PS_RCP_SEG_UNITS;
    uint32_t *extent_of = realloc(h->extent_of, n * sizeof *extent_of);
    uint32_t *frame;
    struct ps_rcp_vs_cursor *cursor;
    uint8_t *is_gone;

    h->extent_of = extent_of ? extent_of : h->extent_of;
    frame = realloc(h->frame, n * sizeof *frame);
    h->frame = frame ? frame : h->frame;
    cursor = realloc(h->cursor, n * sizeof *cursor);
    h->cursor = cursor ? cursor : h->cursor;
    is_gone = realloc(h->is_gone, h->n_groups + 1);
    h->is_gone = is_gone ? is_gone : h->is_gone;
    if (!extent_of || !frame || !cursor || !is_gone)
        return no_memory(p);
    memset(h->extent_of + old, 0, PS_RCP_SEG_UNITS * sizeof *extent_of);
    memset(h->frame + old, 0, PS_RCP_SEG_UNITS * sizeof *frame);
    memset(h->cursor + old, 0, PS_RCP_SEG_UNITS * sizeof *cursor);
    h->is_gone[h->n_groups++] = 0;
    return 0;
}

static int push_extent(struct plan *p, const struct ps_rcp_extent *e)
{
    struct ps_rcp_heap *h = p->h;

    if (h->n_extents == h->cap_extents) {
        size_t cap = h->cap_extents * 2 + 64;
        struct ps_rcp_extent *more = realloc(h->extent, cap * sizeof *more);

        if (!more)
            return no_memory(p);
        h->extent = more;
        h->cap_extents = cap;
    }
    h->extent[h->n_extents++] = *e;
    for (uint32_t i = 0; i < e->n; i++) {
        h->extent_of[e->first + i] = (uint32_t)h->n_extents;
        h->frame[e->first + i] = 0;
    }
    return 0;
}

/* The kind that is farthest behind its share. */
static enum ps_rcp_extent_kind next_kind(const struct plan *p)
{
    uint64_t shares = 0, used = 0;
    int64_t most = INT64_MIN;
    size_t best = PS_RCP_EXTENT_VS;

    for (size_t i = 0; i < PS_RCP_N_EXTENTS; i++) {
        shares += p->h->share[i];
        used += p->used[i];
    }
    for (size_t i = 0; i < PS_RCP_N_EXTENTS; i++) {
        int64_t behind = (int64_t)(p->h->share[i] * (used + 16)) - (int64_t)(p->used[i] * shares);

        if (p->h->share[i] > 0 && behind > most) {
            most = behind;
            best = i;
        }
    }
    return (enum ps_rcp_extent_kind)best;
}

static uint32_t draw_units(struct plan *p, enum ps_rcp_extent_kind kind)
{
    static const uint8_t lfh[] = {1, 1, 2, 4, 4, 8, 16, 16};
    static const uint8_t vs[] = {16, 16, 16, 16, 16, 16, 16, 32, 32, 64, 8, 4};
    uint64_t *rng = &p->pg.rng;

    switch (kind) {
    case PS_RCP_EXTENT_LFH:
        return lfh[ps_rcp_below(rng, sizeof lfh)];
    case PS_RCP_EXTENT_VS:
        return vs[ps_rcp_below(rng, sizeof vs)];
    case PS_RCP_EXTENT_LARGE:
        return p->n_pages < SMALL_HEAP ? 3 + ps_rcp_below(rng, 10) : 33 + ps_rcp_below(rng, 64);
    default:
        return 1 + ps_rcp_below(rng, 12);
    }
}

static int plan_kind(struct plan *p, struct ps_rcp_extent *e, int is_gone)
{
    const struct ps_rcp_list *list = &p->heaps->sys->recipe->list[p->h->list];
    const struct ps_rcp_entry *entry;

    if (e->kind == PS_RCP_EXTENT_LFH)
        ps_rcp_lfh_finish(p->heaps, e);
    p->hp.is_gone = is_gone;
    if (e->kind == PS_RCP_EXTENT_VS)
        return ps_rcp_vs_plan(&p->hp, p->heaps, p->h, e);
    if (e->kind != PS_RCP_EXTENT_LARGE || is_gone ||
        !ps_rcp_chance(&p->pg.rng, (uint32_t)p->h->listed))
        return 0;
    entry = ps_rcp_draw(&p->pg, list, ps_rcp_heap_is_paged(p->h));
    return ps_rcp_heap_list_big(p->heaps, p->h, ps_rcp_heap_va(p->h, e->first),
                                (uint64_t)e->n * PS_RECIPE_PAGE, entry->tag & 0x7fffffffu);
}

/* A unit that is not hollow needs a page, unless it is paged out. */
static void commit(struct plan *p, uint32_t unit)
{
    uint32_t *frame = &p->h->frame[unit];

    if (*frame == PS_RCP_HOLLOW) {
        *frame = 0;
    } else if (ps_rcp_chance(&p->pg.rng, (uint32_t)p->h->out)) {
        *frame = PS_RCP_NOWHERE;
    } else {
        *frame = 1;
        p->left--;
    }
}

/* Number of units it took of the segment, or a failure. */
static int add_extent(struct plan *p, uint32_t unit, int is_gone)
{
    uint32_t first = p->h->n_segments * PS_RCP_SEG_UNITS, room = PS_RCP_SEG_UNITS - unit;
    struct ps_rcp_extent e = {.first = first + unit, .kind = (uint8_t)next_kind(p)};
    uint32_t n;
    int rc;

    if (e.kind == PS_RCP_EXTENT_LFH && !ps_rcp_lfh_choose(&p->hp, &e))
        e.kind = PS_RCP_EXTENT_VS;
    n = draw_units(p, (enum ps_rcp_extent_kind)e.kind);
    n = n < room ? n : room;
    if (e.kind != PS_RCP_EXTENT_UNUSED && n > p->left)
        n = p->left;
    e.n = (uint16_t)n;
    e.seed = ps_rcp_next(&p->pg.rng);
    e.order = p->h->n_of[e.kind]++;
    p->used[e.kind] += n;
    if ((rc = push_extent(p, &e)) < 0)
        return rc;
    if ((rc = plan_kind(p, &p->h->extent[p->h->n_extents - 1], is_gone)) < 0)
        return rc;
    for (uint32_t i = 0; i < n && e.kind != PS_RCP_EXTENT_UNUSED; i++)
        commit(p, e.first + i);
    return (int)n;
}

/* Does the next segment end in front of the page tables' own map and of the last address? */
static int has_room(const struct plan *p)
{
    const struct ps_rcp_system *sys = p->heaps->sys;
    uint64_t va = p->h->va + (uint64_t)p->h->n_segments * PS_RCP_SEG_BYTES;

    if (sys->mode != PS_RCP_X64)
        return va <= 0xfff00000u && !(va >= 0xc0000000u && va < 0xc0800000u);
    return va >= p->h->va && va <= UINT64_MAX - PS_RCP_SEG_BYTES &&
           (va >> 39 & 511) != sys->self_slot;
}

static int add_segment(struct plan *p)
{
    struct ps_rcp_heap *h = p->h;
    uint32_t first = h->n_segments * PS_RCP_SEG_UNITS;
    int is_gone, rc;

    if (h->n_segments == PS_RCP_MAX_SEGMENTS || !has_room(p))
        return ps_fail(p->heaps->sys->err, PS_EARG, h->stmt.line,
                       "there is no room for another segment: a heap has at most %u, one after "
                       "the other from va on",
                       PS_RCP_MAX_SEGMENTS);
    if ((rc = grow(p)) < 0)
        return rc;
    is_gone = h->n_segments > 0 && ps_rcp_chance(&p->pg.rng, (uint32_t)h->gone);
    h->is_gone[h->n_segments] = (uint8_t)is_gone;
    h->n_live += !is_gone;
    for (uint32_t i = 0; i < p->heaps->shape->head_pages; i++)
        h->frame[first + i] = 1;
    p->left -= p->heaps->shape->head_pages;
    if (h->n_segments > 0 && !is_gone && ps_rcp_chance(&p->pg.rng, (uint32_t)h->headless)) {
        h->frame[first] = PS_RCP_NOWHERE;
        p->left++;
    }
    for (uint32_t unit = p->heaps->shape->head_pages; unit < PS_RCP_SEG_UNITS && p->left > 0;) {
        int n = add_extent(p, unit, is_gone);

        if (n < 0)
            return n;
        unit += (uint32_t)n;
    }
    h->n_segments++;
    return 0;
}

/* A segment of 16 MiB: allocations in units of 64 KiB, all without headers. */
static int add_wide(struct plan *p)
{
    struct ps_rcp_heap *h = p->h;
    uint32_t left = (uint32_t)h->wide_pages - p->heaps->shape->head_pages, at = PS_RCP_WIDE_PAGES;
    int rc = 0;

    h->wide_unit = h->n_groups * PS_RCP_SEG_UNITS;
    for (uint32_t i = 0; rc == 0 && i < PS_RCP_WIDE_GROUPS; i++)
        rc = grow(p);
    for (uint32_t i = 0; rc == 0 && i < p->heaps->shape->head_pages; i++)
        h->frame[h->wide_unit + i] = 1;
    while (rc == 0 && left >= PS_RCP_WIDE_PAGES) {
        uint32_t n = (1 + ps_rcp_below(&p->pg.rng, 12)) * PS_RCP_WIDE_PAGES;
        struct ps_rcp_extent e = {.first = h->wide_unit + at, .kind = PS_RCP_EXTENT_LARGE};

        e.n = (uint16_t)(n < left ? n : left / PS_RCP_WIDE_PAGES * PS_RCP_WIDE_PAGES);
        e.seed = ps_rcp_next(&p->pg.rng);
        h->n_of[e.kind]++;
        rc = push_extent(p, &e);
        if (rc == 0)
            rc = plan_kind(p, &e, 0);
        for (uint32_t i = 0; rc == 0 && i < e.n; i++)
            h->frame[e.first + i] = 1;
        left -= e.n;
        at += e.n + ps_rcp_below(&p->pg.rng, 3) * PS_RCP_WIDE_PAGES;
    }
    return rc;
}

/* Pages for what is committed, in the order of the addresses; those that are paged out get the
 * pages of the page file as long as there are any. */
static int give_frames(struct plan *p)
{
    struct ps_rcp_heap *h = p->h;
    uint32_t n_file =
        h->file.first == PS_RCP_NONE ? 0 : (uint32_t)(h->file.last - h->file.first + 1);
    uint64_t *page = ps_rcp_shuffled(&p->pg.rng, h->pages, h->scatter);
    uint32_t next = 0, next_out = 0;

    h->unit_of = calloc((size_t)p->n_pages + n_file, sizeof *h->unit_of);
    if (!page || !h->unit_of) {
        free(page);
        return no_memory(p);
    }
    for (uint32_t unit = 0; unit < h->n_groups * PS_RCP_SEG_UNITS; unit++) {
        uint32_t i;

        if (h->frame[unit] == 1 && next < p->n_pages)
            i = (uint32_t)(page[next++] - h->pages.first);
        else if (h->frame[unit] == PS_RCP_NOWHERE &&
                 unit % PS_RCP_SEG_UNITS >= p->heaps->shape->head_pages && next_out < n_file)
            i = p->n_pages + next_out++;
        else
            continue;
        h->frame[unit] = i + 1;
        h->unit_of[i] = unit + 1;
    }
    free(page);
    return 0;
}

static int map_unit(struct plan *p, uint32_t unit)
{
    const struct ps_rcp_heap *h = p->h;
    const struct ps_rcp_map map = {.line = h->stmt.line, .nx = h->pool != PS_RCP_NONPAGED};
    enum ps_rcp_leaf leaf = PS_RCP_VALID;
    uint64_t page = h->pages.first + h->frame[unit] - 1;

    if (h->frame[unit] == PS_RCP_NOWHERE) {
        leaf = PS_RCP_DEMAND_ZERO;
    } else if (h->frame[unit] > p->n_pages) {
        leaf = PS_RCP_PAGE_FILE;
        page = h->file.first + h->frame[unit] - 1 - p->n_pages;
    } else if (unit % PS_RCP_SEG_UNITS >= p->heaps->shape->head_pages &&
               ps_rcp_chance(&p->pg.rng, (uint32_t)h->transition)) {
        leaf = PS_RCP_TRANSITION;
    }
    return ps_rcp_map_page(p->heaps->sys, &map, ps_rcp_heap_va(h, unit), page, leaf);
}

static int map_all(struct plan *p)
{
    const struct ps_rcp_heap *h = p->h;
    int rc = 0;

    for (uint32_t unit = 0; rc == 0 && unit < h->n_groups * PS_RCP_SEG_UNITS; unit++)
        if (h->frame[unit] != 0 && !h->is_gone[unit / PS_RCP_SEG_UNITS])
            rc = map_unit(p, unit);
    return rc;
}

int ps_rcp_heap_plan(struct ps_rcp_heaps *heaps, struct ps_rcp_heap *h)
{
    struct plan p = {.heaps = heaps, .h = h};
    int rc = 0;

    p.pg = (struct ps_rcp_page){.recipe = heaps->sys->recipe, .stmt = &h->stmt};
    p.pg.rng = ps_rcp_mix64(h->seed);
    p.hp = (struct ps_rcp_heap_page){.pg = &p.pg, .heaps = heaps, .heap = h};
    p.n_pages = p.left = ps_rcp_heap_pages(h);
    h->wide_unit = UINT32_MAX;
    if (h->wide)
        p.left -= (uint32_t)h->wide_pages;
    while (rc == 0 && p.left > heaps->shape->head_pages)
        rc = add_segment(&p);
    if (rc == 0 && h->wide)
        rc = add_wide(&p);
    if (rc == 0)
        rc = give_frames(&p);
    return rc < 0 ? rc : map_all(&p);
}
