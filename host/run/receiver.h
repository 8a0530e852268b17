/* Where what a scan finds in one image goes: into the output of this run, or into a shard for a
 * later one. Everything that decides what is reported, and in which order, lies behind it. */
#ifndef PS_HOST_RUN_RECEIVER_H
#define PS_HOST_RUN_RECEIVER_H

#include <stddef.h>
#include <stdint.h>

#include "host/output/output.h"
#include "host/pipeline/pipeline.h"
#include "scan/err.h"
#include "scan/finding.h"

/* What is known of an image before its pages are scanned. */
struct ps_image_side {
    struct ps_output_image about;
    const struct ps_finding *big; /* big allocations, in the order of the output */
    size_t n_big;
    /* Gives the next ones when those are used up; *n 0: there are no more. They are valid until the
     * next call. NULL: 'big' is all. */
    int (*more_big)(void *arg, const struct ps_finding **big, size_t *n, struct ps_err *err);
    void *more_arg;
    uint64_t n_big_below;     /* left out by min_confidence alone */
    uint64_t n_big_elsewhere; /* the image does not have their first page */
    unsigned carve_arches;    /* the table is to be made from pages that are kept; 0: it is not */
    uint32_t carve_build;
    uint64_t bytes_hole; /* absent from the image or holes of its file, inside the range */
    uint64_t bytes_torn;
    uint64_t bytes_missing;
    int has_loss; /* the container promises memory that it does not have */
};

/* What is known after the pass. */
struct ps_image_rest {
    uint64_t pages_paged_out; /* read from page files and scanned */
    uint64_t pages_missing;   /* in no page file that is given */
    uint64_t n_below;         /* findings in these, left out by min_confidence alone */
};

/* Called on one thread in this order: begin, chunk and paged_out any number of times, end. A
 * negative return ends the scan of the image with that error, and nothing more is called. */
struct ps_receiver {
    int (*begin)(void *arg, const struct ps_image_side *side, struct ps_err *err);
    int (*chunk)(void *arg, struct ps_chunk_result *r, struct ps_err *err);
    /* Findings without a physical address, ascending by virtual one over all calls. */
    int (*paged_out)(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err);
    int (*end)(void *arg, const struct ps_image_rest *rest, struct ps_err *err);
    void *arg;
};

/* What an image lacks. Begin with all zero. */
struct ps_losses {
    uint64_t bytes_unreadable;
    struct ps_err first; /* why the first of them could not be read */
    int has_loss;        /* as in struct ps_image_side */
};

void ps_losses_add(struct ps_losses *l, const struct ps_chunk_result *r);

/* 0: nothing is lacking. Else everything there is was scanned, and *err says what was not: PS_EIO,
 * or PS_EFORMAT when the file is too short. */
int ps_losses_tell(const struct ps_losses *l, struct ps_err *err);

#endif
