/* What a scan keeps from image to image: tags, rules, engine, output, totals. */
#ifndef PS_HOST_RUN_SESSION_H
#define PS_HOST_RUN_SESSION_H

#include <stdint.h>

#include "host/digest.h"
#include "host/run/collector.h"
#include "host/run/engine.h"
#include "host/options.h"
#include "host/output/output.h"
#include "host/topology.h"
#include "kernels/plan.h"
#include "scan/tags/ruleset.h"
#include "scan/tags/tagdb.h"

struct ps_scan_session {
    const struct ps_options *opt;
    struct ps_tagdb *tags;
    struct ps_ruleset rules;
    struct ps_tag_pattern *pattern; /* of --tags */
    struct ps_topology *topology;
    struct ps_engine engine;
    const struct ps_era *era; /* of the plan; NULL before the first image */
    struct ps_plan *plan;
    struct ps_output *output; /* NULL: nobody wants the findings (bench) */
    struct ps_digest *digest; /* of all findings, in order */
    /* Also gets the findings, in order, before the output does; not 0 ends the scan and is what it
     * returns. NULL: nobody. */
    int (*on_findings)(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err);
    void *findings_arg;
};

/* What ps_scan_session_image gives where an image that was passing has to be opened again. */
#define PS_SCAN_AGAIN 1

/* Load tags, build rules, choose the engine. Free with ps_scan_session_free in any case. */
int ps_scan_session_open(struct ps_scan_session *s, const struct ps_options *opt,
                         struct ps_err *err);

/* Compile the plan for images of that era and open the engine's backends for it. Both stay while
 * images are of one era. */
int ps_scan_session_use_era(struct ps_scan_session *s, const struct ps_era *era,
                            struct ps_err *err);

/* Scan one open image (host/run/image_scan.h), report what is found (host/run/collector.h), and add
 * to *totals. 'progress' may be NULL. Unreadable pages: everything else is scanned and reported
 * first, then their error is returned (PS_EIO, or PS_EFORMAT for a file that became shorter or
 * lacks a part) and *went_on is 1. Findings of an image that is passing (ps_image_is_passing) are
 * reported when all of it went well; else PS_SCAN_AGAIN, and nothing has changed. */
int ps_scan_session_image(struct ps_scan_session *s, struct ps_image *image,
                          const struct ps_scan_progress *progress, struct ps_scan_totals *totals,
                          int *went_on, struct ps_err *err);

void ps_scan_session_free(struct ps_scan_session *s);

#endif
