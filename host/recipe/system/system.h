/* The virtual side of a recipe: page tables, the Windows kernel's image, the big-pool table and
 * the tracker table, as pages that lie over those of the other statements. Resolved once, when the
 * recipe was read; immutable afterwards. docs/RECIPES.md, "Virtual memory". Shared by the files of
 * host/recipe/ only. */
#ifndef PS_HOST_RECIPE_SYSTEM_SYSTEM_H
#define PS_HOST_RECIPE_SYSTEM_SYSTEM_H

#include "host/recipe/model.h"

/* Bounds on what a recipe may ask for. */
#define PS_RCP_MAX_FRAMES 16384u   /* system pages kept in memory: 64 MiB */
#define PS_RCP_MAX_LINKS  262144u  /* mapped pages: 1 GiB */
#define PS_RCP_MAX_MAPS   4096u    /* statements that map */
#define PS_RCP_MAX_BIGS   65536u   /* rows of the big-pool table */
#define PS_RCP_MAX_SLOTS  0x40000u /* slots of it */
#define PS_RCP_MAX_FATES  256u
#define PS_RCP_MAX_DECOYS 64u

#define PS_RCP_MAX_CPUS   64u
#define PS_RCP_MAX_VARS   32u

#define PS_RCP_NONE       UINT64_MAX

enum ps_rcp_mode { PS_RCP_X64, PS_RCP_PAE, PS_RCP_X86 };

/* Pages first .. last; first is PS_RCP_NONE when not given. */
struct ps_rcp_range {
    uint64_t first, last;
};

/* One page that the system statements fill. */
struct ps_rcp_overlay {
    uint64_t page;
    uint8_t *b;       /* PS_RECIPE_PAGE bytes */
    uint8_t is_hole;  /* lost: not in the image */
    uint8_t is_table; /* a page table */
};

/* One mapping that was made. */
struct ps_rcp_link {
    uint64_t va, page;
    uint32_t order; /* the earlier one names the page; aliases come behind all others */
};

/* A statement that maps. */
struct ps_rcp_map {
    uint64_t va;
    struct ps_rcp_range pages; /* or none: n_pages of demand-zero */
    uint64_t n_pages;
    uint64_t prototype;  /* address of the prototype entries, or PS_RCP_NONE */
    uint64_t transition; /* percent of the pages */
    uint32_t line;
    int scatter, nx, ro, large, alias;
};

/* Pages of system data at consecutive virtual addresses. */
struct ps_rcp_region {
    uint64_t va;
    size_t n_pages;
    uint8_t **b;
    uint64_t *page;
};

struct ps_rcp_big {
    uint64_t va, n_bytes;
    uint32_t tag, type, slot, line;
    int is_free;
    int is_paged;             /* where the row has no type */
    uint64_t billed, process; /* what the entry keeps, and of which EPROCESS it speaks */
    int is_of_heap;
};

/* Big allocations drawn in number. */
struct ps_rcp_bigs {
    uint64_t count, list, paged, nonpaged, seed, freed;
    struct ps_rcp_range pages;
    uint32_t line;
};

enum ps_rcp_hash { PS_RCP_XOR, PS_RCP_MUL32, PS_RCP_MUL64, PS_RCP_N_HASHES };

struct ps_rcp_bigtable {
    uint64_t va, slots;
    enum ps_rcp_hash hash;
    int has_self, has_flags;
    uint32_t line;
    struct ps_rcp_big *row;
    size_t n_rows, cap_rows;
    size_t *live; /* rows in use, by address */
    size_t n_live;
    struct ps_rcp_region region;
};

enum ps_rcp_decoy_kind {
    PS_RCP_DECOY_TABLES,
    PS_RCP_DECOY_PROCESS,
    PS_RCP_DECOY_BIGTABLE,
    PS_RCP_DECOY_OLDER,
    PS_RCP_N_DECOYS,
};

struct ps_rcp_decoy {
    enum ps_rcp_decoy_kind kind;
    struct ps_rcp_range to;
    uint64_t keep; /* percent of the kernel half */
    uint32_t line;
};

