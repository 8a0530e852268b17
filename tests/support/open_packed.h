/* A packing on hostile bytes, for fuzz targets. */
#ifndef PS_TESTS_SUPPORT_OPEN_PACKED_H
#define PS_TESTS_SUPPORT_OPEN_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/packed/packing.h"

/* If the packing recognises the bytes: open them, read all that they unpack to (1 MiB at most, in
 * a temporary file in memory), again and from the end, and close them. Aborts when the packed bytes
 * are not closed as the contract says, an error has no code or no message, or two reads of one
 * place differ. */
void ps_fuzz_packed(const struct ps_packing *packing, const uint8_t *data, size_t n_bytes);

#endif
