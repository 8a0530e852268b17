#include "host/recipe/system/system.h"

#include "host/recipe/heap/heap.h"
#include "host/recipe/memory/memory.h"
#include "host/recipe/modules/modules.h"
#include "host/recipe/quota/quota.h"

#include <stdlib.h>

int ps_rcp_region_make(struct ps_rcp_system *sys, struct ps_rcp_region *out, uint64_t va,
                       uint64_t n_bytes, uint32_t line)
{
    const struct ps_rcp_map map = {.line = line, .nx = 1};

    out->va = va;
    out->n_pages = 0;
    out->b = calloc((size_t)(n_bytes / PS_RECIPE_PAGE + 1), sizeof *out->b);
    out->page = calloc((size_t)(n_bytes / PS_RECIPE_PAGE + 1), sizeof *out->page);
    if (!out->b || !out->page)
        return ps_fail(sys->err, PS_ENOMEM, line, "not enough memory for the recipe");
    for (uint64_t at = 0; at < n_bytes; at += PS_RECIPE_PAGE) {
        size_t i = out->n_pages;
        int rc;

        out->b[i] = ps_rcp_overlay_new(sys, &out->page[i], line);
        if (!out->b[i])
            return -sys->err->code;
        if ((rc = ps_rcp_map_page(sys, &map, va + at, out->page[i], PS_RCP_VALID)) < 0)
            return rc;
        out->n_pages++;
    }
    return 0;
}

void ps_rcp_region_free(struct ps_rcp_region *region)
{
    free(region->b);
    free(region->page);
    *region = (struct ps_rcp_region){0};
}

void ps_rcp_region_put(struct ps_rcp_region *region, uint64_t at, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < n && (at + i) / PS_RECIPE_PAGE < region->n_pages; i++)
        region->b[(at + i) / PS_RECIPE_PAGE][(at + i) % PS_RECIPE_PAGE] = from[i];
}

static enum ps_rcp_leaf leaf_of(struct ps_rcp_system *sys, const struct ps_rcp_map *map,
                                uint64_t page)
{
    if (map->pages.first == PS_RCP_NONE)
        return PS_RCP_DEMAND_ZERO;
    if (page >= sys->recipe->image_pages)
        return PS_RCP_PAGE_FILE;
    return map->transition && ps_rcp_chance(&sys->rng, (uint32_t)map->transition)
               ? PS_RCP_TRANSITION
               : PS_RCP_VALID;
}

/* The leaves hold addresses of prototype entries, which are valid entries in a mapped page. */
static int map_prototypes(struct ps_rcp_system *sys, const struct ps_rcp_map *map,
                          const uint64_t *page)
{
    unsigned size = sys->mode == PS_RCP_X86 ? 4 : 8;
    struct ps_rcp_region entries = {0};
    int rc = ps_rcp_region_make(sys, &entries, map->prototype, map->n_pages * size, map->line);

    for (uint64_t i = 0; rc == 0 && i < map->n_pages; i++) {
        uint8_t raw[8];

        ps_rcp_put64(raw, ps_rcp_valid_entry(sys, map, page[i]));
        ps_rcp_region_put(&entries, i * size, raw, size);
        rc = ps_rcp_map_entry(sys, map->va + i * PS_RECIPE_PAGE,
                              ps_rcp_prototype_entry(sys, map->prototype + i * size), map->line);
    }
    ps_rcp_region_free(&entries);
    return rc;
}

static int make_map(struct ps_rcp_system *sys, const struct ps_rcp_map *map)
{
    uint64_t step = !map->large ? 1 : sys->mode == PS_RCP_X86 ? 1024 : 512;
    uint64_t *page = NULL;
    int rc = 0;

    if (map->pages.first != PS_RCP_NONE) {
        page = ps_rcp_shuffled(&sys->rng, map->pages, map->scatter);
        if (!page)
            return ps_fail(sys->err, PS_ENOMEM, map->line, "not enough memory for the recipe");
    }
    if (map->prototype != PS_RCP_NONE)
        rc = map_prototypes(sys, map, page);
    else
        for (uint64_t i = 0; rc == 0 && i < map->n_pages; i += step)
            rc = ps_rcp_map_page(sys, map, map->va + i * PS_RECIPE_PAGE, page ? page[i] : 0,
                                 leaf_of(sys, map, page ? page[i] : 0));
    free(page);
    return rc;
}

static int is_lost(const struct ps_rcp_system *sys, uint64_t va)
{
    uint64_t span = ps_rcp_table_span(sys);

    for (size_t i = 0; i < sys->n_fates; i++)
        if (sys->fate[i].kind != PS_RCP_IN_TRANSITION && sys->fate[i].va / span == va / span)
            return 1;
    return 0;
}

