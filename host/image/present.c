#include "host/image/present.h"

#include "kernels/pool_header.h"
#include "scan/windows/paging/squeezed.h"

/* The part of an extent in [start, end). */
struct part {
    uint64_t phys;
    uint64_t n_bytes;
};

static struct part clip(const struct ps_extent *e, uint64_t start, uint64_t end)
{
    const uint64_t from = e->phys > start ? e->phys : start;
    const uint64_t skip = from - e->phys;
    uint64_t left = skip < e->n_bytes && from < end ? e->n_bytes - skip : 0;

    if (left > 0 && left > end - from)
        left = end - from;
    return (struct part){from, left};
}

/* The first extent of n that ends behind 'start'. */
static size_t first_behind(const struct ps_extent *e, size_t n, uint64_t start)
{
    size_t low = 0;

    while (low < n) {
        const size_t middle = low + (n - low) / 2;

        if (e[middle].phys + e[middle].n_bytes > start)
            n = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t ps_image_present(const struct ps_image *image, uint64_t start, uint64_t end)
{
    size_t n;
    const struct ps_extent *e = ps_image_extents(image, &n);
    uint64_t total = 0;

    for (size_t i = first_behind(e, n, start); i < n && e[i].phys < end; i++)
        total += clip(&e[i], start, end).n_bytes;
    return total;
}

uint64_t ps_image_present_address(const struct ps_image *image, uint64_t start, uint64_t end,
                                  uint64_t offset)
{
    size_t n;
    const struct ps_extent *e = ps_image_extents(image, &n);

    for (size_t i = first_behind(e, n, start); i < n && e[i].phys < end; i++) {
        const struct part p = clip(&e[i], start, end);

        if (offset < p.n_bytes)
            return p.phys + offset;
        offset -= p.n_bytes;
    }
    return end;
}

uint64_t ps_image_present_end(const struct ps_image *image, int may_get_hole)
{
    const uint64_t end = ps_image_end(image);
    const uint64_t pages = end ? (end - 1) / PS_PAGE_BYTES + 1 : 1;
    const uint64_t hole =
        may_get_hole && ps_image_flat_bytes(image) != 0 ? PS_SQUEEZED_HOLE_END : 0;

    return pages * PS_PAGE_BYTES + hole;
}
