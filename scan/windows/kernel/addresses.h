/* A bounded set of addresses: what was looked at already. */
#ifndef PS_SCAN_WINDOWS_KERNEL_ADDRESSES_H
#define PS_SCAN_WINDOWS_KERNEL_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

#define PS_ADDRESSES_MAX 32768u

struct ps_addresses {
    uint64_t *slot; /* 2 * PS_ADDRESSES_MAX; 0: empty */
    size_t n;
};

/* 0, or -1: out of memory. 512 KiB; free with ps_addresses_free in any case. */
int ps_addresses_init(struct ps_addresses *a);
void ps_addresses_free(struct ps_addresses *a);

enum ps_address_is { PS_ADDRESS_NEW, PS_ADDRESS_KNOWN, PS_ADDRESS_TOO_MANY };

/* Add an address that is not 0. TOO_MANY: PS_ADDRESSES_MAX are known, or hundreds that would stand
 * in its place, which are forged; each call takes a bounded number of steps. */
enum ps_address_is ps_addresses_add(struct ps_addresses *a, uint64_t va);

int ps_addresses_has(const struct ps_addresses *a, uint64_t va);

#endif
