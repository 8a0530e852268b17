#include "host/pipeline/source.h"

#include <stdlib.h>

/* The part of an extent that lies in [start, end); n_bytes 0 if none does. */
static struct ps_extent clip(const struct ps_extent *e, uint64_t start, uint64_t end)
{
    uint64_t from = e->phys > start ? e->phys : start;
    uint64_t skip = from - e->phys;
    struct ps_extent part = {.phys = from};

    if (from >= end || skip >= e->n_bytes)
        return part;
    part.n_bytes = e->n_bytes - skip;
    if (part.n_bytes > end - from)
        part.n_bytes = end - from;
    return part;
}

int ps_source_init(struct ps_source *s, struct ps_image *image, uint64_t start, uint64_t end,
                   uint64_t chunk_bytes, struct ps_err *err)
{
    *s = (struct ps_source){.start = start, .end = end, .chunk_bytes = chunk_bytes};
    s->extent = ps_image_extents(image, &s->n_extents);
    s->first_seq = calloc(s->n_extents + 1, sizeof *s->first_seq);
    if (!s->first_seq)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    for (size_t i = 0; i < s->n_extents; i++) {
        uint64_t n = clip(&s->extent[i], start, end).n_bytes;

        s->first_seq[i + 1] = s->first_seq[i] + n / chunk_bytes + (n % chunk_bytes != 0);
    }
    return 0;
}

void ps_source_fini(struct ps_source *s)
{
    free(s->first_seq);
    s->first_seq = NULL;
}

uint64_t ps_source_count(const struct ps_source *s)
{
    return s->first_seq[s->n_extents];
}

struct ps_piece ps_source_piece(const struct ps_source *s, uint64_t seq)
{
    size_t low = 0;
    size_t high = s->n_extents - 1;
    struct ps_extent part;
    uint64_t skip;

    /* The extent with first_seq[low] <= seq < first_seq[low + 1]; empty ones never match. */
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->first_seq[mid + 1] <= seq)
            low = mid + 1;
        else
            high = mid;
    }
    part = clip(&s->extent[low], s->start, s->end);
    skip = (seq - s->first_seq[low]) * s->chunk_bytes;
    return (struct ps_piece){
        .phys = part.phys + skip,
        .n_bytes = part.n_bytes - skip < s->chunk_bytes ? part.n_bytes - skip : s->chunk_bytes,
    };
}
