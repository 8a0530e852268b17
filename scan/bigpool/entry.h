/* One entry of the big-pool table, decoded. */
#ifndef PS_SCAN_BIGPOOL_ENTRY_H
#define PS_SCAN_BIGPOOL_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/layout.h"

enum ps_bigpool_state {
    PS_BIGPOOL_ABSENT, /* Va is 0: the Windows kernel never writes that, the bytes are not there */
    PS_BIGPOOL_EMPTY,  /* never used */
    PS_BIGPOOL_FREED,  /* history: the allocation is gone, the rest of the entry is as it was */
    PS_BIGPOOL_ALLOCATED,
    PS_BIGPOOL_DAMAGED, /* Va is no page of the Windows kernel's half: no entry, or torn */
};

/* The tag "Pool", which a table's entry for itself has. */
#define PS_BIGPOOL_SELF_TAG 0x6c6f6f50u

struct ps_bigpool_entry {
    uint64_t va;      /* of the allocation, bit 0 cleared; zero-extended on x86 */
    uint64_t n_bytes; /* pages times 4096 where the layout counts pages */
    uint64_t billed;  /* QuotaObject or ProcessBilled as stored; 0 where there is none */
    uint32_t tag;
    uint32_t type; /* PoolType or POOL_FLAGS; 0 where the layout has none */
    uint16_t slush;
    uint8_t pattern;
    uint8_t state; /* enum ps_bigpool_state */
};

/* Decode the entry in the n bytes at 'at'. 1, or 0 when n is less than an entry. */
int ps_bigpool_entry_decode(const struct ps_bigpool_layout *layout, const uint8_t *at, size_t n,
                            struct ps_bigpool_entry *out);

/* State by Va alone, as stored. */
enum ps_bigpool_state ps_bigpool_va_state(enum ps_arch arch, uint64_t va);

/* Could these bytes be an entry that the Windows kernel wrote: an empty one with nothing else in
 * it, or a used one with a printable tag and a possible size? */
int ps_bigpool_entry_legal(const struct ps_bigpool_layout *layout, const uint8_t *at, size_t n);

#endif
