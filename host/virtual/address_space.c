#include "host/virtual/address_space.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/report/status.h"
#include "host/virtual/address.h"
#include "host/virtual/pci_hole.h"
#include "host/virtual/container_facts.h"

static unsigned modes_of(const struct ps_address_space *as, const struct ps_options *opt)
{
    if (opt->arch && strcmp(opt->arch, "auto") != 0)
        return strcmp(opt->arch, "x86") == 0 ? PS_DTB_MODES_X86 : PS_DTB_MODES_X64;
    if (as->has_version && as->kuser.fits)
        return as->version.arch == PS_ARCH_X86 ? PS_DTB_MODES_X86 : PS_DTB_MODES_X64;
    return PS_DTB_MODES_X86 | PS_DTB_MODES_X64;
}

static int is_arch(const struct ps_options *opt, enum ps_arch arch)
{
    return !opt->arch || strcmp(opt->arch, "auto") == 0 ||
           strcmp(opt->arch, arch == PS_ARCH_X86 ? "x86" : "x64") == 0;
}

/* The build of a page of the other architecture (a guest's, say) means nothing, nor does that of a
 * container. */
static void set_build(struct ps_address_space *as, const struct ps_options *opt)
{
    const struct ps_image_facts *facts = ps_image_facts(as->image);
    const int has_tables = as->dtb.n_pages != 0;
    enum ps_arch arch = has_tables ? ps_address_space_arch(as) : PS_ARCH_X64;

    as->build_is_of_container = 0;
    as->build = opt->build;
    if (opt->build)
        return;
    if (as->has_version) {
        as->build = is_arch(opt, as->version.arch) ? as->version.build : 0;
        return;
    }
    if (!has_tables)
        (void)ps_container_arch(facts, &arch);
    if (is_arch(opt, arch))
        as->build = ps_container_build(facts, arch);
    as->build_is_of_container = as->build != 0;
}

typedef int detect_fn(struct ps_image *image, struct ps_detected_version *out);

static void find_version(struct ps_address_space *as, const struct ps_options *opt,
                         detect_fn *detect)
{
    as->has_version = detect(as->image, &as->kuser);
    if (as->has_version) {
        as->version = as->kuser.version;
        as->kuser_phys = as->kuser.phys;
    }
    set_build(as, opt);
}

/* Where the page tables do not tell and the lowest page is of other memory, all pages are asked. */
static void settle_version(struct ps_address_space *as, const struct ps_options *opt)
{
    if (as->dtb.maps_kuser) {
        as->has_version = as->kuser_is_mapped = 1;
        as->version = as->dtb.version;
        as->kuser_phys = as->dtb.kuser;
        set_build(as, opt);
    } else if (as->has_version && !as->kuser.fits) {
        find_version(as, opt, ps_detect_version);
    } else if (!as->has_version) {
        set_build(as, opt);
    }
}

static int search_dtb(struct ps_address_space *as, unsigned modes, struct ps_err *err)
{
    const struct ps_physmem *mem = &as->memory.mem;
    const struct ps_image_facts *facts = ps_image_facts(as->image);
    int rc = as->has_version ? ps_dtb_find(mem, modes, &as->dtb, err)
                             : ps_dtb_find_quick(mem, modes, &as->dtb, err);

    if (rc < 0)
        return rc;
    return ps_dtb_join(mem, modes, facts->cr3,
                       facts->n_cr3 < PS_FACTS_CR3 ? facts->n_cr3 : PS_FACTS_CR3, rc, &as->dtb,
                       err);
}

