/* What the structures of one page say about its slots. */
#ifndef PS_SCAN_POOL_PAGE_MAP_H
#define PS_SCAN_POOL_PAGE_MAP_H

#include <stdint.h>

#include "scan/pool/page_view.h"

/* A header on the walk of a page that does not close; chains of other pages have less. */
#define PS_RANK_WALK 254u
#define PS_RANK_MAX  255u

#define PS_MAX_GAPS  8u

struct ps_page_map {
    uint64_t ranked[PS_MAX_SLOTS / 64]; /* a bit for each slot with a rank */
    uint8_t rank[PS_MAX_SLOTS];    /* how many headers vouch for the one at this slot; 0 none */
    uint8_t segment[PS_MAX_SLOTS]; /* PS_SEG_* of segment/segment_page.h */
    uint64_t inside[PS_MAX_SLOTS / 64]; /* segment heap: slots inside a block or a free chunk */
    uint64_t freed[PS_MAX_SLOTS / 64];  /* ... inside a free chunk */
    int covers;         /* blocks with a rank may cover headers that are not 'inside' */
    uint32_t n_chained; /* slots that classic chains cover */
    uint32_t n_gaps;
    struct {
        uint16_t first, end; /* slots inside a block whose header is lost */
    } gap[PS_MAX_GAPS];
    int closed;    /* the classic walk from 0 ends with the page */
    int walked;    /* ... or is known to, but for what is damaged */
    uint32_t mark; /* PoolType bits without which a block of this page is free */
    int classic;   /* a page of the classic pool, by era or by what it shows */
};

/* Ranks grow: a lower one than the slot has changes nothing. */
static inline void ps_page_map_rank(struct ps_page_map *map, uint32_t slot, uint32_t rank)
{
    if (map->rank[slot] < rank)
        map->rank[slot] = (uint8_t)rank;
    map->ranked[slot >> 6] |= (uint64_t)1 << (slot & 63u);
    map->covers = 1;
}

#endif
