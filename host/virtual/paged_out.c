#include "host/virtual/paged_out.h"

#include "scan/windows/paging/kernel_walk.h"

struct each {
    const struct ps_pagefiles *files;
    int (*fn)(void *arg, const struct ps_paged_out *page);
    void *arg;
    struct ps_paged_out_counts *counts;
    uint64_t n_left; /* reads */
    uint8_t bytes[PS_FRAME_BYTES];
};

static int on_paged_out(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct each *e = arg;
    const struct ps_paged_out page = {leaf->va, leaf->pte.file, leaf->pte.offset * PS_FRAME_BYTES,
                                      e->bytes};

    e->counts->n_entries++;
    if (e->n_left == 0) {
        e->counts->n_missing++;
        return 0;
    }
    e->n_left--;
    if (e->files->read(e->files->arg, page.file, page.file_off, e->bytes, sizeof e->bytes) !=
        sizeof e->bytes) {
        e->counts->n_missing++;
        return 0;
    }
    e->counts->n_read++;
    return e->fn(e->arg, &page);
}

int ps_paged_out_each(const struct ps_address_space *as,
                      int (*fn)(void *arg, const struct ps_paged_out *page), void *arg,
                      struct ps_paged_out_counts *counts, struct ps_err *err)
{
    struct each e = {.files = &as->pagefiles.files, .fn = fn, .arg = arg, .counts = counts};
    struct ps_kernel_walk walk = {.mem = &as->memory.mem, .paged_out = on_paged_out, .arg = &e};
    struct ps_kernel_counts walked;

    *counts = (struct ps_paged_out_counts){0};
    if (!as->has_dtb || as->pagefiles.n == 0)
        return 0;
    for (unsigned i = 0; i < PS_PAGEFILES_MAX; i++)
        e.n_left += as->pagefiles.files.n_pages[i] * PS_PAGED_OUT_READS;
    walk.mode = as->dtb.mode;
    walk.root = as->dtb.root;
    walk.generation = as->paging->format.generation;
    walk.file_backed = as->paging->format.file_backed;
    return ps_kernel_walk(&walk, &walked, err);
}
