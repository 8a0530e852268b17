/* A stretch of virtual memory. */
#ifndef PS_SCAN_WINDOWS_VA_RANGE_H
#define PS_SCAN_WINDOWS_VA_RANGE_H

#include <stdint.h>

struct ps_va_range {
    uint64_t va; /* sign-extended on x64, 32 bits on x86 */
    uint64_t n_bytes;
};

#endif
