#include "host/farm/opened.h"

#include <string.h>

#include "host/farm/task_parts.h"
#include "host/run/image_scan.h"

/* All that is said until pages are scanned is a note of the shard that has the image's side. */
int ps_farm_opened_use(struct ps_farm_opened *o, struct ps_farm_task_run *run, struct ps_err *err)
{
    if (o->has_side && o->image_number == run->task->image_number) {
        if (run->on_image)
            run->on_image(run->arg, o->image);
        return 0;
    }
    ps_farm_opened_close(o);
    ps_farm_notes_begin(&o->notes, 0);
    o->image_number = run->task->image_number;
    return ps_farm_open_image(run, &o->image, err);
}

int ps_farm_opened_side(struct ps_farm_opened *o, const struct ps_farm_task_run *run,
                        struct ps_err *err)
{
    int rc;

    if (o->has_side)
        return 0;
    rc = ps_image_side_open(&o->side, run->session, o->image, err);
    ps_farm_notes_end();
    o->has_side = rc == 0;
    return rc;
}

void ps_farm_opened_close(struct ps_farm_opened *o)
{
    ps_farm_notes_end();
    ps_virtual_side_close(&o->side);
    ps_image_close(o->image);
    ps_farm_notes_free(&o->notes);
    memset(o, 0, sizeof *o);
}
