/* Lists that grow as they are read from a file. */
#ifndef PS_HOST_IMAGE_GROW_H
#define PS_HOST_IMAGE_GROW_H

#include <stddef.h>

#include "scan/err.h"

/* Room for one more in a malloc'ed list of n items with room for *cap (NULL and 0 at first): the
 * list, moved perhaps; NULL: PS_ENOMEM in *err, and the list is as it was. */
void *ps_grow(void *list, size_t n, size_t *cap, size_t item_bytes, struct ps_err *err);

#endif