static int meet_fates(struct ps_rcp_system *sys)
{
    size_t kept = 0;

    for (size_t i = 0; i < sys->n_fates; i++) {
        const struct ps_rcp_fate *f = &sys->fate[i];
        uint64_t page;

        if (!ps_rcp_table_of(sys, f->va, &page))
            return ps_fail(sys->err, PS_EARG, f->line, "no table maps %#llx",
                           (unsigned long long)f->va);
        for (size_t k = 0; k < i; k++)
            if (sys->fate[k].va / ps_rcp_table_span(sys) == f->va / ps_rcp_table_span(sys))
                return ps_fail(sys->err, PS_EARG, f->line, "this is the table of line %u",
                               sys->fate[k].line);
        ps_rcp_table_fate(sys, f->va, f->kind);
    }
    for (size_t i = 0; i < sys->n_links; i++)
        if (!is_lost(sys, sys->link[i].va)) {
            struct ps_rcp_link link = sys->link[i];

            sys->link[i] = sys->link[kept];
            sys->link[kept++] = link;
        }
    sys->n_all_links = sys->n_links;
    sys->n_links = kept;
    return 0;
}

static int by_page(const void *a, const void *b)
{
    const struct ps_rcp_link *x = a, *y = b;

    if (x->page != y->page)
        return x->page < y->page ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_va(const void *a, const void *b)
{
    const struct ps_rcp_link *x = a, *y = b;

    return x->va < y->va ? -1 : x->va > y->va;
}

static int sort_links(struct ps_rcp_system *sys)
{
    sys->by_va = calloc(sys->n_links + 1, sizeof *sys->by_va);
    if (!sys->by_va)
        return ps_fail(sys->err, PS_ENOMEM, PS_AT_NONE, "not enough memory for the recipe");
    if (sys->n_links > 0) {
        memcpy(sys->by_va, sys->link, sys->n_links * sizeof *sys->link);
        qsort(sys->link, sys->n_links, sizeof *sys->link, by_page);
        qsort(sys->by_va, sys->n_links, sizeof *sys->by_va, by_va);
    }
    return 0;
}

static int build(struct ps_rcp_system *sys)
{
    int rc = ps_rcp_overlay_start(sys);

    if (rc == 0)
        rc = ps_rcp_tables_start(sys);
    for (size_t i = 0; rc == 0 && i < sys->n_maps; i++)
        rc = make_map(sys, &sys->map[i]);
    if (rc == 0)
        rc = ps_rcp_heaps_build(sys);
    if (rc == 0)
        rc = ps_rcp_quota_plan(sys);
    if (rc == 0)
        rc = ps_rcp_bigtable_build(sys);
    if (rc == 0)
        rc = ps_rcp_tracker_reserve(sys);
    if (rc == 0)
        rc = ps_rcp_memory_reserve(sys);
    if (rc == 0)
        rc = ps_rcp_modules_build(sys);
    if (rc == 0)
        rc = ps_rcp_kernel_build(sys);
    if (rc == 0)
        rc = ps_rcp_decoys_build(sys);
    if (rc == 0)
        rc = ps_rcp_memory_fill(sys);
    if (rc == 0)
        rc = meet_fates(sys);
    if (rc == 0)
        rc = sort_links(sys);
    if (rc == 0) {
        ps_rcp_overlay_freeze(sys);
        rc = ps_rcp_tracker_fill(sys);
    }
    return rc;
}

int ps_rcp_system_build(struct ps_recipe *recipe, struct ps_err *err)
{
    struct ps_rcp_system *sys = recipe->system;
    int rc;

    if (!sys)
        return 0;
    sys->err = err;
    sys->rng = ps_rcp_mix64(recipe->seed + 0x7d3a91c5ull);
    rc = build(sys);
    sys->err = NULL;
    return rc;
}

void ps_rcp_system_free(struct ps_rcp_system *sys)
{
    if (!sys)
        return;
    for (size_t i = 0; i < sys->n_overlays; i++)
        free(sys->overlay[i].b);
    free(sys->overlay);
    free(sys->bucket);
    free(sys->frame);
    free(sys->map);
    free(sys->link);
    free(sys->by_va);
    free(sys->big.row);
    free(sys->big.live);
    ps_rcp_region_free(&sys->big.region);
    ps_rcp_tracker_free(&sys->tracker);
    ps_rcp_heaps_free(sys->heaps);
    free(sys->quota);
    free(sys->modules);
    ps_rcp_memory_free(sys->memory);
    free(sys);
}

int ps_rcp_system_va(const struct ps_rcp_system *sys, uint64_t page, uint64_t *va)
{
    size_t lo = 0, hi = sys ? sys->n_links : 0;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (sys->link[mid].page < page)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!sys || lo == sys->n_links || sys->link[lo].page != page)
        return 0;
    *va = sys->link[lo].va;
    return 1;
}

int ps_rcp_system_translate(const struct ps_rcp_system *sys, uint64_t va, uint64_t *page)
{
    size_t lo = 0, hi = sys->n_links;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (sys->by_va[mid].va < va)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == sys->n_links || sys->by_va[lo].va != va)
        return 0;
    *page = sys->by_va[lo].page;
    return 1;
}
