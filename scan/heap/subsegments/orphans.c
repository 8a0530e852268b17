#include "scan/heap/subsegments/orphans.h"

#include "scan/heap/subsegments/headers.h"

struct search {
    const struct ps_heap_source *source;
    const struct ps_heaps *heaps;
    const struct ps_lfh_variant *variant; /* NULL: none */
    struct ps_heap_map *map;
};

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint64_t pointer_at(const struct search *s, const uint8_t *p)
{
    const uint64_t low = le16(p) | le16(p + 2) << 16;

    return s->source->arch == PS_ARCH_X64
               ? low | (uint64_t)le16(p + 4) << 32 | (uint64_t)le16(p + 6) << 48
               : low;
}

/* Both kinds of header begin with a LIST_ENTRY. */
static int has_links(const struct search *s, const uint8_t *header)
{
    const size_t width = s->source->arch == PS_ARCH_X64 ? 8 : 4;

    return ps_heap_is_kernel(s->source, pointer_at(s, header)) &&
           ps_heap_is_kernel(s->source, pointer_at(s, header + width));
}

/* Its chunks fill it to the end of a unit. */
static int is_vs(const struct search *s, const uint8_t *header, uint8_t shift,
                 struct ps_heap_range *r)
{
    const struct ps_vs_layout *l = ps_heap_vs_layout(s->source->arch, header);
    const uint32_t slot = s->source->arch == PS_ARCH_X64 ? 16 : 8;
    uint32_t n_bytes;

    if (!l)
        return 0;
    n_bytes = l->first_chunk + le16(header + l->size) * slot;
    if (n_bytes % (1u << shift) != 0 || n_bytes == 0 || n_bytes > r->n_bytes)
        return 0;
    r->unit = PS_HEAP_VS;
    r->first = l->first_chunk;
    r->n_bytes = n_bytes;
    return 1;
}

static int is_lfh(const struct search *s, const uint8_t *header, uint8_t shift,
                  struct ps_heap_range *r)
{
    const uint32_t unit = 1u << shift;
    struct ps_lfh_header h;
    uint32_t n_bytes;

    if (!s->variant || !ps_lfh_read_header(s->variant, s->heaps, r, header, &h))
        return 0;
    n_bytes = h.offsets.first + h.shape.n_blocks * h.offsets.block_bytes;
    r->unit = PS_HEAP_LFH;
    r->n_bytes = (n_bytes + unit - 1) / unit * unit;
    return 1;
}

/* Does a subsegment begin at r->va, with no more than r->n_bytes? */
static int read_header(const struct search *s, uint8_t shift, struct ps_heap_range *r)
{
    uint8_t header[PS_LFH_HEADER_BYTES];

    return ps_paging_read(s->source->paging, r->va, header, sizeof header) == sizeof header &&
           has_links(s, header) && (is_vs(s, header, shift, r) || is_lfh(s, header, shift, r));
}

static int is_unread(const struct search *s, const struct ps_heap_segment *g, uint32_t unit)
{
    return s->map->units[g->first_unit + unit] == ps_heap_unit_word(PS_HEAP_UNREAD, 0);
}

/* Units from 'unit' on that nothing is known of. */
static uint32_t count_unread(const struct search *s, const struct ps_heap_segment *g, uint32_t unit)
{
    uint32_t n = 0;

    while (unit + n < PS_HEAP_UNITS && is_unread(s, g, unit + n))
        n++;
    return n;
}

static int search_segment(struct search *s, const struct ps_heap_segment *g, struct ps_err *err)
{
    struct ps_heap_map *map = s->map;

    for (uint32_t unit = 0; unit < PS_HEAP_UNITS;) {
        const uint32_t n = count_unread(s, g, unit);
        struct ps_heap_range r = {.va = g->va + ((uint64_t)unit << g->shift),
                                  .n_bytes = n << g->shift,
                                  .data = PS_HEAP_NO_DATA,
                                  .heap = g->heap};
        uint32_t number;
        int rc;

        if (n == 0 || !read_header(s, g->shift, &r)) {
            unit++;
            continue;
        }
        rc = ps_heap_map_add_range(map, &r, &number, err);
        map->info.n_over += rc == 0;
        if (rc <= 0)
            return rc;
        map->info.n_vs += r.unit == PS_HEAP_VS;
        for (uint32_t end = unit + (r.n_bytes >> g->shift); unit < end; unit++)
            map->units[g->first_unit + unit] = ps_heap_unit_word((enum ps_heap_unit)r.unit, number);
    }
    return 0;
}

int ps_heap_find_orphans(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                         const struct ps_lfh_variant *variant, struct ps_heap_map *map,
                         struct ps_err *err)
{
    struct search s = {source, heaps, variant, map};
    int rc = 0;

    for (size_t i = 0; i < map->n_segments && rc >= 0; i++)
        if (map->segment[i].has_holes)
            rc = search_segment(&s, &map->segment[i], err);
    return rc;
}
