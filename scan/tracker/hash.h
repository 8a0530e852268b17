/* Where a tag's entry belongs in the pool tracker table: open addressing, linear probing upwards,
 * wrapping to slot 0. Windows 2003 SP1 and later; XP has another formula. */
#ifndef PS_SCAN_TRACKER_HASH_H
#define PS_SCAN_TRACKER_HASH_H

#include <stdint.h>

/* An entry no farther from its home agrees with the hash. */
#define PS_TRACKER_NEAR 32u

/* Home slot with 'mask', which is a power of two less one. */
uint32_t ps_tracker_home(uint32_t tag, uint32_t mask);

/* Is 'slot' at the home of 'tag' or near behind it? */
int ps_tracker_is_near(uint32_t tag, uint32_t slot, uint32_t mask);

#endif
