#include "host/recipe/memory/memory.h"

#define USER_BIT 4ull

/* One process is enough: all uses of the kind are in it. Its tables are made by those of System
 * with another root. x86 has one root for both halves of what fits into a page as well, but the
 * four entries of PAE do not. */
int ps_rcp_process_map(struct ps_rcp_system *sys, const struct ps_rcp_use *use)
{
    const struct ps_rcp_map map = {.line = use->line};
    const uint64_t system_root = sys->cr3;
    struct ps_rcp_memory *memory = sys->memory;
    int rc = 0;

    if (sys->mode == PS_RCP_PAE || use->location != PS_RCP_ACTIVE)
        return 0;
    if (memory->process_root == PS_RCP_NONE) {
        if (!ps_rcp_overlay_new(sys, &memory->process_root, use->line))
            return -sys->err->code;
        ps_rcp_overlay_find(sys, memory->process_root)->is_table = 1;
    }
    sys->cr3 = memory->process_root;
    for (uint64_t page = use->pages.first; rc == 0 && page <= use->pages.last; page++)
        rc = ps_rcp_map_entry(sys, use->va + (page - use->pages.first) * PS_RECIPE_PAGE,
                              ps_rcp_valid_entry(sys, &map, page) | USER_BIT, use->line);
    sys->cr3 = system_root;
    return rc;
}

void ps_rcp_process_finish(struct ps_rcp_system *sys)
{
    const uint64_t root = sys->memory->process_root;
    const size_t half = PS_RECIPE_PAGE / 2, width = sys->mode == PS_RCP_X86 ? 4 : 8;
    const uint8_t *from;
    uint8_t *to;

    if (root == PS_RCP_NONE)
        return;
    from = ps_rcp_overlay_find(sys, sys->cr3)->b;
    to = ps_rcp_overlay_find(sys, root)->b;
    memcpy(to + half, from + half, PS_RECIPE_PAGE - half);
    ps_rcp_put32(to + sys->self_slot * width,
                 (uint32_t)root << 12 | (ps_rcp_get32(from + sys->self_slot * width) & 0xfff));
}
