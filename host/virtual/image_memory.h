/* An open image as the physical memory that scan/ reads. */
#ifndef PS_HOST_VIRTUAL_IMAGE_MEMORY_H
#define PS_HOST_VIRTUAL_IMAGE_MEMORY_H

#include "host/image/image.h"
#include "scan/physmem.h"

/* Pages of the mapped file that reading leaves in memory at most: it gives them back before they
 * are more. */
#define PS_IMAGE_MEMORY_SPOTS    64u
#define PS_IMAGE_MEMORY_RESIDENT ((uint64_t)PS_IMAGE_MEMORY_SPOTS << 21)

/* Fields are private but for 'mem', whose functions are for one thread at a time. When the program
 * is to stop, nothing can be read any more, so that every search ends soon: who searched asks
 * ps_cancel_check before believing what came out. */
struct ps_image_memory {
    struct ps_physmem mem;
    struct ps_image *image;
    struct ps_phys_run *run;
    /* By number of its 2 MiB: an address that was read out of the mapping, plus one; 0: none. */
    uint64_t spot_1[PS_IMAGE_MEMORY_SPOTS];
};

/* The image must outlive *m, which must not move. Free with ps_image_memory_free. PS_ENOMEM. */
int ps_image_memory_init(struct ps_image_memory *m, struct ps_image *image, struct ps_err *err);
void ps_image_memory_free(struct ps_image_memory *m); /* accepts one that is all zero */

#endif
