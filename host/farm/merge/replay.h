/* Shards of an image -> what one scan of it would have given. */
#ifndef PS_HOST_FARM_MERGE_REPLAY_H
#define PS_HOST_FARM_MERGE_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "host/farm/plan.h"
#include "host/run/receiver.h"

/* Give what the shards of one image hold to a receiver, in the order of a scan. 'first' is the
 * number of the image's first task, 'name' what the image is called, NULL: as in the plan. What was
 * said about it is said again. The shards were surveyed: PS_EFORMAT when one has changed since. No
 * more than a record of each of three shards is in memory. */
int ps_farm_replay(const struct ps_farm_plan *plan, uint32_t first, const char *dir,
                   const char *name, size_t n_tags, const struct ps_receiver *to,
                   struct ps_err *err);

#endif
