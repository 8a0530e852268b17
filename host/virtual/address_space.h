/* An image with its Windows version and page tables: what the verbs share that work with
 * virtual addresses. */
#ifndef PS_HOST_VIRTUAL_ADDRESS_SPACE_H
#define PS_HOST_VIRTUAL_ADDRESS_SPACE_H

#include "host/options.h"
#include "host/virtual/detect_version.h"
#include "host/virtual/image_memory.h"
#include "host/virtual/pagefile.h"
#include "scan/windows/kernel/kernel_image.h"
#include "scan/windows/paging/dtb.h"
#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/paging/pte_vote.h"
#include "scan/windows/symbols/known_kernels.h"
#include "scan/windows/symbols/symbols.h"

struct ps_address_space {
    struct ps_image *image;
    struct ps_image *owned_image; /* the same, or NULL after ps_address_space_attach */
    struct ps_image_memory memory;
    int has_version; /* a KUSER_SHARED_DATA page was found */
    struct ps_windows_version version;
    uint64_t kuser_phys; /* with has_version: that page */
    int kuser_is_mapped; /* the page tables map it at its fixed address: proof */
    struct ps_detected_version
        kuser;      /* what the search without page tables found; n_seen 0: none */
    uint32_t build; /* --build, else of the version or of the container; 0: not known */
    int build_is_of_container;
    int has_dtb;
    struct ps_dtb dtb;
    struct ps_paging *paging; /* NULL without has_dtb; reads the page files too */
    struct ps_pagefile_set pagefiles;
    struct ps_pte_vote pte_vote; /* all zero without page files */
    /* All zero before ps_address_space_kernel (host/virtual/windows_kernel.h). */
    int looked_for_kernel;
    struct ps_kernel_image kernel;
    struct ps_symbols symbols;
    char kernel_version[PS_KERNEL_VERSION_BYTES]; /* PS_SYMBOLS_BUILT_IN: "10.0.19041.329" */
    int build_is_of_kernel;                       /* 'build' is NtBuildNumber of the kernel */
};

/* Find version and page tables of an open image (--dtb, --arch and --build win), which stays the
 * caller's and outlives *as. What the container says (ps_image_facts) is used where memory does not
 * tell. The version is that of the KUSER_SHARED_DATA page which the page
 * tables map, else of the one that fits the image best; every verb takes it from here. That there
 * are none of them is no error, and with --physical-only no page tables are looked for; a --dtb
 * that maps nothing is an error (PS_EARG), and so is a --pagefile that cannot be opened. *as must
 * not move. Free with ps_address_space_close in any case. */
int ps_address_space_attach(struct ps_address_space *as, const struct ps_options *opt,
                            struct ps_image *image, struct ps_err *err);

/* The same for an image to be opened. The message of a failure names it. Free with
 * ps_address_space_close in any case. */
int ps_address_space_open(struct ps_address_space *as, const struct ps_options *opt,
                          const char *path, struct ps_err *err);
void ps_address_space_close(struct ps_address_space *as);

/* Of the page tables, which there are. */
enum ps_arch ps_address_space_arch(const struct ps_address_space *as);

/* Why there may be no page tables, or what helps: "--dtb ADDRESS says CR3". */
const char *ps_address_space_why_no_tables(const struct ps_address_space *as);

/* PS_EFORMAT with a sentence that says what to do, when there are no page tables. */
int ps_address_space_need_tables(const struct ps_address_space *as, struct ps_err *err);

/* The kernel addresses of all frames; needs page tables. Free with ps_inverse_map_free, before *as
 * is closed. PS_ENOMEM. */
int ps_address_space_map(const struct ps_address_space *as, struct ps_inverse_map **out,
                         struct ps_err *err);

/* Where a physical address is in the image file; 0: it has no place there (ps_image_has). */
int ps_address_space_file_offset(const struct ps_address_space *as, uint64_t phys, uint64_t *off);

#endif
