#include "host/run/image_scan.h"

#include <stdlib.h>
#include <string.h>

#include "host/log.h"
#include "host/report/status.h"
#include "host/run/paged_out_scan.h"
#include "host/run/pick_era.h"

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

/* Whom the findings of a chunk go to. */
struct delivery {
    const struct ps_receiver *to;
    struct ps_virtual_side *side;
};

/* What was judged without what there was no memory for goes to nobody. */
static int deliver(void *arg, struct ps_chunk_result *r, struct ps_err *err)
{
    const struct delivery *d = arg;
    const int rc = ps_virtual_side_check(d->side, err);

    return rc < 0 ? rc : d->to->chunk(d->to->arg, r, err);
}

/* What one thread unpacks and others scan should still be in the caches: one that unpacks has the
 * window of the stream there, too. But waking who scans costs the one who unpacks, too: 50 to 100
 * us for each chunk on a virtual machine. */
#define PASSING_CHUNK_PAGES ((size_t)512)

static size_t chunk_pages(const struct ps_image_scan *scan)
{
    const struct ps_scan_session *s = scan->session;
    const size_t n = s->engine.chunk_pages;

    if (s->opt->chunk_bytes || s->engine.kind != PS_ENGINE_CPU || n <= PASSING_CHUNK_PAGES ||
        !ps_image_is_passing(scan->image))
        return n;
    return PASSING_CHUNK_PAGES;
}

static int run_pipeline(const struct ps_image_scan *scan, struct ps_virtual_side *v,
                        struct ps_err *err)
{
    const struct ps_scan_session *s = scan->session;
    const struct ps_options *opt = s->opt;
    const struct judging judging = {&v->locator, s->era, &s->rules};
    struct delivery delivery = {scan->to, v};
    const struct ps_pipeline_spec spec = {
        .image = scan->image,
        .plan = s->plan,
        .era = s->era,
        .rules = &s->rules,
        .topology = s->topology,
        .lanes = s->engine.lane,
        .n_lanes = s->engine.n_lanes,
        .chunk_pages = chunk_pages(scan),
        .range_start = scan->start,
        .range_end = scan->end,
        .min_confidence = opt->min_confidence,
        .show_free = opt->show_free,
        .judge = v->map ? judge : NULL,
        .judge_arg = &judging,
        .keep_arches = v->carve_arches,
        .prints = 1,
        .page_secret = scan->page_secret,
        .is_unbound = ps_image_is_packed(scan->image),
        .no_map = opt->io && strcmp(opt->io, "read") == 0,
        .on_chunk = deliver,
        .arg = &delivery,
    };

    return scan->start < scan->end ? ps_pipeline_run(&spec, err) : 0;
}

/* Findings without a physical address come last, so these follow the pass. */
static int scan_paged_out(const struct ps_image_scan *scan, const struct ps_virtual_side *v,
                          struct ps_image_rest *rest, struct ps_err *err)
{
    const struct ps_scan_session *s = scan->session;
    const struct ps_options *opt = s->opt;
    const struct ps_paged_out_scan paged = {
        .space = &v->space,
        .locator = &v->locator,
        .plan = s->plan,
        .era = s->era,
        .rules = &s->rules,
        .min_confidence = opt->min_confidence,
        .show_free = opt->show_free,
        .on_findings = scan->to->paged_out,
        .arg = scan->to->arg,
    };
    struct ps_paged_out_result result;
    int rc;

    if (!v->map || opt->has_range)
        return 0;
    rc = ps_paged_out_scan(&paged, &result, err);
    rest->pages_paged_out = result.n_pages;
    rest->n_below = result.n_below;
    /* Without a page file nothing was asked for, and all of them are missing. */
    rest->pages_missing =
        v->space.pagefiles.n ? result.n_missing : ps_inverse_map_counts(v->map)->paged_out;
    return rc;
}

static uint64_t image_span(struct ps_image *image)
{
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);

    return n ? e[n - 1].phys + e[n - 1].n_bytes : 0;
}

