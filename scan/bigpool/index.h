/* The live allocations of a big-pool table in the order of their addresses. */
#ifndef PS_SCAN_BIGPOOL_INDEX_H
#define PS_SCAN_BIGPOOL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/table.h"
#include "scan/err.h"

struct ps_bigpool_index;

/* Sort the allocated rows of *table, which must outlive the index and not change; a table without
 * rows gives an index that finds nothing. Takes 40 bytes per row at most. PS_ENOMEM. */
int ps_bigpool_index_build(const struct ps_bigpool_table *table, struct ps_bigpool_index **out,
                           struct ps_err *err);
void ps_bigpool_index_free(struct ps_bigpool_index *index); /* accepts NULL */

/* Rows in the index, and the i-th of them by address (of one address by slot, the last first). */
size_t ps_bigpool_index_rows(const struct ps_bigpool_index *index);
const struct ps_bigpool_row *ps_bigpool_index_at(const struct ps_bigpool_index *index, size_t i);

/* The allocation that 'va' lies in, written as in the rows (on x86 32 bits); NULL: none. Entries of
 * a damaged table may overlap: of several the one that begins last, of those the lowest slot. Any
 * thread; time grows with the logarithm of the rows. */
const struct ps_bigpool_row *ps_bigpool_index_find(const struct ps_bigpool_index *index,
                                                   uint64_t va);

#endif
