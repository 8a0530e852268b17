/* A task whose shard grows under its own name, and is gone on with where it ends. */
#ifndef PS_HOST_FARM_SESSION_RESUME_H
#define PS_HOST_FARM_SESSION_RESUME_H

#include "host/farm/task.h"

/* As ps_farm_task_run for a task of PS_FARM_WHOLE in a folder that is there and nobody else's: what
 * its shard has already is not scanned again, and after any failure the shard is left as far as it
 * came. What is said about the image is only recorded. PS_EFORMAT also when the shard is of
 * something else; PS_EIO when there is no room for more. */
int ps_farm_task_resume(struct ps_farm_task_run *run, struct ps_err *err);

#endif
