#include "host/image/grow.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST 16u

void *ps_grow(void *list, size_t n, size_t *cap, size_t item_bytes, struct ps_err *err)
{
    const size_t wanted = *cap ? 2 * *cap : FIRST;
    void *grown;

    if (n < *cap)
        return list;
    grown = wanted > SIZE_MAX / 2 / item_bytes ? NULL : realloc(list, wanted * item_bytes);
    if (!grown) {
        ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a list of %zu", wanted);
        return NULL;
    }
    *cap = wanted;
    return grown;
}
