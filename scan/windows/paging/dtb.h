/* The directory table base: which page is the top of the page tables, without symbols. */
#ifndef PS_SCAN_WINDOWS_PAGING_DTB_H
#define PS_SCAN_WINDOWS_PAGING_DTB_H

#include <stdint.h>

#include "scan/err.h"
#include "scan/physmem.h"
#include "scan/windows/kuser.h"
#include "scan/windows/paging/pte.h"

enum ps_dtb_method {
    PS_DTB_GIVEN,    /* somebody said so */
    PS_DTB_LOW_STUB, /* x64: the start-up code of the first MiB holds CR3 */
    PS_DTB_SELF_MAP, /* an entry of the page leads to the page itself */
};

const char *ps_dtb_method_name(enum ps_dtb_method method);
const char *ps_paging_mode_name(enum ps_paging_mode mode); /* "x64", "x86 PAE", "x86" */

struct ps_dtb {
    uint64_t root;
    enum ps_paging_mode mode;
    enum ps_dtb_method method;
    uint64_t kernel_va; /* PS_DTB_LOW_STUB: an address in or near the Windows kernel; else 0 */
    uint64_t n_pages;   /* the score: pages of the image that its kernel half maps, counted up to
                         * PS_DTB_SCORE_TABLES tables */
    int maps_kuser;     /* the kernel address of KUSER_SHARED_DATA leads to such a page */
    uint64_t kuser;     /* physical address of that page */
    struct ps_windows_version version; /* what that page says */
    unsigned n_candidates;             /* looked at, this one included */
};

#define PS_DTB_SCORE_TABLES UINT64_C(8192)

/* Sets of modes: 1 << enum ps_paging_mode. */
#define PS_DTB_MODES_X64 (1u << PS_PAGING_X64)
#define PS_DTB_MODES_X86 (1u << PS_PAGING_PAE | 1u << PS_PAGING_X86)

/* Look at candidates of these modes in all of memory, lowest address first, but no further than
 * PS_DTB_BEYOND after one that maps KUSER_SHARED_DATA and PS_DTB_GOOD_PAGES, and not beyond
 * PS_DTB_LIMIT at all; PS_DTB_MAX_CANDIDATES are scored at most. The first one wins that maps at
 * least three quarters of what the best one does: the system process is older than the others and
 * lacks their session space. 1: *out is it, 0: there is none. PS_ENOMEM. */
#define PS_DTB_BEYOND         (UINT64_C(16) << 20)
#define PS_DTB_LIMIT          (UINT64_C(4) << 30)
#define PS_DTB_GOOD_PAGES     1024u
#define PS_DTB_MAX_CANDIDATES 64u
int ps_dtb_find(const struct ps_physmem *mem, unsigned modes, struct ps_dtb *out,
                struct ps_err *err);

/* Score a given CR3 in each of these modes and take the best; 0 if it maps nothing in any. */
int ps_dtb_given(const struct ps_physmem *mem, unsigned modes, uint64_t cr3, struct ps_dtb *out,
                 struct ps_err *err);

#endif
