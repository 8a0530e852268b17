#include "host/recipe/memory/memory.h"

#include <stdlib.h>

#define FIRST_6      6000u
#define FIRST_LONG   9200u /* x86 without PAE has the longer entries, too */
#define FIRST_10     10240u
#define X86_PTE_BASE 0xc0000000ull
#define VALID_ENTRY  1u

/* Offsets of the fields in an entry. */
struct layout {
    uint32_t n_bytes, pte, share, refs, location, original, frame;
};

static struct layout layout_of(const struct ps_rcp_system *sys)
{
    const uint32_t build = sys->era.build;
    const uint32_t n_short = sys->mode == PS_RCP_PAE || build >= FIRST_LONG ? 0x1c : 0x18;

    if (sys->era.is_x64 && build >= FIRST_10)
        return (struct layout){0x30, 8, 0x18, 0x20, 0x22, 0x10, 0x28};
    if (sys->era.is_x64 && build >= FIRST_6)
        return (struct layout){0x30, 0x10, 8, 0x18, 0x1a, 0x20, 0x28};
    if (sys->era.is_x64)
        return (struct layout){0x30, 8, 0x10, 0x18, 0x1b, 0x20, 0x28};
    if (build >= FIRST_10)
        return (struct layout){0x1c, 4, 0x10, 0x14, 0x16, 8, 0x18};
    if (build >= FIRST_6)
        return (struct layout){n_short, 8, 4, 0xc, 0xe, 0x10, n_short - 4};
    return (struct layout){n_short, 4, 8, 0xc, 0xf, 0x10, n_short - 4};
}

/* Where the self-map shows the entry for va. */
static uint64_t entry_va(const struct ps_rcp_system *sys, uint64_t va)
{
    const uint64_t number = va >> 12;

    if (sys->mode == PS_RCP_X64)
        return (0xffff000000000000ull | sys->self_slot << 39) + (number & 0xfffffffffull) * 8;
    return X86_PTE_BASE + (number & 0xfffff) * (sys->mode == PS_RCP_PAE ? 8 : 4);
}

struct entry {
    uint64_t pte, original, frame;
    enum ps_rcp_location location;
};

static void put_entry(struct ps_rcp_system *sys, uint64_t page, const struct entry *e)
{
    const struct layout at = layout_of(sys);
    const uint32_t is_active = e->location == PS_RCP_ACTIVE;
    uint8_t b[0x30] = {0};

    if (sys->era.is_x64) {
        ps_rcp_put64(b + at.pte, e->pte);
        ps_rcp_put64(b + at.share, is_active);
        ps_rcp_put64(b + at.original, e->original);
        ps_rcp_put64(b + at.frame, e->frame);
    } else {
        ps_rcp_put32(b + at.pte, (uint32_t)e->pte);
        ps_rcp_put32(b + at.share, is_active);
        ps_rcp_put32(b + at.original, (uint32_t)e->original);
        ps_rcp_put32(b + at.frame, (uint32_t)e->frame);
    }
    ps_rcp_put16(b + at.refs, is_active);
    b[at.location] = (uint8_t)((b[at.location] & ~7u) | e->location);
    ps_rcp_region_put(&sys->memory->region, page * at.n_bytes, b, at.n_bytes);
}

int ps_rcp_memory_reserve(struct ps_rcp_system *sys)
{
    struct ps_rcp_memory *memory = sys->memory;
    int rc = 0;

    if (!memory)
        return 0;
    for (size_t i = 0; rc == 0 && i < memory->n_uses; i++)
        if (memory->use[i].kind == PS_RCP_USE_PROCESS)
            rc = ps_rcp_process_map(sys, &memory->use[i]);
    if (rc < 0 || memory->va == 0)
        return rc;
    memory->n_pages = sys->recipe->image_pages;
    memory->kind = calloc((size_t)sys->recipe->image_pages + 1, 1);
    if (!memory->kind)
        return ps_fail(sys->err, PS_ENOMEM, memory->line, "not enough memory for the recipe");
    if (sys->kernel.va && sys->kernel.n_words < PS_RCP_MAX_VARS)
        sys->kernel.word[sys->kernel.n_words++] =
            (struct ps_rcp_kernel_word){memory->rva, memory->va};
    return ps_rcp_region_make(sys, &memory->region, memory->va,
                              sys->recipe->image_pages * layout_of(sys).n_bytes, memory->line);
}

