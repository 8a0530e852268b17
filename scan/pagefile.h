/* Page files as scan/ sees them: where a page is that memory lost. host/virtual/pagefile.h gives
 * one for files; tests give one for an array. */
#ifndef PS_SCAN_PAGEFILE_H
#define PS_SCAN_PAGEFILE_H

#include <stddef.h>
#include <stdint.h>

/* What the number in a software entry can say. */
#define PS_PAGEFILES_MAX 16u

struct ps_pagefiles {
    /* Copy up to n_bytes at byte 'off' of page file 'file' to buf. Returns how many of them, from
     * the first one on, could be read: none of a file that is not there. Any thread. */
    size_t (*read)(void *arg, unsigned file, uint64_t off, void *buf, size_t n_bytes);
    void *arg;
    uint64_t n_pages[PS_PAGEFILES_MAX]; /* whole pages of each; 0: not there */
};

#endif
