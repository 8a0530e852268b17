/* An address that may be the big-pool table's: what speaks for it. */
#ifndef PS_SCAN_BIGPOOL_LOCATE_CANDIDATE_H
#define PS_SCAN_BIGPOOL_LOCATE_CANDIDATE_H

#include "scan/bigpool/carve/votes.h"
#include "scan/bigpool/locate/locate.h"

/* How far from the pointer a number that may be the table's size stands, by its logarithm;
 * UINT32_MAX: there is none. */
struct ps_bigpool_sizes {
    uint32_t distance[PS_BIGPOOL_MAX_LOG2 + 1];
};
extern const struct ps_bigpool_sizes ps_bigpool_no_sizes;

struct ps_bigpool_candidate {
    uint64_t va;
    uint64_t pointer_va; /* where it was read; 0: nowhere */
    uint32_t geometry;
    enum ps_bigpool_family family;
    uint32_t log2;
    enum ps_bigpool_hash hash; /* PS_BIGPOOL_NO_HASH: the entries are legal, and that is all */
    size_t n_used;             /* entries in the sample */
    size_t n_agree;            /* of them: with the hash */
    int has_self;              /* has a live entry for itself, with address and size */
    uint32_t size_distance;    /* of a number that is its size; UINT32_MAX: none */
};

/* Can 'va' be an address of a table at all? Asked of every word of the data. */
static inline int ps_bigpool_is_address(enum ps_arch arch, uint64_t va)
{
    return va % PS_FRAME_BYTES == 0 && (arch == PS_ARCH_X64 ? va >> 47 == 0x1ffff : va >> 31 == 1);
}

/* The cheap question: do the first pages at c->va look like a table's? Sets the geometry. */
int ps_bigpool_candidate_look(const struct ps_bigpool_source *source,
                              struct ps_bigpool_candidate *c);

/* After that, with n_used still 0, the whole examination: sets the other fields. 1, or 0: no table.
 * -PS_ENOMEM without a message. */
int ps_bigpool_candidate_examine(const struct ps_bigpool_source *source,
                                 const struct ps_bigpool_sizes *sizes,
                                 struct ps_bigpool_candidate *c);

/* Is a better than b? A total order; b->n_used 0 is worse than everything. */
int ps_bigpool_candidate_is_better(const struct ps_bigpool_candidate *a,
                                   const struct ps_bigpool_candidate *b);

/* Nothing that another method finds could be better. */
int ps_bigpool_candidate_is_certain(const struct ps_bigpool_candidate *c);

#endif
