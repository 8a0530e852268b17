#include "host/recipe/classic/classic.h"

/* PoolType bits of a request that reach the header, in every era at the same place. */
#define TYPE_ALIGNED  0x04u /* Vista and later */
#define TYPE_SESSION  0x20u
#define TYPE_VERIFIER 0x40u

struct chain {
    struct ps_rcp_page *pg;
    struct ps_rcp_layout *layout;
    uint32_t at, total; /* units */
    uint32_t prev;
    uint32_t keep; /* percent of bodies that keep what stands there */
    int session;   /* a page of session space */
};

static uint32_t chance_of(struct chain *c, enum ps_rcp_key key)
{
    const struct ps_rcp_args *a = &c->pg->stmt->args;

    return ps_rcp_has(a, key) && ps_rcp_chance(&c->pg->rng, (uint32_t)a->v[key]);
}

static void put_block(struct chain *c, struct ps_rcp_header *h, uint32_t line)
{
    struct ps_rcp_page *pg = c->pg;
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    uint32_t at = c->at * unit;
    int in_use = h->state != PS_PLANTED_FREE;
    /* Two links of a list of free blocks; one of a look-aside list, which says it is in use. */
    uint32_t links = in_use ? chance_of(c, PS_RCP_LOOKASIDE) : 2u;

    h->prev = c->prev;
    h->allocator = PS_PLANTED_BY_CLASSIC;
    if (c->keep == 0 || !ps_rcp_chance(&pg->rng, c->keep)) {
        ps_rcp_uproot(pg->planted, at, h->units * unit);
        ps_rcp_fill_body(pg, ps_rcp_body_of(pg), at + unit, (h->units - 1) * unit);
    }
    if (links > 0 && h->units > 1) {
        ps_rcp_uproot(pg->planted, at + unit, links * unit / 2);
        ps_rcp_put_links(pg, at + unit, links);
    }
    ps_rcp_plant(pg, at, h, line);
    c->layout->at[c->layout->n++] = (uint16_t)at;
    c->prev = h->units;
    c->at += h->units;
}

static void named_blocks(struct chain *c)
{
    const struct ps_rcp_stmt *s = c->pg->stmt;

    for (uint32_t i = 0; i < s->n_blocks; i++) {
        const struct ps_rcp_block *b = &c->pg->recipe->block[s->first_block + i];
        struct ps_rcp_header h = ps_rcp_block_header(c->pg, b);

        put_block(c, &h, b->line);
    }
    if (c->at < c->total) {
        struct ps_rcp_header rest = {.tag = 0x65657246u, .units = c->total - c->at};

        rest.state = PS_PLANTED_FREE;
        put_block(c, &rest, s->line);
    }
}

/* Free: 0, or the old type without the mark of a block in use. */
static void make_free(struct ps_rcp_page *pg, struct ps_rcp_header *h)
{
    int nt5 = ps_rcp_is_nt5(&pg->stmt->era);
    uint32_t percent = (uint32_t)ps_rcp_get(&pg->stmt->args, PS_RCP_KEPT, nt5 ? 0 : 50);

    h->type = percent && ps_rcp_chance(&pg->rng, percent) ? h->type & (nt5 ? ~4u : ~2u) : 0;
    h->state = PS_PLANTED_FREE;
}

static void make_special(struct chain *c, struct ps_rcp_header *h)
{
    if (c->session)
        h->type |= TYPE_SESSION;
    if (chance_of(c, PS_RCP_VERIFIER))
        h->type |= TYPE_VERIFIER;
    if (chance_of(c, PS_RCP_ALIGNED) && !ps_rcp_is_nt5(&c->pg->stmt->era))
        h->type |= TYPE_ALIGNED;
}

void ps_rcp_classic_layout(struct ps_rcp_page *pg, const struct ps_rcp_list *list, uint32_t keep,
                           struct ps_rcp_layout *layout)
{
    struct chain c = {.pg = pg, .layout = layout, .keep = keep};
    uint32_t percent = (uint32_t)ps_rcp_get(&pg->stmt->args, PS_RCP_FREE, 12);
    int paged = ps_rcp_entry_paged(&pg->stmt->era, ps_rcp_draw(pg, list, -1));
    int was_free = 0;

    layout->n = 0;
    c.total = PS_RECIPE_PAGE / ps_rcp_unit(&pg->stmt->era);
    c.session = (int)chance_of(&c, PS_RCP_SESSION);
    while (c.at < c.total) {
        uint32_t left = c.total - c.at;
        struct ps_rcp_header h = ps_rcp_drawn_header(pg, ps_rcp_draw(pg, list, paged), paged);
        /* Two free neighbours would have been joined. */
        int is_free = !was_free && ps_rcp_chance(&pg->rng, percent);

        if (is_free)
            h.units = 1 + ps_rcp_below(&pg->rng, 12);
        if (h.units >= left) {
            h.units = left;
            is_free = left == 1 || !was_free;
        }
        make_special(&c, &h);
        if (is_free)
            make_free(pg, &h);
        put_block(&c, &h, pg->stmt->line);
        was_free = is_free;
    }
}

/* What an earlier layout had in use is no block of the next one. */
static void make_stale(struct ps_planted_page *planted)
{
    for (size_t i = 0; planted && i < planted->n; i++)
        if (planted->header[i].state == PS_PLANTED_ALLOCATED)
            planted->header[i].state = PS_PLANTED_STALE;
}

static void random_page(struct ps_rcp_page *pg, const struct ps_rcp_list *list,
                        struct ps_rcp_layout *layout)
{
    uint32_t keep = (uint32_t)ps_rcp_get(&pg->stmt->args, PS_RCP_LEFTOVERS, 0);

    if (keep > 0) {
        ps_rcp_classic_layout(pg, list, 0, layout);
        make_stale(pg->planted);
    }
    ps_rcp_classic_layout(pg, list, keep, layout);
}

/* The page as it was a moment later, when the rest of it was read. */
static void tear(struct ps_rcp_page *pg, const struct ps_rcp_list *list)
{
    uint8_t bytes[PS_RECIPE_PAGE] = {0};
    struct ps_planted_page planted = {0};
    struct ps_rcp_layout layout;
    struct ps_rcp_page later = *pg;

    later.b = bytes;
    later.planted = pg->planted ? &planted : NULL;
    random_page(&later, list, &layout);
    pg->rng = later.rng;
    ps_rcp_splice(pg, bytes, later.planted, 64 * (1 + ps_rcp_below(&pg->rng, 63)));
}

void ps_rcp_classic_page(struct ps_rcp_page *pg)
{
    const struct ps_rcp_list *list = ps_rcp_list_of(pg, PS_RCP_TAGS);
    struct ps_rcp_layout layout = {.n = 0};
    struct chain c = {.pg = pg, .layout = &layout};

    c.total = PS_RECIPE_PAGE / ps_rcp_unit(&pg->stmt->era);
    if (pg->stmt->n_blocks > 0) {
        named_blocks(&c);
    } else if (list) {
        random_page(pg, list, &layout);
        if (chance_of(&c, PS_RCP_TORN_PAGES))
            tear(pg, list);
        else if (chance_of(&c, PS_RCP_SMASHED))
            ps_rcp_smash(pg, &layout);
    }
}
