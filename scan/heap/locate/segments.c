#include "scan/heap/locate/segments.h"

#define MAX_DESCRIPTORS (PS_HEAP_UNITS * 0x20u)

/* RangeFlags. */
#define FLAG_ALLOCATED 0x1u
#define FLAG_FIRST     0x2u
#define RANGE_LARGE    0x3u
#define RANGE_LFH      0xbu
#define RANGE_VS       0xfu

/* What one descriptor says. */
struct range {
    uint32_t first, n; /* units */
    enum ps_heap_unit unit;
};

/* All descriptors of a segment as they stand there. */
struct descriptors {
    const struct ps_heap_layout *layout;
    uint8_t bytes[MAX_DESCRIPTORS];
    uint8_t is_there[MAX_DESCRIPTORS / PS_FRAME_BYTES];
};

static int is_there(const struct descriptors *d, uint32_t i)
{
    return d->is_there[i * d->layout->descriptor_bytes / PS_FRAME_BYTES];
}

static uint32_t flags_of(const struct descriptors *d, uint32_t i)
{
    const size_t at = (size_t)i * d->layout->descriptor_bytes + d->layout->range_flags;

    return d->bytes[at] & d->layout->flags_mask;
}

static enum ps_heap_unit unit_of_flags(uint32_t flags)
{
    switch (flags) {
    case RANGE_LFH:
        return PS_HEAP_LFH;
    case RANGE_VS:
        return PS_HEAP_VS;
    case RANGE_LARGE:
        return PS_HEAP_LARGE;
    default:
        return flags & FLAG_ALLOCATED ? PS_HEAP_UNREAD : PS_HEAP_UNUSED;
    }
}

/* The range that begins at unit 'i'. One that another one begins inside of is torn. */
static struct range range_at(const struct descriptors *d, uint32_t i)
{
    struct range r = {.first = i, .n = 1, .unit = PS_HEAP_UNREAD};
    uint32_t flags, n;

    if (!is_there(d, i))
        return r;
    flags = flags_of(d, i);
    r.unit = unit_of_flags(flags);
    if (!(flags & FLAG_FIRST))
        return r;
    n = d->bytes[(size_t)i * d->layout->descriptor_bytes + d->layout->unit_size];
    if (n == 0 || n > PS_HEAP_UNITS - i) {
        r.unit = r.unit == PS_HEAP_UNUSED ? r.unit : PS_HEAP_UNREAD;
        return r;
    }
    for (r.n = 1; r.n < n; r.n++)
        if (flags & FLAG_ALLOCATED && is_there(d, i + r.n) && flags_of(d, i + r.n) & FLAG_FIRST) {
            r.unit = PS_HEAP_UNREAD;
            break;
        }
    return r;
}

static int add_range(struct ps_heap_map *map, const struct ps_heap_listed *s, const struct range *r,
                     uint32_t *units, struct ps_err *err)
{
    const struct ps_heap_range range = {.va = s->va + ((uint64_t)r->first << s->unit_shift),
                                        .n_bytes = r->n << s->unit_shift,
                                        .data = PS_HEAP_NO_DATA,
                                        .unit = (uint8_t)r->unit,
                                        .heap = s->heap};
    enum ps_heap_unit unit = r->unit;
    uint32_t number = 0;

    map->info.n_large += unit == PS_HEAP_LARGE;
    if (unit == PS_HEAP_LFH || unit == PS_HEAP_VS) {
        const int rc = ps_heap_map_add_range(map, &range, &number, err);

        if (rc < 0)
            return rc;
        if (rc == 0) {
            map->info.n_over++;
            unit = PS_HEAP_UNREAD;
        }
    }
    for (uint32_t i = 0; i < r->n; i++)
        units[r->first + i] = ps_heap_unit_word(unit, number);
    return 0;
}

/* Segments are far from each other, and their neighbours are not asked for: whole pages would be
 * mapped, with what is around them, and two reads cost less than that. */
static int read_page(const struct ps_heap_source *source, uint64_t va, uint8_t *page)
{
    const size_t half = PS_FRAME_BYTES / 2;

    return ps_paging_read(source->paging, va, page, half) == half &&
           ps_paging_read(source->paging, va + half, page + half, half) == half;
}

/* 1: all; 0: some are missing. */
static int read_descriptors(const struct ps_heap_source *source, const struct ps_heap_listed *s,
                            struct descriptors *d)
{
    const size_t n_bytes = (size_t)PS_HEAP_UNITS * d->layout->descriptor_bytes;
    int all = 1;

    for (size_t at = 0; at < n_bytes; at += PS_FRAME_BYTES) {
        d->is_there[at / PS_FRAME_BYTES] = (uint8_t)read_page(source, s->va + at, d->bytes + at);
        all &= d->is_there[at / PS_FRAME_BYTES];
    }
    return all;
}

int ps_heap_add_segment(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_listed *s, struct ps_heap_map *map, struct ps_err *err)
{
    const struct ps_heap_segment segment = {
        .va = s->va, .shift = s->unit_shift, .pool = heaps->heap[s->heap].pool, .heap = s->heap};
    struct descriptors d = {.layout = heaps->layout};
    uint32_t *units;
    int rc;

    rc = ps_heap_map_add_segment(map, segment, &units, err);
    map->info.n_over += rc == 0;
    if (rc <= 0)
        return rc;
    map->segment[map->n_segments - 1].has_holes = (uint8_t)!read_descriptors(source, s, &d);
    for (uint32_t i = 0; i < s->first_descriptor; i++)
        units[i] = ps_heap_unit_word(PS_HEAP_META, 0);
    for (uint32_t i = s->first_descriptor; i < PS_HEAP_UNITS && rc >= 0;) {
        const struct range r = range_at(&d, i);

        rc = add_range(map, s, &r, units, err);
        i += r.n;
    }
    return rc < 0 ? rc : 0;
}
