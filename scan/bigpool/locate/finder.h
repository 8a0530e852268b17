/* What the methods share: addresses go in, the best candidate stays. */
#ifndef PS_SCAN_BIGPOOL_LOCATE_FINDER_H
#define PS_SCAN_BIGPOOL_LOCATE_FINDER_H

#include "scan/bigpool/locate/candidate.h"

struct ps_bigpool_finder {
    const struct ps_bigpool_source *source;
    struct ps_bigpool_candidate best; /* n_used 0: none yet */
    enum ps_bigpool_method method;    /* of the best one */
    uint64_t *seen;                   /* a set of addresses; 0: nothing */
    size_t n_seen, n_examined, n_over;
};

/* -PS_ENOMEM without a message, as of all calls here. */
int ps_bigpool_finder_init(struct ps_bigpool_finder *finder,
                           const struct ps_bigpool_source *source);
void ps_bigpool_finder_free(struct ps_bigpool_finder *finder);

/* Does 'va' look like a table's address, asked for the first time? Sets *c if so. */
int ps_bigpool_finder_look(struct ps_bigpool_finder *finder, uint64_t va,
                           struct ps_bigpool_candidate *c);

/* Examine what was looked at and keep it if it is better. */
int ps_bigpool_finder_examine(struct ps_bigpool_finder *finder, enum ps_bigpool_method method,
                              const struct ps_bigpool_sizes *sizes, struct ps_bigpool_candidate *c);

/* The methods: each tries all addresses it knows of. */
int ps_bigpool_try_symbols(struct ps_bigpool_finder *finder);
int ps_bigpool_try_pointers(struct ps_bigpool_finder *finder);
int ps_bigpool_try_self_entries(struct ps_bigpool_finder *finder);
int ps_bigpool_try_mapped(struct ps_bigpool_finder *finder);

#endif
