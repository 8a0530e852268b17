/* One entry of the pool tracker table: what was allocated and freed with one pool tag. */
#ifndef PS_SCAN_TRACKER_ENTRY_H
#define PS_SCAN_TRACKER_ENTRY_H

#include <stdint.h>

#include "scan/tracker/layout.h"

/* Since boot. */
struct ps_tracker_counts {
    uint64_t allocs, frees;
    uint64_t bytes; /* allocated now */
};

struct ps_tracker_entry {
    uint32_t tag; /* without the protected bit; 0: the entry is not used */
    struct ps_tracker_counts nonpaged, paged;
};

/* Decode layout->entry_bytes bytes. */
void ps_tracker_decode(const struct ps_tracker_layout *layout, const uint8_t *bytes,
                       struct ps_tracker_entry *out);

/* Add the counters of *from, decoded with the same layout. A processor that frees what another one
 * allocated has less than nothing, in as many bits as the layout stores: sums of bytes wrap there.
 * Sums of allocs and frees do not. */
void ps_tracker_add(const struct ps_tracker_layout *layout, struct ps_tracker_entry *to,
                    const struct ps_tracker_entry *from);

/* Allocations alive. A counter that has wrapped does not matter; below zero when entries are
 * missing. */
int64_t ps_tracker_diff(const struct ps_tracker_layout *layout, const struct ps_tracker_counts *c);

/* Does the entry obey what holds of a whole table in a system at rest: no more frees than allocs,
 * and bytes if and only if something is alive? */
int ps_tracker_is_sound(const struct ps_tracker_layout *layout, const struct ps_tracker_entry *e);

#endif
