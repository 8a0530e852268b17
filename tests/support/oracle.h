/* What a scan must find, worked out as slowly and plainly as possible.
 *
 * Written from the facts of docs/POOL.md, byte by byte; shares no code and no constant with
 * kernels/ or scan/. It takes rules as a list and describes the era in its own words. */
#ifndef PS_TESTS_SUPPORT_ORACLE_H
#define PS_TESTS_SUPPORT_ORACLE_H

#include <stddef.h>
#include <stdint.h>

/* A tag matches when its bytes equal those of 'value' wherever 'mask' has 0xff, and are
 * printable where it has 0x00. First character in the low byte. */
struct oracle_rule {
    uint32_t value;
    uint32_t mask;
};

struct oracle_era {
    int x86;            /* 8-byte slots, 9/7/9/7-bit fields; else 16-byte slots, four bytes */
    int nt5;            /* PoolType as XP and 2003 store it may occur ... */
    int vista;          /* ... and as Vista and later do */
    int segment_only;   /* PreviousSize is zero but in the second header of an aligned block, and
                         * less than 256 bytes there */
    int classic_only;   /* PreviousSize is not zero but at the start of a page */
    int protected_tags; /* the top bit of a tag does not count, in memory or in a rule */
    int with_free;      /* free blocks and blocks of one slot count as well */
};

struct oracle_hit {
    uint32_t slot;
    uint32_t word0;
    uint32_t tag;
    uint32_t rule; /* the most specific one: most bytes fixed, then the longest fixed start, then
                    * the fixed bytes that come earliest, then the first in the list */
};

/* All hits of n_pages pages, ascending. *out is to be released with free(). */
size_t oracle_scan(const struct oracle_era *era, const struct oracle_rule *rules, size_t n_rules,
                   const uint8_t *pages, size_t n_pages, struct oracle_hit **out);

#endif
