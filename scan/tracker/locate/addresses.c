#include "scan/tracker/locate/addresses.h"

#include <stdlib.h>

#define N_SLOTS (2 * (size_t)PS_ADDRESSES_MAX)

int ps_addresses_init(struct ps_addresses *a)
{
    a->n = 0;
    a->slot = calloc(N_SLOTS, sizeof *a->slot);
    return a->slot ? 0 : -1;
}

void ps_addresses_free(struct ps_addresses *a)
{
    free(a->slot);
    a->slot = NULL;
}

/* Where an address is, or would be. */
static size_t place_of(const struct ps_addresses *a, uint64_t va)
{
    size_t i = (size_t)((va >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> 48) % N_SLOTS;

    while (a->slot[i] != 0 && a->slot[i] != va)
        i = (i + 1) % N_SLOTS;
    return i;
}

int ps_addresses_has(const struct ps_addresses *a, uint64_t va)
{
    return a->slot[place_of(a, va)] == va;
}

enum ps_address_is ps_addresses_add(struct ps_addresses *a, uint64_t va)
{
    const size_t i = place_of(a, va);

    if (a->slot[i] == va)
        return PS_ADDRESS_KNOWN;
    if (a->n == PS_ADDRESSES_MAX)
        return PS_ADDRESS_TOO_MANY;
    a->slot[i] = va;
    a->n++;
    return PS_ADDRESS_NEW;
}
