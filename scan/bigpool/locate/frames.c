/* Without a pointer: frames that the Windows kernel half maps, wherever they are. */
#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/carve/carve.h"
#include "scan/bigpool/locate/finder.h"

#define PAGE_BYTES ((uint64_t)PS_FRAME_BYTES)

/* Addresses of one frame that are looked at, lowest first. */
#define MAX_ADDRESSES 8u

/* Called for each mapped frame with its bytes; not 0 ends it. */
typedef int frame_fn(void *arg, uint64_t phys, const uint8_t *page);

static int each_frame(const struct ps_bigpool_source *source, frame_fn *fn, void *arg)
{
    const struct ps_physmem *mem = source->paging->mem;
    uint8_t page[PS_FRAME_BYTES];
    int rc = 0;

    for (size_t i = 0; i < mem->n_runs; i++) {
        const struct ps_phys_run *run = &mem->run[i];

        for (uint64_t off = 0; off < run->n_bytes && rc == 0; off += PAGE_BYTES) {
            if (ps_inverse_map_find(source->map, run->phys + off, NULL, 0) != 0 &&
                mem->read(mem->arg, run->phys + off, page, sizeof page) == sizeof page)
                rc = fn(arg, run->phys + off, page);
        }
    }
    return rc;
}

static uint64_t load(const uint8_t *at, size_t width)
{
    uint64_t v = 0;

    for (size_t i = width; i-- > 0;)
        v = v << 8 | at[i];
    return v;
}

/* Could these bytes be the entry of a table for itself? Then its address and size. */
static int is_self_entry(const struct ps_bigpool_layout *layout, const uint8_t *at, size_t n,
                         struct ps_bigpool_entry *e)
{
    return ps_bigpool_entry_decode(layout, at, n, e) && e->state == PS_BIGPOOL_ALLOCATED &&
           e->n_bytes >= (uint64_t)layout->entry_bytes << PS_BIGPOOL_MIN_LOG2 &&
           e->n_bytes <= (uint64_t)layout->entry_bytes << PS_BIGPOOL_MAX_LOG2 &&
           e->n_bytes % layout->entry_bytes == 0 &&
           (e->n_bytes / layout->entry_bytes & (e->n_bytes / layout->entry_bytes - 1)) == 0;
}

/* Does the entry stand in the table that it describes? */
static int is_inside(const struct ps_bigpool_source *source, uint64_t phys,
                     const struct ps_bigpool_layout *layout, const struct ps_bigpool_entry *e)
{
    struct ps_mapping at[MAX_ADDRESSES];
    const size_t n = ps_inverse_map_find(source->map, phys, at, MAX_ADDRESSES);

    for (size_t i = 0; i < n && i < MAX_ADDRESSES; i++) {
        const uint64_t va = at[i].va + phys % PAGE_BYTES;

        if (va >= e->va && va - e->va < e->n_bytes && (va - e->va) % layout->entry_bytes == 0)
            return 1;
    }
    return 0;
}

static int try_entry(struct ps_bigpool_finder *finder, uint64_t phys, const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < ps_n_bigpool_layouts; i++) {
        const struct ps_bigpool_layout *layout = &ps_bigpool_layouts[i];
        struct ps_bigpool_candidate c;
        struct ps_bigpool_entry e;

        if (layout->arch != finder->source->arch || !is_self_entry(layout, at, n, &e) ||
            !is_inside(finder->source, phys, layout, &e) ||
            !ps_bigpool_finder_look(finder, e.va, &c))
            continue;
        return ps_bigpool_finder_examine(finder, PS_BIGPOOL_BY_SELF_ENTRY, &ps_bigpool_no_sizes,
                                         &c);
    }
    return 0;
}

/* The size of an entry that straddles pages is on another frame; the tag is what is searched for,
 * so such an entry is not found when its other part is needed. */
static int search_frame(void *arg, uint64_t phys, const uint8_t *page)
{
    struct ps_bigpool_finder *finder = arg;
    const size_t width = finder->source->arch == PS_ARCH_X64 ? 8 : 4;
    int rc = 0;

    for (size_t off = 0; off + width + 4 <= PAGE_BYTES && rc == 0; off += width)
        if (load(page + off + width, 4) == PS_BIGPOOL_SELF_TAG)
            rc = try_entry(finder, phys + off, page + off, PAGE_BYTES - off);
    return rc;
}

