#include "scan/tracker/entry.h"

#include "kernels/pool_header.h"

static uint64_t load(const uint8_t *p, unsigned width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | p[width];
    return value;
}

static void decode_counts(const struct ps_tracker_layout *l, const struct ps_tracker_fields *f,
                          const uint8_t *bytes, struct ps_tracker_counts *out)
{
    out->allocs = load(bytes + f->allocs_at, l->count_width);
    out->frees = load(bytes + f->frees_at, l->count_width);
    out->bytes = load(bytes + f->bytes_at, l->bytes_width);
}

void ps_tracker_decode(const struct ps_tracker_layout *layout, const uint8_t *bytes,
                       struct ps_tracker_entry *out)
{
    out->tag = (uint32_t)load(bytes, 4) & ~PS_TAG_PROTECTED;
    decode_counts(layout, &layout->nonpaged, bytes, &out->nonpaged);
    decode_counts(layout, &layout->paged, bytes, &out->paged);
}

static void add_counts(const struct ps_tracker_layout *l, struct ps_tracker_counts *to,
                       const struct ps_tracker_counts *from)
{
    to->allocs += from->allocs;
    to->frees += from->frees;
    to->bytes += from->bytes;
    if (l->bytes_width == 4)
        to->bytes &= UINT32_MAX;
}

void ps_tracker_add(const struct ps_tracker_layout *layout, struct ps_tracker_entry *to,
                    const struct ps_tracker_entry *from)
{
    add_counts(layout, &to->nonpaged, &from->nonpaged);
    add_counts(layout, &to->paged, &from->paged);
}

int64_t ps_tracker_diff(const struct ps_tracker_layout *layout, const struct ps_tracker_counts *c)
{
    const uint64_t diff = c->allocs - c->frees;

    return layout->count_width == 4 ? (int32_t)(uint32_t)diff : (int64_t)diff;
}

static int counts_are_sound(const struct ps_tracker_layout *l, const struct ps_tracker_counts *c)
{
    const int64_t diff = ps_tracker_diff(l, c);

    return diff >= 0 && (diff > 0) == (c->bytes > 0) && c->bytes >= (uint64_t)diff;
}

int ps_tracker_is_sound(const struct ps_tracker_layout *layout, const struct ps_tracker_entry *e)
{
    return counts_are_sound(layout, &e->nonpaged) && counts_are_sound(layout, &e->paged);
}
