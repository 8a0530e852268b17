/* Processes of a recipe, and the blocks that are charged to them. Processes stand in blocks of
 * classic and vs pages that say so; blocks with the quota bit name one of them the way the build
 * does it. Planned once, when the recipe was read; immutable afterwards. docs/RECIPES.md,
 * "Processes and quota". Shared by host/recipe/ only; heaps (host/recipe/heap/) charge their own
 * blocks. */
#ifndef PS_HOST_RECIPE_QUOTA_QUOTA_H
#define PS_HOST_RECIPE_QUOTA_QUOTA_H

#include "host/recipe/system/system.h"

#define PS_RCP_MAX_OWNERS 512u

/* Where the fields of an EPROCESS are in one build. */
struct ps_rcp_eprocess {
    uint32_t first_build;
    uint32_t pid, links, name;
};

struct ps_rcp_owner {
    uint64_t page;
    uint32_t offset; /* of the header in it */
    int has_exited;  /* not in the list of processes any more */
    uint64_t va;     /* of the EPROCESS */
    uint64_t pid;
};

struct ps_rcp_quota {
    struct ps_rcp_system *sys;
    uint64_t cookie;
    uint64_t cookie_at; /* RVA in the Windows kernel */
    uint64_t released;  /* percent of charged blocks whose charge was given back */
    uint32_t line;
    struct ps_rcp_owner owner[PS_RCP_MAX_OWNERS];
    size_t n_owners;
};

int ps_rcp_do_quota(struct ps_rcp_parser *p);
/* Find the processes and have the Windows kernel name them; after all mappings, before the Windows
 * kernel is made. Does nothing without a quota statement. 0, or a failure whose err->at is the
 * line. */
int ps_rcp_quota_plan(struct ps_rcp_system *sys);

/* For a header that is about to be planted, whose body stands in the page: fill in ProcessBilled
 * and make the body a process where the recipe says so. Returns the EPROCESS that it is charged to,
 * or 0. */
uint64_t ps_rcp_quota_header(struct ps_rcp_page *pg, uint32_t offset, struct ps_rcp_header *h);
/* Of headers whose stored owner was overwritten, or that were copied from another address, nobody
 * can tell any more whom they name. */
void ps_rcp_quota_settle(const struct ps_recipe *recipe, uint64_t page, const uint8_t *b,
                         struct ps_planted_page *planted);
/* Fields of the truth's system line, each with a comma in front; lines of kind process. */
void ps_rcp_quota_truth_system(const struct ps_rcp_quota *q, FILE *out);
void ps_rcp_quota_truth(const struct ps_rcp_quota *q, FILE *out);

/* --- shared by the files of host/recipe/quota/ --- */

const struct ps_rcp_eprocess *ps_rcp_eprocess_of(const struct ps_rcp_era *era);
/* From a POOL_HEADER to the EPROCESS in its block: header, optional headers, _OBJECT_HEADER. */
uint32_t ps_rcp_eprocess_at(const struct ps_rcp_era *era);
/* The body of owner number i, in the block at b + offset of its page. */
void ps_rcp_put_eprocess(const struct ps_rcp_quota *q, size_t i, struct ps_rcp_page *pg,
                         uint32_t offset);
const char *ps_rcp_owner_name(size_t i);
/* PsActiveProcessHead. */
uint64_t ps_rcp_process_head(const struct ps_rcp_quota *q);

#endif
