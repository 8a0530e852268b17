#include "host/recipe/memory/memory.h"

#include <stdlib.h>

#define N_OPTIONS(o) (sizeof(o) / sizeof *(o))

#define RVA_PFNDB    0x5a18u
#define USER_END     0x7fff00000000ull
#define USER_END_X86 0x7fff0000ull

static int start(struct ps_rcp_parser *p, struct ps_rcp_system **sys, struct ps_rcp_memory **out)
{
    int rc = ps_rcp_need_system(p, sys);

    if (rc < 0)
        return rc;
    if (!(*sys)->memory) {
        (*sys)->memory = calloc(1, sizeof *(*sys)->memory);
        if (!(*sys)->memory)
            return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
        (*sys)->memory->process_root = PS_RCP_NONE;
    }
    *out = (*sys)->memory;
    return 0;
}

int ps_rcp_do_pfndb(struct ps_rcp_parser *p)
{
    uint64_t va = 0, rva = RVA_PFNDB;
    struct ps_rcp_memory *memory = NULL;
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"va", PS_RCP_F_NUMBER, &va},
        {"at", PS_RCP_F_NUMBER, &rva},
    };
    int rc = start(p, &sys, &memory);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (memory->va)
        return ps_rcp_bad(p, "a recipe has one PFN database");
    if (rva % 8 || rva < 0x4000)
        return ps_rcp_bad(p, "at is where .data keeps MmPfnDatabase, from 0x4000 on");
    if ((rc = ps_rcp_check_va(p, sys, "va", va, p->recipe->image_pages / 64 + 1)) < 0)
        return rc;
    memory->va = va;
    memory->rva = rva;
    memory->line = p->line;
    return 0;
}

static int check_use(struct ps_rcp_parser *p, const struct ps_rcp_system *sys,
                     const struct ps_rcp_use *use)
{
    const uint64_t end = sys->mode == PS_RCP_X64 ? USER_END : USER_END_X86;
    const uint64_t n_bytes = (use->pages.last - use->pages.first + 1) * PS_RECIPE_PAGE;

    if (use->pages.last >= p->recipe->image_pages)
        return ps_rcp_bad(p, "pages of the page file are used by nobody else");
    if (use->kind == PS_RCP_USE_PROCESS &&
        (use->va % PS_RECIPE_PAGE || use->va == 0 || n_bytes > end || use->va > end - n_bytes))
        return ps_rcp_bad(p, "va is a page address of user space, with room for the pages");
    if (use->kind == PS_RCP_USE_FILE)
        return ps_rcp_check_va(p, sys, "va", use->va & ~0xfffull, 1);
    return 0;
}

int ps_rcp_do_use(struct ps_rcp_parser *p)
{
    static const char *const kinds[] = {"zeroed", "free", "process", "file"};
    struct ps_rcp_use use = {.pages = {PS_RCP_NONE, 0}, .line = p->line};
    struct ps_rcp_memory *memory = NULL;
    struct ps_rcp_system *sys;
    int standby = 0, modified = 0, kind = 0;
    const struct ps_rcp_option option[] = {
        {"pages", PS_RCP_F_PAGES, &use.pages},
        {"va", PS_RCP_F_NUMBER, &use.va},
        {"standby", PS_RCP_F_FLAG, &standby},
        {"modified", PS_RCP_F_FLAG, &modified},
    };
    int rc = start(p, &sys, &memory);

    if (rc < 0)
        return rc;
    while (kind < 4 && (p->n_words < 3 || !ps_rcp_is(p->word[1], kinds[kind])))
        kind++;
    if (kind == 4)
        return ps_rcp_bad(p, "write: use zeroed|free|process|file pages=A-B [va=ADDRESS]");
    if ((rc = ps_rcp_options(p, 2, option, N_OPTIONS(option))) < 0)
        return rc;
    use.kind = (enum ps_rcp_use_kind)(PS_RCP_USE_ZEROED + kind);
    use.location = kind == 0   ? PS_RCP_ON_ZEROED
                   : kind == 1 ? PS_RCP_ON_FREE
                   : standby   ? PS_RCP_ON_STANDBY
                   : modified  ? PS_RCP_ON_MODIFIED
                               : PS_RCP_ACTIVE;
    if (use.pages.first == PS_RCP_NONE || (kind < 2 && (standby || modified || use.va)))
        return ps_rcp_bad(p, "a use needs pages=A-B; va, standby and modified are for process and "
                             "file");
    if (memory->n_uses == PS_RCP_MAX_USES)
        return ps_rcp_bad(p, "a recipe has at most %u uses", PS_RCP_MAX_USES);
    if ((rc = check_use(p, sys, &use)) < 0)
        return rc;
    memory->use[memory->n_uses++] = use;
    return 0;
}

void ps_rcp_memory_truth_system(const struct ps_rcp_memory *memory, FILE *out)
{
    if (memory && memory->va)
        fprintf(out, ",\"PfnDatabase\":\"0x%016llx\"", (unsigned long long)memory->va);
}

void ps_rcp_memory_where(const struct ps_rcp_memory *memory, uint64_t page, FILE *out)
{
    static const char *const names[PS_RCP_N_USES] = {"none",    "zeroed", "free",
                                                     "process", "file",   "kernel"};

    if (memory && memory->kind && page < memory->n_pages)
        fprintf(out, ",\"PageUse\":\"%s\"", names[memory->kind[page]]);
}
