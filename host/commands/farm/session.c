/* poolscan scan --session and --restore: a scan that goes on after any end. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/absolute.h"
#include "host/cancel.h"
#include "host/commands/farm/merge.h"
#include "host/farm/plan/make.h"
#include "host/farm/plan/options.h"
#include "host/farm/recorder.h"
#include "host/farm/session/resume.h"
#include "host/farm/session/session.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/output/sink/sink.h"
#include "host/report/progress.h"
#include "host/report/status.h"

/* No image has so much memory: each is one task. */
#define ONE_TASK (UINT64_C(1) << 52)

struct session_command {
    struct ps_options opt; /* with those of the plan */
    struct ps_session session;
    struct ps_session_settings settings;
    struct ps_farm_plan plan;
    struct ps_scan_session scan;
    struct ps_progress progress;
    struct ps_farm_task_run run;
    struct ps_image *first; /* of the plan, open still: what is packed need not be unpacked again */
    uint8_t *left_out;      /* by number: images that gave nothing */
    struct ps_merge_gaps gaps;
    int may_come; /* an image that gave nothing may do so later */
    int has_progress;
    char engine_text[128];
    const char *devices[1]; /* of the progress, which keeps them */
};

static void on_progress(void *arg, uint64_t done, uint64_t findings)
{
    struct session_command *c = arg;

    ps_progress_update(&c->progress, done, findings);
}

static void start_progress(void *arg, struct ps_image *image)
{
    struct session_command *c = arg;
    const struct ps_farm_task *task = c->run.task;
    const struct ps_progress_config config = {
        .bar = !c->opt.quiet && !c->opt.status_json && ps_progress_wants_bar((int)c->opt.progress),
        .json = c->opt.status_json,
        .session = c->session.dir,
        .target = c->settings.name[task->image_number],
        .devices = c->devices,
        .n_devices = 1,
        .total_bytes = ps_pipeline_total(image, task->start, task->end),
    };

    c->devices[0] = c->engine_text;
    ps_progress_start(&c->progress, &config);
    c->has_progress = 1;
}

static int plan_image(struct session_command *c, struct ps_image *image,
                      const struct ps_options *opt, struct ps_err *err)
{
    const char *path = ps_image_path(image);
    struct ps_err why;
    uint64_t present = 0;
    int rc = ps_farm_plan_add_image(&c->plan, image, opt, &present, &why);

    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.80s: %.160s", path, why.msg);
    return ps_session_settings_add(&c->settings, path, err);
}

/* An image that cannot be opened is left out, as scan goes on to the next one. */
static int add_image(struct session_command *c, const char *path, const struct ps_options *opt,
                     struct ps_err *err)
{
    struct ps_image *image = NULL;
    char text[512];
    int rc = ps_open_image(&image, path, opt, err);

    if (rc < 0 && ps_cancel_requested())
        return rc;
    if (rc < 0) {
        snprintf(text, sizeof text, "%.240s: %.240s", path, err->msg);
        return ps_session_settings_add_failure(&c->settings, err->code, text, err);
    }
    rc = plan_image(c, image, opt, err);
    if (rc == 0 && !c->first)
        c->first = image;
    else
        ps_image_close(image);
    return rc;
}

static void tell_failures(const struct ps_session_settings *s)
{
    for (size_t i = 0; i < s->n_failures; i++)
        ps_log(PS_LOG_ERROR, "%s", s->failure[i].text);
}

/* Who goes on later knows of the images that are there now. What is said about them is said when
 * they are merged. */
static int add_images(struct session_command *c, struct ps_err *err)
{
    struct ps_options whole = c->opt;
    struct ps_farm_notes notes;
    int rc = 0;

    whole.task_bytes = ONE_TASK;
    ps_farm_notes_begin(&notes, 1);
    for (size_t i = 0; i < c->opt.args.n && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = add_image(c, c->opt.args.item[i], &whole, err);
    }
    ps_farm_notes_end();
    ps_farm_notes_free(&notes);
    return rc;
}

