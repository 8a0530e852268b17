/* The receiver that reports: what one image gives becomes the ordered findings of the output.
 * Copies of pages are left out, a table is carved from kept pages, headers and big allocations are
 * merged, all of it is counted and written. The same bytes come out whether the image was scanned
 * just now or its results were recorded. */
#ifndef PS_HOST_RUN_COLLECTOR_H
#define PS_HOST_RUN_COLLECTOR_H

#include <stdint.h>

#include "host/digest.h"
#include "host/image/image.h"
#include "host/options.h"
#include "host/output/output.h"
#include "host/report/held.h"
#include "host/run/copies/copies.h"
#include "host/run/receiver.h"
#include "scan/bigpool/carve/carve.h"
#include "scan/merge/merge.h"
#include "scan/tags/tag.h"
#include "scan/tags/tagdb.h"

/* What all images gave. */
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
    uint64_t big_elsewhere;   /* of these, the image does not have their first page; counted at the
                               * end of an image */
    uint64_t pages_paged_out; /* read from page files and scanned */
    uint64_t pages_missing;   /* in a page file that is not given, or behind its end */
};

/* Called with the bytes of this image that are done and the findings of all so far. */
struct ps_scan_progress {
    void (*call)(void *arg, uint64_t done, uint64_t findings);
    void *arg;
};

struct ps_collector_spec {
    const struct ps_options *opt;
    const struct ps_tagdb *tags;
    const struct ps_tag_pattern *pattern; /* of opt->tags */
    /* Whose pages are read again to tell copies of each other; NULL: all pages come with keys. */
    struct ps_image *image;
    int is_passing; /* it is (ps_image_is_passing): findings wait for its end, and then for it */
    struct ps_output *output; /* NULL: nobody wants the text */
    struct ps_digest *digest; /* of all findings, in order */
    /* Also gets the findings, in order, before the output does; not 0 ends the image and is what it
     * returns. NULL: nobody. */
    int (*on_findings)(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err);
    void *findings_arg;
    const struct ps_scan_progress *progress; /* NULL: nobody */
    struct ps_scan_totals *totals;           /* grow as the image goes on, also when it fails */
};

/* Fields are private but for 'losses' and 'is_again'. */
struct ps_collector {
    struct ps_collector_spec spec;
    struct ps_losses losses;
    int is_again; /* an image that was passing has to be opened again: 'end' failed for it, nothing
                   * was reported, and the totals are what they were */
    struct ps_output_image about;
    struct ps_scan_totals before; /* this image, if it is passing */
    struct ps_held held;
    struct ps_copies copies;
    struct ps_merge merge;
    struct ps_bigpool_carver *carver;
    const char *path;
    struct ps_finding *carved;
    uint64_t n_big_elsewhere;
    uint64_t bytes_done;
};

/* For one image. What 'spec' points to outlives *c, which must not move. Returns what the
 * pipeline's page_secret has to be, NULL where pages need no keys. Free it in any case. */
const struct ps_page_secret *ps_collector_init(struct ps_collector *c,
                                               const struct ps_collector_spec *spec);
void ps_collector_free(struct ps_collector *c);

/* *c as a receiver. Errors are those of its output, of on_findings, and PS_ENOMEM. */
struct ps_receiver ps_collector_receiver(struct ps_collector *c);

#endif
