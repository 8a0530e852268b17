/* What unit tests expect of a container that was opened in memory; for Criterion tests. */
#ifndef PS_TESTS_SUPPORT_EXPECT_CONTAINER_H
#define PS_TESTS_SUPPORT_EXPECT_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/open_container.h"

/* A warning, or a note of a loss, has these words. */
void expect_note(const struct ps_open_container *o, const char *words);
/* Extent number i of the layout. */
void expect_extent(const struct ps_open_container *o, size_t i, uint64_t phys, uint64_t n_bytes,
                   uint64_t file_off);
/* All of the page with that number is there and filled with 'byte'. */
void expect_page(const struct ps_open_container *o, uint64_t page, uint8_t byte);
/* Pages that are there. */
uint64_t n_present(const struct ps_open_container *o);

#endif
