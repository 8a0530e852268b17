/* The PFN database of an image with page tables. */
#ifndef PS_HOST_VIRTUAL_PFN_H
#define PS_HOST_VIRTUAL_PFN_H

#include "host/virtual/address_space.h"
#include "scan/windows/pfn/database.h"

/* Find it: 1 and *place; 0: there is none, or no page tables. PS_ENOMEM. */
int ps_address_space_pfn_find(struct ps_address_space *as, const struct ps_options *opt,
                              const struct ps_inverse_map *map, struct ps_pfn_place *place,
                              struct ps_err *err);

/* Find it and open it: *out is NULL when there is none. It can be asked by any thread, and is to be
 * freed with ps_pfn_database_free before *as is closed. PS_ENOMEM. */
int ps_address_space_pfn(struct ps_address_space *as, const struct ps_options *opt,
                         const struct ps_inverse_map *map, struct ps_pfn_database **out,
                         struct ps_err *err);

#endif
