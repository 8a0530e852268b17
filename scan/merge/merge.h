/* Headers and big allocations in one order. */
#ifndef PS_SCAN_MERGE_MERGE_H
#define PS_SCAN_MERGE_MERGE_H

#include <stddef.h>

#include "scan/err.h"
#include "scan/finding.h"

/* Takes findings in order. A negative return ends the merge with that error. */
typedef int ps_finding_sink(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err);

/* Begin with 'big' in the order of ps_big_findings and 'at' 0. */
struct ps_merge {
    const struct ps_finding *big;
    size_t n_big;
    size_t at; /* the next of them */
    /* Called when those are used up: gives those that come after them, or none when there are none,
     * and then it is not called again. They are valid until the next call. NULL: 'big' is all. */
    int (*more)(void *arg, const struct ps_finding **big, size_t *n, struct ps_err *err);
    void *more_arg;
    ps_finding_sink *sink;
    void *arg;
};

/* Give the next n headers, ascending by phys over all calls; those that are nowhere come last,
 * ascending by va. All big allocations that do not come after the last of them have gone to the
 * sink by then; one at the address of a header comes first. The headers are not copied. */
int ps_merge_headers(struct ps_merge *m, const struct ps_finding *f, size_t n, struct ps_err *err);

/* The end: all that is left of the big allocations. */
int ps_merge_finish(struct ps_merge *m, struct ps_err *err);

#endif
