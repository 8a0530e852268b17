/* Vista to 8.1, or 10 and later: their entries differ only in what the dword behind Key holds. */
#ifndef PS_SCAN_BIGPOOL_WORD_VOTE_H
#define PS_SCAN_BIGPOOL_WORD_VOTE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/carve/page.h"

/* Start with zeros. */
struct ps_bigpool_word_vote {
    size_t n_plain, n_packed;
};

/* Ask the whole used entries of a page of 4096 bytes whose first one is at 'phase'. */
void ps_bigpool_word_vote_page(struct ps_bigpool_word_vote *vote,
                               const struct ps_bigpool_geometry *g, const uint8_t *page,
                               uint32_t phase);

/* The layout that the entries speak for; 'build' decides when they do not, 0: it is not known. NULL
 * when the geometry has none of this family. */
const struct ps_bigpool_layout *ps_bigpool_word_vote_pick(const struct ps_bigpool_word_vote *vote,
                                                          const struct ps_bigpool_geometry *g,
                                                          enum ps_bigpool_family family,
                                                          uint32_t build);

#endif
