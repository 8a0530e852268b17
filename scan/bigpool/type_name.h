/* What the type of a big allocation is called. */
#ifndef PS_SCAN_BIGPOOL_TYPE_NAME_H
#define PS_SCAN_BIGPOOL_TYPE_NAME_H

#include <stddef.h>
#include <stdint.h>

/* What the 12 bits hold: POOL_TYPE, or from 24H2 on POOL_FLAGS. */
enum ps_bigpool_names { PS_BIGPOOL_POOL_TYPE, PS_BIGPOOL_POOL_FLAGS };

/* Do the bits read as POOL_FLAGS: is exactly one of paged, nonpaged, nonpaged executable set? True
 * of every allocation of 24H2 and of next to none before it. */
int ps_bigpool_reads_as_flags(uint32_t type);

/* Which of the two an image uses, from how many of its n live entries read as flags. */
enum ps_bigpool_names ps_bigpool_names_pick(size_t n_flags, size_t n);

/* "PagedPool|Zero", "NonPagedPoolNx"; flags as "Paged|Uninitialized"; what has no name is a number.
 * Into text[PS_BIGPOOL_TYPE_TEXT_BYTES]; returns text. */
#define PS_BIGPOOL_TYPE_TEXT_BYTES 128
char *ps_bigpool_type_print(enum ps_bigpool_names names, uint32_t type, char *text);

#endif
