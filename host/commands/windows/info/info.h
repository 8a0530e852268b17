/* Rows of poolscan info, which are too many for one file. */
#ifndef PS_HOST_COMMANDS_WINDOWS_INFO_INFO_H
#define PS_HOST_COMMANDS_WINDOWS_INFO_INFO_H

#include <stdint.h>

#include "host/commands/cells.h"
#include "host/virtual/address_space.h"

enum ps_info_column { PS_INFO_VARIABLE, PS_INFO_VALUE, PS_INFO_HOW, PS_N_INFO_COLUMNS };

/* Begin the row of a variable. */
void ps_info_row(struct ps_cells *c, const char *variable);

/* The row of a variable that is a number. */
void ps_info_number(struct ps_cells *c, const char *variable, uint64_t value);

/* The image and its container: layers, extents, holes, what it says, what was noticed. */
void ps_info_image(struct ps_cells *c, const struct ps_address_space *as);

/* The Windows kernel and its symbols. After ps_address_space_kernel. */
void ps_info_kernel(struct ps_cells *c, const struct ps_address_space *as);

/* The pool tracker table. PS_ENOMEM. */
int ps_info_tracker(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                    struct ps_err *err);

/* The segment heaps; no rows when there are none. PS_ENOMEM. */
int ps_info_heap(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                 struct ps_err *err);

/* Whom charged blocks are billed to. Needs page tables; after ps_address_space_kernel. PS_ENOMEM,
 * and what ps_cancel_check says. */
int ps_info_quota(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                  struct ps_err *err);

/* The PFN database. After ps_address_space_kernel. PS_ENOMEM. */
int ps_info_pfn(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                struct ps_err *err);

/* The big-pool table, with or without page tables. PS_ENOMEM, and what ps_cancel_check says. */
int ps_info_bigpool(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                    struct ps_err *err);

#endif
