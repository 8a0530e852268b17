#include "host/virtual/pool/find_bigpool.h"

#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "kernels/pool_header.h"

#define WINDOW_PAGES ((size_t)1024)
#define WINDOW_BYTES ((uint64_t)WINDOW_PAGES * PS_PAGE_BYTES)

/* Pages of a window that look like the table's. Noted under the guard, where nothing may be
 * allocated; copied afterwards. */
struct window {
    const uint8_t *mem;
    size_t n_pages;
    unsigned arches;
    size_t n_found;
    uint16_t found[WINDOW_PAGES];
};

struct finder {
    struct ps_image *image;
    struct ps_bigpool_carver *carver;
    struct window window;
    uint8_t *buffer;
    uint64_t *n_unreadable;
};

static void look_at_pages(void *arg)
{
    struct window *w = arg;
    struct ps_bigpool_look look;

    for (size_t i = 0; i < w->n_pages; i++)
        if (ps_bigpool_page_look(w->mem + i * PS_PAGE_BYTES, w->arches, &look))
            w->found[w->n_found++] = (uint16_t)i;
}

/* Page by page, for a window that cannot be mapped or failed somewhere. */
static int take_read(struct finder *f, uint64_t phys, size_t n_bytes, struct ps_err *err)
{
    struct ps_err ignored;
    int rc = 0;

    for (size_t off = 0; off < n_bytes && rc == 0; off += PS_PAGE_BYTES) {
        size_t n = n_bytes - off < PS_PAGE_BYTES ? n_bytes - off : PS_PAGE_BYTES;

        memset(f->buffer, 0, PS_PAGE_BYTES);
        if (ps_image_read(f->image, phys + off, f->buffer, n, &ignored) < 0)
            *f->n_unreadable += n;
        else
            rc = ps_bigpool_carver_page(f->carver, phys + off, f->buffer, err);
    }
    return rc;
}

static int take_found(struct finder *f, uint64_t phys, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < f->window.n_found && rc == 0; i++)
        rc = take_read(f, phys + (uint64_t)f->window.found[i] * PS_PAGE_BYTES, PS_PAGE_BYTES, err);
    return rc;
}

static int take_window(struct finder *f, uint64_t phys, size_t n_bytes, struct ps_err *err)
{
    struct window *w = &f->window;
    int faulted;

    w->mem = ps_image_map(f->image, phys, n_bytes);
    if (!w->mem)
        return take_read(f, phys, n_bytes, err);
    w->n_pages = n_bytes / PS_PAGE_BYTES;
    w->n_found = 0;
    faulted = ps_fault_guard(w->mem, n_bytes, look_at_pages, w);
    ps_image_release(f->image, w->mem, n_bytes);
    return faulted ? take_read(f, phys, n_bytes, err) : take_found(f, phys, err);
}

static int take_extent(struct finder *f, const struct ps_extent *e, struct ps_err *err)
{
    int rc = 0;

    for (uint64_t off = 0; off < e->n_bytes && rc == 0; off += WINDOW_BYTES) {
        uint64_t left = e->n_bytes - off;

        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = take_window(f, e->phys + off, (size_t)(left < WINDOW_BYTES ? left : WINDOW_BYTES),
                             err);
    }
    return rc;
}

int ps_find_bigpool(struct ps_image *image, const struct ps_bigpool_spec *spec,
                    struct ps_bigpool_table *out, uint64_t *n_unreadable, struct ps_err *err)
{
    struct finder f = {.image = image, .n_unreadable = n_unreadable};
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);
    int rc = ps_bigpool_carver_new(&f.carver, spec, err);

    *n_unreadable = 0;
    if (rc < 0)
        return rc;
    f.window.arches = spec->arches;
    f.buffer = malloc(PS_PAGE_BYTES);
    if (!f.buffer)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a page");
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_extent(&f, &e[i], err);
    if (rc == 0)
        rc = ps_bigpool_carver_finish(f.carver, out, err);
    ps_bigpool_carver_free(f.carver);
    free(f.buffer);
    return rc;
}
