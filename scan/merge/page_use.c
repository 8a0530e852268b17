#include "scan/merge/page_use.h"

uint32_t ps_page_use_evidence(const struct ps_pfn_database *pfn, uint64_t phys, int is_mapped)
{
    const enum ps_page_use use = pfn ? ps_pfn_database_use(pfn, phys) : PS_PAGE_USE_UNKNOWN;

    if (use == PS_PAGE_USE_FILE)
        return PS_EV_FILE_PAGE;
    return use == PS_PAGE_USE_PROCESS && !is_mapped ? PS_EV_USER_PAGE : 0;
}
