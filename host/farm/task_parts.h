/* What a task is made of, for those that run one in their own way. */
#ifndef PS_HOST_FARM_TASK_PARTS_H
#define PS_HOST_FARM_TASK_PARTS_H

#include <stdint.h>

#include "host/farm/recorder.h"
#include "host/farm/shard/shard.h"
#include "host/farm/task.h"
#include "host/image/image.h"
#include "host/run/virtual_side.h"

/* PS_ECREATE. A folder that is there is good. */
int ps_farm_make_dir(const char *dir, struct ps_err *err);
/* Names in it survive a power loss from now on. PS_EIO. */
int ps_farm_sync_dir(const char *dir, struct ps_err *err);

/* Is the image the one that the plan was made of? PS_EFORMAT. */
int ps_farm_check_image(const struct ps_farm_task *task, const struct ps_image *image,
                        struct ps_err *err);

/* The image of the task, checked, told to run->on_image; what ps_open_image and ps_farm_check_image
 * give. *image is to be closed in any case. */
int ps_farm_open_image(struct ps_farm_task_run *run, struct ps_image **image, struct ps_err *err);

/* All but the era, and whether that is what a shard of the task has. PS_EFORMAT. */
void ps_farm_fill_head(struct ps_shard_head *head, const struct ps_farm_task_run *run);
int ps_farm_check_head(const struct ps_shard_head *h, const struct ps_farm_plan *plan,
                       const struct ps_farm_task *task, struct ps_err *err);

/* Scan what is behind 'start' into the recorder. As ps_image_scan; so is 'side'. */
int ps_farm_scan(const struct ps_farm_task_run *run, struct ps_image *image,
                 struct ps_virtual_side *side, uint64_t start, struct ps_recorder *recorder,
                 struct ps_err *err);

#endif
