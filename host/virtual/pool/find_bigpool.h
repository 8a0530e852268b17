/* The big-pool table of an image. */
#ifndef PS_HOST_VIRTUAL_POOL_FIND_BIGPOOL_H
#define PS_HOST_VIRTUAL_POOL_FIND_BIGPOOL_H

#include "host/image/image.h"
#include "scan/bigpool/carve/carve.h"

/* Carve the table out of all pages of the image. *n_unreadable counts bytes that could not be read;
 * they cost what stands on them. Free *out with ps_bigpool_table_free. PS_ENOMEM, and what
 * ps_cancel_check says. */
int ps_find_bigpool(struct ps_image *image, const struct ps_bigpool_spec *spec,
                    struct ps_bigpool_table *out, uint64_t *n_unreadable, struct ps_err *err);

#endif
