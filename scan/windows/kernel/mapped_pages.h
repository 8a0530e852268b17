/* The pages that are mapped in a stretch of virtual memory, one after the other. */
#ifndef PS_SCAN_WINDOWS_KERNEL_MAPPED_PAGES_H
#define PS_SCAN_WINDOWS_KERNEL_MAPPED_PAGES_H

#include <stdint.h>

#include "scan/windows/paging/paging.h"

struct ps_mapped_page {
    uint64_t va, last; /* first and last byte, no more than what was asked for */
    uint64_t phys;     /* of 'va' */
    int writable;
};

/* The first page with a byte in [va, last]; 1 and *page, or 0. What is not mapped is passed over as
 * widely as the tables allow. *budget is counted down by one per walk; 0 ends the search. */
int ps_mapped_page_next(struct ps_paging *paging, uint64_t va, uint64_t last, uint32_t *budget,
                        struct ps_mapped_page *page);

#endif
