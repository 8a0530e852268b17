/* A big-pool table whose place is known, read through page tables. */
#ifndef PS_SCAN_BIGPOOL_LOCATE_READ_TABLE_H
#define PS_SCAN_BIGPOOL_LOCATE_READ_TABLE_H

#include "scan/bigpool/locate/candidate.h"

/* Read all pages of *c and make rows; *out is set but for 'method' and the counts of candidates.
 * -PS_ENOMEM without a message. */
int ps_bigpool_read_table(const struct ps_bigpool_source *source,
                          const struct ps_bigpool_candidate *c, struct ps_bigpool_table *out);

#endif
