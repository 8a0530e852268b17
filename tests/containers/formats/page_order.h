/* The pages of memory in the order in which hibernation writes them: not that of their addresses.
 */
#ifndef PS_TESTS_CONTAINERS_FORMATS_PAGE_ORDER_H
#define PS_TESTS_CONTAINERS_FORMATS_PAGE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "tests/containers/ram_map.h"

/* All PFNs, *n of them: pieces of a few pages, from both ends by turns. The caller frees it. */
uint64_t *page_order(const struct ram_map *ram, size_t *n);

#endif
