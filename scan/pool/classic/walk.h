/* The classic pool: a page is one chain of blocks from its first byte to its last. */
#ifndef PS_SCAN_POOL_CLASSIC_WALK_H
#define PS_SCAN_POOL_CLASSIC_WALK_H

#include "scan/pool/page_map.h"
#include "scan/pool/page_view.h"

/* Which neighbours confirm the sizes of the header at 'slot': PS_LINK_*. A neighbour in use needs
 * a printable tag. The edges of the page prove little: PreviousSize 0 in the first slot, or a
 * block that ends with the page, counts only beside a neighbour that agrees. */
enum { PS_LINK_PREV = 1, PS_LINK_NEXT = 2 };
unsigned ps_classic_links(const struct ps_page_view *view, uint32_t slot);

/* Walk the page from 0. When that closes, rank the blocks of the walk and set map->closed;
 * otherwise rank the blocks of all partial chains by the length of their chain, and those of the
 * broken walk (broken_walk.h) above them. */
void ps_classic_walk(const struct ps_page_view *view, struct ps_page_map *map);

#endif
