/* KUSER_SHARED_DATA: the one page that tells which Windows an image holds, with no page
 * tables and no symbols. */
#ifndef PS_SCAN_WINDOWS_KUSER_H
#define PS_SCAN_WINDOWS_KUSER_H

#include <stdint.h>

#include "scan/pool/era.h"

struct ps_windows_version {
    enum ps_arch arch;
    uint32_t major, minor;
    uint32_t build; /* NtBuildNumber; before Windows 10 the build of major.minor */
};

/* Is this page (4096 bytes) KUSER_SHARED_DATA? 1 and *out filled, or 0. */
int ps_kuser_probe(const uint8_t *page, struct ps_windows_version *out);

#endif
