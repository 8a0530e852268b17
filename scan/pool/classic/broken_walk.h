/* The walk of a page that does not close: one header is overwritten, or the page changed while it
 * was read. What is left of the chain still begins and ends with the page. */
#ifndef PS_SCAN_POOL_CLASSIC_BROKEN_WALK_H
#define PS_SCAN_POOL_CLASSIC_BROKEN_WALK_H

#include "scan/pool/page_map.h"
#include "scan/pool/page_view.h"

/* 'map' has the ranks of the partial chains; 'tail' is the first slot of the longest one that ends
 * with the page, or the number of slots when there is none.
 *
 * Walk from 0 to where the chain breaks off; behind one overwritten header it goes on where a
 * chain's PreviousSize leads back to the place of that header exactly. What does not join is of a
 * second layout of the page: the chain that ends with the page, if its PreviousSize leads into what
 * was walked. The walk counts when it has three blocks or more and tags. Its blocks get
 * PS_RANK_WALK, what is known to lie inside a block whose header is lost is noted as a gap. */
void ps_broken_walk(const struct ps_page_view *view, uint32_t tail, struct ps_page_map *map);

#endif
