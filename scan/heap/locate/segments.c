#include "scan/heap/locate/segments.h"

#include <stdlib.h>

#include "scan/heap/segment.h"
#include "scan/tracker/locate/addresses.h"

#define MAX_DESCRIPTORS (PS_HEAP_UNITS * 0x20u)

/* RangeFlags. */
#define FLAG_ALLOCATED 0x1u
#define FLAG_FIRST     0x2u
#define RANGE_LARGE    0x3u
#define RANGE_LFH      0xbu
#define RANGE_VS       0xfu

struct lister {
    const struct ps_heap_source *source;
    const struct ps_heaps *heaps;
    struct ps_addresses seen;
    struct ps_heap_list *list;
    size_t cap;
};

static int keep(struct lister *l, const struct ps_heap_listed *segment)
{
    struct ps_heap_list *list = l->list;

    if (list->n == PS_HEAP_MAX_SEGMENTS) {
        list->n_over++;
        return 0;
    }
    if (list->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 256;
        void *grown = realloc(list->segment, cap * sizeof *list->segment);

        if (!grown)
            return -1;
        list->segment = grown;
        l->cap = cap;
    }
    list->segment[list->n++] = *segment;
    return 0;
}

static uint64_t load(const uint8_t *p, size_t width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | p[width];
    return value;
}

/* Follow a list from 'va' on by its links number 'link'. 1: it came back to its head or to what is
 * known; 0: it broke; negative: out of memory. */
static int follow(struct lister *l, uint16_t heap, const struct ps_heap_context *c, unsigned link)
{
    const struct ps_heap_layout *layout = l->heaps->layout;
    const size_t width = l->source->arch == PS_ARCH_X64 ? 8 : 4;
    const uint64_t span = (uint64_t)PS_HEAP_UNITS << c->unit_shift;
    uint8_t head[0x18];
    uint64_t va;

    if (!ps_heap_read_pointer(l->source, c->list_head + link * width, &va))
        return 0;
    while (va != c->list_head) {
        struct ps_heap_listed s = {.va = va,
                                   .heap = heap,
                                   .unit_shift = c->unit_shift,
                                   .first_descriptor = c->first_descriptor};

        if (va % span != 0 || !ps_heap_is_kernel(l->source, va) ||
            ps_paging_read(l->source->paging, va, head, sizeof head) != sizeof head) {
            l->list->n_unread++;
            return 0;
        }
        if (ps_addresses_add(&l->seen, va) != PS_ADDRESS_NEW)
            return 1;
        s.residue = ps_segment_residue(load(head + layout->segment_signature, width), va, c->va);
        if (keep(l, &s) < 0)
            return -1;
        va = load(head + link * width, width);
    }
    return 1;
}

int ps_heap_list_segments(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                          struct ps_heap_list *out, struct ps_err *err)
{
    struct lister l = {.source = source, .heaps = heaps, .list = out};
    int rc = ps_addresses_init(&l.seen);

    *out = (struct ps_heap_list){.n = 0};
    for (size_t i = 0; rc >= 0 && i < heaps->n; i++)
        for (unsigned k = 0; rc >= 0 && k < PS_HEAP_CONTEXTS; k++) {
            const struct ps_heap_context *c = &heaps->heap[i].context[k];

            rc = follow(&l, (uint16_t)i, c, 0);
            if (rc == 0)
                rc = follow(&l, (uint16_t)i, c, 1);
        }
    ps_addresses_free(&l.seen);
    return rc < 0 ? ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap's segments")
                  : 0;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t most_common(uint64_t *value, size_t n, uint32_t *n_agree)
{
    uint64_t best = 0;

    qsort(value, n, sizeof *value, by_value);
    *n_agree = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;

        while (end < n && value[end] == value[i])
            end++;
        if (end - i > *n_agree) {
            *n_agree = (uint32_t)(end - i);
            best = value[i];
        }
        i = end;
    }
    return best;
}

uint64_t ps_heap_vote_residue(const struct ps_heap_list *list, uint32_t *n_agree)
{
    uint64_t *value = list->n > 0 ? malloc(list->n * sizeof *value) : NULL;
    uint64_t best;

    *n_agree = 0;
    if (!value)
        return 0;
    for (size_t i = 0; i < list->n; i++)
        value[i] = list->segment[i].residue;
    best = most_common(value, list->n, n_agree);
    free(value);
    return best;
}

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

static int read_descriptors(const struct ps_heap_source *source, const struct ps_heap_listed *s,
                            struct descriptors *d)
{
    const size_t n_bytes = (size_t)PS_HEAP_UNITS * d->layout->descriptor_bytes;
    int any = 0;

    for (size_t at = 0; at < n_bytes; at += PS_FRAME_BYTES) {
        d->is_there[at / PS_FRAME_BYTES] = ps_paging_read(source->paging, s->va + at, d->bytes + at,
                                                          PS_FRAME_BYTES) == PS_FRAME_BYTES;
        any |= d->is_there[at / PS_FRAME_BYTES];
    }
    return any;
}

int ps_heap_add_segment(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_listed *s, struct ps_heap_map *map, struct ps_err *err)
{
    const struct ps_heap_segment segment = {
        .va = s->va,
        .shift = s->unit_shift,
        .pool = heaps->heap[s->heap].pool,
        .heap = s->heap};
    struct descriptors d = {.layout = heaps->layout};
    uint32_t *units;
    int rc;

    if (!read_descriptors(source, s, &d)) {
        map->info.n_segments_bad++;
        return 0;
    }
    rc = ps_heap_map_add_segment(map, segment, &units, err);
    map->info.n_over += rc == 0;
    if (rc <= 0)
        return rc;
    for (uint32_t i = 0; i < s->first_descriptor; i++)
        units[i] = ps_heap_unit_word(PS_HEAP_META, 0);
    for (uint32_t i = s->first_descriptor; i < PS_HEAP_UNITS && rc >= 0;) {
        const struct range r = range_at(&d, i);

        rc = add_range(map, s, &r, units, err);
        i += r.n;
    }
    return rc < 0 ? rc : 0;
}