/* What became of a lowest table. */
enum ps_rcp_fate_kind {
    PS_RCP_LOST,   /* a hole in the image */
    PS_RCP_BEYOND, /* behind its end */
    PS_RCP_IN_TRANSITION,
};

struct ps_rcp_fate {
    uint64_t va;
    enum ps_rcp_fate_kind kind;
    uint32_t line;
};

/* A variable of the Windows kernel that another statement sets. */
struct ps_rcp_kernel_word {
    uint64_t rva, value;
};

struct ps_rcp_kernel {
    uint64_t va, size, table, table_size; /* the last two: where .data keeps them */
    uint64_t module_list;                 /* RVA of an export PsLoadedModuleList, 0: none */
    struct ps_rcp_kernel_word word[PS_RCP_MAX_VARS];
    size_t n_words;
    struct ps_rcp_range large; /* one run of frames, mapped by large pages */
    uint8_t guid[16];
    uint64_t age;
    char pdb[32];
    uint32_t line;
};

/* What Windows counted of a tag: nonpaged, paged. */
struct ps_rcp_counts {
    uint32_t tag;
    uint64_t allocs[2], frees[2], bytes[2];
};

struct ps_rcp_tracker {
    uint64_t va, slots, cpus;
    uint32_t line;
    struct ps_rcp_region table[PS_RCP_MAX_CPUS];
    struct ps_rcp_counts *counts;
    size_t n_counts;
    uint32_t *bucket; /* tag -> index + 1 into counts, 2 * slots */
};

struct ps_rcp_heaps;
struct ps_rcp_quota;
struct ps_rcp_memory;
struct ps_rcp_modules;

struct ps_rcp_system {
    struct ps_recipe *recipe;
    struct ps_rcp_era era;
    enum ps_rcp_mode mode;
    uint32_t line;
    uint64_t top_offset;                  /* of a PAE top table in its page */
    uint64_t cr3, self_slot, stub, entry; /* pages; self_slot and entry for x64 */
    struct ps_rcp_range frames;
    int shuffle;
    uint64_t page_file_number;
    int has_page_file;

    struct ps_rcp_map *map;
    size_t n_maps, cap_maps;
    struct ps_rcp_fate fate[PS_RCP_MAX_FATES];
    size_t n_fates;
    struct ps_rcp_decoy decoy[PS_RCP_MAX_DECOYS];
    size_t n_decoys;
    struct ps_rcp_bigtable big;
    struct ps_rcp_bigs bigs[16];
    size_t n_bigs;
    struct ps_rcp_kernel kernel;
    struct ps_rcp_tracker tracker;
    struct ps_rcp_heaps *heaps;     /* host/recipe/heap/; NULL without */
    struct ps_rcp_quota *quota;     /* host/recipe/quota/; NULL without */
    struct ps_rcp_memory *memory;   /* host/recipe/memory/; NULL without */
    struct ps_rcp_modules *modules; /* host/recipe/modules/; NULL without */

    /* Made when the recipe is finished. */
    struct ps_err *err;
    uint64_t rng;
    uint64_t *frame; /* free frames, in the order they are taken */
    size_t n_frames, next_frame;
    struct ps_rcp_overlay *overlay;
    size_t n_overlays;
    uint32_t *bucket; /* page -> overlay while building, 2 * PS_RCP_MAX_FRAMES of index + 1 */
    struct ps_rcp_link *link; /* by page, then order */
    size_t n_links, cap_links;
    size_t n_all_links;        /* behind them, those that a lost table has hidden */
    struct ps_rcp_link *by_va; /* the same by address */
};

/* --- what the rest of the recipe asks --- */

