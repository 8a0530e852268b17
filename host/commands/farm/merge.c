/* poolscan merge: the shards of a plan into one result. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/cancel.h"
#include "host/commands/farm/merge.h"
#include "host/farm/merge/arrival.h"
#include "host/farm/merge/listing.h"
#include "host/farm/merge/replay.h"
#include "host/farm/merge/survey.h"
#include "host/farm/plan/options.h"
#include "host/log.h"
#include "host/run/scan_summary.h"
#include "host/run/tag_source.h"
#include "scan/tags/tagdb.h"

struct merge_command {
    struct ps_options opt; /* with those of the plan */
    struct ps_farm_plan plan;
    struct ps_farm_survey survey;
    struct ps_farm_arrivals arrivals; /* with --wait */
    /* With --wait, by number of the image: a shard has not come in time, or is bad; and what a
     * survey leaves out then. */
    uint8_t *unmerged, *merged;
    size_t n_unmerged;
    struct ps_tagdb *tags;
    struct ps_tag_pattern *pattern;
    struct ps_digest *digest;
    struct ps_output *output;
    struct ps_scan_totals totals;
    const char *dir;
    const char *const *name; /* of the images, by number; NULL: as in the plan */
    const struct ps_merge_gaps *gaps;
    int first_failure; /* -PS_E... of an image that has losses or gives nothing, 0 if none */
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void tell(void *arg, const char *text)
{
    (void)arg;
    ps_log(PS_LOG_ERROR, "%s", text);
}

/* Somebody may miss what is in them. */
static void tell_extra(const struct merge_command *m)
{
    struct ps_farm_listing files;

    ps_farm_list(&files, &m->plan, m->dir);
    if (files.n_extra == 1)
        ps_log(PS_LOG_WARN, "%.300s: %s is a shard of no task of the plan, and is not read", m->dir,
               files.extra);
    else if (files.n_extra > 1)
        ps_log(PS_LOG_WARN, "%.300s: %zu shards of no task of the plan are not read: %s ...",
               m->dir, files.n_extra, files.extra);
}

