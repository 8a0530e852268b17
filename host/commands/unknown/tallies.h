/* How often each tag occurs in a result, and which of them nobody knows. */
#ifndef PS_HOST_COMMANDS_UNKNOWN_TALLIES_H
#define PS_HOST_COMMANDS_UNKNOWN_TALLIES_H

#include <stddef.h>
#include <stdint.h>

#include "host/results/result.h"
#include "scan/tags/tag_map.h"
#include "scan/tags/tagdb.h"

/* No more tags are told apart. */
#define PS_TALLIES_MAX (1u << 20)

struct ps_tally {
    uint32_t tag;
    uint8_t is_known;
    uint8_t pools;   /* PS_RESULT_... of all its rows */
    uint64_t n_live; /* sums stop at the largest number */
    uint64_t n_freed;
    uint64_t n_bytes;
    uint64_t offset; /* the first one; PS_RESULT_NOWHERE */
};

/* Begin with all zero but the first two. */
struct ps_tallies {
    const struct ps_tagdb *tags; /* outlives it */
    int exact;                   /* entries with wildcards explain nothing */
    struct ps_tally *tally;
    size_t n, cap;
    struct ps_tag_map map; /* their places, by tag */
    uint64_t n_left_out;   /* rows of tags beyond PS_TALLIES_MAX */
};

/* PS_ENOMEM. */
int ps_tallies_add(struct ps_tallies *t, const struct ps_result_row *row, struct ps_err *err);
/* From now on only those that are unknown, most allocations first; nothing may be added any
 * more. */
void ps_tallies_keep_unknown(struct ps_tallies *t);
void ps_tallies_free(struct ps_tallies *t);

#endif
