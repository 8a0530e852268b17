#include "host/run/session.h"

#include <stdlib.h>

#include "host/run/image_scan.h"
#include "host/run/tag_source.h"
#include "scan/plan_compile.h"

static int build_rules(struct ps_scan_session *s, struct ps_err *err)
{
    struct ps_ruleset_spec spec = {
        .db = s->tags, .n_patterns = s->opt->tags.n, .any_tag = s->opt->all_headers};
    int rc = ps_tag_source_patterns(&s->pattern, s->opt, err);

    if (rc < 0)
        return rc;
    spec.patterns = s->pattern;
    return ps_ruleset_build(&s->rules, &spec, err);
}

int ps_scan_session_open(struct ps_scan_session *s, const struct ps_options *opt,
                         struct ps_err *err)
{
    int rc;

    *s = (struct ps_scan_session){.opt = opt};
    rc = ps_tag_source_load(&s->tags, opt, err);
    if (rc == 0)
        rc = build_rules(s, err);
    if (rc < 0)
        return rc;
    s->topology = ps_topology_new();
    s->digest = ps_digest_new();
    if (!s->digest)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    return ps_engine_choose(&s->engine, opt, s->topology, err);
}

void ps_scan_session_free(struct ps_scan_session *s)
{
    ps_engine_free(&s->engine);
    ps_topology_free(s->topology);
    ps_digest_free(s->digest);
    free(s->plan);
    ps_ruleset_free(&s->rules);
    free(s->pattern);
    ps_tagdb_free(s->tags);
}

int ps_scan_session_use_era(struct ps_scan_session *s, const struct ps_era *era, struct ps_err *err)
{
    struct ps_plan *plan = NULL;
    int rc;

    if (s->era == era)
        return 0;
    rc = ps_plan_compile(&plan, era, &s->rules, s->opt->show_free, err);
    if (rc < 0)
        return rc;
    rc = ps_engine_open(&s->engine, plan, s->opt->chunk_bytes, err);
    /* The old plan's backends are closed by now, whatever happened. */
    free(s->plan);
    s->plan = plan;
    s->era = rc == 0 ? era : NULL;
    return rc;
}

int ps_scan_session_image(struct ps_scan_session *s, struct ps_image *image,
                          const struct ps_scan_progress *progress, struct ps_scan_totals *totals,
                          int *went_on, struct ps_err *err)
{
    const struct ps_options *opt = s->opt;
    const struct ps_collector_spec spec = {
        .opt = opt,
        .tags = s->tags,
        .pattern = s->pattern,
        .image = image,
        .is_passing = ps_image_is_passing(image),
        .output = s->output,
        .digest = s->digest,
        .on_findings = s->on_findings,
        .findings_arg = s->findings_arg,
        .progress = progress,
        .totals = totals,
    };
    struct ps_collector collector;
    const struct ps_receiver to = ps_collector_receiver(&collector);
    const struct ps_image_scan scan = {
        .session = s,
        .image = image,
        .start = opt->has_range ? opt->range_start : 0,
        .end = opt->has_range ? opt->range_end : UINT64_MAX,
        .with_side = 1,
        .page_secret = ps_collector_init(&collector, &spec),
        .to = &to,
    };
    int rc = ps_image_scan(&scan, err);

    *went_on = 0;
    if (collector.is_again)
        rc = PS_SCAN_AGAIN;
    if (rc == 0) {
        rc = ps_losses_tell(&collector.losses, err);
        *went_on = rc < 0;
    }
    ps_collector_free(&collector);
    return rc;
}