static uint64_t hole_bytes(struct ps_image *image, const struct ps_options *opt)
{
    const uint64_t start = opt->has_range ? opt->range_start : 0;
    const uint64_t range_end = opt->has_range ? opt->range_end : UINT64_MAX;
    const uint64_t span = image_span(image);
    const uint64_t end = range_end < span ? range_end : span;

    return (end > start ? end - start : 0) - ps_pipeline_total(image, start, range_end);
}

/* What belongs to the image as a whole; *big is to be released with free(). */
static int fill_side(const struct ps_image_scan *scan, struct ps_virtual_side *v,
                     struct ps_image_side *side, struct ps_finding **big, struct ps_err *err)
{
    const struct ps_scan_session *s = scan->session;
    struct ps_image *image = scan->image;
    int rc = ps_virtual_side_findings(v, s->opt, s->tags, s->pattern, s->opt->tags.n, big,
                                      &side->n_big, err);

    if (rc < 0)
        return rc;
    side->big = *big;
    for (size_t i = 0; i < side->n_big; i++)
        side->n_big_elsewhere += !ps_image_has(image, side->big[i].phys);
    side->n_big_below = v->n_big_below;
    side->bytes_hole = hole_bytes(image, s->opt);
    side->bytes_torn = ps_image_torn_bytes(image);
    side->bytes_missing = ps_image_missing_bytes(image);
    side->has_loss = ps_notes_have(ps_image_notes(image), PS_NOTE_LOSS);
    return 0;
}

static int scan_sided(const struct ps_image_scan *scan, struct ps_virtual_side *v,
                      struct ps_finding **big, struct ps_err *err)
{
    const struct ps_scan_session *s = scan->session;
    struct ps_image_rest rest = {0};
    struct ps_image_side side = {
        .about = {.path = ps_image_path(scan->image),
                  .id = ps_image_id(scan->image),
                  .era = s->era,
                  .processes = &v->quota.processes},
        .carve_arches = v->carve_arches,
        .carve_build = v->space.build,
    };
    int rc = scan->with_side ? fill_side(scan, v, &side, big, err) : 0;

    if (rc == 0)
        rc = ps_virtual_side_check(v, err);
    if (rc == 0)
        rc = scan->to->begin(scan->to->arg, &side, err);
    ps_status_phase("scanning");
    if (rc == 0)
        rc = run_pipeline(scan, v, err);
    ps_status_phase("after the last page");
    if (rc == 0 && scan->with_side)
        rc = scan_paged_out(scan, v, &rest, err);
    if (rc == 0)
        rc = ps_virtual_side_check(v, err);
    if (rc == 0)
        rc = scan->to->end(scan->to->arg, &rest, err);
    return rc;
}

int ps_image_side_open(struct ps_virtual_side *side, const struct ps_scan_session *session,
                       struct ps_image *image, struct ps_err *err)
{
    const struct ps_options *opt = session->opt;
    int rc = ps_virtual_side_open(side, opt, image, err);
    char text[600];

    if (rc < 0)
        return rc;
    if (!opt->physical_only) {
        ps_virtual_side_describe(side, text, sizeof text);
        ps_log(side->map ? PS_LOG_INFO : PS_LOG_WARN, "%s: %s", ps_image_path(image), text);
    }
    side->era = ps_pick_era(&side->space, opt);
    return 0;
}

static int scan_with(const struct ps_image_scan *scan, struct ps_virtual_side *side,
                     struct ps_err *err)
{
    struct ps_finding *big = NULL;
    int rc = ps_scan_session_use_era(scan->session, side->era, err);

    if (rc == 0)
        rc = scan_sided(scan, side, &big, err);
    free(big);
    return rc;
}

int ps_image_scan(const struct ps_image_scan *scan, struct ps_err *err)
{
    struct ps_virtual_side side;
    int rc;

    if (scan->side)
        return scan_with(scan, scan->side, err);
    rc = ps_image_side_open(&side, scan->session, scan->image, err);
    if (rc == 0)
        rc = scan_with(scan, &side, err);
    ps_virtual_side_close(&side);
    return rc;
}
