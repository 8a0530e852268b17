/* poolscan scan --plan: one task of a plan into its shard. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "host/farm/plan/options.h"
#include "host/farm/task.h"
#include "host/farm/plan/task_number.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/report/progress.h"

struct task_command {
    struct ps_options opt; /* with those of the plan */
    struct ps_farm_plan plan;
    struct ps_scan_session session;
    struct ps_progress progress;
    struct ps_farm_task_run run;
    char engine_text[128];
    const char *devices[1]; /* of the progress, which keeps them */
    int has_progress;
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

/* Which image it was is a part of every message. */
static int fail_of_image(const struct task_command *c, struct ps_err *err)
{
    const int rc = -err->code;

    ps_log(PS_LOG_ERROR, "task %" PRIu32 ": %s: %s", c->run.task->number, c->run.task->image,
           err->msg);
    err->msg[0] = '\0';
    return rc;
}

static int run_task(struct task_command *c, struct ps_err *err)
{
    const struct ps_scan_progress progress = {.call = on_progress, .arg = c};
    int rc = ps_farm_plan_check_tags(&c->plan, c->session.tags, err);

    if (rc < 0)
        return rc;
    ps_engine_describe(&c->session.engine, c->engine_text, sizeof c->engine_text);
    ps_log(PS_LOG_INFO, "using %s", c->engine_text);
    c->run.session = &c->session;
    c->run.plan = &c->plan;
    c->run.dir = c->opt.out_dir;
    c->run.progress = &progress;
    c->run.on_image = start_progress;
    c->run.arg = c;
    rc = ps_farm_task_run(&c->run, err);
    if (c->has_progress)
        ps_progress_end(&c->progress);
    tell_result(c);
    return rc < 0 ? fail_of_image(c, err) : 0;
}

static int run_with_plan(struct task_command *c, struct ps_err *err)
{
    uint32_t number = 0;
    int rc = ps_farm_plan_use_options(&c->plan, &c->opt, err);

    if (rc == 0)
        rc = ps_farm_task_number(c->opt.task, c->plan.n_tasks, &number, err);
    if (rc < 0)
        return rc;
    c->run.task = &c->plan.task[number];
    rc = ps_scan_session_open(&c->session, &c->opt, err);
    if (rc == 0)
        rc = run_task(c, err);
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
