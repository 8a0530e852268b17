#include "host/run/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/log.h"
#include "host/pipeline/pipeline.h"
#include "host/run/copies.h"
#include "host/run/paged_out_scan.h"
#include "host/run/pick_era.h"
#include "host/run/tag_source.h"
#include "host/run/virtual_side.h"
#include "scan/merge/merge.h"
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

/* Plan and backends stay while images are of one era. */
static int use_era(struct ps_scan_session *s, const struct ps_era *era, struct ps_err *err)
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

/* One image on its way: from the pipeline through the merge to the output. */
struct delivery {
    struct ps_scan_session *s;
    const struct ps_image *image;
    const struct ps_scan_progress *progress;
    struct ps_scan_totals *totals;
    struct ps_merge merge;
    struct ps_bigpool_carver *carver; /* NULL: the table is known */
};

static void count(struct ps_scan_totals *t, const struct ps_image *image,
                  const struct ps_finding *f, size_t n)
{
    t->findings += n;
    for (size_t i = 0; i < n; i++) {
        t->with_address += f[i].va != 0;
        if (f[i].source == PS_SOURCE_BIGPOOL) {
            t->big++;
            t->big_elsewhere += !ps_image_has(image, f[i].phys);
        } else {
            t->unmapped += f[i].mapped == PS_MAPPED_NO;
            t->in_big_pool += f[i].in_big != 0;
        }
    }
}

/* A sink of the merge. */
static int deliver(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct delivery *d = arg;
    int rc = 0;

    ps_digest_update(d->s->digest, f, n * sizeof *f);
    count(d->totals, d->image, f, n);
    if (d->s->on_findings && n)
        rc = d->s->on_findings(d->s->findings_arg, f, n, err);
    if (rc == 0 && d->s->output && n)
        rc = ps_output_findings(d->s->output, f, n, err);
    return rc;
}

static int on_page(void *arg, uint64_t phys, const uint8_t *page, struct ps_err *err)
{
    struct delivery *d = arg;

    return ps_bigpool_carver_page(d->carver, phys, page, err);
}

static int on_paged_out(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct delivery *d = arg;

    return ps_merge_headers(&d->merge, f, n, err);
}

static int on_headers(void *arg, const struct ps_finding *f, size_t n, uint64_t done,
                      struct ps_err *err)
{
    struct delivery *d = arg;
    int rc = ps_merge_headers(&d->merge, f, n, err);

    if (rc == 0 && d->progress)
        d->progress->call(d->progress->arg, done, d->totals->findings);
    return rc;
}

static uint64_t image_span(struct ps_image *image)
{
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);

    return n ? e[n - 1].phys + e[n - 1].n_bytes : 0;
}

static void add_totals(struct ps_scan_totals *t, struct ps_image *image,
                       const struct ps_pipeline_spec *spec, const struct ps_pipeline_stats *stats)
{
    uint64_t span = image_span(image);
    uint64_t end = spec->range_end < span ? spec->range_end : span;
    uint64_t wanted = end > spec->range_start ? end - spec->range_start : 0;
    uint64_t present = ps_pipeline_total(image, spec->range_start, spec->range_end);

    t->images++;
    t->bytes_scanned += stats->bytes_scanned;
    t->bytes_hole += wanted - present;
    t->bytes_unreadable += stats->bytes_unreadable;
    t->bytes_torn += ps_image_torn_bytes(image);
    t->bytes_missing += ps_image_missing_bytes(image);
}

/* What a page is judged by where there are page tables. */
struct judging {
    const struct ps_locator *locator;
    const struct ps_era *era;
    const struct ps_ruleset *rules;
};

static void judge(const void *arg, const uint8_t *page, const struct ps_hit *hit, size_t n,
                  struct ps_finding *f)
{
    const struct judging *j = arg;

    ps_locate_hits(j->locator, j->era, j->rules, page, hit, n, f);
}

static int run_pipeline(struct ps_scan_session *s, struct ps_image *image,
                        const struct ps_virtual_side *v, struct delivery *d,
                        struct ps_pipeline_stats *stats, struct ps_err *err)
{
    const struct ps_options *opt = s->opt;
    /* Who asks for copies gets them; only a threshold that was asked for too takes them away. */
    struct ps_copies copies = {.image = image,
                               .include = opt->include_copies,
                               .min_confidence = opt->has_min_confidence ? opt->min_confidence
                                                                         : PS_CONFIDENCE_ALL};
    const struct judging judging = {&v->locator, s->era, &s->rules};
    struct ps_pipeline_spec spec = {
        .image = image,
        .plan = s->plan,
        .era = s->era,
        .rules = &s->rules,
        .topology = s->topology,
        .lanes = s->engine.lane,
        .n_lanes = s->engine.n_lanes,
        .chunk_pages = s->engine.chunk_pages,
        .range_start = opt->has_range ? opt->range_start : 0,
        .range_end = opt->has_range ? opt->range_end : UINT64_MAX,
        .min_confidence = opt->min_confidence,
        .show_free = opt->show_free,
        .judge = v->map ? judge : NULL,
        .judge_arg = &judging,
        .keep_arches = v->carver ? v->carver_arches : 0,
        .on_page = on_page,
        .sift = ps_copies_sift,
        .sift_arg = &copies,
        .page_secret = ps_copies_secret(&copies),
        .no_map = opt->io && strcmp(opt->io, "read") == 0,
        .on_findings = on_headers,
        .arg = d,
    };
    int rc;

