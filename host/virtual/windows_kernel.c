#include "host/virtual/windows_kernel.h"

#include <string.h>

#include "scan/windows/symbols/known_kernels.h"

/* The builds that a Windows kernel before 10 can say: Windows 2000 to 8.1. */
#define FIRST_BUILD    2195u
#define FIRST_10_BUILD 10000u

static void take_build(struct ps_address_space *as, const struct ps_options *opt)
{
    const uint32_t build = as->kernel.build;

    if (opt->build || build < FIRST_BUILD || (as->has_version && as->version.major >= 10) ||
        (as->has_version && build >= FIRST_10_BUILD))
        return;
    as->build = build;
    as->build_is_of_kernel = 1;
}

/* What the image says itself holds for whatever the other source lacks. */
static void add_exports(struct ps_address_space *as)
{
    const struct ps_kernel_image *k = &as->kernel;
    uint32_t *rva = as->symbols.rva;

    if (rva[PS_SYMBOL_PsInitialSystemProcess] == 0)
        rva[PS_SYMBOL_PsInitialSystemProcess] = k->initial_system_process;
    if (rva[PS_SYMBOL_PsLoadedModuleList] == 0)
        rva[PS_SYMBOL_PsLoadedModuleList] = k->loaded_module_list;
    if (as->symbols.source == PS_SYMBOLS_NONE &&
        (k->initial_system_process != 0 || k->loaded_module_list != 0))
        as->symbols.source = PS_SYMBOLS_EXPORTS;
}

static void find_symbols(struct ps_address_space *as)
{
    const struct ps_kernel_image *k = &as->kernel;

    as->symbols.base = k->base;
    if (k->has_pdb && ps_known_kernel(k->pdb.guid, k->pdb.age, as->symbols.rva, as->kernel_version))
        as->symbols.source = PS_SYMBOLS_BUILT_IN;
    add_exports(as);
}

int ps_address_space_kernel(struct ps_address_space *as, const struct ps_options *opt,
                            struct ps_err *err)
{
    (void)err;
    if (as->looked_for_kernel || !as->has_dtb)
        return 0;
    as->looked_for_kernel = 1;
    if (ps_kernel_image_find(as->paging, as->dtb.kernel_va, &as->kernel))
        take_build(as, opt);
    find_symbols(as);
    return 0;
}

int ps_address_space_symbol(const struct ps_address_space *as, enum ps_symbol symbol, uint64_t *va)
{
    return ps_symbols_find(&as->symbols, symbol, va);
}
