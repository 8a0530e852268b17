#include "host/virtual/image_memory.h"

#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/image/fault_guard.h"

/* The extent that holds 'phys', or NULL. */
static const struct ps_extent *find_extent(struct ps_image *image, uint64_t phys)
{
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);

    while (n > 0) {
        size_t half = n / 2;

        if (phys < e[half].phys) {
            n = half;
        } else if (phys - e[half].phys < e[half].n_bytes) {
            return &e[half];
        } else {
            e += half + 1;
            n -= half + 1;
        }
    }
    return NULL;
}

/* Page by page, because one bad page must not cost its neighbours. */
static size_t read_pages(struct ps_image *image, uint64_t phys, uint8_t *buf, size_t n_bytes)
{
    struct ps_err ignored;
    size_t done = 0;

    while (done < n_bytes) {
        size_t n = PS_FRAME_BYTES - (size_t)((phys + done) % PS_FRAME_BYTES);

        if (n > n_bytes - done)
            n = n_bytes - done;
        if (ps_image_read(image, phys + done, buf + done, n, &ignored) < 0)
            break;
        done += n;
    }
    return done;
}

struct copy {
    void *to;
    const uint8_t *from;
    size_t n;
};

static void copy(void *arg)
{
    const struct copy *c = arg;

    memcpy(c->to, c->from, c->n);
}

/* The system maps so much around a page that is read, where the page cache has pages so large. */
#define SPOT_BYTES ((uint64_t)2 << 20)

static void release_spot(struct ps_image *image, uint64_t phys)
{
    const struct ps_extent *e = find_extent(image, phys);
    uint64_t begin = phys - phys % SPOT_BYTES;
    uint64_t end = begin + SPOT_BYTES;
    const uint8_t *mem;

    if (!e || !ps_image_gives_back(image))
        return;
    if (begin < e->phys)
        begin = e->phys;
    if (end - e->phys > e->n_bytes)
        end = e->phys + e->n_bytes;
    mem = ps_image_map(image, begin, (size_t)(end - begin));
    if (mem)
        ps_image_release(image, mem, (size_t)(end - begin));
}

/* Tables stand beside each other, and reads go to and fro between a few places, so what was mapped
 * is given back only when its place among the spots is wanted for another one. */
static void count_spot(struct ps_image_memory *m, uint64_t phys)
{
    uint64_t *spot = &m->spot_1[phys / SPOT_BYTES % PS_IMAGE_MEMORY_SPOTS];

    if (*spot != 0 && (*spot - 1) / SPOT_BYTES == phys / SPOT_BYTES)
        return;
    if (*spot != 0)
        release_spot(m->image, *spot - 1);
    *spot = phys + 1;
}

/* Out of the mapping, if there is one: a table costs a third of what a system call for it does. Who
 * asks for a part of a page will not want its neighbours, and a system call costs half of what
 * mapping and unmapping them does. */
static int copy_mapped(struct ps_image_memory *m, uint64_t phys, void *buf, size_t n_bytes)
{
    struct copy c = {buf, NULL, n_bytes};

    if (n_bytes >= PS_FRAME_BYTES)
        c.from = ps_image_map(m->image, phys, n_bytes);
    if (!c.from)
        return 0;
    count_spot(m, phys);
    return !ps_fault_guard(c.from, n_bytes, copy, &c);
}

static size_t read_image(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    struct ps_image_memory *m = arg;
    struct ps_image *image = m->image;
    struct ps_err ignored;
    size_t done = 0;

    while (done < n_bytes && !ps_cancel_requested()) {
        const struct ps_extent *e = find_extent(image, phys + done);
        uint8_t *to = (uint8_t *)buf + done;
        size_t n = n_bytes - done;
        size_t got = n;

        if (!e)
            break;
        if (n > e->n_bytes - (phys + done - e->phys))
            got = n = (size_t)(e->n_bytes - (phys + done - e->phys));
        if (!copy_mapped(m, phys + done, to, n) &&
            ps_image_read(image, phys + done, to, n, &ignored) < 0)
            got = read_pages(image, phys + done, to, n);
        done += got;
        if (got < n)
            break;
    }
    return done;
}

struct look {
    ps_look_fn *fn;
    void *arg;
    const uint8_t *mem;
    size_t n_bytes;
};

static void call(void *arg)
{
    const struct look *l = arg;

    l->fn(l->arg, l->mem, l->n_bytes);
}

static int look_at_image(void *arg, uint64_t phys, size_t n_bytes, ps_look_fn *fn, void *fn_arg)
{
    struct ps_image *image = ((struct ps_image_memory *)arg)->image;
    struct look l = {fn, fn_arg, NULL, n_bytes};
    int faulted;

    if (!ps_cancel_requested())
        l.mem = ps_image_map(image, phys, n_bytes);
    if (!l.mem)
        return 0;
    faulted = ps_fault_guard(l.mem, n_bytes, call, &l);
    ps_image_release(image, l.mem, n_bytes);
    return !faulted;
}

int ps_image_memory_init(struct ps_image_memory *m, struct ps_image *image, struct ps_err *err)
{
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);
    uint64_t n_frames = 0;

    *m = (struct ps_image_memory){.image = image};
    m->run = calloc(n ? n : 1, sizeof *m->run);
    if (!m->run)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu extents", n);
    /* A torn last page is read as a whole one, padded. */
    for (size_t i = 0; i < n; i++) {
        const uint64_t frames = (e[i].n_bytes + PS_FRAME_BYTES - 1) / PS_FRAME_BYTES;

        m->run[i] = (struct ps_phys_run){e[i].phys, frames * PS_FRAME_BYTES, n_frames};
        n_frames += frames;
    }
    m->mem = (struct ps_physmem){
        .read = read_image, .look = look_at_image, .arg = m, .run = m->run, .n_runs = n};
    m->mem.end = (ps_image_end(image) + PS_FRAME_BYTES - 1) / PS_FRAME_BYTES * PS_FRAME_BYTES;
    return 0;
}

void ps_image_memory_free(struct ps_image_memory *m)
{
    free(m->run);
}
