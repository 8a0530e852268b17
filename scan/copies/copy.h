/* What becomes of the findings of a page that is a copy. */
#ifndef PS_SCAN_COPIES_COPY_H
#define PS_SCAN_COPIES_COPY_H

#include <stddef.h>

#include "scan/finding.h"

/* May the page of this finding be a copy of an earlier one? Not when Windows itself has it mapped
 * for writing in its kernel half and it is no view of a file: then the other one is. Pure. */
int ps_copy_possible(const struct ps_finding *f);

/* Mark the n findings of a copy: evidence, confidence, and no status but Free or Stale. Pure. */
void ps_copy_mark(struct ps_finding *f, size_t n);

#endif
