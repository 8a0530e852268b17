/* The table of Windows kernels that is built in: kernels.list. */
#ifndef PS_SCAN_WINDOWS_SYMBOLS_KNOWN_KERNELS_H
#define PS_SCAN_WINDOWS_SYMBOLS_KNOWN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/symbols/symbols.h"

#define PS_KERNEL_VERSION_BYTES 24u

/* The text of kernels.list, zero-terminated. */
extern const char ps_kernels_list[];
extern const size_t ps_kernels_list_bytes;

/* The kernel with this PDB: 1 and its symbols in rva[] (0: it has no such variable) and its version
 * ("10.0.19041.329"), or 0. */
int ps_known_kernel(const uint8_t guid[16], uint32_t age, uint32_t rva[PS_N_LISTED_SYMBOLS],
                    char version[PS_KERNEL_VERSION_BYTES]);

#endif
