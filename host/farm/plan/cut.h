/* An image into tasks. */
#ifndef PS_HOST_FARM_PLAN_CUT_H
#define PS_HOST_FARM_PLAN_CUT_H

#include <stdint.h>

#include "host/farm/plan.h"
#include "host/image/image.h"
#include "host/options.h"

/* What of an image is scanned, by --range or without it. */
struct ps_farm_span {
    uint64_t start, end; /* physical, multiples of 4096 */
    uint64_t present;    /* bytes of it that the image has */
    uint64_t n_ranges;   /* of about task_bytes each; 1 at least */
};

/* PS_EARG: --range begins behind any physical address. */
int ps_farm_span(const struct ps_image *image, const struct ps_options *opt,
                 struct ps_farm_span *out, struct ps_err *err);

/* Append the tasks of an image to the plan: one if it is one range, else the ranges, with the same
 * number of present pages each but for one page, and its virtual side. 'path' is absolute. As
 * ps_farm_plan_add. */
int ps_farm_cut(struct ps_farm_plan *plan, const struct ps_image *image, const char *path,
                const struct ps_farm_span *span, struct ps_err *err);

#endif
