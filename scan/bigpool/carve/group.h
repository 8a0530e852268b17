/* Kept pages of one geometry and family put in order: the parts of the carver. */
#ifndef PS_SCAN_BIGPOOL_CARVE_GROUP_H
#define PS_SCAN_BIGPOOL_CARVE_GROUP_H

#include "scan/bigpool/carve/carve.h"
#include "scan/bigpool/carve/votes.h"

/* A page that was kept. */
struct ps_bigpool_kept {
    uint64_t phys;
    uint8_t *bytes; /* NULL: nothing but empty entries */
    struct ps_bigpool_look look;
};

struct ps_bigpool_group {
    const struct ps_bigpool_geometry *g;
    enum ps_bigpool_family family;
    const struct ps_bigpool_kept **kept; /* by phys */
    size_t n;
    size_t n_used; /* entries */

    enum ps_bigpool_hash hash;
    struct ps_bigpool_votes *votes; /* one per page */
    uint32_t *vote;                 /* their memory */
    double best_mass;

    /* What place or run made: the pages of the table in their order. */
    uint32_t log2;
    size_t n_pages;
    const struct ps_bigpool_kept **placed; /* n_pages; NULL: not there */
};

/* Collect the pages of a geometry and family from kept[0 .. n-1]. PS_ENOMEM as -PS_ENOMEM without a
 * message, as of all calls here. */
int ps_bigpool_group_make(struct ps_bigpool_group *group, const struct ps_bigpool_kept *kept,
                          size_t n, uint32_t geometry, enum ps_bigpool_family family);
void ps_bigpool_group_free(struct ps_bigpool_group *group);

/* Find hash and size, and put the pages that agree into place. 1, 0 when no hash is obeyed. */
int ps_bigpool_group_place(struct ps_bigpool_group *group);

/* Without a hash: the longest row of pages side by side in memory. 1, 0 when there is none. */
int ps_bigpool_group_run(struct ps_bigpool_group *group);

#endif
