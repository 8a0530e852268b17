/* What the structures of one page say about its slots. */
#ifndef PS_SCAN_POOL_PAGE_MAP_H
#define PS_SCAN_POOL_PAGE_MAP_H

#include <stdint.h>

#include "scan/pool/page_view.h"

struct ps_page_map {
    uint8_t rank[PS_MAX_SLOTS];    /* how many headers vouch for the one at this slot; 0 none */
    uint8_t segment[PS_MAX_SLOTS]; /* PS_SEG_* of segment_page.h */
    uint32_t n_chained;            /* slots that classic chains cover */
    int any_rank;                  /* some rank is not 0 */
    int closed;                    /* the classic walk from 0 ends with the page */
    int classic;                   /* a page of the classic pool, by era or by what it shows */
};

#define PS_RANK_MAX 255u

#endif
