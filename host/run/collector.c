#include "host/run/collector.h"

#include <stdlib.h>

#include "host/cancel.h"
#include "host/log.h"
#include "host/run/virtual_side.h"
#include "scan/merge/big_findings.h"

/* Findings that are written between two looks at whether to stop. */
#define AT_ONCE 16384u

const struct ps_page_secret *ps_collector_init(struct ps_collector *c,
                                               const struct ps_collector_spec *spec)
{
    const struct ps_options *opt = spec->opt;

    *c = (struct ps_collector){.spec = *spec, .held.temp_dir = opt->temp_dir};
    /* Who asks for copies gets them; only a threshold that was asked for too takes them away. */
    c->copies = (struct ps_copies){.image = spec->image,
                                   .include = opt->include_copies,
                                   .min_confidence = opt->has_min_confidence ? opt->min_confidence
                                                                             : PS_CONFIDENCE_ALL};
    return ps_copies_secret(&c->copies);
}

void ps_collector_free(struct ps_collector *c)
{
    ps_copies_free(&c->copies);
    ps_held_free(&c->held);
    ps_bigpool_carver_free(c->carver);
    free(c->carved);
}

static void count(struct ps_scan_totals *t, const struct ps_finding *f, size_t n)
{
    t->findings += n;
    for (size_t i = 0; i < n; i++) {
        t->with_address += f[i].va != 0;
        if (f[i].source == PS_SOURCE_BIGPOOL) {
            t->big++;
        } else {
            t->unmapped += f[i].mapped == PS_MAPPED_NO;
            t->in_big_pool += f[i].in_big != 0;
        }
    }
}

static int report_some(const struct ps_collector_spec *s, const struct ps_finding *f, size_t n,
                       struct ps_err *err)
{
    int rc = ps_cancel_check(err);

    if (rc < 0)
        return rc;
    ps_digest_update(s->digest, f, n * sizeof *f);
    count(s->totals, f, n);
    if (s->on_findings && n)
        rc = s->on_findings(s->findings_arg, f, n, err);
    if (rc == 0 && s->output && n)
        rc = ps_output_findings(s->output, f, n, err);
    return rc;
}

/* Big allocations come by the million. */
static int report(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    const struct ps_collector *c = arg;
    int rc = 0;

    for (size_t done = 0; done < n && rc == 0; done += AT_ONCE)
        rc = report_some(&c->spec, f + done, n - done < AT_ONCE ? n - done : AT_ONCE, err);
    return rc;
}

/* A sink of the merge. */
static int deliver(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct ps_collector *c = arg;

    return c->spec.is_passing ? ps_held_add(&c->held, f, n, err) : report(c, f, n, err);
}

static int begin_output(struct ps_collector *c, struct ps_err *err)
{
    return c->spec.output ? ps_output_begin_image(c->spec.output, &c->about, err) : 0;
}

static int begin(void *arg, const struct ps_image_side *side, struct ps_err *err)
{
    struct ps_collector *c = arg;
    struct ps_scan_totals *t = c->spec.totals;
    const struct ps_bigpool_spec carve = {.arches = side->carve_arches, .build = side->carve_build};
    int rc = 0;

    c->before = *t;
    c->about = side->about;
    t->images++;
    t->bytes_hole += side->bytes_hole;
    t->bytes_torn += side->bytes_torn;
    t->bytes_missing += side->bytes_missing;
    t->below += side->n_big_below;
    c->path = side->about.path;
    c->losses.has_loss = side->has_loss;
    c->n_big_elsewhere = side->n_big_elsewhere;
    c->merge = (struct ps_merge){.big = side->big,
                                 .n_big = side->n_big,
                                 .more = side->more_big,
                                 .more_arg = side->more_arg,
                                 .sink = deliver,
                                 .arg = c};
    if (side->carve_arches)
        rc = ps_bigpool_carver_new(&c->carver, &carve, err);
    return rc == 0 && !c->spec.is_passing ? begin_output(c, err) : rc;
}

static int take_kept(struct ps_collector *c, const struct ps_chunk_result *r, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; c->carver && i < r->n_kept && rc == 0; i++)
        rc = ps_bigpool_carver_page(c->carver, r->kept_phys[i], r->kept + i * PS_PAGE_BYTES, err);
    return rc;
}