static void note(struct ps_rcp_system *sys, uint64_t page, enum ps_rcp_use_kind kind,
                 const struct entry *e)
{
    if (page >= sys->recipe->image_pages)
        return;
    sys->memory->kind[page] = (uint8_t)kind;
    put_entry(sys, page, e);
}

/* What nobody said anything about is free. */
static void put_free(struct ps_rcp_system *sys)
{
    const struct entry e = {.location = PS_RCP_ON_FREE};

    for (uint64_t page = 0; page < sys->recipe->image_pages; page++)
        note(sys, page, PS_RCP_USE_FREE, &e);
}

/* Tables are shown by the self-map themselves. */
static void put_tables(struct ps_rcp_system *sys)
{
    const struct entry e = {.pte = entry_va(sys, entry_va(sys, 0)), .location = PS_RCP_ACTIVE};

    for (size_t i = 0; i < sys->n_overlays; i++)
        if (sys->overlay[i].is_table)
            note(sys, sys->overlay[i].page, PS_RCP_USE_KERNEL, &e);
}

/* Large pages have no lowest entry: the one above is named. */
static struct entry entry_of(struct ps_rcp_system *sys, const struct ps_rcp_link *link)
{
    const uint64_t leaf = ps_rcp_leaf_entry(sys, link->va);
    struct entry e = {.pte = entry_va(sys, link->va), .original = 0x80, .location = PS_RCP_ACTIVE};

    if (leaf == 0)
        e.pte = entry_va(sys, e.pte);
    else if (!(leaf & VALID_ENTRY))
        e.location = ps_rcp_chance(&sys->rng, 50) ? PS_RCP_ON_STANDBY : PS_RCP_ON_MODIFIED;
    ps_rcp_table_of(sys, link->va, &e.frame);
    return e;
}

/* The first mapping is the one that Windows noted; aliases do not count. */
static void put_links(struct ps_rcp_system *sys)
{
    for (size_t i = sys->n_links; i-- > 0;) {
        const struct ps_rcp_link *link = &sys->link[i];
        const struct entry e = entry_of(sys, link);

        if (link->order < PS_RCP_MAX_LINKS)
            note(sys, link->page, PS_RCP_USE_KERNEL, &e);
    }
}

static void put_use(struct ps_rcp_system *sys, const struct ps_rcp_use *use)
{
    const unsigned width = sys->mode == PS_RCP_X86 ? 4 : 8;

    for (uint64_t page = use->pages.first; page <= use->pages.last; page++) {
        const uint64_t i = page - use->pages.first;
        struct entry e = {.original = 0x80, .location = use->location};

        if (use->kind == PS_RCP_USE_PROCESS)
            e.pte = entry_va(sys, use->va + i * PS_RECIPE_PAGE);
        else if (use->kind == PS_RCP_USE_FILE)
            e.pte = use->va + i * width;
        note(sys, page, use->kind, &e);
    }
}

int ps_rcp_memory_fill(struct ps_rcp_system *sys)
{
    struct ps_rcp_memory *memory = sys->memory;

    if (!memory)
        return 0;
    ps_rcp_process_finish(sys);
    if (memory->va == 0)
        return 0;
    put_free(sys);
    put_tables(sys);
    put_links(sys);
    for (size_t i = 0; i < memory->n_uses; i++)
        put_use(sys, &memory->use[i]);
    return 0;
}

void ps_rcp_memory_free(struct ps_rcp_memory *memory)
{
    if (!memory)
        return;
    ps_rcp_region_free(&memory->region);
    free(memory->kind);
    free(memory);
}