static int open_tags(struct merge_command *m, struct ps_err *err)
{
    int rc = ps_tag_source_load(&m->tags, &m->opt, err);

    if (rc == 0)
        rc = ps_farm_plan_check_tags(&m->plan, m->tags, err);
    if (rc == 0)
        rc = ps_tag_source_patterns(&m->pattern, &m->opt, err);
    if (rc < 0)
        return rc;
    m->digest = ps_digest_new();
    return m->digest ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static int open_output(struct merge_command *m, struct ps_err *err)
{
    const struct ps_output_spec spec = {
        .format = m->opt.format,
        .path = m->opt.output,
        .tags = m->tags,
        .color = ps_output_wants_color((int)m->opt.color, m->opt.output),
        .temp_dir = m->opt.temp_dir,
    };

    return ps_output_open(&m->output, &spec, err);
}

static void note_failure(struct merge_command *m, int code)
{
    if (m->first_failure == 0)
        m->first_failure = -code;
}

/* What an image lacked when it was scanned is told as the scan tells it. */
static void tell_losses(struct merge_command *m, const char *image, const struct ps_losses *losses)
{
    struct ps_err err;

    if (ps_losses_tell(losses, &err) == 0)
        return;
    ps_log(PS_LOG_ERROR, "%s: %s", image, err.msg);
    note_failure(m, err.code);
}

static int have_shard(void *arg, const struct ps_farm_task *task, struct ps_err *err)
{
    return ps_farm_arrivals_have(arg, task, err);
}

/* An image is in the output as a whole or not at all. */
static int have_image(struct merge_command *m, uint32_t first, struct ps_err *err)
{
    const uint32_t end = ps_farm_image_end(&m->plan, first);
    int rc = 0;

    for (uint32_t i = first; i < end && rc == 0; i++)
        rc = ps_farm_arrivals_have(&m->arrivals, &m->plan.task[i], err);
    return rc;
}

static int merge_image(struct merge_command *m, uint32_t first, struct ps_err *err)
{
    const struct ps_collector_spec spec = {
        .opt = &m->opt,
        .tags = m->tags,
        .pattern = m->pattern,
        .output = m->output,
        .digest = m->digest,
        .totals = &m->totals,
    };
    const struct ps_farm_task *task = &m->plan.task[first];
    const char *name = m->name ? m->name[task->image_number] : task->image;
    struct ps_collector *collector = malloc(sizeof *collector);
    struct ps_receiver to;
    const struct ps_farm_replay replay = {
        .plan = &m->plan,
        .dir = m->dir,
        .n_tags = ps_tagdb_count(m->tags),
        .name = name,
        .to = &to,
        .have = m->opt.wait && !m->opt.partial ? have_shard : NULL,
        .arg = &m->arrivals,
    };
    int rc;

    if (!collector)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    ps_collector_init(collector, &spec);
    to = ps_collector_receiver(collector);
    rc = ps_farm_replay(&replay, first, err);
    if (rc == 0)
        tell_losses(m, name, &collector->losses);
    ps_collector_free(collector);
    free(collector);
    return rc;
}

/* With --partial the others are merged all the same. */
static int merge_when_there(struct merge_command *m, uint32_t first, struct ps_err *err)
{
    int rc = m->opt.partial ? have_image(m, first, err) : 0;

    if (rc == 0)
        rc = merge_image(m, first, err);
    if (rc == 0 || !m->arrivals.is_unusable)
        return rc;
    m->unmerged[m->plan.task[first].image_number] = 1;
    m->n_unmerged++;
    return m->opt.partial ? 0 : rc;
}

static int merge_images(struct merge_command *m, struct ps_err *err)
{
    int rc = 0;

    for (uint32_t first = 0; first < m->plan.n_tasks && rc == 0;
         first = ps_farm_image_end(&m->plan, first)) {
        const uint32_t number = m->plan.task[first].image_number;

        if (m->gaps->before <= number)
            note_failure(m, m->gaps->code);
        if (m->opt.wait)
            rc = merge_when_there(m, first, err);
        else if (!m->survey.failed[number])
            rc = merge_image(m, first, err);
    }
    note_failure(m, m->gaps->code);
    return rc;
}

static void print_summary(const struct merge_command *m, double seconds, int rc)
{
    char text[64];

    snprintf(text, sizeof text, "merge of %zu tasks", m->plan.n_tasks);
    if (!m->opt.quiet)
        ps_scan_summary_print(&m->opt, &m->totals, m->digest, text, seconds, rc < 0);
}

static int write_merged(struct merge_command *m, struct ps_err *err)
{
    const double start = seconds_now();
    struct ps_err close_err;
    int close_rc;
    int rc = open_output(m, err);

    if (rc < 0)
        return rc;
    rc = merge_images(m, err);
    close_rc = ps_output_close(m->output, rc == 0 && m->totals.images > 0, &close_err);
    if (rc == 0 && close_rc < 0) {
        *err = close_err;
        rc = close_rc;
    }
    if (rc == 0 && m->opt.wait)
        tell_extra(m);
    if (m->totals.images > 0 && (m->n_unmerged == 0 || m->opt.partial))
        print_summary(m, seconds_now() - start, rc);
    return rc;
}

/* The status of shards that cannot be used: a missing one may still come. */
static int fail_survey(const struct merge_command *m, struct ps_err *err)
{
    const struct ps_farm_survey *s = &m->survey;

    return ps_fail(err, s->n_bad ? PS_EFORMAT : PS_ETEMP, PS_AT_NONE,
                   "%zu of %zu tasks have no shard and %zu a bad one: %zu of %" PRIu32
                   " images %s%s",
                   s->n_missing, m->plan.n_tasks, s->n_bad, s->n_failed, m->plan.n_images,
                   m->opt.partial ? "are left out" : "are not complete",
                   m->opt.partial ? "" : "; nothing was merged (--partial merges the others)");
}

static int survey(struct merge_command *m, const uint8_t *left_out, struct ps_err *err)
{
    int rc = ps_farm_survey(&m->survey, &m->plan, m->dir, ps_tagdb_count(m->tags), left_out, tell,
                            m, err);

    if (rc == 0 && !m->opt.wait)
        tell_extra(m);
    return rc;
}

/* A shard that came, or was put right, after it was given up: what is written is closed already. */
static void tell_late(struct merge_command *m)
{
    struct ps_farm_survey *s = &m->survey;

    for (uint32_t i = 0; i < m->plan.n_tasks; i = ps_farm_image_end(&m->plan, i)) {
        const uint32_t number = m->plan.task[i].image_number;

        if (s->failed[number] || !m->unmerged[number])
            continue;
        s->n_failed++;
        ps_log(PS_LOG_ERROR, "%s: a shard of it came too late; merge again", m->plan.task[i].image);
    }
}

/* What was not merged is named as if nobody had waited. */
static int fail_waiting(struct merge_command *m, struct ps_err *err)
{
    int rc;

    for (uint32_t i = 0; i < m->plan.n_images; i++)
        m->merged[i] = m->opt.partial && !m->unmerged[i];
    rc = survey(m, m->merged, err);
    if (rc < 0)
        return rc;
    tell_late(m);
    return fail_survey(m, err);
}

static int merge(struct merge_command *m, struct ps_err *err)
{
    int rc = m->opt.wait ? 0 : survey(m, m->gaps->left_out, err);

    if (rc < 0)
        return rc;
    if (m->survey.n_failed && !m->opt.partial)
        return fail_survey(m, err);
    rc = write_merged(m, err);
    if (m->n_unmerged && (rc == 0 || !m->opt.partial))
        return fail_waiting(m, err);
    if (rc == 0 && m->survey.n_failed)
        return fail_survey(m, err);
    if (rc == 0 && m->first_failure < 0) {
        /* Said already, image by image: only the status is left to tell. */
        err->code = -m->first_failure;
        err->msg[0] = '\0';
        return m->first_failure;
    }
    if (rc == 0 && m->opt.fail_if_none && m->totals.findings == 0)
        return ps_fail(err, PS_ENONE, PS_AT_NONE, "nothing found (--fail-if-none)");
    return rc;
}

static int begin_waiting(struct merge_command *m, struct ps_err *err)
{
    m->arrivals = (struct ps_farm_arrivals){
        .plan = &m->plan,
        .dir = m->dir,
        .n_tags = ps_tagdb_count(m->tags),
        .seconds = m->opt.wait,
    };
    m->unmerged = calloc(m->plan.n_images + 1u, 1);
    m->merged = calloc(m->plan.n_images + 1u, 1);
    if (m->unmerged && m->merged)
        return 0;
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %" PRIu32 " images",
                   m->plan.n_images);
}

