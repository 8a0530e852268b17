/* A word of the Windows in the image: 4 or 8 bytes, little-endian as this machine is. */
#ifndef PS_SCAN_WORD_H
#define PS_SCAN_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The n_bytes (4 or 8) at 'at', which may be any address. Loaded whole: tables are searched word by
 * word. */
static inline uint64_t ps_word(const uint8_t *at, size_t n_bytes)
{
    uint64_t word64;
    uint32_t word32;

    if (n_bytes == sizeof word64) {
        memcpy(&word64, at, sizeof word64);
        return word64;
    }
    memcpy(&word32, at, sizeof word32);
    return word32;
}

#endif
