/* Drivers of a recipe: PE images whose code is pages of it, and the list that PsLoadedModuleList
 * heads. Planned once, when the recipe was read. docs/RECIPES.md, "Drivers". Shared by host/recipe/
 * only. */
#ifndef PS_HOST_RECIPE_MODULES_MODULES_H
#define PS_HOST_RECIPE_MODULES_MODULES_H

#include "host/recipe/system/system.h"

#define PS_RCP_MAX_MODULES 64u

struct ps_rcp_module {
    uint64_t va;
    uint64_t n_pages; /* of .text */
    uint64_t data;    /* tag list, or PS_RCP_NONE */
    char name[32];
    uint32_t line;
    int is_lost;     /* its entry is not in memory */
    int is_hidden;   /* it has none */
    int is_headless; /* its first page is not in memory */
};

struct ps_rcp_modules {
    uint64_t list; /* where the entries stand, a page each, that of the Windows kernel first */
    uint64_t at;   /* RVA of PsLoadedModuleList in the Windows kernel */
    int is_exported;
    uint32_t line;
    struct ps_rcp_module module[PS_RCP_MAX_MODULES];
    size_t n;
};

int ps_rcp_do_modules(struct ps_rcp_parser *p);
int ps_rcp_do_module(struct ps_rcp_parser *p);
/* Make headers, data and list entries, and have the Windows kernel name them; after all mappings,
 * before the Windows kernel is made. Does nothing without the statements. 0, or a failure whose
 * err->at is the line. */
int ps_rcp_modules_build(struct ps_rcp_system *sys);

#endif