static int run(struct merge_command *m, struct ps_err *err)
{
    int rc = open_tags(m, err);

    if (rc == 0 && m->opt.wait)
        rc = begin_waiting(m, err);
    if (rc == 0)
        rc = merge(m, err);
    free(m->unmerged);
    free(m->merged);
    ps_farm_survey_free(&m->survey);
    ps_digest_free(m->digest);
    free(m->pattern);
    ps_tagdb_free(m->tags);
    return rc;
}

int ps_merge_shards(const struct ps_options *opt, const struct ps_farm_plan *plan, const char *dir,
                    const char *const *name, const struct ps_merge_gaps *gaps, struct ps_err *err)
{
    struct merge_command m = {.opt = *opt, .plan = *plan, .dir = dir, .name = name, .gaps = gaps};

    return run(&m, err);
}

int ps_cmd_merge(const struct ps_options *opt, struct ps_err *err)
{
    static const struct ps_merge_gaps none;
    struct merge_command m = {.dir = opt->args.item[0], .gaps = &none};
    int rc;

    if (!opt->plan)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "merge: --plan PLAN says which tasks the shards are of");
    rc = ps_farm_plan_read(&m.plan, opt->plan, err);
    if (rc < 0)
        return rc;
    rc = ps_options_copy(&m.opt, opt, err);
    if (rc == 0)
        rc = ps_farm_plan_use_options(&m.plan, &m.opt, err);
    if (rc == 0)
        rc = run(&m, err);
    ps_options_free(&m.opt);
    ps_farm_plan_free(&m.plan);
    return rc;
}
