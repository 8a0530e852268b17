#include "host/farm/merge/survey.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/farm/task.h"

struct survey {
    struct ps_farm_survey *out;
    const struct ps_farm_plan *plan;
    const char *dir;
    size_t n_tags;
    void (*tell)(void *arg, const char *text);
    void *arg;
};

static void fail_task(struct survey *s, const struct ps_farm_task *task, int rc, const char *why)
{
    char text[1024];

    s->out->n_missing += rc == -PS_ENOENT;
    s->out->n_bad += rc != -PS_ENOENT;
    if (!s->out->failed[task->image_number])
        s->out->n_failed++;
    s->out->failed[task->image_number] = 1;
    snprintf(text, sizeof text, "task %" PRIu32 " (%.300s, %s): %s", task->number, task->image,
             ps_farm_part_name(task->part), rc == -PS_ENOENT ? "has no shard; run it" : why);
    s->tell(s->arg, text);
}

/* All shards of an image were judged by the same rules, or its pages mean different things. */
int ps_farm_prove(const struct ps_farm_plan *plan, const struct ps_farm_task *task, const char *dir,
                  size_t n_tags, const struct ps_era **era, struct ps_err *err)
{
    const struct ps_era *own = NULL;
    char path[PATH_MAX];
    int rc = ps_farm_shard_path(path, sizeof path, dir, task, err);

    if (rc == 0)
        rc = ps_farm_shard_check(path, plan, task, n_tags, &own, err);
    if (rc == 0 && *era && own != *era)
        rc = ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                     "of another generation of Windows than the others of its image");
    if (rc == 0)
        *era = own;
    return rc;
}

static int look_at(struct survey *s, const struct ps_farm_task *task, const struct ps_era **era,
                   struct ps_err *err)
{
    char why[320];
    struct ps_err e;
    int rc = ps_farm_prove(s->plan, task, s->dir, s->n_tags, era, &e);

    if (rc == -PS_ENOMEM || rc == -PS_EIO || rc == -PS_ECREATE) {
        *err = e;
        return rc;
    }
    snprintf(why, sizeof why, "%s; remove %s and run the task again", rc < 0 ? e.msg : "",
             "its shard");
    if (rc < 0)
        fail_task(s, task, rc, why);
    return 0;
}

int ps_farm_survey(struct ps_farm_survey *out, const struct ps_farm_plan *plan, const char *dir,
                   size_t n_tags, const uint8_t *left_out,
                   void (*tell)(void *arg, const char *text), void *arg, struct ps_err *err)
{
    struct survey s = {out, plan, dir, n_tags, tell, arg};
    const struct ps_era *era = NULL;
    int rc = 0;

    *out = (struct ps_farm_survey){.failed = calloc(plan->n_images + 1u, 1)};
    if (!out->failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %" PRIu32 " images",
                       plan->n_images);
    for (size_t i = 0; i < plan->n_tasks && rc == 0; i++) {
        if (i && plan->task[i].image_number != plan->task[i - 1].image_number)
            era = NULL;
        if (left_out && left_out[plan->task[i].image_number]) {
            out->failed[plan->task[i].image_number] = 1;
            continue;
        }
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = look_at(&s, &plan->task[i], &era, err);
    }
    return rc;
}

void ps_farm_survey_free(struct ps_farm_survey *s)
{
    free(s->failed);
}
