/* What the PFN database says about a page that holds headers. */
#ifndef PS_SCAN_MERGE_PAGE_USE_H
#define PS_SCAN_MERGE_PAGE_USE_H

#include <stdint.h>

#include "scan/finding.h"
#include "scan/windows/pfn/database.h"

/* Each of them says that the page is none of a pool. */
#define PS_EV_PAGE_USES (PS_EV_USER_PAGE | PS_EV_FILE_PAGE)

/* The evidence on the page at 'phys', or 0. Of a page that the Windows kernel half maps it is only
 * asked whether it is one of a file: it is in use, and where it is a process's the Windows kernel
 * works on it. 'pfn' may be NULL. Costs a read, so ask about pages only that pool can hardly be in.
 * Any thread. */
uint32_t ps_page_use_evidence(const struct ps_pfn_database *pfn, uint64_t phys, int is_mapped);

#endif
