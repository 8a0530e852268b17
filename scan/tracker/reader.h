/* Slot after slot of a table in virtual memory, page by page. */
#ifndef PS_SCAN_TRACKER_READER_H
#define PS_SCAN_TRACKER_READER_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/paging/paging.h"

/* The fields are private, but for the counts. */
struct ps_tracker_reader {
    struct ps_paging *paging;
    uint64_t va;      /* of slot 0 */
    uint64_t page_va; /* of 'bytes'; 1: none */
    int is_there;
    uint32_t entry_bytes;
    uint64_t n_pages_read; /* there or not, each as often as it was turned to */
    uint64_t n_pages_missing;
    uint8_t bytes[PS_FRAME_BYTES];
};

void ps_tracker_reader_init(struct ps_tracker_reader *r, struct ps_paging *paging, uint64_t va,
                            uint32_t entry_bytes);

/* Copy the first n_bytes of a slot, at most PS_FRAME_BYTES. 1, or 0 when some of them are not
 * there. Ascending slots read each page once. */
int ps_tracker_reader_slot(struct ps_tracker_reader *r, uint32_t slot, uint8_t *out,
                           size_t n_bytes);

/* Key of a slot; 0 when it is empty or not there. */
uint32_t ps_tracker_reader_key(struct ps_tracker_reader *r, uint32_t slot);

#endif
