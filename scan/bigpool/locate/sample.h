/* Some of the entries that would be in a table at an address. */
#ifndef PS_SCAN_BIGPOOL_LOCATE_SAMPLE_H
#define PS_SCAN_BIGPOOL_LOCATE_SAMPLE_H

#include "scan/bigpool/carve/votes.h"
#include "scan/bigpool/locate/candidate.h"

#define PS_BIGPOOL_SAMPLE_PAGES 16u /* of each half of each size */
#define PS_BIGPOOL_SAMPLE_USED  24u /* entries of a page */
#define PS_BIGPOOL_SAMPLE_PLACES                                                                   \
    (PS_BIGPOOL_SAMPLE_USED * PS_BIGPOOL_SAMPLE_PAGES *                                            \
     (PS_BIGPOOL_MAX_LOG2 - PS_BIGPOOL_MIN_LOG2 + 1))

struct ps_bigpool_sample {
    struct ps_bigpool_place place[PS_BIGPOOL_SAMPLE_PLACES]; /* used entries, ascending by slot */
    size_t n;
    size_t n_resident, n_legal; /* pages */
    uint32_t seen_log2; /* the largest size whose upper half looks like a table's; 0: none */
    uint32_t open_log2; /* the largest size that no page speaks against */
};

/* Look at pages of tables of all sizes, growing until pages are no table's any more. */
void ps_bigpool_sample_take(const struct ps_bigpool_source *source,
                            const struct ps_bigpool_candidate *c, struct ps_bigpool_sample *sample);

/* How many entries a table of 2^log2 slots would have of the sample. */
size_t ps_bigpool_sample_within(const struct ps_bigpool_sample *sample, uint32_t log2);

#endif
