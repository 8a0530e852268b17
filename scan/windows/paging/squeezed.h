/* Memory that was written without its PCI hole: what lies above 4 GiB stands lower in the image
 * than in the machine, and the page tables tell by how much. */
#ifndef PS_SCAN_WINDOWS_PAGING_SQUEEZED_H
#define PS_SCAN_WINDOWS_PAGING_SQUEEZED_H

#include <stdint.h>

#include "scan/err.h"
#include "scan/physmem.h"
#include "scan/windows/paging/dtb.h"
#include "scan/windows/paging/kernel_walk.h"

/* The hole ends here, and is not larger than that. */
#define PS_SQUEEZED_HOLE_END PS_WALK_BEYOND_FROM
#define PS_SQUEEZED_HOLE_MAX PS_WALK_BEYOND_BYTES
/* Holes are multiples of this. */
#define PS_SQUEEZED_ALIGN ((uint64_t)1 << 20)
/* No more than this is looked at. */
#define PS_SQUEEZED_LIMIT (UINT64_C(4) << 30)

struct ps_squeezed {
    uint64_t hole_start; /* the hole ends at PS_SQUEEZED_HOLE_END */
    unsigned n_votes;    /* top page tables that say so by where they map themselves; 0: it was
                          * found by trying */
    /* What the kernel half maps without and with the hole, PS_DTB_SCORE_TABLES tables of it. */
    uint64_t pages_before, pages_after; /* pages that are in the image */
    uint64_t tables_after;
    uint64_t beyond_before, beyond_after; /* entries that lead behind its end, above 4 GiB */
};

/* Is there reason to look? 'mem' is one stretch from address 0 on but for holes of its file; 'dtb'
 * are the page tables found in it as it is, or NULL. x64 only. Costs nothing. */
int ps_squeezed_may_be(const struct ps_physmem *mem, const struct ps_dtb *dtb);

/* 1: *out says where the hole is; 0: there is none, or nothing proves it. A top page table that
 * stands at y, and has an entry for itself that says x, tells x - y; with 'dtb' it must share most
 * of its kernel half with that. Where none tells, the sizes that virtual machines have are tried,
 * if 'dtb' maps itself: one must lead to clearly more tables and pages than all others. A size is
 * believed if the page tables, in the memory with that hole, map KUSER_SHARED_DATA and more pages
 * than without it, and at most a quarter as many entries lead behind the end of the image; and if
 * no top page table above the hole is where it says it is. PS_ENOMEM. */
int ps_squeezed_find(const struct ps_physmem *mem, const struct ps_dtb *dtb,
                     struct ps_squeezed *out, struct ps_err *err);

#endif
