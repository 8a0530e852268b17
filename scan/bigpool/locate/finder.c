#include "scan/bigpool/locate/finder.h"

#include <stdlib.h>

#include "scan/hash.h"

/* Twice PS_BIGPOOL_MAX_POINTERS. */
#define SEEN_BITS 17u
#define N_SEEN    (1u << SEEN_BITS)

_Static_assert(N_SEEN == 2 * PS_BIGPOOL_MAX_POINTERS, "at most half full");

int ps_bigpool_finder_init(struct ps_bigpool_finder *finder, const struct ps_bigpool_source *source)
{
    *finder = (struct ps_bigpool_finder){.source = source};
    finder->seen = calloc(N_SEEN, sizeof *finder->seen);
    return finder->seen ? 0 : -PS_ENOMEM;
}

void ps_bigpool_finder_free(struct ps_bigpool_finder *finder)
{
    free(finder->seen);
}

/* 1 the first time, 0 later and when there are too many. */
static int is_new(struct ps_bigpool_finder *finder, uint64_t va)
{
    size_t at = ps_hash_home(va, finder->source->factor, SEEN_BITS);

    for (; finder->seen[at] != 0; at = (at + 1) & (N_SEEN - 1))
        if (finder->seen[at] == va)
            return 0;
    if (finder->n_seen >= PS_BIGPOOL_MAX_POINTERS) {
        finder->n_over++;
        return 0;
    }
    finder->seen[at] = va;
    finder->n_seen++;
    return 1;
}

int ps_bigpool_finder_look(struct ps_bigpool_finder *finder, uint64_t va,
                           struct ps_bigpool_candidate *c)
{
    *c = (struct ps_bigpool_candidate){.va = va};
    return ps_bigpool_is_address(finder->source->arch, va) && is_new(finder, va) &&
           ps_bigpool_candidate_look(finder->source, c);
}

int ps_bigpool_finder_examine(struct ps_bigpool_finder *finder, enum ps_bigpool_method method,
                              const struct ps_bigpool_sizes *sizes, struct ps_bigpool_candidate *c)
{
    int rc;

    if (finder->n_examined >= PS_BIGPOOL_MAX_CANDIDATES) {
        finder->n_over++;
        return 0;
    }
    finder->n_examined++;
    rc = ps_bigpool_candidate_examine(finder->source, sizes, c);
    if (rc > 0 && ps_bigpool_candidate_is_better(c, &finder->best)) {
        finder->best = *c;
        finder->method = method;
    }
    return rc < 0 ? rc : 0;
}
