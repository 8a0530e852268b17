/* Pages of the classic pool, and what goes wrong with them. */
#ifndef PS_HOST_RECIPE_CLASSIC_CLASSIC_H
#define PS_HOST_RECIPE_CLASSIC_CLASSIC_H

#include "host/recipe/model.h"

/* Where the headers of a layout stand, ascending byte offsets. */
struct ps_rcp_layout {
    uint16_t at[PS_RECIPE_PAGE_MAX_HEADERS];
    size_t n;
};

/* Fill the page with one chain of blocks drawn from the list. A body keeps the bytes that stand
 * there (and the headers planted in them) in 'keep' of 100 blocks. */
void ps_rcp_classic_layout(struct ps_rcp_page *pg, const struct ps_rcp_list *list, uint32_t keep,
                           struct ps_rcp_layout *layout);

/* What page.c and torn pages share: from byte 'cut' on the page is 'rest'. NULL where nobody asks
 * for the headers. */
void ps_rcp_splice(struct ps_rcp_page *pg, const uint8_t *rest, struct ps_planted_page *planted,
                   uint32_t cut);

/* Overwrite one header of the layout, as a driver that writes past its block does. */
void ps_rcp_smash(struct ps_rcp_page *pg, const struct ps_rcp_layout *layout);

#endif
