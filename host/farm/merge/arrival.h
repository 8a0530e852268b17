/* Shards that come while they are merged: waited for and proved, one by one. */
#ifndef PS_HOST_FARM_MERGE_ARRIVAL_H
#define PS_HOST_FARM_MERGE_ARRIVAL_H

#include <stddef.h>
#include <stdint.h>

#include "host/farm/plan.h"
#include "scan/pool/era.h"

/* The fields before 'era' are the caller's, all others begin with zero. One thread. */
struct ps_farm_arrivals {
    const struct ps_farm_plan *plan;
    const char *dir; /* need not be there yet */
    size_t n_tags;
    uint32_t seconds;         /* without any new shard of the plan, until nothing is waited for */
    const struct ps_era *era; /* of the shards of one image that were proved */
    uint32_t image_number;    /* that image */
    int gave_up;              /* nothing is waited for any more */
    int is_unusable; /* the last shard that was asked for has not come, or cannot be used */
};

/* Have the shard of a task there and proved; those of an image are asked for without another
 * image's between them. What ps_farm_prove says: with
 * is_unusable it has not come, or cannot be used; and what ps_cancel_check says, within a quarter
 * of a second. */
int ps_farm_arrivals_have(struct ps_farm_arrivals *a, const struct ps_farm_task *task,
                          struct ps_err *err);

#endif
