#include "host/pipeline/source.h"

#include <stdlib.h>

#include "kernels/pool_header.h"

/* Extents up to this long share a chunk also where they lie apart in the file, though they have to
 * be copied for it. */
#define SHORT_BYTES ((uint64_t)64 << 10)

/* One long extent, which takes one chunk or more, or short ones that share one. */
struct ps_source_unit {
    size_t extent;   /* the first; those up to the next unit's belong to it */
    uint64_t seq;    /* of its first chunk */
    int is_in_order; /* one behind the other in the file */
};

/* A unit while extents are added to it. */
struct growing {
    uint64_t n_bytes; /* whole pages */
    uint64_t file_end;
    size_t n;
    int all_short;
};

/* The part of an extent that lies in [start, end); n_bytes 0 if none does. */
static struct ps_extent clip(const struct ps_source *s, size_t i)
{
    const struct ps_extent *e = &s->extent[i];
    const uint64_t from = e->phys > s->start ? e->phys : s->start;
    const uint64_t skip = from - e->phys;
    struct ps_extent part = {.phys = from, .file_off = PS_NO_FILE_OFF, .kind = e->kind};

    if (from >= s->end || skip >= e->n_bytes)
        return part;
    if (e->file_off != PS_NO_FILE_OFF)
        part.file_off = e->file_off + skip;
    part.n_bytes = e->n_bytes - skip;
    if (part.n_bytes > s->end - from)
        part.n_bytes = s->end - from;
    return part;
}

/* Where the next extent would lie if it followed on. */
static uint64_t end_of(const struct ps_extent *part)
{
    return part->kind == PS_EXTENT_STORED ? part->file_off + part->n_bytes : PS_NO_FILE_OFF;
}

static uint64_t whole_pages(uint64_t n_bytes)
{
    return (n_bytes + PS_PAGE_BYTES - 1) / PS_PAGE_BYTES;
}

/* Add an extent to the unit, if that is better than a unit of its own. */
static int join(struct ps_source_unit *unit, struct growing *g, const struct ps_extent *part,
                uint64_t chunk_bytes)
{
    const uint64_t n_bytes = whole_pages(part->n_bytes) * PS_PAGE_BYTES;
    const int is_short = part->n_bytes <= SHORT_BYTES;
    const int follows = part->kind == PS_EXTENT_STORED && part->file_off == g->file_end;

    if (n_bytes > chunk_bytes || g->n_bytes > chunk_bytes - n_bytes)
        return 0;
    if (!(follows && (g->n == 1 || unit->is_in_order)) && !(g->all_short && is_short))
        return 0;
    unit->is_in_order = follows && (g->n == 1 || unit->is_in_order);
    g->n_bytes += n_bytes;
    g->file_end = end_of(part);
    g->all_short &= is_short;
    g->n++;
    return 1;
}

static void add_extents(struct ps_source *s)
{
    struct growing g = {0};

    for (size_t i = 0; i < s->n_extents; i++) {
        const struct ps_extent part = clip(s, i);

        if (!part.n_bytes ||
            (s->n_units && join(&s->unit[s->n_units - 1], &g, &part, s->chunk_bytes)))
            continue;
        s->unit[s->n_units++] = (struct ps_source_unit){i, s->n_seq, 0};
        s->n_seq += part.n_bytes / s->chunk_bytes + (part.n_bytes % s->chunk_bytes != 0);
        g = (struct growing){whole_pages(part.n_bytes) * PS_PAGE_BYTES, end_of(&part), 1,
                             part.n_bytes <= SHORT_BYTES};
    }
}

int ps_source_init(struct ps_source *s, struct ps_image *image, uint64_t start, uint64_t end,
                   uint64_t chunk_bytes, struct ps_err *err)
{
    *s = (struct ps_source){.start = start, .end = end, .chunk_bytes = chunk_bytes};
    s->extent = ps_image_extents(image, &s->n_extents);
    while (s->n_extents && s->extent[s->n_extents - 1].phys >= end)
        s->n_extents--;
    s->unit = calloc(s->n_extents + 1, sizeof *s->unit);
    if (!s->unit)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    add_extents(s);
    return 0;
}

void ps_source_fini(struct ps_source *s)
{
    free(s->unit);
    s->unit = NULL;
}

uint64_t ps_source_count(const struct ps_source *s)
{
    return s->n_seq;
}

struct ps_span ps_source_span(const struct ps_source *s, uint64_t seq)
{
    const struct ps_source_unit *unit;
    struct ps_extent part;
    struct ps_span span = {.file_off = PS_NO_FILE_OFF};
    size_t low = 0, high = s->n_units - 1;

    while (low < high) {
        const size_t mid = low + (high - low + 1) / 2;

        if (s->unit[mid].seq <= seq)
            low = mid;
        else
            high = mid - 1;
    }
    unit = &s->unit[low];
    span.extent = unit->extent;
    span.n_pieces = (low + 1 < s->n_units ? unit[1].extent : s->n_extents) - unit->extent;
    part = clip(s, span.extent);
    span.skip = (seq - unit->seq) * s->chunk_bytes;
    span.n_bytes = part.n_bytes - span.skip;
    if (span.n_bytes > s->chunk_bytes)
        span.n_bytes = s->chunk_bytes;
    if (span.n_pieces > 1 && unit->is_in_order)
        span.file_off = part.file_off;
    for (size_t i = 1; i < span.n_pieces; i++)
        span.n_bytes += clip(s, span.extent + i).n_bytes;
    return span;
}

struct ps_piece ps_source_piece(const struct ps_source *s, const struct ps_span *span, size_t i)
{
    const struct ps_extent part = clip(s, span->extent + i);

    if (span->n_pieces > 1)
        return (struct ps_piece){part.phys, part.n_bytes};
    return (struct ps_piece){part.phys + span->skip, span->n_bytes};
}

struct ps_source_pages ps_source_pages(const struct ps_source *s, const struct ps_span *span)
{
    return (struct ps_source_pages){s, span, 0, 0, ps_source_piece(s, span, 0)};
}

uint64_t ps_source_page(struct ps_source_pages *p, size_t page)
{
    size_t n = (size_t)whole_pages(p->piece.n_bytes);

    while (page - p->first_page >= n && p->i + 1 < p->span->n_pieces) {
        p->first_page += n;
        p->piece = ps_source_piece(p->source, p->span, ++p->i);
        n = (size_t)whole_pages(p->piece.n_bytes);
    }
    return p->piece.phys + (uint64_t)(page - p->first_page) * PS_PAGE_BYTES;
}
