/* The big-pool table out of physical memory, with no page tables, no symbols and no Windows
 * version: pages that can only be pages of the table are kept, and the hash of their entries says
 * which page of the table each is and how large the table is. docs/BIGPOOL.md tells how, and what
 * can go wrong. */
#ifndef PS_SCAN_BIGPOOL_CARVE_CARVE_H
#define PS_SCAN_BIGPOOL_CARVE_CARVE_H

#include <stdint.h>

#include "scan/bigpool/table.h"
#include "scan/err.h"

/* Pages that are kept, at most: a table of two million entries has as many, and 64 MiB. */
#define PS_BIGPOOL_MAX_PAGES 16384u
/* Pages of empty entries only, of which no more than address and kind is kept. */
#define PS_BIGPOOL_MAX_EMPTY 65536u

struct ps_bigpool_spec {
    unsigned arches; /* PS_BIGPOOL_X86 | PS_BIGPOOL_X64 */
    uint32_t build;  /* breaks ties between layouts; 0: not known */
};

struct ps_bigpool_carver;

int ps_bigpool_carver_new(struct ps_bigpool_carver **out, const struct ps_bigpool_spec *spec,
                          struct ps_err *err);
void ps_bigpool_carver_free(struct ps_bigpool_carver *carver); /* accepts NULL */

/* Give one page of 4096 bytes, in any order. It is copied if it may be of a table; a caller that
 * has asked ps_bigpool_page_look already gives only those. PS_ENOMEM. */
int ps_bigpool_carver_page(struct ps_bigpool_carver *carver, uint64_t phys, const uint8_t *bytes,
                           struct ps_err *err);

/* The table in these pages: of several the one whose allocations are the most. *out is to be freed
 * with ps_bigpool_table_free; method PS_BIGPOOL_NOT_FOUND when there is none. PS_ENOMEM. The result
 * does not depend on the order in which the pages came. */
int ps_bigpool_carver_finish(struct ps_bigpool_carver *carver, struct ps_bigpool_table *out,
                             struct ps_err *err);

#endif
