#include "tests/support/rng.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Any other number is as good. */
#define DEFAULT_SEED UINT64_C(20261121)

uint64_t rng_seed(void)
{
    const char *text = getenv("PS_SEED");
    struct timespec now;

    if (!text || !*text)
        return DEFAULT_SEED;
    if (strcmp(text, "new") != 0)
        return strtoull(text, NULL, 0);
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid() << 16;
}

struct rng rng_make(uint64_t seed)
{
    return (struct rng){seed};
}

/* SplitMix64: any seed is a good one, zero too. */
uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

void rng_fill(struct rng *r, void *to, size_t n_bytes)
{
    uint8_t *p = to;

    while (n_bytes > 0) {
        uint64_t v = rng_next(r);
        size_t n = n_bytes < sizeof v ? n_bytes : sizeof v;

        memcpy(p, &v, n);
        p += n;
        n_bytes -= n;
    }
}
