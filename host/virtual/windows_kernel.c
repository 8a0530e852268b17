#include "host/virtual/windows_kernel.h"

#include <inttypes.h>
#include <string.h>

#include "host/log.h"
#include "host/virtual/container_facts.h"
#include "host/virtual/isf/isf.h"
#include "scan/windows/symbols/kdbg.h"
#include "scan/windows/symbols/known_kernels.h"

/* The builds that a Windows kernel before 10 can say: Windows 2000 to 8.1. */
#define FIRST_BUILD    2195u
#define FIRST_10_BUILD 10000u

static void take_build(struct ps_address_space *as, const struct ps_options *opt)
{
    const uint32_t build = as->kernel.build;

    if (opt->build || build < FIRST_BUILD || build >= FIRST_10_BUILD ||
        (as->has_version && as->version.major >= 10))
        return;
    as->build = build;
    as->build_is_of_kernel = 1;
    as->build_is_of_container = 0;
}

static int is_same_pdb(const struct ps_pdb_id *a, const struct ps_pdb_id *b)
{
    return memcmp(a->guid, b->guid, sizeof a->guid) == 0 && a->age == b->age;
}

static void warn_of_other_pdb(const struct ps_options *opt, const struct ps_pdb_id *of_file,
                              const struct ps_pdb_id *of_image)
{
    char file[PS_GUID_TEXT_BYTES], image[PS_GUID_TEXT_BYTES];

    ps_guid_text(of_file->guid, file);
    ps_guid_text(of_image->guid, image);
    ps_log(PS_LOG_WARN,
           "%s is of %s %s age %" PRIu32 ", the Windows kernel in the image of %s %s age %" PRIu32
           ": not used",
           opt->symbols, of_file->name, file, of_file->age, of_image->name, image, of_image->age);
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

static size_t read_paging(void *arg, uint64_t va, void *buf, size_t n_bytes)
{
    return ps_paging_read(arg, va, buf, n_bytes);
}

/* In all data, or only where the container says that it is. */
static void look_for_kdbg(struct ps_address_space *as, int in_data)
{
    const uint64_t said = ps_image_facts(as->image)->kdbg;
    const int is_x64 = ps_paging_is_x64(as->dtb.mode);
    const struct ps_kdbg_search search = {
        .memory = {.read = read_paging, .arg = as->paging},
        .is_x64 = is_x64,
        .base = as->kernel.base,
        .build = as->build,
        .hint = is_x64 ? said : (uint32_t)said,
        .range = as->kernel.range,
        .n_ranges = in_data ? as->kernel.n_ranges : 0,
    };

    ps_kdbg_find(&search, &as->symbols);
}

static unsigned n_known(const uint32_t rva[PS_N_SYMBOLS])
{
    unsigned n = 0;

    for (unsigned i = 0; i < PS_N_SYMBOLS; i++)
        n += rva[i] != 0;
    return n;
}

static void use_isf(struct ps_address_space *as, const struct ps_options *opt,
                    const struct ps_isf *isf)
{
    const struct ps_kernel_image *k = &as->kernel;

    if (n_known(isf->rva) == 0) {
        ps_log(PS_LOG_WARN, "%s: not used, since it has none of the symbols that are of interest",
               opt->symbols);
    } else if (k->has_pdb && !is_same_pdb(&isf->pdb, &k->pdb)) {
        warn_of_other_pdb(opt, &isf->pdb, &k->pdb);
    } else if (as->symbols.base == 0) {
        ps_log(PS_LOG_WARN, "%s: not used, since the base of the Windows kernel is not known",
               opt->symbols);
    } else {
        as->symbols.source = PS_SYMBOLS_FILE;
        as->symbols.guessed = 0;
        memcpy(as->symbols.rva, isf->rva, sizeof as->symbols.rva);
    }
}

/* From Windows 8 on x64 has its block encoded unless it is being debugged or has written a crash
 * dump. Symbols are at hand in the first case, and the dump says where: not worth a search through
 * all data. */
static int is_kdbg_encoded(const struct ps_address_space *as)
{
    return ps_paging_is_x64(as->dtb.mode) && as->build >= 9200;
}

/* From the best source to the least. The debugger data block is looked for in any case when there
 * is no header: nothing else tells the base then. */
static void find_symbols(struct ps_address_space *as, const struct ps_options *opt,
                         const struct ps_isf *isf)
{
    const struct ps_kernel_image *k = &as->kernel;
    struct ps_symbols *symbols = &as->symbols;

    symbols->base = k->base;
    if (!k->has_header)
        look_for_kdbg(as, 1);
    if (isf)
        use_isf(as, opt, isf);
    if (symbols->source < PS_SYMBOLS_BUILT_IN && k->has_pdb &&
        ps_known_kernel(k->pdb.guid, k->pdb.age, symbols->rva, as->kernel_version))
        symbols->source = PS_SYMBOLS_BUILT_IN;
    if (symbols->source == PS_SYMBOLS_NONE && k->has_header)
        look_for_kdbg(as, !is_kdbg_encoded(as));
    add_exports(as);
    ps_container_symbols(ps_image_facts(as->image), symbols);
}

int ps_address_space_kernel(struct ps_address_space *as, const struct ps_options *opt,
                            struct ps_err *err)
{
    struct ps_isf isf;
    struct ps_err why;

    if (as->looked_for_kernel)
        return 0;
    if (opt->symbols && ps_isf_load(opt->symbols, &isf, &why) < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "--symbols %.100s: %.140s",
                       opt->symbols, why.msg);
    as->looked_for_kernel = 1;
    if (!as->has_dtb)
        return 0;
    if (ps_kernel_image_find(as->paging, as->dtb.kernel_va, &as->kernel))
        take_build(as, opt);
    find_symbols(as, opt, opt->symbols ? &isf : NULL);
    return 0;
}

int ps_address_space_symbol(const struct ps_address_space *as, enum ps_symbol symbol, uint64_t *va)
{
    return ps_symbols_find(&as->symbols, symbol, va);
}

uint64_t ps_address_space_sure_symbol(const struct ps_address_space *as, enum ps_symbol symbol)
{
    uint64_t va;

    if (as->symbols.guessed & 1u << symbol || !ps_address_space_symbol(as, symbol, &va))
        return 0;
    return va;
}

size_t ps_address_space_kernel_data(const struct ps_address_space *as, struct ps_va_range *range)
{
    const size_t n = ps_kernel_data_ranges(&as->kernel, range, PS_KERNEL_MAX_RANGES);

    return n < PS_KERNEL_MAX_RANGES ? n : PS_KERNEL_MAX_RANGES;
}
