#include "host/recipe/system/system.h"

#include <stdlib.h>

/* Room for decoys: pages to.first + i, as many as there are; NULL behind the last one. */
static int copy_page(struct ps_rcp_system *sys, const struct ps_rcp_decoy *d, uint64_t i,
                     const uint8_t *from, uint8_t **out)
{
    *out = NULL;
    if (i > d->to.last - d->to.first)
        return 0;
    *out = ps_rcp_overlay_at(sys, d->to.first + i, d->line);
    if (!*out)
        return -sys->err->code;
    if (from)
        memcpy(*out, from, PS_RECIPE_PAGE);
    return 0;
}

/* The tables as they are, in other pages: what they lead to is right, but nothing leads to them. */
static int copy_tables(struct ps_rcp_system *sys, const struct ps_rcp_decoy *d)
{
    uint64_t n = d->to.last - d->to.first + 1;
    size_t n_overlays = sys->n_overlays;
    uint8_t *copy;
    int rc = 0;

    for (size_t i = 0, done = 0; rc == 0 && i < n_overlays && done < n; i++)
        if (sys->overlay[i].is_table)
            rc = copy_page(sys, d, done++, sys->overlay[i].b, &copy);
    return rc;
}

/* The top table of a process that has ended: it maps itself, and some of the kernel half. */
static int copy_process(struct ps_rcp_system *sys, const struct ps_rcp_decoy *d)
{
    const uint8_t *top = ps_rcp_overlay_find(sys, sys->cr3)->b;
    uint8_t *copy;
    int rc = copy_page(sys, d, 0, NULL, &copy);
    uint32_t n_used = 0, n_kept = 0;

    if (rc < 0)
        return rc;
    if (sys->mode != PS_RCP_X64)
        return ps_fail(sys->err, PS_EARG, d->line, "decoy process is for x64");
    for (uint32_t i = 256; i < 512; i++)
        n_used += i != sys->self_slot && (top[8 * i] & 1);
    for (uint32_t i = 256; i < 512 && n_kept * 100 < n_used * d->keep; i++)
        if (i != sys->self_slot && (top[8 * i] & 1)) {
            memcpy(copy + (size_t)8 * i, top + (size_t)8 * i, 8);
            n_kept++;
        }
    ps_rcp_put64(copy + 8 * sys->self_slot, d->to.first << 12 | 0x863);
    return 0;
}

static int copy_region(struct ps_rcp_system *sys, const struct ps_rcp_decoy *d,
                       const struct ps_rcp_region *region)
{
    uint8_t *copy;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < region->n_pages; i++)
        rc = copy_page(sys, d, i, region->b[i], &copy);
    return rc;
}

/* The table before it was doubled: half the slots, the older half of the rows. */
static int older_table(struct ps_rcp_system *sys, const struct ps_rcp_decoy *d)
{
    const struct ps_rcp_bigtable *t = &sys->big;
    uint64_t slots = t->slots / 2;
    size_t n_pages =
        (size_t)((slots * ps_rcp_big_stride(&sys->era) + PS_RECIPE_PAGE - 1) / PS_RECIPE_PAGE);
    size_t n_rows = t->n_rows / 2 < slots / 2 ? t->n_rows / 2 : (size_t)slots / 2;
    struct ps_rcp_region region = {.b = calloc(n_pages, sizeof *region.b)};
    struct ps_rcp_big *row = calloc(n_rows + 1, sizeof *row);
    int rc = 0;

    if (!region.b || !row)
        rc = ps_fail(sys->err, PS_ENOMEM, d->line, "not enough memory for the recipe");
    while (rc == 0 && region.n_pages < n_pages && region.n_pages <= d->to.last - d->to.first) {
        rc = copy_page(sys, d, region.n_pages, NULL, &region.b[region.n_pages]);
        region.n_pages += rc == 0;
    }
    if (rc == 0) {
        if (n_rows > 0)
            memcpy(row, t->row, n_rows * sizeof *row);
        ps_rcp_big_write(sys, &region, slots, row, n_rows);
    }
    free(row);
    free(region.b);
    return rc;
}

int ps_rcp_decoys_build(struct ps_rcp_system *sys)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sys->n_decoys; i++) {
        const struct ps_rcp_decoy *d = &sys->decoy[i];

        if (d->kind == PS_RCP_DECOY_TABLES)
            rc = copy_tables(sys, d);
        else if (d->kind == PS_RCP_DECOY_PROCESS)
            rc = copy_process(sys, d);
        else if (sys->big.slots == 0)
            rc = ps_fail(sys->err, PS_EARG, d->line, "there is no bigtable to copy");
        else if (d->kind == PS_RCP_DECOY_BIGTABLE)
            rc = copy_region(sys, d, &sys->big.region);
        else
            rc = older_table(sys, d);
    }
    return rc;
}
