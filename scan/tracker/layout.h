/* How an entry of the pool tracker table (POOL_TRACKER_TABLE) is laid out in each Windows. Each row
 * has its source in docs/TRACKER.md. */
#ifndef PS_SCAN_TRACKER_LAYOUT_H
#define PS_SCAN_TRACKER_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"

/* Largest entry of any layout. */
#define PS_TRACKER_ENTRY_MAX 0x50u

/* Where the counters of one kind of pool stand in an entry. */
struct ps_tracker_fields {
    uint8_t allocs_at, frees_at, bytes_at;
};

/* Key is always the dword at 0. All offsets and sizes in bytes. */
struct ps_tracker_layout {
    const char *name;
    enum ps_arch arch;
    uint32_t first_build, last_build;
    uint8_t entry_bytes;
    uint8_t count_width; /* of allocs and frees: 4 or 8 */
    uint8_t bytes_width; /* likewise */
    struct ps_tracker_fields nonpaged, paged;
};

extern const struct ps_tracker_layout ps_tracker_layouts[];
extern const size_t ps_n_tracker_layouts;

/* The row for a build; NULL when there is none, as for build 0. */
const struct ps_tracker_layout *ps_tracker_layout_pick(enum ps_arch arch, uint32_t build);

#endif