static int chunk(void *arg, struct ps_chunk_result *r, struct ps_err *err)
{
    struct ps_collector *c = arg;
    struct ps_scan_totals *t = c->spec.totals;
    int rc;

    ps_losses_add(&c->losses, r);
    c->bytes_done += r->n_bytes;
    t->bytes_scanned += r->n_bytes - r->bytes_unreadable;
    t->bytes_unreadable += r->bytes_unreadable;
    rc = take_kept(c, r, err);
    if (rc == 0)
        rc = ps_copies_sift(&c->copies, r->print, r->n_prints, r->finding, &r->n_findings, err);
    t->copies_left_out += c->copies.n_left_out;
    t->below += c->copies.n_below;
    c->copies.n_left_out = c->copies.n_below = 0;
    if (rc == 0)
        rc = ps_merge_headers(&c->merge, r->finding, r->n_findings, err);
    if (rc == 0 && c->spec.progress)
        c->spec.progress->call(c->spec.progress->arg, c->bytes_done,
                               t->findings + c->held.n_written + c->held.n);
    return rc;
}

static int paged_out(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    return ps_merge_headers(&((struct ps_collector *)arg)->merge, f, n, err);
}

/* Entries of a carved table have no physical address. */
static int list_carved(struct ps_collector *c, const struct ps_bigpool_table *table,
                       struct ps_err *err)
{
    const struct ps_options *opt = c->spec.opt;
    const struct ps_big_findings_spec spec = {
        .table = table,
        .tags = c->spec.tags,
        .pattern = c->spec.pattern,
        .n_patterns = opt->tags.n,
        .show_free = opt->show_free,
        .min_confidence = opt->min_confidence,
        .n_below = &c->spec.totals->below,
        .end = UINT64_MAX,
    };
    size_t n = 0;
    int rc = ps_big_findings(&c->carved, &n, &spec, err);

    c->merge.big = c->carved;
    c->merge.n_big = n;
    c->merge.at = 0;
    c->n_big_elsewhere += n;
    return rc;
}

/* Without page tables the table shows itself in the pass only, and its entries come last. */
static int carve(struct ps_collector *c, struct ps_err *err)
{
    struct ps_bigpool_table table = {.row = NULL};
    char text[300];
    int rc;

    if (!c->carver)
        return 0;
    rc = ps_bigpool_carver_finish(c->carver, &table, err);
    if (rc == 0 && table.method != PS_BIGPOOL_NOT_FOUND) {
        ps_virtual_side_describe_table(&table, text, sizeof text);
        ps_log(PS_LOG_INFO, "%s: %s", c->path, text);
        rc = list_carved(c, &table, err);
    }
    ps_bigpool_table_free(&table);
    return rc;
}

/* Neither the identity of what was passing nor that it is not damaged was known before. */
static int release(struct ps_collector *c, struct ps_err *err)
{
    int rc = ps_image_finish(c->spec.image, err);

    if (rc == 0) {
        c->is_again = 1;
        *c->spec.totals = c->before;
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "cannot be scanned while it is unpacked");
    }
    if (rc > 0)
        rc = begin_output(c, err);
    return rc < 0 ? rc : ps_held_give(&c->held, report, c, err);
}

static int end(void *arg, const struct ps_image_rest *rest, struct ps_err *err)
{
    struct ps_collector *c = arg;
    struct ps_scan_totals *t = c->spec.totals;
    int rc = carve(c, err);

    t->pages_paged_out += rest->pages_paged_out;
    t->pages_missing += rest->pages_missing;
    t->below += rest->n_below;
    if (rc == 0)
        rc = ps_merge_finish(&c->merge, err);
    if (rc == 0 && c->spec.is_passing)
        rc = release(c, err);
    if (rc == 0)
        t->big_elsewhere += c->n_big_elsewhere;
    if (rc == 0 && c->spec.output)
        rc = ps_output_end_image(c->spec.output, err);
    return rc;
}

struct ps_receiver ps_collector_receiver(struct ps_collector *c)
{
    return (struct ps_receiver){
        .begin = begin, .chunk = chunk, .paged_out = paged_out, .end = end, .arg = c};
}
