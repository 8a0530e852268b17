/* Random numbers for tests: fast, repeatable, not for anything else. */
#ifndef PS_TESTS_SUPPORT_RNG_H
#define PS_TESTS_SUPPORT_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* PS_SEED from the environment (decimal or 0x...), a fresh one where that is "new", else always the
 * same. A test prints it in each message of failure, and PS_SEED repeats the run. */
uint64_t rng_seed(void);

struct rng rng_make(uint64_t seed);
uint64_t rng_next(struct rng *r);
/* 0 .. n - 1; n is at least 1. */
uint32_t rng_below(struct rng *r, uint32_t n);
void rng_fill(struct rng *r, void *to, size_t n_bytes);

#endif
