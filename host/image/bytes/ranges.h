/* Ranges of bytes that hold data: ascending, apart from each other, and never more than a bound. */
#ifndef PS_HOST_IMAGE_BYTES_RANGES_H
#define PS_HOST_IMAGE_BYTES_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

struct ps_range {
    uint64_t begin;
    uint64_t end; /* the first byte after it */
};

/* Begin with all zero. */
struct ps_ranges {
    struct ps_range *range;
    size_t n;
    size_t cap;
    uint64_t gap; /* holes of fewer bytes are not worth a range of their own; grows at the bound */
};

/* A hole shorter than this costs more to skip than to read. */
#define PS_RANGES_GAP ((uint64_t)64 << 10)
/* At most so many ranges: 1 MiB of them. */
#define PS_RANGES_MAX ((size_t)1 << 16)

/* Add [begin, end), rounded out to pages, which begins at or after the last range added. Ranges
 * with less than the gap between them become one, and at the bound the gap doubles until there
 * is room. PS_ENOMEM. */
int ps_ranges_add(struct ps_ranges *ranges, uint64_t begin, uint64_t end, struct ps_err *err);
void ps_ranges_free(struct ps_ranges *ranges);

#endif
