/* poolscan info: what an image is, which Windows it holds, and how each of that was found. */
#include <inttypes.h>

#include "host/commands/cells.h"
#include "host/commands/commands.h"
#include "host/commands/windows/info/info.h"
#include "host/log.h"
#include "host/virtual/address_space.h"
#include "host/virtual/container_facts.h"
#include "host/virtual/windows_kernel.h"
#include "scan/windows/paging/kernel_walk.h"

enum {
    VARIABLE = PS_INFO_VARIABLE,
    VALUE = PS_INFO_VALUE,
    HOW = PS_INFO_HOW,
    N_FIELDS = PS_N_INFO_COLUMNS
};

/* None of them may be cut: half an address is worse than a line that goes on in the next one. */
static const struct ps_column columns[N_FIELDS] = {
    [VARIABLE] = {"Variable", "VARIABLE", PS_COLUMN_TEXT, 0},
    [VALUE] = {"Value", "VALUE", PS_COLUMN_TEXT, 0},
    [HOW] = {"How", "HOW", PS_COLUMN_TEXT, 0},
};

void ps_info_row(struct ps_cells *c, const char *variable)
{
    ps_cells_row(c);
    ps_cells_set(c, VARIABLE, "%s", variable);
}

void ps_info_number(struct ps_cells *c, const char *variable, uint64_t value)
{
    ps_info_row(c, variable);
    ps_cells_set(c, VALUE, "%" PRIu64, value);
}

static const char *why_this_kuser(const struct ps_address_space *as)
{
    return as->kuser_is_mapped ? "the page tables map it at its fixed address"
           : as->kuser.fits    ? "NumberOfPhysicalPages is that of the image"
                               : "the nearest to the image in NumberOfPhysicalPages";
}

static void add_kuser(struct ps_cells *c, const struct ps_address_space *as)
{
    const int differs = as->kuser.n_seen != 0 && as->kuser.phys != as->kuser_phys;

    ps_info_row(c, "KuserSharedData");
    ps_cells_set_address(c, VALUE, as->kuser_phys);
    ps_cells_set(c, HOW, "%s", why_this_kuser(as));
    ps_info_number(c, "KuserPagesSeen", as->kuser.n_seen);
    ps_cells_set(c, HOW, "%s",
                 as->kuser.fits        ? "up to the first one that fits"
                 : as->kuser_is_mapped ? "up to the first one"
                                       : "none of them fits");
    if (differs) {
        ps_info_row(c, "KuserOther");
        ps_cells_set_address(c, VALUE, as->kuser.phys);
        ps_cells_set(c, HOW, "build %" PRIu32 " %s, not mapped by the page tables",
                     as->kuser.version.build,
                     as->kuser.version.arch == PS_ARCH_X86 ? "x86" : "x64");
    }
    ps_info_number(c, "NumberOfPhysicalPages", as->version.n_pages);
    ps_cells_set(c, HOW, "KUSER_SHARED_DATA");
}

static void add_version(struct ps_cells *c, const struct ps_address_space *as,
                        const struct ps_options *opt)
{
    const struct ps_windows_version *v = &as->version;

    if (as->has_version) {
        add_kuser(c, as);
        ps_info_row(c, "WindowsVersion");
        ps_cells_set(c, VALUE, "%" PRIu32 ".%" PRIu32, v->major, v->minor);
        ps_cells_set(c, HOW, "KUSER_SHARED_DATA");
        ps_info_row(c, "Architecture");
        ps_cells_set(c, VALUE, "%s", v->arch == PS_ARCH_X86 ? "x86" : "x64");
        ps_cells_set(c, HOW, "KUSER_SHARED_DATA");
    }
    if (as->build != 0) {
        ps_info_number(c, "Build", as->build);
        ps_cells_set(c, HOW, "%s",
                     opt->build                  ? "given"
                     : as->build_is_of_kernel    ? "NtBuildNumber of the Windows kernel"
                     : as->build_is_of_container ? ps_container_source(ps_image_facts(as->image))
                     : v->major >= 10            ? "KUSER_SHARED_DATA"
                                                 : "last build of that version");
    }
}

static void add_dtb(struct ps_cells *c, const struct ps_dtb *d)
{
    /* By the bits of enum ps_dtb_proof. */
    static const char *const proof[] = {
        "none",
        "maps itself",
        "KUSER_SHARED_DATA",
        "maps itself, KUSER_SHARED_DATA",
        "process block",
        "maps itself, process block",
        "KUSER_SHARED_DATA, process block",
        "maps itself, KUSER_SHARED_DATA, process block",
    };

    ps_info_row(c, "Dtb");
    ps_cells_set_address(c, VALUE, d->root);
    ps_cells_set(c, HOW, "%s, maps %" PRIu64 " kernel pages", ps_dtb_method_name(d->method),
                 d->n_pages);
    ps_info_row(c, "DtbProof");
    ps_cells_set(c, VALUE, "%s", proof[d->proof & 7]);
    if (d->process != 0)
        ps_cells_set(c, HOW, "process block%s at 0x%" PRIx64,
                     d->proof & PS_DTB_PROOF_SYSTEM ? " of System" : "", d->process);
    ps_info_number(c, "DtbCandidates", d->n_candidates);
}

