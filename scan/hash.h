/* Hash tables whose keys come out of an image. */
#ifndef PS_SCAN_HASH_H
#define PS_SCAN_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Where the search for a key begins in a table of 2^bits places, 1 <= bits < 64. 'factor' is odd
 * and drawn by lot (host/hash_factor.h), so that who chose the keys could not choose such as
 * collide. Nothing that is written may depend on it. Pure.
 *
 * One multiplication leaves keys in equal steps at equal steps, and one lot in fifty would let
 * 65,536 of them crowd (more than eight probes for each, 260 in the worst of 2,400); folded and
 * multiplied again, they take 1.5 in the worst. */
static inline size_t ps_hash_home(uint64_t key, uint64_t factor, unsigned bits)
{
    const uint64_t once = key * factor;

    return (size_t)((once ^ once >> 32) * factor >> (64 - bits));
}

#endif
