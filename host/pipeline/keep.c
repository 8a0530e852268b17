#include "host/pipeline/keep.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/pool_header.h"
#include "scan/bigpool/carve/page.h"

void ps_kept_look(struct ps_kept_pages *k, const uint8_t *pages, size_t n_pages, unsigned arches)
{
    struct ps_bigpool_look look;

    k->n = 0;
    for (size_t i = 0; i < n_pages; i++)
        if (ps_bigpool_page_look(pages + i * PS_PAGE_BYTES, arches, &look))
            k->index[k->n++] = (uint32_t)i;
}

void ps_kept_copy(struct ps_kept_pages *k, const uint8_t *pages)
{
    for (size_t i = 0; i < k->n; i++)
        memcpy(k->bytes + i * PS_PAGE_BYTES, pages + (size_t)k->index[i] * PS_PAGE_BYTES,
               PS_PAGE_BYTES);
}

int ps_kept_room(struct ps_kept_pages *k, size_t n_pages, struct ps_err *err)
{
    uint32_t *index;

    if (n_pages <= k->n_looked)
        return 0;
    index = realloc(k->index, n_pages * sizeof *index);
    if (!index)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a chunk of %zu pages",
                       n_pages);
    k->index = index;
    k->n_looked = n_pages;
    return 0;
}

int ps_kept_reserve(struct ps_kept_pages *k, struct ps_err *err)
{
    uint8_t *bytes;
    uint64_t *phys;

    if (k->n <= k->cap)
        return 0;
    bytes = realloc(k->bytes, k->n * PS_PAGE_BYTES);
    if (bytes)
        k->bytes = bytes;
    phys = realloc(k->phys, k->n * sizeof *phys);
    if (phys)
        k->phys = phys;
    if (!bytes || !phys)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu pages of one chunk",
                       k->n);
    k->cap = k->n;
    return 0;
}

void ps_kept_free(struct ps_kept_pages *k)
{
    free(k->bytes);
    free(k->phys);
    free(k->index);
}
