/* What the listing of any page must be, checked from the bytes of the page. Shares no code with
 * what it checks. */
#ifndef PS_TESTS_SUPPORT_PAGE_ROWS_H
#define PS_TESTS_SUPPORT_PAGE_ROWS_H

#include <stdint.h>

#include "scan/pool/listing/page_list.h"

/* NULL, or what is wrong: rows must follow each other from byte 0 to the last one, no two gaps
 * side by side, and each block must have the size and the tag that stand in the page. */
const char *page_rows_wrong(const struct ps_page_list *list, const struct ps_era *era,
                            const uint8_t *page);

#endif
