#include <inttypes.h>

#include "host/commands/windows/info/info.h"

static void add_image(struct ps_cells *c, const struct ps_kernel_image *k)
{
    ps_info_row(c, "KernelBase");
    ps_cells_set_address(c, PS_INFO_VALUE, k->base);
    ps_cells_set(c, PS_INFO_HOW, "%s, %u candidates", ps_kernel_method_name(k->method),
                 k->n_candidates);
    ps_info_row(c, "KernelBytes");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu64, k->n_bytes);
    ps_info_row(c, "KernelTimeStamp");
    ps_cells_set(c, PS_INFO_VALUE, "0x%08" PRIx32, k->pe.time_stamp);
    if (k->export_name[0]) {
        ps_info_row(c, "KernelExportName");
        ps_cells_set(c, PS_INFO_VALUE, "%s", k->export_name);
    }
    if (k->build != 0) {
        ps_info_row(c, "NtBuildNumber");
        ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, k->build);
        ps_cells_set(c, PS_INFO_HOW, "export");
    }
}

static void add_pdb(struct ps_cells *c, const struct ps_pdb_id *pdb)
{
    char guid[PS_GUID_TEXT_BYTES];

    ps_guid_text(pdb->guid, guid);
    ps_info_row(c, "KernelPdb");
    ps_cells_set(c, PS_INFO_VALUE, "%s", pdb->name);
    ps_cells_set(c, PS_INFO_HOW, "RSDS record");
    ps_info_row(c, "KernelPdbGuid");
    ps_cells_set(c, PS_INFO_VALUE, "%s", guid);
    ps_info_row(c, "KernelPdbAge");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, pdb->age);
}

static void add_data_ranges(struct ps_cells *c, const struct ps_kernel_image *k)
{
    uint64_t n_bytes = 0;

    for (size_t i = 0; i < k->n_ranges; i++)
        n_bytes += k->range[i].n_bytes;
    ps_info_row(c, "KernelDataBytes");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu64, n_bytes);
    ps_cells_set(c, PS_INFO_HOW, "%zu %s", k->n_ranges,
                 k->has_header ? "writable sections"
                               : "writable stretches where the Windows "
                                 "kernel would be; no header found");
}

static void add_symbols(struct ps_cells *c, const struct ps_address_space *as)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PS_N_SYMBOLS; i++)
        n += as->symbols.rva[i] != 0;
    ps_info_row(c, "Symbols");
    ps_cells_set(c, PS_INFO_VALUE, "%u", n);
    if (as->symbols.source == PS_SYMBOLS_BUILT_IN)
        ps_cells_set(c, PS_INFO_HOW, "%s, version %s", ps_symbol_source_name(as->symbols.source),
                     as->kernel_version);
    else
        ps_cells_set(c, PS_INFO_HOW, "%s%s", ps_symbol_source_name(as->symbols.source),
                     as->symbols.source != PS_SYMBOLS_FILE ? ""
                     : as->kernel.has_pdb                  ? ", GUID and age agree"
                                          : ", the image has no RSDS record to compare");
}

void ps_info_kernel(struct ps_cells *c, const struct ps_address_space *as)
{
    if (as->kernel.has_header)
        add_image(c, &as->kernel);
    if (as->kernel.has_pdb)
        add_pdb(c, &as->kernel.pdb);
    if (as->kernel.method == PS_KERNEL_NOT_FOUND) {
        ps_info_row(c, "KernelBase");
        ps_cells_set(c, PS_INFO_HOW, "not found in the region where Windows loads it");
        return;
    }
    add_data_ranges(c, &as->kernel);
    add_symbols(c, as);
}