static int make_plan(struct session_command *c, struct ps_err *err)
{
    struct ps_options whole = c->opt;
    int rc;

    whole.task_bytes = ONE_TASK;
    rc = ps_farm_plan_begin(&c->plan, &whole, err);
    if (rc == 0)
        rc = ps_session_settings_make(&c->settings, &c->opt, err);
    if (rc == 0)
        rc = add_images(c, err);
    if (rc < 0)
        return rc;
    tell_failures(&c->settings);
    if (c->plan.n_tasks > 0)
        return ps_farm_plan_seal(&c->plan, err);
    /* Said already, image by image: only the status is left to tell. */
    err->code = c->settings.n_failures ? c->settings.failure[0].code : PS_EARG;
    err->msg[0] = '\0';
    return -err->code;
}

/* A session that is there already is gone on with if it is the same scan. */
static int check_same(const struct session_command *c, struct ps_err *err)
{
    struct ps_session_settings settings = {.format = NULL};
    struct ps_farm_plan plan = {.n_tasks = 0};
    int rc = ps_session_load(&c->session, &plan, &settings, err);

    if (rc == 0 && strcmp(plan.id, c->plan.id) != 0)
        rc = ps_fail(err, PS_ECREATE, PS_AT_NONE,
                     "session %.120s: there already, of other images or options, or of images that "
                     "have changed; remove it or choose another name",
                     c->session.dir);
    ps_session_settings_free(&settings);
    ps_farm_plan_free(&plan);
    return rc;
}

static int plan_session(struct session_command *c, struct ps_err *err)
{
    int rc = make_plan(c, err);

    if (rc == 0 && ps_session_has_begun(&c->session))
        rc = check_same(c, err);
    return rc == 0 ? ps_session_begin(&c->session, &c->plan, &c->settings, err) : rc;
}

/* What could not begin leaves nothing behind. */
static int begin(struct session_command *c, struct ps_err *err)
{
    struct ps_err ignored;
    int rc = ps_session_open(&c->session, c->opt.session, 0, err);

    if (rc < 0)
        return rc;
    rc = plan_session(c, err);
    if (rc < 0 && !ps_session_has_begun(&c->session))
        (void)ps_session_remove(&c->session, &c->plan, &ignored);
    return rc;
}

/* What is said now about the output wins. */
static int restore(struct session_command *c, struct ps_err *err)
{
    int rc = ps_session_open(&c->session, c->opt.restore, 1, err);

    if (rc == 0)
        rc = ps_session_load(&c->session, &c->plan, &c->settings, err);
    if (rc == 0)
        rc = ps_farm_plan_use_options(&c->plan, &c->opt, err);
    if (rc < 0)
        return rc;
    if (strcmp(c->opt.format, "auto") == 0)
        c->opt.format = c->settings.format;
    if (!c->opt.output)
        c->opt.output = c->settings.output;
    c->opt.fail_if_none |= c->settings.fail_if_none;
    tell_failures(&c->settings);
    return 0;
}

static int scan_image(struct session_command *c, const struct ps_farm_task *task,
                      struct ps_err *err)
{
    const struct ps_scan_progress progress = {.call = on_progress, .arg = c};
    const char *name = c->settings.name[task->image_number];
    struct ps_err why;
    int rc;

    c->has_progress = 0;
    c->run = (struct ps_farm_task_run){.session = &c->scan,
                                       .plan = &c->plan,
                                       .task = task,
                                       .dir = c->session.dir,
                                       .progress = &progress,
                                       .on_image = start_progress,
                                       .arg = c};
    if (task->image_number == 0) {
        c->run.opened = c->first;
        c->first = NULL;
    }
    rc = ps_farm_task_resume(&c->run, &why);
    ps_image_close(c->run.opened);
    if (c->has_progress)
        ps_progress_end(&c->progress);
    if (c->run.was_done)
        ps_log(PS_LOG_INFO, "%s: scanned already", name);
    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.80s: %.160s", name, why.msg);
    return 0;
}

