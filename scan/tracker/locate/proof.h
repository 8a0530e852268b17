/* Is there a pool tracker table at an address? Numbers decide, nothing else. */
#ifndef PS_SCAN_TRACKER_LOCATE_PROOF_H
#define PS_SCAN_TRACKER_LOCATE_PROOF_H

#include <stdint.h>

#include "scan/err.h"
#include "scan/tracker/layout.h"
#include "scan/windows/paging/paging.h"

/* Smallest table, and the fewest keys that prove anything. */
#define PS_TRACKER_MIN_BITS 8u
#define PS_TRACKER_MAX_BITS 20u
#define PS_TRACKER_MIN_KEYS 8u

/* What a table must obey. */
enum ps_tracker_rule {
    PS_TRACKER_BY_HASH,     /* its tags are near their homes */
    PS_TRACKER_BY_COUNTERS, /* its tags are printable and its counters sound */
};

struct ps_tracker_proof {
    uint64_t va;
    const struct ps_tracker_layout *layout;
    uint32_t n_slots; /* a power of two and one */
    uint32_t n_keys, n_obey;
    uint64_t n_allocs; /* of the keys, in this table */
};

/* A quick look at the first pages: can a table of this layout begin here? */
int ps_tracker_glance(struct ps_paging *paging, uint64_t va, const struct ps_tracker_layout *layout,
                      enum ps_tracker_rule rule);

/* The whole proof. The size is the largest power of two with which more than 95 % of the keys obey,
 * and one. Each slot read costs one of *budget, and without it nothing is proved. 1 and *out, or 0.
 * PS_ENOMEM. */
int ps_tracker_prove(struct ps_paging *paging, uint64_t va, const struct ps_tracker_layout *layout,
                     enum ps_tracker_rule rule, uint64_t *budget, struct ps_tracker_proof *out,
                     struct ps_err *err);

#endif
