/* Shards of an image -> what one scan of it would have given. */
#ifndef PS_HOST_FARM_MERGE_REPLAY_H
#define PS_HOST_FARM_MERGE_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "host/farm/plan.h"
#include "host/run/receiver.h"

struct ps_farm_replay {
    const struct ps_farm_plan *plan;
    const char *dir;
    size_t n_tags;
    const char *name; /* what the image is called; NULL: as in the plan */
    const struct ps_receiver *to;
    /* Proves the shard of a task before it is read, once, or ends the replay; NULL: all were
     * proved. The one that has the side of the image, its last, comes first. */
    int (*have)(void *arg, const struct ps_farm_task *task, struct ps_err *err);
    void *arg;
};

/* Give what the shards of one image hold to a receiver, in the order of a scan. 'first' is the
 * number of the image's first task. What was said about it is said again. PS_EFORMAT when a shard
 * has changed since it was proved. No more than a record of each of three shards is in memory. */
int ps_farm_replay(const struct ps_farm_replay *what, uint32_t first, struct ps_err *err);

#endif
