/* One image, or a part of it, from its version to its last page: what is found goes to a
 * receiver. */
#ifndef PS_HOST_RUN_IMAGE_SCAN_H
#define PS_HOST_RUN_IMAGE_SCAN_H

#include "host/image/image.h"
#include "host/run/receiver.h"
#include "host/run/session.h"
#include "host/run/virtual_side.h"

struct ps_image_scan {
    struct ps_scan_session *session;
    struct ps_image *image;
    /* What is scanned: pages in [start, end), multiples of 4096, inside the range of the options;
     * none when they are equal. */
    uint64_t start, end;
    /* The parts that belong to the image as a whole: big allocations, what an image lacks, pages in
     * page files. Without it the receiver's side has 'about' and 'carve_...' only. Headers are
     * judged by page tables and big allocations in any case. */
    int with_side;
    const struct ps_page_secret *page_secret; /* NULL: pages get no key */
    /* Of ps_image_side_open for this session and image; scans may follow each other on one, and
     * each gives what it would give with a new one. NULL: it is opened for this scan. */
    struct ps_virtual_side *side;
    const struct ps_receiver *to;
};

/* Find version, page tables and big-pool table (unless --physical-only) and tell what was found.
 * As ps_virtual_side_open, and close it with ps_virtual_side_close in any case. */
int ps_image_side_open(struct ps_virtual_side *side, const struct ps_scan_session *session,
                       struct ps_image *image, struct ps_err *err);

/* Compile the plan if the era changed, and scan. What cannot be read is no error here: the receiver
 * is told. */
int ps_image_scan(const struct ps_image_scan *scan, struct ps_err *err);

#endif
