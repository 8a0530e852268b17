/* A plan out of options and open images. */
#ifndef PS_HOST_FARM_PLAN_MAKE_H
#define PS_HOST_FARM_PLAN_MAKE_H

#include <stdint.h>

#include "host/farm/plan.h"
#include "host/image/image.h"
#include "host/options.h"

/* ps_farm_plan_set_options with the tags that the options ask for. PS_EARG too: no task could
 * follow them. */
int ps_farm_plan_begin(struct ps_farm_plan *plan, const struct ps_options *opt, struct ps_err *err);

/* Append an image, cut into tasks of about opt->task_bytes; its memory is added to *present. As
 * ps_farm_span and ps_farm_cut. */
int ps_farm_plan_add_image(struct ps_farm_plan *plan, const struct ps_image *image,
                           const struct ps_options *opt, uint64_t *present, struct ps_err *err);

#endif
