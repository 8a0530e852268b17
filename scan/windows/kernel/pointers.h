/* Page-aligned addresses of the Windows kernel half among the variables of the Windows kernel: what
 * may point to a table or to a heap. */
#ifndef PS_SCAN_WINDOWS_KERNEL_POINTERS_H
#define PS_SCAN_WINDOWS_KERNEL_POINTERS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/paging/paging.h"
#include "scan/windows/va_range.h"

struct ps_pointer_walk {
    struct ps_paging *paging;
    int is_x64;
    const struct ps_va_range *range;
    size_t n_ranges;
    uint64_t max_bytes; /* no more of the ranges is looked at */
    /* For each pointer, in the order of the ranges; 'at' is where it stands. Not 0 ends the walk
     * and is returned. */
    int (*pointer)(void *arg, uint64_t at, uint64_t value);
    void *arg;
};

/* Look at all aligned words. Pages that are not there are passed over; the last page of a range is
 * looked at to its end. */
int ps_pointers_visit(const struct ps_pointer_walk *walk);

#endif
