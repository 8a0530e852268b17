#include "host/virtual/pool/tracker.h"

#include "host/virtual/windows_kernel.h"
#include "scan/tracker/locate/locate.h"

/* KUSER_SHARED_DATA.ActiveProcessorCount, since Windows 7. */
#define KUSER_PROCESSORS 0x3c0u

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

int ps_address_space_tracker(struct ps_address_space *as, const struct ps_options *opt,
                             struct ps_tracker_table *out, struct ps_err *err)
{
    struct ps_va_range range[PS_KERNEL_MAX_RANGES];
    struct ps_tracker_spec spec = {.data = range};
    int rc;

    *out = (struct ps_tracker_table){.method = PS_TRACKER_NOT_FOUND};
    if (!as->has_dtb)
        return 0;
    rc = ps_address_space_kernel(as, opt, err);
    if (rc < 0)
        return rc;
    spec.n_data = ps_address_space_kernel_data(as, range);
    spec.arch = ps_address_space_arch(as);
    spec.build = as->build;
    spec.n_cpus = active_processors(as);
    spec.symbols = (struct ps_tracker_symbols){
        .table = ps_address_space_sure_symbol(as, PS_SYMBOL_PoolTrackTable),
        .size = ps_address_space_sure_symbol(as, PS_SYMBOL_PoolTrackTableSize),
        .cpus = ps_address_space_sure_symbol(as, PS_SYMBOL_ExPoolTagTables),
        .expansion = ps_address_space_sure_symbol(as, PS_SYMBOL_PoolTrackTableExpansion),
        .expansion_size = ps_address_space_sure_symbol(as, PS_SYMBOL_PoolTrackTableExpansionSize),
    };
    return ps_tracker_find(as->paging, &spec, out, err);
}
