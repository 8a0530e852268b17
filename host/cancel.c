#include "host/cancel.h"

#include <stdatomic.h>

/* The one mutable global: a signal handler can be passed nothing. */
static atomic_int wish;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may only touch lock-free atomics");

void ps_cancel_request(enum ps_code code)
{
    int none = 0;

    atomic_compare_exchange_strong(&wish, &none, (int)code);
}

int ps_cancel_requested(void)
{
    return atomic_load_explicit(&wish, memory_order_relaxed);
}

int ps_cancel_check(struct ps_err *err)
{
    int code = ps_cancel_requested();

    if (code == 0)
        return 0;
    if (code == PS_ETEMP)
        return ps_fail(err, PS_ETEMP, PS_AT_NONE,
                       "told to stop (SIGTERM) before the end: run it again");
    return ps_fail(err, (enum ps_code)code, PS_AT_NONE, "interrupted before the end");
}
