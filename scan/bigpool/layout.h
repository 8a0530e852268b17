/* How an entry of the big-pool table (POOL_TRACKER_BIG_PAGES) is laid out in each Windows. Each row
 * has its source in docs/BIGPOOL.md. */
#ifndef PS_SCAN_BIGPOOL_LAYOUT_H
#define PS_SCAN_BIGPOOL_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"

/* What the dword behind Key is, and with it the unit of the size. */
enum ps_bigpool_word {
    PS_BIGPOOL_PAGES,  /* NumberOfPages; there is no type */
    PS_BIGPOOL_TYPE,   /* PoolType, all 32 bits; the size is in bytes */
    PS_BIGPOOL_PACKED, /* Pattern:8, PoolType:12, SlushSize:12; the size is in bytes */
};

/* Va is always at 0. All offsets and sizes in bytes. */
struct ps_bigpool_layout {
    const char *name;
    enum ps_arch arch;
    uint32_t first_build, last_build;
    enum ps_bigpool_word word;
    uint8_t entry_bytes;
    uint8_t key_at;
    uint8_t word_at;
    uint8_t size_at;    /* where the size stands: word_at for pages */
    uint8_t size_width; /* 4 or 8 */
    uint8_t billed_at;  /* QuotaObject or ProcessBilled, a pointer; 0: there is none */
};

extern const struct ps_bigpool_layout ps_bigpool_layouts[];
extern const size_t ps_n_bigpool_layouts;

/* The row for a build; NULL when there is none, as for build 0. */
const struct ps_bigpool_layout *ps_bigpool_layout_pick(enum ps_arch arch, uint32_t build);

/* The row with this entry size and kind of word; NULL when there is none. */
const struct ps_bigpool_layout *ps_bigpool_layout_find(enum ps_arch arch, uint32_t entry_bytes,
                                                       enum ps_bigpool_word word);

#endif
