/* Where the page tables show their own entries in virtual memory: the self-map. */
#ifndef PS_SCAN_WINDOWS_PFN_PTE_SPACE_H
#define PS_SCAN_WINDOWS_PFN_PTE_SPACE_H

#include <stdint.h>

#include "scan/physmem.h"
#include "scan/windows/paging/pte.h"

struct ps_pte_space {
    enum ps_paging_mode mode;
    uint64_t base; /* of the entry for address 0 */
};

/* Find it by the entry of the top table that leads to that table itself; x86 has it at a fixed
 * address. 1, or 0: the table does not map itself, or is not to be had. */
int ps_pte_space_find(const struct ps_physmem *mem, enum ps_paging_mode mode, uint64_t root,
                      struct ps_pte_space *out);

/* Virtual address of the lowest-level entry for 'va'. */
uint64_t ps_pte_space_entry(const struct ps_pte_space *s, uint64_t va);

/* The address whose entry stands at 'entry', whose low bits do not count, into *va: 1, or 0: no
 * entry stands there. */
int ps_pte_space_va(const struct ps_pte_space *s, uint64_t entry, uint64_t *va);

#endif
