/* The directory table base: which page is the top of the page tables, without symbols. */
#ifndef PS_SCAN_WINDOWS_PAGING_DTB_H
#define PS_SCAN_WINDOWS_PAGING_DTB_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/physmem.h"
#include "scan/windows/kuser.h"
#include "scan/windows/paging/pte.h"

enum ps_dtb_method {
    PS_DTB_GIVEN,     /* somebody said so */
    PS_DTB_LOW_STUB,  /* x64: the start-up code of the first MiB holds CR3 */
    PS_DTB_SELF_MAP,  /* an entry of the page leads to the page itself */
    PS_DTB_PROCESS,   /* a process block holds CR3, and that shows the block at its own address */
    PS_DTB_CONTAINER, /* the file says so that holds the memory */
};

/* What speaks for a candidate beside the pages that it maps. */
enum ps_dtb_proof {
    PS_DTB_PROOF_SELF = 1u << 0,    /* it maps itself */
    PS_DTB_PROOF_KUSER = 1u << 1,   /* it maps KUSER_SHARED_DATA at its fixed address */
    PS_DTB_PROOF_PROCESS = 1u << 2, /* it maps the block that names it, by that block's pointers */
    PS_DTB_PROOF_SYSTEM = 1u << 3,  /* that block has the name System */
};

const char *ps_dtb_method_name(enum ps_dtb_method method);
const char *ps_paging_mode_name(enum ps_paging_mode mode); /* "x64", "x86 PAE", "x86", "x64 LA57" */

struct ps_dtb {
    uint64_t root;
    enum ps_paging_mode mode;
    enum ps_dtb_method method;
    uint64_t kernel_va; /* PS_DTB_LOW_STUB: an address in or near the Windows kernel;
                         * else 0 */
    unsigned proof;     /* of enum ps_dtb_proof */
    uint64_t n_pages;   /* the score: pages of the image that its kernel half maps,
                         * counted up to PS_DTB_SCORE_TABLES tables */
    uint64_t n_beyond;  /* entries that lead behind the end of the image, counted like
                         * 'beyond' of struct ps_kernel_counts */
    int maps_kuser;     /* the same as PS_DTB_PROOF_KUSER */
    uint64_t kuser;     /* physical address of that page */
    struct ps_windows_version version; /* what that page says */
    uint64_t process;                  /* PS_DTB_PROCESS: physical address of the block */
    unsigned n_candidates;             /* scored, this one included */
};

#define PS_DTB_SCORE_TABLES UINT64_C(8192)

/* Sets of modes: 1 << enum ps_paging_mode. */
#define PS_DTB_MODES_X64 (1u << PS_PAGING_X64 | 1u << PS_PAGING_X64_LA57)
#define PS_DTB_MODES_X86 (1u << PS_PAGING_PAE | 1u << PS_PAGING_X86)

/* Look at candidates of these modes in all of memory, lowest address first. A candidate is beyond
 * doubt that maps KUSER_SHARED_DATA and PS_DTB_GOOD_PAGES. The search ends with a low stub or a
 * process block of System whose table maps that, itself and PS_DTB_CERTAIN_PAGES, PS_DTB_BEYOND
 * after the first one beyond doubt, after PS_DTB_GOOD_ENOUGH of them, and in any case
 * after PS_DTB_LIMIT, PS_DTB_MAX_CANDIDATES, or when all walks together have read
 * PS_DTB_ALL_TABLES. It also ends after PS_DTB_QUICK in which fewer than PS_DTB_FULL_TABLES
 * pages were full of entries: that is no memory of Windows. Where none is beyond doubt, memory is
 * looked through for process blocks, unless it is larger than PS_DTB_SMALL and has fewer such
 * pages. A candidate that maps KUSER_SHARED_DATA goes before one that does not, then one that maps
 * itself, as a copy does not. Of equals the first one wins that maps at least three quarters of
 * what the best one does: the system process is older than the others and lacks their session
 * space. One whose process block has the name System goes before those. 1: *out is it, 0: there is
 * none. PS_ENOMEM. */
#define PS_DTB_BEYOND         (UINT64_C(16) << 20)
#define PS_DTB_LIMIT          (UINT64_C(4) << 30)
#define PS_DTB_QUICK          (UINT64_C(256) << 20)
#define PS_DTB_GOOD_PAGES     1024u
#define PS_DTB_CERTAIN_PAGES  64u
#define PS_DTB_GOOD_ENOUGH    4u
#define PS_DTB_MAX_CANDIDATES 64u
#define PS_DTB_SMALL          (UINT64_C(64) << 20)
#define PS_DTB_FULL_TABLES    8u
#define PS_DTB_ALL_TABLES     (16 * PS_DTB_SCORE_TABLES)
int ps_dtb_find(const struct ps_physmem *mem, unsigned modes, struct ps_dtb *out,
                struct ps_err *err);

/* The same in PS_DTB_QUICK bytes and without process blocks: for memory that may be none of
 * Windows, which a search should not cost much. */
int ps_dtb_find_quick(const struct ps_physmem *mem, unsigned modes, struct ps_dtb *out,
                      struct ps_err *err);

/* Let candidates that somebody names, most trusted first, take part after a search: has_found is
 * what it returned, and *dtb its outcome if that is 1. Of one candidate in PAE mode whose low 12
 * bits are clear, all tables of that page are meant. One of them replaces *dtb if it maps
 * KUSER_SHARED_DATA or itself, ranks higher than what was found, and maps three quarters of that at
 * least; so what the search finds beyond doubt stays, at no cost. 1: *dtb is the better one, 0:
 * there is neither. PS_ENOMEM. */
int ps_dtb_join(const struct ps_physmem *mem, unsigned modes, const uint64_t *cr3, size_t n_cr3,
                int has_found, struct ps_dtb *dtb, struct ps_err *err);

/* Score a given CR3 in each of these modes and take the best; 0 if it maps nothing in any. */
int ps_dtb_given(const struct ps_physmem *mem, unsigned modes, uint64_t cr3, struct ps_dtb *out,
                 struct ps_err *err);

#endif
