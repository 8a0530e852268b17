/* The pool tracker table of an image. */
#ifndef PS_HOST_VIRTUAL_POOL_TRACKER_H
#define PS_HOST_VIRTUAL_POOL_TRACKER_H

#include "host/virtual/address_space.h"
#include "scan/tracker/table.h"

/* Find it and sum it up, by the symbols of the Windows kernel or among its variables. 1: *out is
 * it; 0: there are no page tables, or nothing was found. Calls ps_address_space_kernel. Free *out
 * with ps_tracker_table_free in any case. PS_ENOMEM. */
int ps_address_space_tracker(struct ps_address_space *as, const struct ps_options *opt,
                             struct ps_tracker_table *out, struct ps_err *err);

#endif
