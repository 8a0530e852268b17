#include "host/hash_factor.h"

#include <stdatomic.h>
#include <sys/random.h>

/* 2^64 divided by the golden ratio spreads honest keys well. */
#define WITHOUT_LOT UINT64_C(0x9e3779b97f4a7c15)

static _Atomic uint64_t of_process; /* 0: not drawn yet */

uint64_t ps_hash_factor(void)
{
    uint64_t drawn, before = atomic_load(&of_process);

    if (before != 0)
        return before;
    if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
        drawn = WITHOUT_LOT;
    drawn |= 1;
    return atomic_compare_exchange_strong(&of_process, &before, drawn) ? drawn : before;
}

void ps_hash_factor_fix(uint64_t factor)
{
    atomic_store(&of_process, factor);
}
