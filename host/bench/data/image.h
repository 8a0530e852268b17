/* The files that rows read: the image, and the list of made-up tags. */
#ifndef PS_HOST_BENCH_DATA_IMAGE_H
#define PS_HOST_BENCH_DATA_IMAGE_H

#include "host/bench/bench.h"

/* The image that was named, or one made in $TMPDIR, filled like PS_PAGE_MIX_IMAGE; and the made-up
 * tags as a list. Every page of the image is read once, so that it is warm. */
int ps_bench_image_open(struct ps_bench *b, struct ps_err *err);

/* An image with page tables (bench/virtual.recipe) in $TMPDIR, 1 GiB or, for a smaller --size, 64
 * MiB: its path, warm, in b->made_virtual, and what was planted in b->virtual_truth. */
int ps_bench_virtual_image(struct ps_bench *b, struct ps_err *err);

/* The recipe of it. */
extern const char ps_bench_recipe[];
extern const size_t ps_bench_recipe_bytes;

/* Remove what was made. */
void ps_bench_image_close(struct ps_bench *b);

#endif
