#include "host/recipe/classic/classic.h"

void ps_rcp_splice(struct ps_rcp_page *pg, const uint8_t *rest, struct ps_planted_page *planted,
                   uint32_t cut)
{
    memcpy(pg->b + cut, rest + cut, PS_RECIPE_PAGE - cut);
    if (!pg->planted)
        return;
    ps_rcp_uproot(pg->planted, cut, PS_RECIPE_PAGE - cut);
    ps_rcp_uproot(planted, 0, cut);
    for (size_t i = 0; i < planted->n && pg->planted->n < PS_RECIPE_PAGE_MAX_HEADERS; i++)
        pg->planted->header[pg->planted->n++] = planted->header[i];
}

void ps_rcp_smash(struct ps_rcp_page *pg, const struct ps_rcp_layout *layout)
{
    uint32_t at = layout->at[ps_rcp_below(&pg->rng, (uint32_t)layout->n)];
    uint32_t n = 16 + 8 * ps_rcp_below(&pg->rng, 7);

    if (n > PS_RECIPE_PAGE - at)
        n = PS_RECIPE_PAGE - at;
    ps_rcp_uproot(pg->planted, at, n);
    switch (ps_rcp_below(&pg->rng, 3)) {
    case 0:
        memset(pg->b + at, 0, n);
        break;
    case 1:
        memset(pg->b + at, 'A', n);
        break;
    default:
        ps_rcp_fill_random(pg, at, n);
        break;
    }
}
