/* The big-pool table of an image, in the best way that the image allows. */
#ifndef PS_HOST_VIRTUAL_POOL_BIGPOOL_H
#define PS_HOST_VIRTUAL_POOL_BIGPOOL_H

#include "host/virtual/address_space.h"
#include "scan/bigpool/table.h"
#include "scan/windows/paging/inverse_map.h"

/* Through page tables if there are any (scan/bigpool/locate/), else, or when no table is found so,
 * carved out of all pages. 'map' is the image's inverse map or NULL; then it is made where it is
 * needed. *n_unreadable counts bytes that carving could not read; they cost what stands on them. A
 * missing table is no error: out->method says so. PS_ENOMEM, and what ps_cancel_check says. Free
 * *out with ps_bigpool_table_free in any case. */
int ps_address_space_bigpool(struct ps_address_space *as, const struct ps_options *opt,
                             const struct ps_inverse_map *map, struct ps_bigpool_table *out,
                             uint64_t *n_unreadable, struct ps_err *err);

/* Whose tables carving looks for, as PS_BIGPOOL_X86 | PS_BIGPOOL_X64: --arch, else the page tables,
 * else the version, else both. */
unsigned ps_address_space_bigpool_arches(const struct ps_address_space *as,
                                         const struct ps_options *opt);

/* Only the second: no page tables are used, even if there are any. */
int ps_address_space_carve_bigpool(struct ps_address_space *as, const struct ps_options *opt,
                                   struct ps_bigpool_table *out, uint64_t *n_unreadable,
                                   struct ps_err *err);

#endif
