#include "tests/containers/formats/page_order.h"

#include <stdlib.h>
#include <string.h>

#include "tests/containers/fail.h"

static uint64_t *ascending(const struct ram_map *ram, size_t *n)
{
    uint64_t *pfn = need_memory(ram_n_bytes(ram) / RAM_PAGE * sizeof *pfn);

    *n = 0;
    for (size_t i = 0; i < ram->n; i++)
        for (uint64_t at = ram->run[i].start; at < ram->run[i].end; at += RAM_PAGE)
            pfn[(*n)++] = at / RAM_PAGE;
    return pfn;
}

uint64_t *page_order(const struct ram_map *ram, size_t *n)
{
    uint64_t *sorted = ascending(ram, n);
    uint64_t *order = need_memory(*n * sizeof *order);
    size_t front = 0, back = *n, at = 0;

    for (unsigned piece = 0; front < back; piece++) {
        size_t want = 1 + piece * 7 % 23;

        if (want > back - front)
            want = back - front;
        if (piece % 2)
            back -= want;
        memcpy(order + at, sorted + (piece % 2 ? back : front), want * sizeof *order);
        if (piece % 2 == 0)
            front += want;
        at += want;
    }
    free(sorted);
    return order;
}
