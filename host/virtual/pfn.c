#include "host/virtual/pfn.h"

#include <inttypes.h>

#include "host/log.h"
#include "host/virtual/windows_kernel.h"
#include "scan/windows/pfn/locate.h"

static size_t read_image(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    struct ps_err ignored;

    return ps_image_read(arg, phys, buf, n_bytes, &ignored) < 0 ? 0 : n_bytes;
}

int ps_address_space_pfn_find(struct ps_address_space *as, const struct ps_options *opt,
                              const struct ps_inverse_map *map, struct ps_pfn_place *place,
                              struct ps_err *err)
{
    struct ps_va_range range[PS_KERNEL_MAX_RANGES];
    struct ps_pfn_spec spec = {.data = range, .mem = &as->memory.mem, .map = map};
    int rc;

    *place = (struct ps_pfn_place){.method = PS_PFN_NOT_FOUND};
    if (!as->has_dtb)
        return 0;
    rc = ps_address_space_kernel(as, opt, err);
    if (rc < 0)
        return rc;
    spec.n_data = ps_kernel_data_ranges(&as->kernel, range, PS_KERNEL_MAX_RANGES);
    if (spec.n_data > PS_KERNEL_MAX_RANGES)
        spec.n_data = PS_KERNEL_MAX_RANGES;
    spec.arch = ps_paging_is_x64(as->dtb.mode) ? PS_ARCH_X64 : PS_ARCH_X86;
    spec.build = as->build;
    ps_address_space_symbol(as, PS_SYMBOL_MmPfnDatabase, &spec.symbol);
    return ps_pfn_find(as->paging, &spec, place, err);
}

int ps_address_space_pfn(struct ps_address_space *as, const struct ps_options *opt,
                         const struct ps_inverse_map *map, struct ps_pfn_database **out,
                         struct ps_err *err)
{
    struct ps_pfn_place place;
    const int rc = ps_address_space_pfn_find(as, opt, map, &place, err);

    *out = NULL;
    if (rc <= 0)
        return rc;
    ps_log(PS_LOG_DEBUG,
           "PFN database at 0x%" PRIx64 " by %s, %s, %" PRIu32 " of %" PRIu32 " frames agree",
           place.va, ps_pfn_method_name(place.method), place.layout->name, place.n_agree,
           place.n_samples);
    return ps_pfn_database_open(out, &place, as->paging, &as->memory.mem, read_image, as->image,
                                err);
}
