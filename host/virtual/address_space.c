#include "host/virtual/address_space.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/fault_guard.h"
#include "host/virtual/address.h"

static unsigned modes_of(const struct ps_address_space *as, const struct ps_options *opt)
{
    if (opt->arch && strcmp(opt->arch, "auto") != 0)
        return strcmp(opt->arch, "x86") == 0 ? PS_DTB_MODES_X86 : PS_DTB_MODES_X64;
    if (as->has_version && as->kuser.fits)
        return as->version.arch == PS_ARCH_X86 ? PS_DTB_MODES_X86 : PS_DTB_MODES_X64;
    return PS_DTB_MODES_X86 | PS_DTB_MODES_X64;
}

/* The build of a page of the other architecture (a guest's, say) means nothing. */
static uint32_t build_of(const struct ps_address_space *as, const struct ps_options *opt)
{
    const int is_x86 = as->version.arch == PS_ARCH_X86;

    if (opt->build || !as->has_version)
        return opt->build;
    if (opt->arch && strcmp(opt->arch, is_x86 ? "x64" : "x86") == 0)
        return 0;
    return as->version.build;
}

static void find_version(struct ps_address_space *as, const struct ps_options *opt)
{
    as->has_version = ps_detect_version(as->image, &as->kuser);
    if (as->has_version) {
        as->version = as->kuser.version;
        as->kuser_phys = as->kuser.phys;
    }
    as->build = build_of(as, opt);
}

static void take_mapped_version(struct ps_address_space *as, const struct ps_options *opt)
{
    if (!as->dtb.maps_kuser)
        return;
    as->has_version = as->kuser_is_mapped = 1;
    as->version = as->dtb.version;
    as->kuser_phys = as->dtb.kuser;
    as->build = build_of(as, opt);
}

static int find_dtb(struct ps_address_space *as, const struct ps_options *opt, struct ps_err *err)
{
    const unsigned modes = modes_of(as, opt);
    uint64_t cr3;
    int rc;

    if (!opt->dtb && !as->has_version)
        return ps_dtb_find_quick(&as->memory.mem, modes, &as->dtb, err);
    if (!opt->dtb)
        return ps_dtb_find(&as->memory.mem, modes, &as->dtb, err);
    rc = ps_address_parse(opt->dtb, "--dtb", &cr3, err);
    if (rc == 0)
        rc = ps_dtb_given(&as->memory.mem, modes, cr3, &as->dtb, err);
    if (rc == 0)
        rc = ps_fail(err, PS_EARG, cr3,
                     "no kernel address is mapped by a page table at --dtb 0x%" PRIx64
                     "; leave --dtb out to search for one",
                     cr3);
    return rc;
}

/* Updates changed the software entries of some builds; the page files tell. */
static int choose_format(struct ps_address_space *as, struct ps_pte_format *format,
                         struct ps_err *err)
{
    int rc;

    *format = ps_pte_format_of(as->dtb.mode, as->build);
    if (as->pagefiles.n == 0)
        return 0;
    rc = ps_pte_vote(&as->memory.mem, as->dtb.mode, as->dtb.root, &as->pagefiles.files, as->build,
                     &as->pte_vote, err);
    if (rc == 0)
        format->generation = as->pte_vote.generation;
    return rc;
}

static int open_tables(struct ps_address_space *as, const struct ps_options *opt,
                       struct ps_err *err)
{
    struct ps_pte_format format;
    int rc = find_dtb(as, opt, err);

    if (rc <= 0)
        return rc;
    take_mapped_version(as, opt);
    rc = choose_format(as, &format, err);
    if (rc < 0)
        return rc;
    as->paging = malloc(sizeof *as->paging);
    if (!as->paging)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the page tables");
    ps_paging_init(as->paging, &as->memory.mem, format, as->dtb.root);
    if (as->pagefiles.n != 0)
        ps_paging_use_pagefiles(as->paging, &as->pagefiles.files);
    as->has_dtb = 1;
    return 0;
}

int ps_address_space_attach(struct ps_address_space *as, const struct ps_options *opt,
                            struct ps_image *image, struct ps_err *err)
{
    int rc;

    *as = (struct ps_address_space){.image = image};
    rc = ps_image_memory_init(&as->memory, image, err);
    if (rc == 0)
        rc = ps_pagefile_set_open(&as->pagefiles, &opt->pagefiles, err);
    if (rc < 0)
        return rc;
    find_version(as, opt);
    return open_tables(as, opt, err);
}

int ps_address_space_open(struct ps_address_space *as, const struct ps_options *opt,
                          const char *path, struct ps_err *err)
{
    struct ps_image *image = NULL;
    struct ps_err why;
    int rc;

    *as = (struct ps_address_space){0};
    ps_fault_guard_init();
    rc = ps_image_open(&image, path, &why);
    if (rc == 0)
        rc = ps_address_space_attach(as, opt, image, &why);
    as->owned_image = image;
    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.80s: %.160s", path, why.msg);
    return 0;
}

void ps_address_space_close(struct ps_address_space *as)
{
    free(as->paging);
    ps_pagefile_set_close(&as->pagefiles);
    ps_image_memory_free(&as->memory);
    ps_image_close(as->owned_image);
}

int ps_address_space_need_tables(const struct ps_address_space *as, struct ps_err *err)
{
    if (as->has_dtb)
        return 0;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "%.100s: no page tables found; if you know the value of CR3, say it with --dtb",
                   ps_image_path(as->image));
}

int ps_address_space_file_offset(const struct ps_address_space *as, uint64_t phys, uint64_t *off)
{
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(as->image, &n);

    for (size_t i = 0; i < n && phys >= e[i].phys; i++)
        if (phys - e[i].phys < e[i].n_bytes) {
            *off = e[i].file_off + (phys - e[i].phys);
            return 1;
        }
    return 0;
}
