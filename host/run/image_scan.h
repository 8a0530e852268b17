/* One image, or a part of it, from its version to its last page: what is found goes to a
 * receiver. */
#ifndef PS_HOST_RUN_IMAGE_SCAN_H
#define PS_HOST_RUN_IMAGE_SCAN_H

#include "host/image/image.h"
#include "host/run/receiver.h"
#include "host/run/session.h"

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
    const struct ps_receiver *to;
};

/* Find version, page tables and big-pool table (unless --physical-only), compile the plan if the
 * era changed, scan. What cannot be read is no error here: the receiver is told. */
int ps_image_scan(const struct ps_image_scan *scan, struct ps_err *err);

#endif
