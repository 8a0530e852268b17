#include "host/virtual/detect_version.h"

#include <stdlib.h>

#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "kernels/pool_header.h"

#define WINDOW_BYTES ((uint64_t)4 << 20)

struct probe {
    const uint8_t *mem;
    uint64_t phys; /* of mem */
    size_t n_pages;
    uint64_t image_pages;
    int any;                          /* the first page is good enough */
    struct ps_detected_version *best; /* n_seen 0: none yet */
};

static int is_done(const struct probe *p)
{
    return p->best->fits || (p->any && p->best->n_seen != 0);
}

static void consider(struct probe *p, const struct ps_windows_version *v, uint64_t phys)
{
    struct ps_detected_version *best = p->best;

    if (best->n_seen++ != 0 &&
        ps_kuser_distance(v, p->image_pages) >= ps_kuser_distance(&best->version, p->image_pages))
        return;
    best->version = *v;
    best->phys = phys;
    best->fits = ps_kuser_fits(v, p->image_pages);
}

static void probe_pages(void *arg)
{
    struct probe *p = arg;
    struct ps_windows_version v;

    for (size_t off = 0; off < p->n_pages * PS_PAGE_BYTES && !is_done(p); off += PS_PAGE_BYTES)
        if (ps_kuser_probe(p->mem + off, &v))
            consider(p, &v, p->phys + off);
}

/* Probe a window, mapped if possible, else through 'buffer'. */
static void probe_window(struct ps_image *image, uint64_t phys, size_t n_bytes, uint8_t *buffer,
                         struct probe *p)
{
    struct ps_err ignored;

    p->phys = phys;
    p->n_pages = n_bytes / PS_PAGE_BYTES;
    p->mem = ps_image_map(image, phys, n_bytes);
    if (p->mem) {
        (void)ps_fault_guard(p->mem, n_bytes, probe_pages, p);
        ps_image_release(image, p->mem, n_bytes);
        return;
    }
    p->mem = buffer;
    if (ps_image_read(image, phys, buffer, n_bytes, &ignored) == 0)
        probe_pages(p);
}

static void probe_extent(struct ps_image *image, const struct ps_extent *e, uint64_t *budget,
                         uint8_t *buffer, struct probe *p)
{
    const uint64_t whole = e->n_bytes / PS_PAGE_BYTES * PS_PAGE_BYTES;

    for (uint64_t off = 0; off < whole && *budget != 0 && !is_done(p) && !ps_cancel_requested();) {
        uint64_t n = whole - off < WINDOW_BYTES ? whole - off : WINDOW_BYTES;

        probe_window(image, e->phys + off, (size_t)n, buffer, p);
        off += n;
        *budget -= n < *budget ? n : *budget;
    }
}

static int detect(struct ps_image *image, int any, struct ps_detected_version *out)
{
    uint8_t *buffer = aligned_alloc(PS_PAGE_BYTES, WINDOW_BYTES);
    uint64_t budget = PS_DETECT_BYTES;
    struct ps_detected_version best = {0};
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);
    struct probe p = {
        .any = any, .best = &best, .image_pages = ps_image_memory_bytes(image) / PS_PAGE_BYTES};

    for (size_t i = 0; buffer && i < n && !is_done(&p); i++)
        probe_extent(image, &e[i], &budget, buffer, &p);
    free(buffer);
    if (best.n_seen == 0)
        return 0;
    *out = best;
    return 1;
}

int ps_detect_version(struct ps_image *image, struct ps_detected_version *out)
{
    return detect(image, 0, out);
}

int ps_detect_first_version(struct ps_image *image, struct ps_detected_version *out)
{
    return detect(image, 1, out);
}
