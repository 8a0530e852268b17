/* Where in its table a page belongs: each used entry names, by its hash, the only place of the page
 * that could have put it where it is. */
#ifndef PS_SCAN_BIGPOOL_CARVE_VOTES_H
#define PS_SCAN_BIGPOOL_CARVE_VOTES_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/hash.h"
#include "scan/bigpool/carve/page.h"

/* Tables have 2^PS_BIGPOOL_MIN_LOG2 .. 2^PS_BIGPOOL_MAX_LOG2 entries. */
#define PS_BIGPOOL_MIN_LOG2 10u
#define PS_BIGPOOL_MAX_LOG2 24u

/* Entries that begin in a page, at most. */
#define PS_BIGPOOL_PAGE_ENTRIES 342u

/* vote[]: the first slot of the page in a table of the largest size, its bits reversed so that the
 * votes that agree in a smaller table stand together when sorted. */
struct ps_bigpool_votes {
    uint32_t *vote; /* n_votes, ascending */
    uint32_t n_votes;
    uint32_t n_used; /* entries that were asked; some name a place that cannot be */
};

/* Ask all used entries that begin in 'page'. votes->vote has room for PS_BIGPOOL_PAGE_ENTRIES.
 *
 * Probing passes no empty slot, and a slot once used is never empty again: an entry away from its
 * home with an empty slot between has no vote. */
void ps_bigpool_votes_take(struct ps_bigpool_votes *votes, const uint8_t *page,
                           const struct ps_bigpool_look *look, enum ps_bigpool_hash hash);

/* The count of a table of 2^log2 entries. */
struct ps_bigpool_count {
    uint32_t n_top; /* votes for the place that most name */
    uint32_t slot;  /* the first slot of the page there */
    double pairs;   /* 0 .. n_votes: how far any two votes name the same place; 0 for one vote */
};
struct ps_bigpool_count ps_bigpool_votes_count(const struct ps_bigpool_votes *votes, uint32_t log2);

/* Do (nearly) all used entries name one place? */
int ps_bigpool_votes_agree(const struct ps_bigpool_votes *votes,
                           const struct ps_bigpool_count *count);

#endif
