#include "host/run/detect_version.h"

#include <stdlib.h>

#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "kernels/pool_header.h"

#define WINDOW_BYTES ((uint64_t)4 << 20)

struct probe {
    const uint8_t *mem;
    size_t n_pages;
    size_t found; /* index of the page, n_pages if none */
    struct ps_windows_version version;
};

static void probe_pages(void *arg)
{
    struct probe *p = arg;

    for (p->found = 0; p->found < p->n_pages; p->found++)
        if (ps_kuser_probe(p->mem + p->found * PS_PAGE_BYTES, &p->version))
            return;
}

/* Probe a window, mapped if possible, else through 'buffer'. */
static void probe_window(struct ps_image *image, uint64_t phys, size_t n_bytes, uint8_t *buffer,
                         struct probe *p)
{
    struct ps_err ignored;

    p->n_pages = n_bytes / PS_PAGE_BYTES;
    p->mem = ps_image_map(image, phys, n_bytes);
    if (p->mem) {
        if (ps_fault_guard(p->mem, n_bytes, probe_pages, p))
            p->found = p->n_pages;
        ps_image_release(image, p->mem, n_bytes);
        return;
    }
    p->found = p->n_pages;
    p->mem = buffer;
    if (ps_image_read(image, phys, buffer, n_bytes, &ignored) == 0)
        probe_pages(p);
}

static int probe_extent(struct ps_image *image, const struct ps_extent *e, uint64_t *budget,
                        uint8_t *buffer, struct probe *p, uint64_t *phys)
{
    const uint64_t whole = e->n_bytes / PS_PAGE_BYTES * PS_PAGE_BYTES;

    for (uint64_t off = 0; off < whole && *budget != 0 && !ps_cancel_requested();) {
        uint64_t n = whole - off < WINDOW_BYTES ? whole - off : WINDOW_BYTES;

        probe_window(image, e->phys + off, (size_t)n, buffer, p);
        if (p->found < p->n_pages) {
            *phys = e->phys + off + p->found * PS_PAGE_BYTES;
            return 1;
        }
        off += n;
        *budget -= n < *budget ? n : *budget;
    }
    return 0;
}

int ps_detect_version(struct ps_image *image, struct ps_windows_version *out, uint64_t *phys)
{
    uint8_t *buffer = aligned_alloc(PS_PAGE_BYTES, WINDOW_BYTES);
    uint64_t budget = PS_DETECT_BYTES;
    struct probe p = {0};
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);
    int found = 0;

    for (size_t i = 0; buffer && i < n && !found; i++)
        found = probe_extent(image, &e[i], &budget, buffer, &p, phys);
    if (found)
        *out = p.version;
    free(buffer);
    return found;
}
