#include "host/backend/backend.h"

#include <stdlib.h>

int ps_hits_reserve(struct ps_hits *hits, size_t n, struct ps_err *err)
{
    struct ps_hit *grown;

    if (n <= hits->cap)
        return 0;
    grown = n <= SIZE_MAX / sizeof *grown ? realloc(hits->hit, n * sizeof *grown) : NULL;
    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu hits of one chunk", n);
    hits->hit = grown;
    hits->cap = n;
    return 0;
}

void ps_backend_close(struct ps_backend *b)
{
    if (b)
        b->ops->close(b);
}
