/* What a scan keeps from image to image: tags, rules, engine, output, totals. */
#ifndef PS_HOST_RUN_SESSION_H
#define PS_HOST_RUN_SESSION_H

#include <stdint.h>

#include "host/digest.h"
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

/* What one image gave. */
struct ps_scan_totals {
    uint64_t images;
    uint64_t bytes_scanned;
    uint64_t bytes_hole; /* sparse holes and what the image lacks, inside the range */
    uint64_t bytes_unreadable;
    uint64_t bytes_torn;
    uint64_t bytes_missing;
    uint64_t findings;
    uint64_t with_address;    /* of the findings: a virtual address is known */
    uint64_t unmapped;        /* headers in pages that no page table maps */
    uint64_t in_big_pool;     /* headers inside a big allocation */
    uint64_t copies_left_out; /* headers in pages that are copies of earlier ones, not reported */
    uint64_t below;           /* findings below min_confidence, not reported */
    uint64_t big;             /* big allocations */
    uint64_t big_elsewhere;   /* of these, the image does not have their first page */
    uint64_t pages_paged_out; /* read from page files and scanned */
    uint64_t pages_missing;   /* in a page file that is not given, or behind its end */
};

/* Load tags, build rules, choose the engine. Free with ps_scan_session_free in any case. */
int ps_scan_session_open(struct ps_scan_session *s, const struct ps_options *opt,
                         struct ps_err *err);

/* Scan one open image: find its version, page tables and big-pool table (unless --physical-only),
 * compile the plan if the era changed, run the pipeline, merge, and add to *totals. 'progress' is
 * called with bytes done of this image and findings so far (may be NULL). Unreadable pages:
 * everything else is scanned and reported first, then their error is returned (PS_EIO, or
 * PS_EFORMAT for a file that became shorter) and *went_on is 1. */
struct ps_scan_progress {
    void (*call)(void *arg, uint64_t done, uint64_t findings);
    void *arg;
};
int ps_scan_session_image(struct ps_scan_session *s, struct ps_image *image,
                          const struct ps_scan_progress *progress, struct ps_scan_totals *totals,
                          int *went_on, struct ps_err *err);

void ps_scan_session_free(struct ps_scan_session *s);

#endif
