#include "host/image/bytes/ranges.h"

#include <stdlib.h>

#define PAGE 4096u

/* Bring neighbours with a small hole between them together. */
static void close_gaps(struct ps_ranges *ranges)
{
    size_t n = 0;

    for (size_t i = 1; i < ranges->n; i++) {
        struct ps_range *last = &ranges->range[n];
        const struct ps_range *next = &ranges->range[i];

        if (next->begin - last->end < ranges->gap)
            last->end = next->end;
        else
            ranges->range[++n] = *next;
    }
    ranges->n = n + 1;
}

static int reserve(struct ps_ranges *ranges, struct ps_err *err)
{
    size_t cap = ranges->cap ? 2 * ranges->cap : 16;
    struct ps_range *grown;

    if (ranges->n < ranges->cap)
        return 0;
    grown = realloc(ranges->range, cap * sizeof *grown);
    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the extents of the image");
    ranges->range = grown;
    ranges->cap = cap;
    return 0;
}

int ps_ranges_add(struct ps_ranges *ranges, uint64_t begin, uint64_t end, struct ps_err *err)
{
    int rc;

    begin -= begin % PAGE;
    if (end % PAGE && end <= UINT64_MAX - PAGE)
        end += PAGE - end % PAGE;
    if (!ranges->gap)
        ranges->gap = PS_RANGES_GAP;
    while (ranges->n >= PS_RANGES_MAX) {
        ranges->gap *= 2;
        close_gaps(ranges);
    }
    if (ranges->n) {
        struct ps_range *last = &ranges->range[ranges->n - 1];

        if (begin <= last->end || begin - last->end < ranges->gap) {
            last->end = end > last->end ? end : last->end;
            return 0;
        }
    }
    rc = reserve(ranges, err);
    if (rc >= 0)
        ranges->range[ranges->n++] = (struct ps_range){begin, end};
    return rc;
}

void ps_ranges_free(struct ps_ranges *ranges)
{
    free(ranges->range);
    *ranges = (struct ps_ranges){0};
}
