/* Copying what was unpacked before. */
#ifndef PS_HOST_IMAGE_XPRESS_MATCH_H
#define PS_HOST_IMAGE_XPRESS_MATCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PS_MATCH_STEP 8u

/* The n_bytes that begin 'back' bytes before 'out', to 'out': they may overlap, and what was just
 * written then repeats. 'room' bytes from 'out' on may be overwritten; back > 0, n_bytes <= room.
 */
static inline void ps_match_copy(uint8_t *out, size_t back, size_t n_bytes, size_t room)
{
    const uint8_t *from = out - back;

    if (back >= PS_MATCH_STEP && room - n_bytes >= PS_MATCH_STEP) {
        for (size_t i = 0; i < n_bytes; i += PS_MATCH_STEP)
            memcpy(out + i, from + i, PS_MATCH_STEP);
        return;
    }
    if (back == 1) {
        memset(out, *from, n_bytes);
        return;
    }
    for (size_t i = 0; i < n_bytes; i++)
        out[i] = from[i];
}

#endif