static int find_dtb(struct ps_address_space *as, const struct ps_options *opt, struct ps_err *err)
{
    const unsigned modes = modes_of(as, opt);
    uint64_t cr3;
    int rc;

    if (!opt->dtb)
        return search_dtb(as, modes, err);
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

/* Where the page tables tell that the image lacks its PCI hole, it gets one, and all of this is
 * found again. */
static int find_tables(struct ps_address_space *as, const struct ps_options *opt,
                       struct ps_err *err)
{
    int rc = find_dtb(as, opt, err);
    const int has_moved = ps_pci_hole_restore(as, opt, rc, err);

    if (has_moved < 0)
        return has_moved;
    if (!has_moved)
        return rc;
    ps_image_memory_free(&as->memory);
    as->dtb = (struct ps_dtb){0};
    rc = ps_image_memory_init(&as->memory, as->image, err);
    if (rc < 0)
        return rc;
    find_version(as, opt, ps_detect_first_version);
    return find_dtb(as, opt, err);
}

static int open_tables(struct ps_address_space *as, const struct ps_options *opt,
                       struct ps_err *err)
{
    struct ps_pte_format format;
    int rc = opt->physical_only ? 0 : find_tables(as, opt, err);

    if (rc < 0)
        return rc;
    settle_version(as, opt);
    if (rc == 0)
        return 0;
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

/* Does nobody ask for more than the options say? */
static int is_told(const struct ps_options *opt)
{
    return opt->physical_only && opt->build && opt->arch && strcmp(opt->arch, "auto") != 0;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int ps_address_space_attach(struct ps_address_space *as, const struct ps_options *opt,
                            struct ps_image *image, struct ps_err *err)
{
    const double start = now_ms();
    double found_kuser;
    int rc;

    *as = (struct ps_address_space){.image = image};
    rc = ps_image_memory_init(&as->memory, image, err);
    if (rc == 0)
        rc = ps_pagefile_set_open(&as->pagefiles, &opt->pagefiles, err);
    if (rc < 0)
        return rc;
    as->build = opt->build;
    ps_status_phase("looking for the version of Windows and its page tables");
    if (!is_told(opt))
        find_version(as, opt, ps_detect_first_version);
    found_kuser = now_ms();
    rc = open_tables(as, opt, err);
    ps_log(PS_LOG_DEBUG, "KUSER_SHARED_DATA looked for in %.2f ms, page tables in %.2f ms",
           found_kuser - start, now_ms() - found_kuser);
    return ps_cancel_requested() ? ps_cancel_check(err) : rc;
}

int ps_address_space_open(struct ps_address_space *as, const struct ps_options *opt,
                          const char *path, struct ps_err *err)
{
    struct ps_image *image = NULL;
    struct ps_err why;
    int rc;

    *as = (struct ps_address_space){0};
    ps_fault_guard_init();
    rc = ps_open_image(&image, path, opt, &why);
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

enum ps_arch ps_address_space_arch(const struct ps_address_space *as)
{
    return ps_paging_is_x64(as->dtb.mode) ? PS_ARCH_X64 : PS_ARCH_X86;
}

const char *ps_address_space_why_no_tables(const struct ps_address_space *as)
{
    return ps_image_facts(as->image)->machine == PS_MACHINE_ARM64
               ? "its header says ARM64, whose page tables are not read"
               : "if you know the value of CR3, say it with --dtb ADDRESS";
}

int ps_address_space_need_tables(const struct ps_address_space *as, struct ps_err *err)
{
    if (as->has_dtb)
        return 0;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "%.100s: no page tables found (%s)",
                   ps_image_path(as->image), ps_address_space_why_no_tables(as));
}

int ps_address_space_map(const struct ps_address_space *as, struct ps_inverse_map **out,
                         struct ps_err *err)
{
    const double start = now_ms();
    int rc = ps_inverse_map_build(out, &as->memory.mem, as->dtb.mode, as->dtb.root, err);

    ps_log(PS_LOG_DEBUG, "addresses of all frames in %.2f ms", now_ms() - start);
    return rc;
}

int ps_address_space_file_offset(const struct ps_address_space *as, uint64_t phys, uint64_t *off)
{
    const uint64_t at = ps_image_file_off(as->image, phys);

    if (at == PS_NO_FILE_OFF)
        return 0;
    *off = at;
    return 1;
}