int ps_bigpool_try_self_entries(struct ps_bigpool_finder *finder)
{
    return finder->source->map ? each_frame(finder->source, search_frame, finder) : 0;
}

/* The carved pages, and where the table would begin by each of them. */
struct places {
    const struct ps_bigpool_source *source;
    struct ps_bigpool_carver *carver;
    const struct ps_bigpool_table *table;
    uint64_t *base;
    size_t n, cap;
};

static int carve_frame(void *arg, uint64_t phys, const uint8_t *page)
{
    struct places *p = arg;
    struct ps_err ignored;

    return ps_bigpool_carver_page(p->carver, phys, page, &ignored);
}

static int add_base(struct places *p, uint64_t base)
{
    if (p->n == p->cap) {
        const size_t cap = p->cap ? 2 * p->cap : 64;
        uint64_t *grown = realloc(p->base, cap * sizeof *grown);

        if (!grown)
            return -PS_ENOMEM;
        p->base = grown;
        p->cap = cap;
    }
    p->base[p->n++] = base;
    return 0;
}

/* Which page of the table this one is, by the hash; UINT64_MAX: it does not say. */
static uint64_t page_index(const struct ps_bigpool_table *table, const uint8_t *page,
                           const struct ps_bigpool_look *look)
{
    uint32_t room[PS_BIGPOOL_PAGE_ENTRIES];
    struct ps_bigpool_votes votes = {.vote = room};
    struct ps_bigpool_count count;
    uint32_t log2 = 0;

    while (UINT32_C(1) << log2 < table->n_slots)
        log2++;
    ps_bigpool_votes_take(&votes, page, look, table->hash);
    count = ps_bigpool_votes_count(&votes, log2);
    if (!ps_bigpool_votes_agree(&votes, &count))
        return UINT64_MAX;
    return (uint64_t)count.slot * table->layout->entry_bytes / PAGE_BYTES;
}

static int place_frame(void *arg, uint64_t phys, const uint8_t *page)
{
    struct places *p = arg;
    struct ps_mapping at[MAX_ADDRESSES];
    struct ps_bigpool_look look;
    uint64_t index;
    size_t n;
    int rc = 0;

    if (!ps_bigpool_page_look(page, 1u << p->source->arch, &look) || look.n_used == 0 ||
        ps_bigpool_geometries[look.geometry].entry_bytes != p->table->layout->entry_bytes)
        return 0;
    index = page_index(p->table, page, &look);
    if (index == UINT64_MAX)
        return 0;
    n = ps_inverse_map_find(p->source->map, phys, at, MAX_ADDRESSES);
    for (size_t i = 0; i < n && i < MAX_ADDRESSES && rc == 0; i++)
        if (at[i].va >= index * PAGE_BYTES)
            rc = add_base(p, at[i].va - index * PAGE_BYTES);
    return rc;
}

static int compare(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* All of them, for a copy of the table may be mapped too. */
static int try_bases(struct ps_bigpool_finder *finder, struct places *p)
{
    int rc = 0;

    if (p->n != 0)
        qsort(p->base, p->n, sizeof *p->base, compare);
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        struct ps_bigpool_candidate c;

        if (ps_bigpool_finder_look(finder, p->base[i], &c))
            rc = ps_bigpool_finder_examine(finder, PS_BIGPOOL_BY_MAPPING, &ps_bigpool_no_sizes, &c);
    }
    return rc;
}

int ps_bigpool_try_mapped(struct ps_bigpool_finder *finder)
{
    const struct ps_bigpool_spec spec = {.arches = 1u << finder->source->arch,
                                         .build = finder->source->build};
    struct ps_bigpool_table table = {0};
    struct places p = {.source = finder->source, .table = &table};
    struct ps_err ignored;
    int rc;

    if (!finder->source->map)
        return 0;
    rc = ps_bigpool_carver_new(&p.carver, &spec, &ignored);
    if (rc == 0)
        rc = each_frame(finder->source, carve_frame, &p);
    if (rc == 0)
        rc = ps_bigpool_carver_finish(p.carver, &table, &ignored);
    if (rc == 0 && table.method != PS_BIGPOOL_NOT_FOUND && table.hash != PS_BIGPOOL_NO_HASH)
        rc = each_frame(finder->source, place_frame, &p);
    if (rc == 0)
        rc = try_bases(finder, &p);
    ps_bigpool_carver_free(p.carver);
    ps_bigpool_table_free(&table);
    free(p.base);
    return rc;
}
