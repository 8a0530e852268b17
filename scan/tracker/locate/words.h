/* The pointers in stretches of virtual memory. */
#ifndef PS_SCAN_TRACKER_LOCATE_WORDS_H
#define PS_SCAN_TRACKER_LOCATE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/paging/paging.h"
#include "scan/windows/va_range.h"

/* So much data is looked at; the Windows kernel's own is a tenth of it. */
#define PS_TRACKER_MAX_DATA (UINT64_C(64) << 20)

struct ps_words {
    struct ps_paging *paging;
    const struct ps_va_range *range;
    size_t n_ranges;
    /* For each aligned word that may be the address of a table: one of the Windows kernel half, at
     * the begin of a page. 'at' is where it stands. Not 0 ends the walk and is returned. */
    int (*word)(void *arg, uint64_t at, uint64_t value);
    void *arg;
};

/* Look at PS_TRACKER_MAX_DATA bytes at most, in the order of the ranges. Pages that are not there
 * are passed over. */
int ps_words_visit(const struct ps_words *w);

/* 4 or 8: the size of a pointer. */
unsigned ps_words_width(const struct ps_paging *paging);

/* Read the pointer at 'va', sign or no sign as it stands. 1, or 0: not there. */
int ps_words_read(struct ps_paging *paging, uint64_t va, uint64_t *value);

/* May this be the address of a table? */
int ps_words_is_table(const struct ps_paging *paging, uint64_t value);

#endif
