/* poolscan scan --plan: tasks of a plan into their shards. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "host/cancel.h"
#include "host/farm/opened.h"
#include "host/farm/plan/options.h"
#include "host/farm/plan/task_number.h"
#include "host/farm/task.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/report/progress.h"

struct task_command {
    struct ps_options opt; /* with those of the plan */
    struct ps_farm_plan plan;
    struct ps_scan_session session;
    struct ps_progress progress;
    struct ps_farm_opened kept;
    struct ps_farm_task_run run; /* the task that it is at */
    char engine_text[128];
    const char *devices[1]; /* of the progress, which keeps them */
    int has_progress;
    uint32_t n_recorded, n_done, n_failed;
    int first_failure; /* -PS_E... of a task that did not stop the others, 0 if none */
};

static void on_progress(void *arg, uint64_t done, uint64_t findings)
{
    struct task_command *c = arg;

    ps_progress_update(&c->progress, done, findings);
}

static void start_progress(void *arg, struct ps_image *image)
{
    struct task_command *c = arg;
    const struct ps_farm_task *task = c->run.task;
    const struct ps_progress_config config = {
        .bar = !c->opt.quiet && !c->opt.status_json && ps_progress_wants_bar((int)c->opt.progress),
        .json = c->opt.status_json,
        .target = ps_image_path(image),
        .devices = c->devices,
        .n_devices = 1,
        .total_bytes =
            task->part == PS_FARM_VIRTUAL ? 0 : ps_pipeline_total(image, task->start, task->end),
    };

    c->devices[0] = c->engine_text;
    ps_progress_start(&c->progress, &config);
    c->has_progress = 1;
}

static void tell_result(const struct task_command *c)
{
    const struct ps_farm_task *task = c->run.task;

    if (c->run.was_done)
        ps_log(PS_LOG_INFO, "task %" PRIu32 " is done already", task->number);
    if (c->run.was_recorded)
        ps_log(PS_LOG_INFO,
               "task %" PRIu32 ": %" PRIu64 " bytes scanned, %" PRIu64 " findings recorded",
               task->number, c->run.n_bytes, c->run.n_findings);
}

static void count(struct task_command *c, int rc)
{
    c->n_recorded += c->run.was_recorded != 0;
    c->n_done += c->run.was_done != 0;
    c->n_failed += rc < 0;
}

/* Which task and image it was is a part of every message. */
static void tell_failure(const struct task_command *c, struct ps_err *err)
{
    ps_log(PS_LOG_ERROR, "task %" PRIu32 ": %s: %s", c->run.task->number, c->run.task->image,
           err->msg);
    err->msg[0] = '\0';
}

static int run_task(struct task_command *c, const struct ps_farm_task *task, struct ps_err *err)
{
    const struct ps_scan_progress progress = {.call = on_progress, .arg = c};
    int rc;

    c->has_progress = 0;
    c->run = (struct ps_farm_task_run){.session = &c->session,
                                       .plan = &c->plan,
                                       .task = task,
                                       .dir = c->opt.out_dir,
                                       .progress = &progress,
                                       .on_image = start_progress,
                                       .arg = c,
                                       .kept = &c->kept};
    rc = ps_farm_task_run(&c->run, err);
    if (c->has_progress)
        ps_progress_end(&c->progress);
    tell_result(c);
    count(c, rc);
    if (rc < 0)
        tell_failure(c, err);
    return rc;
}

/* After such a failure no other task can do better in this process. */
static int stops_all(const struct task_command *c, int rc)
{
    return rc == -PS_EDEVICE || c->run.no_folder || ps_cancel_requested();
}

static int try_task(struct task_command *c, uint32_t number, struct ps_err *err)
{
    int rc = ps_cancel_check(err);

    if (rc < 0)
        return rc;
    rc = run_task(c, &c->plan.task[number], err);
    if (rc == 0 || stops_all(c, rc))
        return rc;
    if (c->first_failure == 0)
        c->first_failure = rc;
    return 0;
}

/* Tasks of one image, up to 'end'. Its side stands behind its ranges; a merge that waits begins
 * with it. */
static int run_image(struct task_command *c, uint32_t first, uint32_t end, struct ps_err *err)
{
    const uint32_t side = end - (c->plan.task[end - 1].part == PS_FARM_VIRTUAL);
    int rc = 0;

    if (side < end)
        rc = try_task(c, side, err);
    for (uint32_t i = first; i < side && rc == 0; i++)
        rc = try_task(c, i, err);
    return rc;
}

static int run_tasks(struct task_command *c, const struct ps_farm_task_range *which,
                     struct ps_err *err)
{
    uint32_t end;
    int rc = 0;

    for (uint32_t i = which->first; i <= which->last && rc == 0; i = end) {
        end = ps_farm_image_end(&c->plan, i);
        if (end > which->last + 1)
            end = which->last + 1;
        rc = run_image(c, i, end, err);
    }
    return rc;
}

static int run_in_session(struct task_command *c, const struct ps_farm_task_range *which,
                          struct ps_err *err)
{
    int rc = ps_farm_plan_check_tags(&c->plan, c->session.tags, err);

    if (rc < 0)
        return rc;
    ps_engine_describe(&c->session.engine, c->engine_text, sizeof c->engine_text);
    ps_log(PS_LOG_INFO, "using %s", c->engine_text);
    rc = run_tasks(c, which, err);
    ps_farm_opened_close(&c->kept);
    if (which->last > which->first)
        ps_log(PS_LOG_INFO,
               "tasks %" PRIu32 " to %" PRIu32 ": %" PRIu32 " recorded, %" PRIu32
               " done already, %" PRIu32 " failed",
               which->first, which->last, c->n_recorded, c->n_done, c->n_failed);
    if (rc == 0 && c->first_failure < 0) {
        /* Said already, task by task: only the status is left to tell. */
        err->code = -c->first_failure;
        err->msg[0] = '\0';
        rc = c->first_failure;
    }
    return rc;
}

static int run_with_plan(struct task_command *c, struct ps_err *err)
{
    struct ps_farm_task_range which;
    int rc = ps_farm_plan_use_options(&c->plan, &c->opt, err);

    if (rc == 0)
        rc = ps_farm_task_range(c->opt.task, c->opt.tasks_each, c->plan.n_tasks, &which, err);
    if (rc < 0)
        return rc;
    rc = ps_scan_session_open(&c->session, &c->opt, err);
    if (rc == 0)
        rc = run_in_session(c, &which, err);
    ps_scan_session_free(&c->session);
    return rc;
}

int ps_cmd_task(const struct ps_options *opt, struct ps_err *err)
{
    struct task_command c = {.run = {.plan = NULL}};
    int rc;

    ps_fault_guard_init();
    rc = ps_farm_plan_read(&c.plan, opt->plan, err);
    if (rc < 0)
        return rc;
    rc = ps_options_copy(&c.opt, opt, err);
    if (rc == 0)
        rc = run_with_plan(&c, err);
    ps_options_free(&c.opt);
    ps_farm_plan_free(&c.plan);
    return rc;
}
