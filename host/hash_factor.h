/* The factor of all hash tables of this process (scan/hash.h). */
#ifndef PS_HOST_HASH_FACTOR_H
#define PS_HOST_HASH_FACTOR_H

#include <stdint.h>

/* Odd, the same one in every call, and drawn by lot in the first; a fixed one where the system has
 * no random numbers. From any thread. */
uint64_t ps_hash_factor(void);

/* For tests: the factor from now on, which is odd. Tables that were begun keep theirs. */
void ps_hash_factor_fix(uint64_t factor);

#endif
