/* An image that is open for its tasks: those that follow each other open it, and read its page
 * tables, once. */
#ifndef PS_HOST_FARM_OPENED_H
#define PS_HOST_FARM_OPENED_H

#include <stdint.h>

#include "host/farm/recorder.h"
#include "host/farm/task.h"
#include "host/image/image.h"
#include "host/run/virtual_side.h"

/* Begin with all zero. It does not move, and is closed before the session is freed. */
struct ps_farm_opened {
    struct ps_image *image; /* NULL: none is open */
    uint32_t image_number;  /* in the plan */
    struct ps_farm_notes notes;
    int has_side;
    struct ps_virtual_side side;
};

/* Have the image of run->task open, and no other: as ps_farm_open_image. run->on_image is told of
 * it every time. Close it in any case. */
int ps_farm_opened_use(struct ps_farm_opened *o, struct ps_farm_task_run *run, struct ps_err *err);
/* Then have its side open: as ps_image_side_open. The notes are complete then. */
int ps_farm_opened_side(struct ps_farm_opened *o, const struct ps_farm_task_run *run,
                        struct ps_err *err);
void ps_farm_opened_close(struct ps_farm_opened *o);

#endif