/* The statements; words and line stand in the parser. */
int ps_rcp_do_system(struct ps_rcp_parser *p);
int ps_rcp_do_map(struct ps_rcp_parser *p);
int ps_rcp_do_table(struct ps_rcp_parser *p);
int ps_rcp_do_decoy(struct ps_rcp_parser *p);
int ps_rcp_do_pagefile(struct ps_rcp_parser *p);
int ps_rcp_do_bigtable(struct ps_rcp_parser *p);
int ps_rcp_do_big(struct ps_rcp_parser *p);
int ps_rcp_do_bigs(struct ps_rcp_parser *p);
int ps_rcp_do_kernel(struct ps_rcp_parser *p);
int ps_rcp_do_tracker(struct ps_rcp_parser *p);

/* Make all pages. 0, or a failure whose err->at is the line. Does nothing without a system. */
int ps_rcp_system_build(struct ps_recipe *recipe, struct ps_err *err);
void ps_rcp_system_free(struct ps_rcp_system *sys); /* accepts NULL */
/* The system's page of that number, NULL when it has none. 'sys' may be NULL. */
const struct ps_rcp_overlay *ps_rcp_system_page(const struct ps_rcp_system *sys, uint64_t page);
/* The first page of the system or of a heap from 'page' on that is no hole, PS_RCP_NONE when there
 * is none. */
uint64_t ps_rcp_system_next(const struct ps_rcp_system *sys, uint64_t page);
/* The virtual address of a page, by the mapping that is no alias. 1, or 0: nothing maps it. */
int ps_rcp_system_va(const struct ps_rcp_system *sys, uint64_t page, uint64_t *va);
/* The page at a virtual address (a page address): 1, or 0. Pages of the page file count. */
int ps_rcp_system_translate(const struct ps_rcp_system *sys, uint64_t va, uint64_t *page);
/* The live big allocation around a virtual address, NULL when there is none. */
const struct ps_rcp_big *ps_rcp_system_big(const struct ps_rcp_system *sys, uint64_t va);
/* What the truth says about the virtual address of a header at 'phys' of the recipe's pages. */
void ps_rcp_system_where(const struct ps_recipe *recipe, uint64_t phys, FILE *out);
/* Lines of the truth that are about no header. */
void ps_rcp_system_truth(const struct ps_recipe *recipe, FILE *out);

/* --- options.c: the key=value words of one statement --- */

enum ps_rcp_form {
    PS_RCP_F_NUMBER, /* uint64_t */
    PS_RCP_F_FLAG,   /* int */
    PS_RCP_F_PAGES,  /* struct ps_rcp_range */
    PS_RCP_F_TAG,    /* uint32_t */
    PS_RCP_F_LIST,   /* uint64_t: index of the tag list */
    PS_RCP_F_TEXT,   /* char[32] */
    PS_RCP_F_GUID,   /* uint8_t[16], as stored */
    PS_RCP_F_HASH,   /* enum ps_rcp_hash */
    PS_RCP_F_MODE,   /* enum ps_rcp_mode */
};

struct ps_rcp_option {
    const char *name;
    enum ps_rcp_form form;
    void *out; /* keeps its value when the word is not there */
};

/* Words from 'first' on, each at most once. */
int ps_rcp_options(struct ps_rcp_parser *p, size_t first, const struct ps_rcp_option *option,
                   size_t n);
/* N, A-B or A- within the first n_pages pages. */
int ps_rcp_parse_pages(struct ps_rcp_parser *p, struct ps_rcp_word w, uint64_t n_pages,
                       struct ps_rcp_range *out);
/* The system of the recipe, or a failure: the statement must stand below "system". */
int ps_rcp_need_system(struct ps_rcp_parser *p, struct ps_rcp_system **out);
/* Is va a page address of the kernel half with room for n pages? */
int ps_rcp_check_va(struct ps_rcp_parser *p, const struct ps_rcp_system *sys, const char *name,
                    uint64_t va, uint64_t n_pages);
/* statements.c: append a mapping. */
int ps_rcp_push_map(struct ps_rcp_parser *p, struct ps_rcp_system *sys,
                    const struct ps_rcp_map *map);

/* --- overlay.c --- */