static void add_page_files(struct ps_cells *c, const struct ps_address_space *as)
{
    const struct ps_pte_vote *v = &as->pte_vote;

    for (unsigned i = 0; i < PS_PAGEFILES_MAX; i++) {
        if (!as->pagefiles.file[i].path)
            continue;
        ps_info_row(c, "PageFile");
        ps_cells_set(c, VALUE, "%.400s", as->pagefiles.file[i].path);
        ps_cells_set(c, HOW, "number %u, %" PRIu64 " pages", i, as->pagefiles.files.n_pages[i]);
    }
    ps_info_row(c, "PteGeneration");
    ps_cells_set(c, VALUE, "%s", as->paging->format.generation == PS_PTE_OLD ? "old" : "swizzled");
    if (as->pagefiles.n == 0)
        ps_cells_set(c, HOW, "%s", as->build ? "build" : "not known, the later one taken");
    else
        ps_cells_set(c, HOW,
                     "%s: of %" PRIu64 " offsets %" PRIu64 " lie inside as old, %" PRIu64
                     " as swizzled",
                     v->against_build ? "page files, against the build" : "build", v->n_entries,
                     v->n_inside[PS_PTE_OLD], v->n_inside[PS_PTE_SWIZZLED]);
}

static int add_tables(struct ps_cells *c, const struct ps_address_space *as, struct ps_err *err)
{
    const struct ps_kernel_walk walk = {
        .mem = &as->memory.mem,
        .mode = as->dtb.mode,
        .root = as->dtb.root,
        .generation = as->paging->format.generation,
        .file_backed = as->paging->format.file_backed,
    };
    struct ps_kernel_counts counts;
    int rc = ps_kernel_walk(&walk, &counts, err);

    if (rc < 0)
        return rc;
    add_dtb(c, &as->dtb);
    ps_info_row(c, "Paging");
    ps_cells_set(c, VALUE, "%s", ps_paging_mode_name(as->dtb.mode));
    ps_info_number(c, "PagingLevels", ps_paging_levels(as->dtb.mode));
    add_page_files(c, as);
    ps_info_number(c, "KernelPages", counts.pages);
    ps_info_number(c, "KernelLargePages", counts.large);
    ps_info_number(c, "KernelTransitionPages", counts.transition);
    ps_info_number(c, "KernelPagedOutPages", counts.paged_out);
    ps_info_number(c, "KernelPrototypePages", counts.prototype);
    ps_info_number(c, "KernelTables", counts.tables);
    ps_info_number(c, "KernelEntriesOutsideImage", counts.outside);
    ps_info_number(c, "KernelTablesBeyondImage", counts.tables_beyond);
    return 0;
}

/* Everything that page tables lead to. */
static int add_virtual(struct ps_cells *c, struct ps_address_space *as,
                       const struct ps_options *opt, struct ps_err *err)
{
    int rc = add_tables(c, as, err);

    if (rc < 0)
        return rc;
    ps_info_kernel(c, as);
    rc = ps_info_pfn(c, as, opt, err);
    if (rc == 0)
        rc = ps_info_tracker(c, as, opt, err);
    if (rc == 0)
        rc = ps_info_heap(c, as, opt, err);
    return rc < 0 ? rc : ps_info_quota(c, as, opt, err);
}

static int add_all(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                   struct ps_err *err)
{
    const char *path = ps_image_path(as->image);
    int rc = 0;

    ps_info_image(c, as);
    add_version(c, as, opt);
    if (!as->has_version)
        ps_log(PS_LOG_WARN, "%s: no KUSER_SHARED_DATA page found (--arch and --build say more)",
               path);
    if (as->has_dtb)
        rc = add_virtual(c, as, opt, err);
    else
        ps_log(PS_LOG_WARN, "%s: no page tables found (%s)", path,
               ps_address_space_why_no_tables(as));
    return rc < 0 ? rc : ps_info_bigpool(c, as, opt, err);
}

int ps_cmd_info(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_cells cells = {.n_columns = N_FIELDS};
    struct ps_address_space as = {0};
    int rc = ps_address_space_open(&as, opt, opt->args.item[0], err);

    if (rc == 0)
        rc = ps_address_space_kernel(&as, opt, err);
    if (rc == 0)
        rc = add_all(&cells, &as, opt, err);
    if (rc == 0)
        rc = ps_cells_write(&cells, columns, opt, err);
    ps_cells_free(&cells);
    ps_address_space_close(&as);
    return rc;
}
