/* The modules that Windows has loaded into its kernel half: the list that PsLoadedModuleList heads,
 * of LDR_DATA_TABLE_ENTRYs. Sources: docs/SYMBOLS.md. */
#ifndef PS_SCAN_WINDOWS_MODULES_LIST_H
#define PS_SCAN_WINDOWS_MODULES_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/paging/paging.h"
#include "scan/windows/va_range.h"

#define PS_MODULES_MAX       1024u
#define PS_MODULE_NAME_BYTES 64u

/* No more of the data of the Windows kernel is searched for the head. */
#define PS_MODULES_DATA_BYTES (UINT64_C(64) << 20)

struct ps_module {
    uint64_t base;
    uint32_t n_bytes;                /* SizeOfImage as the list has it; not checked */
    char name[PS_MODULE_NAME_BYTES]; /* BaseDllName in printable ASCII, '?' for the rest; "": could
                                      * not be read */
};

struct ps_modules {
    struct ps_module module[PS_MODULES_MAX]; /* in the order of the list, each base once */
    size_t n;
    int is_whole; /* the list led back to its head */
};

/* Follow the list of the head at 'head': forward, and where that breaks also backward from its end.
 * Ends at an entry that cannot be read or that the one before it does not follow from. 1: there is
 * at least one module; 0. */
int ps_modules_read(struct ps_paging *paging, int is_x64, uint64_t head, struct ps_modules *out);

/* Without symbols: the head among the variables of the Windows kernel, told by its first entry,
 * which is the Windows kernel itself, at 'base'. 1 and *head; or 0. */
int ps_modules_find_head(struct ps_paging *paging, int is_x64, const struct ps_va_range *range,
                         size_t n_ranges, uint64_t base, uint64_t *head);

#endif