/* A page of system data at that number, zeroed, or NULL with sys->err set. 'line' is blamed. */
uint8_t *ps_rcp_overlay_at(struct ps_rcp_system *sys, uint64_t page, uint32_t line);
/* The same at a free frame. */
uint8_t *ps_rcp_overlay_new(struct ps_rcp_system *sys, uint64_t *page, uint32_t line);
/* While building: the overlay of a page, or NULL. */
struct ps_rcp_overlay *ps_rcp_overlay_find(struct ps_rcp_system *sys, uint64_t page);
int ps_rcp_overlay_start(struct ps_rcp_system *sys);
void ps_rcp_overlay_freeze(struct ps_rcp_system *sys);
/* Numbers first .. last in random order: n of them, to be freed; NULL without memory. */
uint64_t *ps_rcp_shuffled(uint64_t *rng, struct ps_rcp_range range, int shuffle);

/* --- tables.c: page tables --- */

enum ps_rcp_leaf { PS_RCP_VALID, PS_RCP_TRANSITION, PS_RCP_PAGE_FILE, PS_RCP_DEMAND_ZERO };

int ps_rcp_tables_start(struct ps_rcp_system *sys);
/* Map one page (or, large, 512 or 1024 of them) at va. 'map' says nx, ro, large, alias and line.
 * page is not read for demand zero. */
int ps_rcp_map_page(struct ps_rcp_system *sys, const struct ps_rcp_map *map, uint64_t va,
                    uint64_t page, enum ps_rcp_leaf leaf);
/* The entry itself, whatever it is; nothing is noted as mapped. */
int ps_rcp_map_entry(struct ps_rcp_system *sys, uint64_t va, uint64_t entry, uint32_t line);
/* Entry for a prototype at virtual address 'at'. */
uint64_t ps_rcp_prototype_entry(const struct ps_rcp_system *sys, uint64_t at);
uint64_t ps_rcp_valid_entry(const struct ps_rcp_system *sys, const struct ps_rcp_map *map,
                            uint64_t page);
/* The entry of the lowest table for va, 0 when there is none or a large page maps it. */
uint64_t ps_rcp_leaf_entry(struct ps_rcp_system *sys, uint64_t va);
/* Page of the lowest table for va: 1, or 0 when there is none. */
int ps_rcp_table_of(struct ps_rcp_system *sys, uint64_t va, uint64_t *page);
/* Give the entry that leads to the lowest table of va, which there is, its fate. */
void ps_rcp_table_fate(struct ps_rcp_system *sys, uint64_t va, enum ps_rcp_fate_kind kind);
/* Bytes that one lowest table maps. */
uint64_t ps_rcp_table_span(const struct ps_rcp_system *sys);

/* --- regions (build.c) --- */

int ps_rcp_region_make(struct ps_rcp_system *sys, struct ps_rcp_region *out, uint64_t va,
                       uint64_t n_bytes, uint32_t line);
void ps_rcp_region_free(struct ps_rcp_region *region);
void ps_rcp_region_put(struct ps_rcp_region *region, uint64_t at, const void *bytes, size_t n);

/* --- bigtable.c, rows.c --- */

int ps_rcp_bigtable_build(struct ps_rcp_system *sys);
int ps_rcp_big_push(struct ps_rcp_bigtable *t, const struct ps_rcp_big *row);
/* Bytes of an entry of this Windows. */
uint32_t ps_rcp_big_stride(const struct ps_rcp_era *era);
/* Place the rows in 'slots' slots and write them to the region. 0 or -1: there is no room. */
int ps_rcp_big_write(const struct ps_rcp_system *sys, struct ps_rcp_region *region, uint64_t slots,
                     struct ps_rcp_big *row, size_t n_rows);
/* tracker.c: take the pages; when all pages are known, count what they hold. */
int ps_rcp_tracker_reserve(struct ps_rcp_system *sys);
int ps_rcp_tracker_fill(struct ps_rcp_system *sys);
void ps_rcp_tracker_free(struct ps_rcp_tracker *t);
int ps_rcp_kernel_build(struct ps_rcp_system *sys);
int ps_rcp_decoys_build(struct ps_rcp_system *sys);

#endif
