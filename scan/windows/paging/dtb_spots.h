/* What in a stretch of physical memory looks like a top page table or like a block that names one.
 * Only bytes are compared here, scan/windows/paging/dtb.h looks behind them. */
#ifndef PS_SCAN_WINDOWS_PAGING_DTB_SPOTS_H
#define PS_SCAN_WINDOWS_PAGING_DTB_SPOTS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/physmem.h"

enum ps_dtb_spot_kind {
    PS_SPOT_LOW_STUB, /* x64 start-up code */
    PS_SPOT_TOP_X64,  /* an entry of the upper half leads to the page itself */
    PS_SPOT_TOP_X86,  /* the same of entry 0x300 */
    PS_SPOT_TOP_PAE,  /* four entries that are nothing but a frame and the valid bit */
    PS_SPOT_PROCESS,  /* DISPATCHER_HEADER of a process, by its pointers to itself */
};

struct ps_dtb_spot {
    enum ps_dtb_spot_kind kind;
    uint64_t at;  /* physical address */
    uint64_t cr3; /* what CR3 would be */
    uint64_t va;  /* PS_SPOT_PROCESS: virtual address of the byte at 'at'; PS_SPOT_LOW_STUB: the
                   * entry point in the Windows kernel */
    int is_x64;
};

#define PS_DTB_SPOTS_MAX 256u

struct ps_dtb_spots {
    uint64_t phys; /* of the first byte looked at; a multiple of 4096 */
    int x64, x86, pae;
    struct ps_dtb_spot spot[PS_DTB_SPOTS_MAX]; /* ascending; more are left out */
    size_t n;
    uint64_t n_full; /* pages that end like a page table full of entries, over all calls */
};

/* Add what whole pages hold to the struct ps_dtb_spots 'spots': tables and stubs, or process
 * blocks. Above PS_DTB_SPOTS_NEAR a table of x64 needs the entry of KUSER_SHARED_DATA too: there
 * one read of a page has to be enough. */
#define PS_DTB_SPOTS_NEAR (UINT64_C(16) << 20)
ps_look_fn ps_dtb_spots_tables;
ps_look_fn ps_dtb_spots_processes;

#endif
