/* Pages that are copies of earlier ones: their findings are marked, or left out. */
#ifndef PS_HOST_RUN_COPIES_COPIES_H
#define PS_HOST_RUN_COPIES_COPIES_H

#include <stddef.h>
#include <stdint.h>

#include "host/digest.h"
#include "host/image/image.h"
#include "host/pipeline/pipeline.h"
#include "host/run/copies/page_keys.h"
#include "kernels/pool_header.h"
#include "scan/copies/seen_pages.h"
#include "scan/err.h"
#include "scan/finding.h"

/* The fields before 'seen' are the caller's, the others begin with zero. */
struct ps_copies {
    struct ps_image *image;  /* NULL: pages come with keys, and cannot be read again */
    int include;             /* mark the findings of copies, and keep them */
    unsigned min_confidence; /* that marked ones must have */
    struct ps_seen_pages seen;
    int has_secret; /* pages are compared by their keys, where these are known */
    struct ps_page_secret secret;
    struct ps_page_keys keys;
    int lacks_key;       /* there was no memory for one that is needed */
    uint64_t key;        /* of the page that is looked for */
    uint64_t n_left_out; /* findings in copies */
    uint64_t n_below;    /* findings below min_confidence, here or before */
    uint8_t page[2][PS_PAGE_BYTES];
};

/* What the pipeline's page_secret has to be: NULL unless reading a page again is expensive. Called
 * once, before the first page. */
const struct ps_page_secret *ps_copies_secret(struct ps_copies *copies);

/* Sees the pages of a chunk that hold hits and the findings of these, in the same order, chunk
 * after chunk; changes findings of copies, or drops them by moving the others up and lowering *n.
 * PS_ENOMEM. */
int ps_copies_sift(struct ps_copies *c, const struct ps_page_print *page, size_t n_pages,
                   struct ps_finding *f, size_t *n, struct ps_err *err);

void ps_copies_free(struct ps_copies *copies);

#endif