    rc = ps_pipeline_run(&spec, stats, err);
    add_totals(d->totals, image, &spec, stats);
    d->totals->copies_left_out += copies.n_left_out;
    d->totals->below += copies.n_below;
    ps_copies_free(&copies);
    return rc;
}

static void tell_side(struct ps_image *image, const struct ps_virtual_side *v,
                      enum ps_log_level level)
{
    char text[600];

    ps_virtual_side_describe(v, text, sizeof text);
    ps_log(level, "%s: %s", ps_image_path(image), text);
}

static int merge_big(const struct ps_scan_session *s, struct ps_virtual_side *v, struct delivery *d,
                     struct ps_finding **big, struct ps_err *err)
{
    size_t n = 0;
    int rc = ps_virtual_side_findings(v, s->opt, s->tags, s->pattern, s->opt->tags.n, big, &n, err);

    d->merge = (struct ps_merge){.big = *big, .n_big = n, .sink = deliver, .arg = d};
    return rc;
}

/* Findings without a physical address come last, so these follow the pass. */
static int scan_paged_out(struct ps_scan_session *s, const struct ps_virtual_side *v,
                          struct delivery *d, struct ps_err *err)
{
    const struct ps_options *opt = s->opt;
    const struct ps_paged_out_scan scan = {
        .space = &v->space,
        .locator = &v->locator,
        .plan = s->plan,
        .era = s->era,
        .rules = &s->rules,
        .min_confidence = opt->min_confidence,
        .show_free = opt->show_free,
        .on_findings = on_paged_out,
        .arg = d,
    };
    struct ps_paged_out_result result;
    int rc;

    if (!v->map || opt->has_range)
        return 0;
    rc = ps_paged_out_scan(&scan, &result, err);
    d->totals->pages_paged_out += result.n_pages;
    d->totals->below += result.n_below;
    /* Without a page file nothing was asked for, and all of them are missing. */
    d->totals->pages_missing +=
        v->space.pagefiles.n ? result.n_missing : ps_inverse_map_counts(v->map)->paged_out;
    return rc;
}

/* Entries of a table that was carved in the pass have no physical address: they come last. */
static int run_merged(struct ps_scan_session *s, struct ps_image *image, struct ps_virtual_side *v,
                      struct delivery *d, struct ps_pipeline_stats *stats, struct ps_err *err)
{
    struct ps_finding *big = NULL;
    int rc = merge_big(s, v, d, &big, err);

    d->carver = v->carver;
    if (rc == 0)
        rc = run_pipeline(s, image, v, d, stats, err);
    if (rc == 0 && v->carver) {
        free(big);
        big = NULL;
        rc = ps_virtual_side_carved(v, err);
        if (rc == 0)
            rc = merge_big(s, v, d, &big, err);
        if (rc == 0 && v->table.method != PS_BIGPOOL_NOT_FOUND)
            tell_side(image, v, PS_LOG_INFO);
    }
    if (rc == 0)
        rc = scan_paged_out(s, v, d, err);
    if (rc == 0)
        rc = ps_merge_finish(&d->merge, err);
    d->totals->below += v->n_big_below;
    free(big);
    return rc;
}

static int open_side(const struct ps_scan_session *s, struct ps_image *image,
                     struct ps_virtual_side *v, struct ps_err *err)
{
    int rc = ps_virtual_side_open(v, s->opt, image, err);

    if (rc == 0 && !s->opt->physical_only)
        tell_side(image, v, v->map ? PS_LOG_INFO : PS_LOG_WARN);
    return rc;
}

static int scan_with(struct ps_scan_session *s, struct ps_image *image, struct ps_virtual_side *v,
                     struct delivery *d, struct ps_pipeline_stats *stats, struct ps_err *err)
{
    struct ps_output_image about = {.path = ps_image_path(image), .id = ps_image_id(image)};
    int rc = use_era(s, ps_pick_era(&v->space, s->opt), err);

    if (rc < 0)
        return rc;
    about.era = s->era;
    about.processes = &v->quota.processes;
    if (s->output)
        rc = ps_output_begin_image(s->output, &about, err);
    if (rc == 0)
        rc = run_merged(s, image, v, d, stats, err);
    if (rc == 0 && s->output)
        rc = ps_output_end_image(s->output, err);
    return rc;
}

/* What its reader could not find costs the image its good status, as what cannot be read does. */
static int tell_loss(struct ps_image *image, int *went_on, struct ps_err *err)
{
    if (!ps_notes_have(ps_image_notes(image), PS_NOTE_LOSS))
        return 0;
    *went_on = 1;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "a part of the image is missing (see the warnings), all that is there was "
                   "scanned");
}

int ps_scan_session_image(struct ps_scan_session *s, struct ps_image *image,
                          const struct ps_scan_progress *progress, struct ps_scan_totals *totals,
                          int *went_on, struct ps_err *err)
{
    struct delivery d = {.s = s, .image = image, .progress = progress, .totals = totals};
    struct ps_pipeline_stats stats = {0};
    struct ps_virtual_side side;
    int rc;

    *went_on = 0;
    rc = open_side(s, image, &side, err);
    if (rc == 0)
        rc = scan_with(s, image, &side, &d, &stats, err);
    ps_virtual_side_close(&side);
    if (rc < 0)
        return rc;
    if (stats.bytes_unreadable == 0)
        return tell_loss(image, went_on, err);
    *went_on = 1;
    return ps_fail(err, (enum ps_code)stats.first_unreadable.code, stats.first_unreadable.at,
                   "%" PRIu64 " bytes could not be read, all others were scanned: %.150s",
                   stats.bytes_unreadable, stats.first_unreadable.msg);
}
