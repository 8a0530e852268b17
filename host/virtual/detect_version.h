/* Which Windows an image holds, from its KUSER_SHARED_DATA page. */
#ifndef PS_HOST_VIRTUAL_DETECT_VERSION_H
#define PS_HOST_VIRTUAL_DETECT_VERSION_H

#include "host/image/image.h"
#include "scan/windows/kuser.h"

/* How much of an image is looked at, from its lowest address on: the page stands low in memory,
 * and a cold image should not be read twice. */
#define PS_DETECT_BYTES ((uint64_t)4 << 30)

/* What the KUSER_SHARED_DATA pages of an image say. */
struct ps_detected_version {
    struct ps_windows_version version; /* of the page at 'phys' */
    uint64_t phys;
    unsigned n_seen; /* such pages looked at */
    int fits;        /* NumberOfPhysicalPages is that of the image (ps_kuser_fits) */
};

/* 1: *out is the lowest such page that fits the size of the image, where the search ends, else the
 * one that comes nearest; 0: there is none. Pages that cannot be read are passed over; the scan
 * reports them. Where page tables are found, the page that they map wins over this one:
 * host/virtual/address_space.h. */
int ps_detect_version(struct ps_image *image, struct ps_detected_version *out);

/* The same for the lowest such page, whether it fits or not: enough where page tables are expected
 * to tell, and quick in an image that none fits. */
int ps_detect_first_version(struct ps_image *image, struct ps_detected_version *out);

#endif
