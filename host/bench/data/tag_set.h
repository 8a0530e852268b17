/* Sets of pool tags to scan for: made up, always the same, and shaped like real ones. */
#ifndef PS_HOST_BENCH_DATA_TAG_SET_H
#define PS_HOST_BENCH_DATA_TAG_SET_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/tags/ruleset.h"

#define PS_BENCH_ALL_TAGS    4600u
#define PS_BENCH_WILDCARDS   100u
#define PS_BENCH_COMMON_TAGS 15u

/* The made-up tags, most frequent first; the last PS_BENCH_WILDCARDS leave one or two characters
 * open. As in the lists that debuggers ship, tags of a component share their first characters
 * (some 470 pairs, some 1,800 triples), the first is nearly always a capital, a few end in a
 * blank. The first n of them are the set of n tags. */
struct ps_bench_tags {
    struct ps_rule rule[PS_BENCH_ALL_TAGS];
};

void ps_bench_tags_make(struct ps_bench_tags *tags);

/* The first n as a ruleset that borrows their memory: not to be freed. */
struct ps_ruleset ps_bench_tags_first(struct ps_bench_tags *tags, size_t n);

/* The tag of an allocation: 60 in 100 have one of the first PS_BENCH_COMMON_TAGS, 25 one of the
 * first 500, the rest any. *state is of ps_bench_random. */
uint32_t ps_bench_tags_draw(const struct ps_bench_tags *tags, uint64_t *state);

/* Write all of them to 'fd' as a .tags list. */
int ps_bench_tags_write(const struct ps_bench_tags *tags, int fd, struct ps_err *err);

/* The next of a fixed sequence of random numbers. */
uint64_t ps_bench_random(uint64_t *state);
uint32_t ps_bench_below(uint64_t *state, uint32_t n);

#endif