/* What another image may not suffer from is said, and its status kept. */
static int pass_over(struct session_command *c, uint32_t number, int rc, struct ps_err *err)
{
    if (ps_cancel_requested() || !(c->run.not_opened || c->run.not_scanned))
        return rc;
    ps_log(PS_LOG_ERROR, "%s", err->msg);
    c->left_out[number] = 1;
    c->may_come |= c->run.not_opened;
    if (c->gaps.code == 0 || number < c->gaps.before) {
        c->gaps.before = number;
        c->gaps.code = err->code;
    }
    return 0;
}

/* Those that were not there when the session began. */
static int begin_gaps(struct session_command *c, struct ps_err *err)
{
    c->left_out = calloc(c->plan.n_images + 1u, 1);
    if (!c->left_out)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a session");
    c->gaps.left_out = c->left_out;
    if (c->settings.n_failures) {
        c->gaps.before = c->settings.failure[0].before;
        c->gaps.code = c->settings.failure[0].code;
    }
    return 0;
}

static int scan_images(struct session_command *c, struct ps_err *err)
{
    int rc = ps_scan_session_open(&c->scan, &c->opt, err);

    if (rc == 0)
        rc = ps_farm_plan_check_tags(&c->plan, c->scan.tags, err);
    if (rc == 0) {
        ps_engine_describe(&c->scan.engine, c->engine_text, sizeof c->engine_text);
        ps_log(PS_LOG_INFO, "using %s", c->engine_text);
    }
    for (size_t i = 0; i < c->plan.n_tasks && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = scan_image(c, &c->plan.task[i], err);
        if (rc < 0)
            rc = pass_over(c, c->plan.task[i].image_number, rc, err);
    }
    ps_scan_session_free(&c->scan);
    return rc;
}

/* Images of which a part is missing are reported all the same, and only their status is left to
 * tell; so is it when nothing is found, and nobody wanted that. */
static int is_reported(int rc, const struct ps_err *err)
{
    return rc == 0 || rc == -PS_ENONE || !err->msg[0];
}

/* A place that cannot be written is better known before a long scan than after it. */
static int try_output(const char *output, struct ps_err *err)
{
    struct ps_sink *sink = NULL;
    struct stat st;
    int rc;

    if (!output || (stat(output, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return 0;
    rc = ps_sink_open(&sink, output, err);
    return rc == 0 ? ps_sink_close(sink, 0, err) : rc;
}

static int run(struct session_command *c, struct ps_err *err)
{
    struct ps_err why;
    int rc = try_output(c->opt.output, err);

    if (rc == 0)
        rc = begin_gaps(c, err);
    if (rc == 0)
        rc = scan_images(c, err);
    if (rc == 0) {
        ps_status_target(c->session.dir);
        ps_status_phase("writing the result");
        rc = ps_merge_shards(&c->opt, &c->plan, c->session.dir,
                             (const char *const *)c->settings.name, &c->gaps, err);
        if (is_reported(rc, err) && !c->may_come) {
            if (ps_session_remove(&c->session, &c->plan, &why) < 0)
                ps_log(PS_LOG_WARN, "%s", why.msg);
            return rc;
        }
    }
    ps_log(PS_LOG_WARN, "the session is kept: poolscan --restore %s goes on", c->session.dir);
    return rc;
}

int ps_cmd_session(const struct ps_options *opt, struct ps_err *err)
{
    struct session_command c = {.session = {.lock = -1}};
    int rc = ps_options_copy(&c.opt, opt, err);

    ps_fault_guard_init();
    if (rc == 0)
        rc = opt->restore ? restore(&c, err) : begin(&c, err);
    if (rc == 0)
        rc = run(&c, err);
    ps_image_close(c.first);
    free(c.left_out);
    ps_session_close(&c.session);
    ps_session_settings_free(&c.settings);
    ps_farm_plan_free(&c.plan);
    ps_options_free(&c.opt);
    return rc;
}
