/* Find the PFN database through page tables, and prove it by frames whose address is known. */
#ifndef PS_SCAN_WINDOWS_PFN_LOCATE_H
#define PS_SCAN_WINDOWS_PFN_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/pfn/database.h"
#include "scan/windows/va_range.h"

/* Entries that must agree. None does by chance: PteAddress has to be the very address of the entry
 * that maps the frame. */
#define PS_PFN_MIN_AGREE   8u
#define PS_PFN_MAX_SAMPLES 64u

struct ps_pfn_spec {
    enum ps_arch arch;
    uint32_t build;                 /* 0: not known */
    uint64_t symbol;                /* address of MmPfnDatabase; 0: not known */
    const struct ps_va_range *data; /* of the Windows kernel */
    size_t n_data;
    const struct ps_physmem *mem;
    const struct ps_inverse_map *map;
};

/* Look where MmPfnDatabase points to, at the address that x64 has before 14393, and at whatever
 * the data of the Windows kernel points to at the begin of a page; of what is proved by
 * PS_PFN_MIN_AGREE samples the first one that most of them agree with wins. 1 and *out; 0:
 * out->method is PS_PFN_NOT_FOUND. PS_ENOMEM. */
int ps_pfn_find(struct ps_paging *paging, const struct ps_pfn_spec *spec, struct ps_pfn_place *out,
                struct ps_err *err);

#endif
