/* Finding compression sets where nothing says where they are. */
#ifndef PS_HOST_IMAGE_CONTAINERS_HIBER_SEARCH_H
#define PS_HOST_IMAGE_CONTAINERS_HIBER_SEARCH_H

#include "host/image/containers/hiber/hiber.h"

/* The next place from *off on where a row of sets begins that could be one: at any byte, or at the
 * begin of a page. 1: *off is it; 0: none within 1 MiB (16 MiB of pages); or -PS_E.... */
int ps_hiber_find_sets(const struct ps_container *c, enum ps_hiber_form form, uint64_t *off,
                       int at_any_byte, struct ps_err *err);

#endif
