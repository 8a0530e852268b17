/* The words of a tag list that say where and when a tag is used. */
#ifndef PS_SCAN_TAGS_LISTS_USAGE_H
#define PS_SCAN_TAGS_LISTS_USAGE_H

#include "scan/tags/lists/span.h"

/* Is this word a usual pool: np, pg, both, or ? (1 or 0) */
int ps_is_pool_word(struct ps_span word);

/* Does this word say in which Windows releases a tag was seen: FIRST-LAST, FIRST-, -LAST, a single
 * one, or ? (1 or 0). Releases are 2000 xp 2003 vista 7 8 8.1 10 11, in this order. */
int ps_is_seen_word(struct ps_span word);

#endif
