/* poolscan scan: every image through the session, findings out, one summary. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "host/cancel.h"
#include "host/commands/window.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/report/progress.h"
#include "host/run/scan_summary.h"
#include "host/run/session.h"

struct scan_run {
    const struct ps_options *opt; /* window */
    struct ps_options window;     /* the options, with the range of the image */
    struct ps_scan_session session;
    struct ps_scan_totals totals;
    struct ps_progress progress;
    char engine_text[128];
    const char *devices[1]; /* of the progress, which keeps them */
    int first_failure;      /* -PS_E... of an image that did not stop the run, 0 if none */
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void on_progress(void *arg, uint64_t done, uint64_t findings)
{
    struct scan_run *run = arg;

    ps_progress_update(&run->progress, done, findings);
}

/* One image failed and the others go on: say so now, in one line. */
static void note_failure(struct scan_run *run, const char *path, const struct ps_err *err)
{
    ps_log(PS_LOG_ERROR, "%s: %s", path, err->msg);
    if (run->first_failure == 0)
        run->first_failure = -err->code;
}

static void start_progress(struct scan_run *run, struct ps_image *image)
{
    const struct ps_options *opt = run->opt;
    struct ps_progress_config config = {
        .bar = !opt->quiet && !opt->status_json && ps_progress_wants_bar((int)opt->progress),
        .json = opt->status_json,
        .target = ps_image_path(image),
        .devices = run->devices,
        .n_devices = 1,
        .total_bytes = ps_pipeline_total(image, opt->has_range ? opt->range_start : 0,
                                         opt->has_range ? opt->range_end : UINT64_MAX),
    };

    run->devices[0] = run->engine_text;
    ps_progress_start(&run->progress, &config);
}

/* Does the failure say something about this image alone? An option that names a place in it, such
 * as --dtb, may fit the next one. */
static int is_of_image(int rc)
{
    return rc == -PS_EARG || rc == -PS_EFORMAT;
}

typedef int open_fn(struct ps_image **out, const char *path, const struct ps_options *opt,
                    struct ps_err *err);

/* *went_on: as ps_scan_session_image, which also says what is returned; 1 too when the image cannot
 * be opened. */
static int open_and_scan(struct scan_run *run, open_fn *open, const char *path, int *went_on,
                         struct ps_err *err)
{
    const struct ps_scan_progress progress = {.call = on_progress, .arg = run};
    struct ps_image *image = NULL;
    int rc = open(&image, path, run->opt, err);

    *went_on = 1;
    if (rc < 0)
        return rc;
    rc = ps_window_use(&run->window, image, err);
    if (rc < 0) {
        ps_image_close(image);
        return rc;
    }
    ps_warn_if_torn(image);
    start_progress(run, image);
    rc = ps_scan_session_image(&run->session, image, &progress, &run->totals, went_on, err);
    ps_progress_end(&run->progress);
    ps_image_close(image);
    return rc;
}

/* Scan one image. Only what would also end the next image's scan is returned as a failure. */
static int scan_one(struct scan_run *run, const char *path, struct ps_err *err)
{
    int went_on;
    int rc = open_and_scan(run, ps_open_image_to_scan, path, &went_on, err);

    if (rc == PS_SCAN_AGAIN) {
        ps_log(PS_LOG_INFO, "%s: cannot be scanned while it is unpacked: once more", path);
        rc = open_and_scan(run, ps_open_image, path, &went_on, err);
    }
    if (rc < 0 && (went_on || is_of_image(rc))) {
        note_failure(run, path, err);
        rc = 0;
    }
    return rc;
}

static int open_output(struct scan_run *run, struct ps_err *err)
{
    const struct ps_output_spec spec = {
        .format = run->opt->format,
        .path = run->opt->output,
        .tags = run->session.tags,
        .color = ps_output_wants_color((int)run->opt->color, run->opt->output),
        .temp_dir = run->opt->temp_dir,
    };

    return ps_output_open(&run->session.output, &spec, err);
}

static int scan_all(struct scan_run *run, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < run->opt->args.n && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = scan_one(run, run->opt->args.item[i], err);
    }
    return rc;
}

/* Write everything out and publish the file, unless nothing can be said about any image. */
static int finish_output(struct scan_run *run, int rc, struct ps_err *err)
{
    struct ps_err close_err;
    int keep = rc == 0 && run->totals.images > 0;
    int close_rc = ps_output_close(run->session.output, keep, &close_err);

    run->session.output = NULL;
    if (rc == 0 && close_rc < 0) {
        *err = close_err;
        rc = close_rc;
    }
    return rc;
}

static int run_session(struct scan_run *run, struct ps_err *err)
{
    const double start = seconds_now();
    int rc;

    ps_engine_describe(&run->session.engine, run->engine_text, sizeof run->engine_text);
    ps_log(PS_LOG_INFO, "using %s", run->engine_text);
    rc = open_output(run, err);
    if (rc < 0)
        return rc;
    rc = scan_all(run, err);
    rc = finish_output(run, rc, err);
    if (run->totals.images > 0 && !run->opt->quiet)
        ps_scan_summary_print(run->opt, &run->totals, run->session.digest, run->engine_text,
                              seconds_now() - start, rc < 0);
    return rc;
}

int ps_cmd_scan(const struct ps_options *opt, struct ps_err *err)
{
    struct scan_run run = {.opt = &run.window, .window = *opt};
    int rc;

    if (opt->session || opt->restore)
        return ps_cmd_session(opt, err);
    if (opt->plan)
        return ps_cmd_task(opt, err);
    if (opt->args.n == 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "scan: no image given; see poolscan --help");
    ps_window_init(&run.window);
    ps_fault_guard_init();
    rc = ps_scan_session_open(&run.session, run.opt, err);
    if (rc == 0)
        rc = run_session(&run, err);
    ps_scan_session_free(&run.session);
    if (rc == 0 && run.first_failure < 0) {
        /* Said already, image by image: only the status is left to tell. */
        err->code = -run.first_failure;
        err->msg[0] = 0;
        rc = run.first_failure;
    }
    if (rc == 0 && opt->fail_if_none && run.totals.findings == 0)
        rc = ps_fail(err, PS_ENONE, PS_AT_NONE, "nothing found (--fail-if-none)");
    return rc;
}
