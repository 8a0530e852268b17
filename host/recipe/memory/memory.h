/* What frames of a recipe are used for, and the PFN database that says so. docs/RECIPES.md, "Use of
 * frames". Shared by host/recipe/ only. */
#ifndef PS_HOST_RECIPE_MEMORY_MEMORY_H
#define PS_HOST_RECIPE_MEMORY_MEMORY_H

#include "host/recipe/system/system.h"

#define PS_RCP_MAX_USES 256u

enum ps_rcp_use_kind {
    PS_RCP_USE_NONE,
    PS_RCP_USE_ZEROED,
    PS_RCP_USE_FREE,
    PS_RCP_USE_PROCESS, /* mapped in the user half of a process */
    PS_RCP_USE_FILE,    /* by prototype entries */
    PS_RCP_USE_KERNEL,  /* mapped in the kernel half; no statement says this */
    PS_RCP_N_USES,
};

/* PageLocation, as far as it is written. */
enum ps_rcp_location {
    PS_RCP_ON_ZEROED = 0,
    PS_RCP_ON_FREE = 1,
    PS_RCP_ON_STANDBY = 2,
    PS_RCP_ON_MODIFIED = 3,
    PS_RCP_ACTIVE = 6,
};

struct ps_rcp_use {
    enum ps_rcp_use_kind kind;
    enum ps_rcp_location location;
    struct ps_rcp_range pages;
    uint64_t va; /* of a process: where it has the first page; of a file: the prototype entries */
    uint32_t line;
};

struct ps_rcp_memory {
    uint64_t va, rva; /* of the database; rva: of MmPfnDatabase in the Windows kernel; 0: neither */
    uint32_t line;
    struct ps_rcp_use use[PS_RCP_MAX_USES];
    size_t n_uses;
    struct ps_rcp_region region;
    uint8_t *kind; /* of each page of the image: enum ps_rcp_use_kind */
    uint64_t n_pages;
    uint64_t process_root; /* page of the top table of the process; PS_RCP_NONE */
};

int ps_rcp_do_pfndb(struct ps_rcp_parser *p);
int ps_rcp_do_use(struct ps_rcp_parser *p);

/* Take the pages: of the database, and of the tables of the process. */
int ps_rcp_memory_reserve(struct ps_rcp_system *sys);
/* Write them, when everything is mapped and no table has met its fate. */
int ps_rcp_memory_fill(struct ps_rcp_system *sys);
void ps_rcp_memory_free(struct ps_rcp_memory *memory); /* accepts NULL */

/* Fields of the truth; nothing without a database. 'memory' may be NULL. */
void ps_rcp_memory_truth_system(const struct ps_rcp_memory *memory, FILE *out);
void ps_rcp_memory_where(const struct ps_rcp_memory *memory, uint64_t page, FILE *out);

/* process.c */
int ps_rcp_process_map(struct ps_rcp_system *sys, const struct ps_rcp_use *use);
/* The kernel half, which all processes share, and the entry for itself. */
void ps_rcp_process_finish(struct ps_rcp_system *sys);

#endif
