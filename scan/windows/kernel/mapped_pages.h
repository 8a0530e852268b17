/* The pages that are mapped in a stretch of virtual memory, one after the other. */
#ifndef PS_SCAN_WINDOWS_KERNEL_MAPPED_PAGES_H
#define PS_SCAN_WINDOWS_KERNEL_MAPPED_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/paging/paging.h"

struct ps_mapped_page {
    uint64_t va, last; /* first and last byte, no more than what was asked for */
    uint64_t phys;     /* of 'va' */
    int writable;
};

/* Holds the page table of the last page, so that its neighbours cost no walk. The fields are
 * private. */
struct ps_mapped_pages {
    struct ps_paging *paging;
    uint64_t va;    /* that the table's first entry maps */
    size_t n_bytes; /* of the table that could be read; 0: none */
    int writable;   /* by all levels above it */
    uint8_t table[PS_FRAME_BYTES];
};

void ps_mapped_pages_init(struct ps_mapped_pages *m, struct ps_paging *paging);

/* The first page with a byte in [va, last]; 1 and *page, or 0. What is not mapped is passed over as
 * widely as the tables allow. *budget is counted down by one per entry looked at; 0 ends the
 * search. */
int ps_mapped_pages_next(struct ps_mapped_pages *m, uint64_t va, uint64_t last, uint32_t *budget,
                         struct ps_mapped_page *page);

#endif
