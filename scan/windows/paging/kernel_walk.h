/* All of the Windows kernel half of an address space in one walk. */
#ifndef PS_SCAN_WINDOWS_PAGING_KERNEL_WALK_H
#define PS_SCAN_WINDOWS_PAGING_KERNEL_WALK_H

#include <stdint.h>

#include "scan/err.h"
#include "scan/physmem.h"
#include "scan/windows/paging/pte.h"

/* One entry that leads to a page: valid, in transition or in a page file. */
struct ps_kernel_leaf {
    uint64_t va; /* sign-extended on x64, 32 bits on x86 */
    struct ps_pte pte;
    int writable, no_execute; /* of all levels together */
};

struct ps_kernel_walk {
    const struct ps_physmem *mem;
    enum ps_paging_mode mode;
    uint64_t root;
    enum ps_pte_generation generation; /* how entries in a page file are to be read */
    int file_backed;                   /* likewise: struct ps_pte_format */
    uint64_t max_tables; /* stop after so many; 0: no limit but the number of frames */
    /* For each leaf, ascending by va; not 0 ends the walk. May be NULL. */
    int (*leaf)(void *arg, const struct ps_kernel_leaf *leaf);
    /* The same for each page that is in a page file, in one order with the leaves: pte.file and
     * pte.offset (in pages) say where. May be NULL. */
    int (*paged_out)(void *arg, const struct ps_kernel_leaf *leaf);
    void *arg;
};

/* Where memory is that an image lacks only because its hole below 4 GiB was left out: no hole is
 * larger, and devices with addresses of 64 bits are mostly further away. */
#define PS_WALK_BEYOND_FROM  UINT64_C(0x100000000)
#define PS_WALK_BEYOND_BYTES UINT64_C(0xc0000000)

struct ps_kernel_counts {
    uint64_t tables;     /* read */
    uint64_t pages;      /* of 4 KiB, in the image, in transition or not; large ones count all */
    uint64_t large;      /* entries that map large pages */
    uint64_t transition; /* of 'pages': in transition */
    uint64_t paged_out;  /* entries of pages that are in a page file */
    uint64_t prototype;  /* entries that only a prototype entry or a VAD resolves; not followed */
    uint64_t outside;    /* pages and tables that the image does not have */
    uint64_t tables_beyond; /* of 'outside': tables behind the end of the image, so that what they
                             * map is not known; a hole in it may as well be a table of zeros */
    uint64_t beyond;  /* of 'outside': tables, and pages that are cached as memory is and that of
                       * devices is not, at PS_WALK_BEYOND_FROM or above and up to
                       * PS_WALK_BEYOND_BYTES behind the end of the image */
    uint64_t refused; /* entries that lead to a table that was walked before */
    int ended;        /* by max_tables or by a callback */
};

/* Walk. The self-map, cycles and tables that are shared are walked once: a frame is a table one
 * time at most, so no image can make this read more than its own size. Takes one bit per frame
 * of memory meanwhile. PS_ENOMEM. */
int ps_kernel_walk(const struct ps_kernel_walk *walk, struct ps_kernel_counts *counts,
                   struct ps_err *err);

#endif
