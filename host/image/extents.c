#include "host/image/reader.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE 4096u

int ps_extents_add(struct ps_extents *extents, struct ps_extent extent, struct ps_err *err)
{
    if (extents->n) {
        struct ps_extent *last = &extents->extent[extents->n - 1];

        if (extent.phys - last->phys == last->n_bytes &&
            extent.file_off - last->file_off == last->n_bytes &&
            extent.n_bytes <= UINT64_MAX - last->n_bytes) {
            last->n_bytes += extent.n_bytes;
            return 0;
        }
    }
    if (extents->n == extents->cap) {
        size_t cap = extents->cap ? 2 * extents->cap : 16;
        struct ps_extent *grown = realloc(extents->extent, cap * sizeof *grown);

        if (!grown)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu extents", cap);
        extents->extent = grown;
        extents->cap = cap;
    }
    extents->extent[extents->n++] = extent;
    return 0;
}

int ps_extents_check(const struct ps_extents *extents, uint64_t file_bytes, int stored,
                     struct ps_err *err)
{
    uint64_t free_from = 0; /* the lowest address that the next extent may have */

    for (size_t i = 0; i < extents->n; i++) {
        const struct ps_extent *e = &extents->extent[i];
        int is_last = i + 1 == extents->n;

        if (e->phys % PAGE || !e->n_bytes || (e->n_bytes % PAGE && !is_last) ||
            e->n_bytes > UINT64_MAX - PAGE - e->phys)
            return ps_fail(err, PS_EFORMAT, e->file_off,
                           "memory run at 0x%" PRIx64 " of 0x%" PRIx64
                           " bytes is not made of whole pages",
                           e->phys, e->n_bytes);
        if (e->phys < free_from)
            return ps_fail(err, PS_EFORMAT, e->file_off,
                           "memory run at 0x%" PRIx64 " overlaps the one before it", e->phys);
        if (stored && (e->file_off > file_bytes || e->n_bytes > file_bytes - e->file_off))
            return ps_fail(err, PS_EFORMAT, e->file_off,
                           "memory run at 0x%" PRIx64 " ends past the end of the file", e->phys);
        free_from = e->phys + e->n_bytes;
    }
    return 0;
}

const struct ps_extent *ps_extents_find(const struct ps_extents *extents, uint64_t phys)
{
    size_t low = 0;
    size_t high = extents->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct ps_extent *e = &extents->extent[mid];

        if (phys < e->phys)
            high = mid;
        else if (phys - e->phys >= e->n_bytes)
            low = mid + 1;
        else
            return e;
    }
    return NULL;
}

void ps_extents_free(struct ps_extents *extents)
{
    free(extents->extent);
    *extents = (struct ps_extents){0};
}
