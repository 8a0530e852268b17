#include "host/virtual/tracker.h"

#include <stdlib.h>

#include "scan/tracker/locate/locate.h"
#include "scan/tracker/locate/words.h"
#include "scan/windows/paging/kernel_walk.h"

/* KUSER_SHARED_DATA.ActiveProcessorCount, since Windows 7. */
#define KUSER_PROCESSORS 0x3c0u

/* Where images of the Windows kernel are loaded. */
static const struct ps_va_range images_x64 = {UINT64_C(0xfffff80000000000), UINT64_C(1) << 43};
static const struct ps_va_range images_x86 = {UINT64_C(0x80000000), UINT64_C(0x10000000)};

#define MAX_RANGES 4096u

/* Stretches of writable memory, while a walk finds them. */
struct writable {
    const struct ps_va_range *inside;
    struct ps_va_range *range;
    size_t n;
    uint64_t n_bytes;
};

static int add_leaf(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct writable *w = arg;
    const uint64_t n_bytes = leaf->pte.page_bytes;

    if (leaf->va < w->inside->va || !leaf->writable)
        return 0;
    if (leaf->va - w->inside->va >= w->inside->n_bytes || w->n_bytes >= PS_TRACKER_MAX_DATA)
        return 1;
    w->n_bytes += n_bytes;
    if (w->n > 0 && w->range[w->n - 1].va + w->range[w->n - 1].n_bytes == leaf->va) {
        w->range[w->n - 1].n_bytes += n_bytes;
        return 0;
    }
    if (w->n == MAX_RANGES)
        return 1;
    w->range[w->n++] = (struct ps_va_range){leaf->va, n_bytes};
    return 0;
}

/* Without the Windows kernel's own sections: all that can be written where it may be loaded. */
static int find_writable(const struct ps_address_space *as, struct writable *w, struct ps_err *err)
{
    const struct ps_kernel_walk walk = {.mem = &as->memory.mem,
                                        .mode = as->dtb.mode,
                                        .root = as->dtb.root,
                                        .leaf = add_leaf,
                                        .arg = w};
    struct ps_kernel_counts counts;

    *w = (struct writable){.inside = as->dtb.mode == PS_PAGING_X64 ? &images_x64 : &images_x86};
    w->range = calloc(MAX_RANGES, sizeof *w->range);
    if (!w->range)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tracker table");
    return ps_kernel_walk(&walk, &counts, err);
}

static uint32_t active_processors(const struct ps_address_space *as)
{
    const struct ps_physmem *mem = &as->memory.mem;
    uint8_t b[4];
    uint32_t n;

    if (!as->has_version || as->build < PS_TRACKER_PER_CPU_BUILD)
        return 0;
    if (mem->read(mem->arg, as->kuser_phys + KUSER_PROCESSORS, b, sizeof b) != sizeof b)
        return 0;
    n = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return n <= PS_TRACKER_MAX_TABLES ? n : 0;
}

int ps_find_tracker(struct ps_address_space *as, struct ps_tracker_table *out, struct ps_err *err)
{
    struct ps_tracker_spec spec = {.build = as->build, .n_cpus = active_processors(as)};
    struct writable writable;
    int rc;

    *out = (struct ps_tracker_table){.method = PS_TRACKER_NOT_FOUND};
    if (!as->has_dtb)
        return 0;
    spec.arch = as->dtb.mode == PS_PAGING_X64 ? PS_ARCH_X64 : PS_ARCH_X86;
    rc = find_writable(as, &writable, err);
    spec.data = writable.range;
    spec.n_data = writable.n;
    if (rc == 0)
        rc = ps_tracker_find(as->paging, &spec, out, err);
    free(writable.range);
    return rc;
}
