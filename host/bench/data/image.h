/* The files that rows read: the image, and the list of made-up tags. */
#ifndef PS_HOST_BENCH_DATA_IMAGE_H
#define PS_HOST_BENCH_DATA_IMAGE_H

#include "host/bench/bench.h"

/* The image that was named, or one made in $TMPDIR, filled like PS_PAGE_MIX_IMAGE; and the made-up
 * tags as a list. Every page of the image is read once, so that it is warm. */
int ps_bench_image_open(struct ps_bench *b, struct ps_err *err);

/* Remove what was made. */
void ps_bench_image_close(struct ps_bench *b);

#endif
