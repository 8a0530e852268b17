/* Which Windows an image holds, from its KUSER_SHARED_DATA page. */
#ifndef PS_HOST_RUN_DETECT_VERSION_H
#define PS_HOST_RUN_DETECT_VERSION_H

#include "host/image/image.h"
#include "scan/windows/kuser.h"

/* How much of an image is looked at, from its lowest address on: the page stands low in memory,
 * and a cold image should not be read twice. */
#define PS_DETECT_BYTES ((uint64_t)4 << 30)

/* 1: *out is the version in the lowest such page, whose physical address is *phys; 0: none was
 * found. Pages that cannot be read are passed over; the scan reports them. */
int ps_detect_version(struct ps_image *image, struct ps_windows_version *out, uint64_t *phys);

#endif
