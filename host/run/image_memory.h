/* An open image as the physical memory that scan/ reads. */
#ifndef PS_HOST_RUN_IMAGE_MEMORY_H
#define PS_HOST_RUN_IMAGE_MEMORY_H

#include "host/image/image.h"
#include "scan/physmem.h"

/* Fields are private but for 'mem'. */
struct ps_image_memory {
    struct ps_physmem mem;
    struct ps_image *image;
    struct ps_phys_run *run;
};

/* The image must outlive *m, which must not move. Free with ps_image_memory_free. PS_ENOMEM. */
int ps_image_memory_init(struct ps_image_memory *m, struct ps_image *image, struct ps_err *err);
void ps_image_memory_free(struct ps_image_memory *m); /* accepts one that is all zero */

#endif
