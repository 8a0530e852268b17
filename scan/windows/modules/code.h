/* The code of a loaded module, read through page tables and searched. */
#ifndef PS_SCAN_WINDOWS_MODULES_CODE_H
#define PS_SCAN_WINDOWS_MODULES_CODE_H

#include <stdint.h>

#include "scan/windows/modules/list.h"
#include "scan/windows/modules/operands.h"
#include "scan/windows/paging/paging.h"

struct ps_code_count {
    uint64_t n_pages;   /* that were searched */
    uint64_t n_missing; /* that could not be read */
};

/* Search the executable sections of the module at m->base, or all of it where its headers cannot be
 * read. Looks at 'max_pages' pages at most, found or missing, and adds to *count. */
void ps_code_search(struct ps_paging *paging, const struct ps_module *m,
                    const struct ps_operand_search *search, uint64_t max_pages,
                    struct ps_code_count *count);

#endif
