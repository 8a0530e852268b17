/* KUSER_SHARED_DATA: the one page that tells which Windows an image holds, with no page
 * tables and no symbols. */
#ifndef PS_SCAN_WINDOWS_KUSER_H
#define PS_SCAN_WINDOWS_KUSER_H

#include <stdint.h>

#include "scan/pool/era.h"

struct ps_windows_version {
    enum ps_arch arch;
    uint32_t major, minor;
    uint32_t build;   /* NtBuildNumber; before Windows 10 the build of major.minor */
    uint32_t n_pages; /* NumberOfPhysicalPages */
};

/* Is this page (4096 bytes) KUSER_SHARED_DATA? 1 and *out filled, or 0. */
int ps_kuser_probe(const uint8_t *page, struct ps_windows_version *out);

/* An image can hold several such pages: of guests, in hibernation data, copies in the file cache.
 * How many pages the memory of *v and an image of image_pages differ by: the least is best. */
uint64_t ps_kuser_distance(const struct ps_windows_version *v, uint64_t image_pages);

/* Is it this image's memory? Windows counts less than the image has, by what the firmware keeps:
 * up to 16 MiB and a 64th, and 2 GiB more if the image ends beyond 4 GiB and can hold the hole
 * below that; or up to 1 MiB more, which the writer of the image left out. */
int ps_kuser_fits(const struct ps_windows_version *v, uint64_t image_pages);

#endif
