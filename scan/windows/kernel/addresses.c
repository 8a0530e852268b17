#include "scan/windows/kernel/addresses.h"

#include <stdlib.h>

#define N_SLOTS (2 * (size_t)PS_ADDRESSES_MAX)
/* Places looked at for one address: chance takes a few dozen at worst, forged addresses that all
 * want the same place would take all of them. */
#define MAX_STEPS 512u

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

/* Where an address is, or would be; N_SLOTS: there is no room for it. */
static size_t place_of(const struct ps_addresses *a, uint64_t va)
{
    size_t i = (size_t)((va >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> 48) % N_SLOTS;

    for (unsigned n = 0; n < MAX_STEPS; n++, i = (i + 1) % N_SLOTS)
        if (a->slot[i] == 0 || a->slot[i] == va)
            return i;
    return N_SLOTS;
}

int ps_addresses_has(const struct ps_addresses *a, uint64_t va)
{
    const size_t i = place_of(a, va);

    return i != N_SLOTS && a->slot[i] == va;
}

enum ps_address_is ps_addresses_add(struct ps_addresses *a, uint64_t va)
{
    const size_t i = place_of(a, va);

    if (i != N_SLOTS && a->slot[i] == va)
        return PS_ADDRESS_KNOWN;
    if (i == N_SLOTS || a->n == PS_ADDRESSES_MAX)
        return PS_ADDRESS_TOO_MANY;
    a->slot[i] = va;
    a->n++;
    return PS_ADDRESS_NEW;
}
