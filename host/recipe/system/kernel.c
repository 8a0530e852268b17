#include "host/recipe/system/system.h"

#include <stdlib.h>

#include "host/recipe/modules/pe.h"

#define N_OPTIONS(o) (sizeof(o) / sizeof *(o))

/* Where things stand in the image. */
#define RVA_TEXT    0x1000u
#define RVA_EDATA   0x3000u
#define RVA_DEBUG   0x3200u
#define RVA_RSDS    0x3240u
#define RVA_DATA    0x4000u
#define RVA_BUILD   0x4010u /* NtBuildNumber */
#define RVA_SYSTEM  0x4018u /* PsInitialSystemProcess */
#define RVA_TRACKER 0x7330u
#define RVA_CPUS    0x8500u /* ExPoolTagTables */
#define DATA_PAGES  12u     /* of .data, with noise in them */
#define TAIL        0x3000u /* ALMOSTRO and POOLCODE, at the end */
#define PE_AT       0xf8u
#define N_SECTIONS  5u

#define MIN_SIZE    0x20000u
#define MAX_SIZE    0x2000000u

/* The pages of the image that hold something; the others were never brought in. */
struct pe {
    struct ps_rcp_system *sys;
    const struct ps_rcp_kernel *k;
    uint8_t **b;
    uint64_t rng;
};

int ps_rcp_do_kernel(struct ps_rcp_parser *p)
{
    struct ps_rcp_kernel k = {.size = 0x200000, .age = 1, .pdb = "ntkrnlmp.pdb", .line = p->line};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"va", PS_RCP_F_NUMBER, &k.va},
        {"size", PS_RCP_F_NUMBER, &k.size},
        {"pdb", PS_RCP_F_TEXT, &k.pdb},
        {"guid", PS_RCP_F_GUID, &k.guid},
        {"age", PS_RCP_F_NUMBER, &k.age},
        {"table", PS_RCP_F_NUMBER, &k.table},
        {"tablesize", PS_RCP_F_NUMBER, &k.table_size},
        {"large", PS_RCP_F_PAGES, &k.large},
    };
    uint64_t unit = 0x200000;
    int rc;

    k.large.first = PS_RCP_NONE;
    rc = ps_rcp_need_system(p, &sys);
    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (sys->kernel.va)
        return ps_rcp_bad(p, "a recipe has one kernel");
    if (k.size < MIN_SIZE || k.size > MAX_SIZE || k.size % PS_RECIPE_PAGE || k.age > UINT32_MAX)
        return ps_rcp_bad(p, "size is a multiple of 0x1000 from %#x to %#x", MIN_SIZE, MAX_SIZE);
    if ((k.table && (k.table < RVA_DATA || k.table > k.size - TAIL - 8)) ||
        (k.table_size && (k.table_size < RVA_DATA || k.table_size > k.size - TAIL - 8)))
        return ps_rcp_bad(p, "table and tablesize are addresses in .data, from 0x4000 to %#llx",
                          (unsigned long long)(k.size - TAIL - 8));
    if (k.large.first != PS_RCP_NONE &&
        (sys->mode == PS_RCP_X86 || k.va % unit || k.size % unit || k.large.first % 512 ||
         (k.large.last - k.large.first + 1) * PS_RECIPE_PAGE != k.size ||
         k.large.last >= p->recipe->image_pages))
        return ps_rcp_bad(p, "large=A-B are as many pages as size, all in units of 2 MiB");
    rc = ps_rcp_check_va(p, sys, "va", k.va, k.size / PS_RECIPE_PAGE);
    if (rc == 0)
        sys->kernel = k;
    return rc;
}

/* The page at rva, made when there is none yet. */
static uint8_t *page_at(struct pe *pe, uint64_t rva)
{
    const struct ps_rcp_map map = {.line = pe->k->line};
    uint64_t i = rva / PS_RECIPE_PAGE, page;

    if (pe->b[i])
        return pe->b[i];
    if (pe->k->large.first != PS_RCP_NONE)
        return pe->b[i] = ps_rcp_overlay_at(pe->sys, pe->k->large.first + i, pe->k->line);
    pe->b[i] = ps_rcp_overlay_new(pe->sys, &page, pe->k->line);
    if (pe->b[i] &&
        ps_rcp_map_page(pe->sys, &map, pe->k->va + i * PS_RECIPE_PAGE, page, PS_RCP_VALID) < 0)
        pe->b[i] = NULL;
    return pe->b[i];
}

static unsigned word_bytes(const struct pe *pe)
{
    return pe->sys->era.is_x64 ? 8 : 4;
}

/* A pointer or size into .data. */
static int put_word(struct pe *pe, uint64_t rva, uint64_t v)
{
    uint8_t *b = page_at(pe, rva);
    uint64_t at = rva % PS_RECIPE_PAGE;

    if (!b)
        return -pe->sys->err->code;
    if (word_bytes(pe) == 8 && at <= PS_RECIPE_PAGE - 8)
        ps_rcp_put64(b + at, v);
    else if (at <= PS_RECIPE_PAGE - 4)
        ps_rcp_put32(b + at, (uint32_t)v);
    return 0;
}

static void put_sections(const struct pe *pe, uint8_t *at)
{
    const uint64_t tail = pe->k->size - TAIL;
    const struct {
        const char *name;
        uint64_t rva, n_bytes;
        uint32_t flags;
    } section[N_SECTIONS] = {
        {".text", RVA_TEXT, RVA_EDATA - RVA_TEXT, 0x68000020},
        {".edata", RVA_EDATA, RVA_DATA - RVA_EDATA, 0x40000040},
        {".data", RVA_DATA, tail - RVA_DATA, 0xc8000040},
        {"ALMOSTRO", tail, 0x2000, 0xc8000040},
        {"POOLCODE", tail + 0x2000, 0x1000, 0x68000020},
    };

    for (size_t i = 0; i < N_SECTIONS; i++)
        ps_rcp_pe_put_section(at + i * PS_RCP_SECTION_BYTES, section[i].name, section[i].rva,
                              section[i].n_bytes, section[i].flags);
}

static int put_headers(struct pe *pe)
{
    const struct ps_rcp_pe head = {.is_x64 = pe->sys->era.is_x64 != 0,
                                   .pe_at = PE_AT,
                                   .n_sections = N_SECTIONS,
                                   .entry_rva = RVA_TEXT,
                                   .header_bytes = 0x600,
                                   .va = pe->k->va,
                                   .size = pe->k->size};
    uint8_t *b = page_at(pe, 0);
    uint8_t *optional, *directory;

    if (!b)
        return -pe->sys->err->code;
    optional = ps_rcp_pe_put(b, &head);
    ps_rcp_put16(optional + 68, 1);
    directory = ps_rcp_pe_directories(optional, head.is_x64);
    ps_rcp_put32(directory, RVA_EDATA);
    ps_rcp_put32(directory + 4, RVA_DEBUG - RVA_EDATA);
    ps_rcp_put32(directory + 48, RVA_DEBUG);
    ps_rcp_put32(directory + 52, 28);
    put_sections(pe, ps_rcp_pe_sections(optional, head.is_x64));
    return 0;
}

/* Three tables of the export directory: addresses, names in order, ordinals. */
static void put_exports(uint8_t *b, uint64_t module_list)
{
    const struct {
        const char *name;
        uint32_t rva;
    } export[] = {
        {"ExAllocatePoolWithTag", RVA_TEXT + 0x40},
        {"ExFreePoolWithTag", RVA_TEXT + 0x80},
        {"NtBuildNumber", RVA_BUILD},
        {"PsInitialSystemProcess", RVA_SYSTEM},
        {"PsLoadedModuleList", (uint32_t)module_list},
    };
    const uint32_t n = sizeof export / sizeof *export - (module_list == 0);
    uint32_t text = 0x100;

    ps_rcp_put32(b + 12, RVA_EDATA + text);
    ps_rcp_put32(b + 16, 1);
    ps_rcp_put32(b + 20, n);
    ps_rcp_put32(b + 24, n);
    ps_rcp_put32(b + 28, RVA_EDATA + 0x40);
    ps_rcp_put32(b + 32, RVA_EDATA + 0x80);
    ps_rcp_put32(b + 36, RVA_EDATA + 0xc0);
    memcpy(b + text, "ntoskrnl.exe", 13);
    text += 13;
    for (uint32_t i = 0; i < n; i++) {
        ps_rcp_put32(b + 0x40 + (size_t)4 * i, export[i].rva);
        ps_rcp_put32(b + 0x80 + (size_t)4 * i, RVA_EDATA + text);
        ps_rcp_put16(b + 0xc0 + (size_t)2 * i, i);
        memcpy(b + text, export[i].name, strlen(export[i].name) + 1);
        text += (uint32_t)strlen(export[i].name) + 1;
    }
}

static int put_edata(struct pe *pe)
{
    uint8_t *b = page_at(pe, RVA_EDATA);
    uint8_t *debug, *rsds;

    if (!b)
        return -pe->sys->err->code;
    put_exports(b, pe->k->module_list);
    debug = b + RVA_DEBUG % PS_RECIPE_PAGE;
    rsds = b + RVA_RSDS % PS_RECIPE_PAGE;
    ps_rcp_put32(debug + 12, 2); /* CodeView */
    ps_rcp_put32(debug + 16, 24 + (uint32_t)strlen(pe->k->pdb) + 1);
    ps_rcp_put32(debug + 20, RVA_RSDS);
    ps_rcp_put32(debug + 24, RVA_RSDS);
    memcpy(rsds, "RSDS", 4);
    memcpy(rsds + 4, pe->k->guid, sizeof pe->k->guid);
    ps_rcp_put32(rsds + 20, (uint32_t)pe->k->age);
    memcpy(rsds + 24, pe->k->pdb, strlen(pe->k->pdb) + 1);
    return 0;
}

static int put_code(struct pe *pe, uint64_t rva)
{
    uint8_t *b = page_at(pe, rva);

    for (size_t i = 0; b && i < PS_RECIPE_PAGE; i++)
        b[i] = (uint8_t)(ps_rcp_below(&pe->rng, 4) ? ps_rcp_next(&pe->rng) : 0xcc);
    return b ? 0 : -pe->sys->err->code;
}

/* A mapped page of no system data: Windows keeps no pointers into the middle of its tables. */
static uint64_t mapped_page(struct pe *pe)
{
    struct ps_rcp_system *sys = pe->sys;
    const struct ps_rcp_link *link;

    if (sys->n_links == 0)
        return 0;
    link = &sys->link[ps_rcp_below(&pe->rng, (uint32_t)sys->n_links)];
    return ps_rcp_overlay_find(sys, link->page) ? 0 : link->va;
}

/* What else stands in .data: zeros, counts, powers of two, and pointers to other pages. */
static uint64_t noise(struct pe *pe)
{
    uint64_t va = mapped_page(pe);

    switch (ps_rcp_below(&pe->rng, 8)) {
    case 0:
        return va;
    case 1:
        return va + 16ull * ps_rcp_below(&pe->rng, 256);
    case 2:
        return 1ull << ps_rcp_below(&pe->rng, 30);
    case 3:
        return ps_rcp_below(&pe->rng, 100000);
    case 4:
        return pe->k->va + ps_rcp_below(&pe->rng, (uint32_t)pe->k->size);
    default:
        return 0;
    }
}

static int put_data(struct pe *pe)
{
    uint64_t first = pe->k->size - TAIL;
    int rc = 0;

    for (uint64_t rva = RVA_DATA; rc == 0 && rva < RVA_DATA + DATA_PAGES * PS_RECIPE_PAGE;
         rva += word_bytes(pe))
        rc = put_word(pe, rva, noise(pe));
    for (uint64_t rva = first; rc == 0 && rva < first + 0x2000; rva += word_bytes(pe))
        rc = put_word(pe, rva, noise(pe));
    if (rc == 0)
        rc = put_word(pe, RVA_BUILD, 0xf0000000u | pe->sys->era.build);
    return rc;
}

/* PoolTrackTable, its size and mask, and the tables of the processors, the first of which it is. */
static int put_tracker(struct pe *pe)
{
    const struct ps_rcp_tracker *t = &pe->sys->tracker;
    int rc = 0;

    if (t->slots == 0)
        return 0;
    rc = put_word(pe, RVA_TRACKER, t->table[0].va);
    if (rc == 0)
        rc = put_word(pe, RVA_TRACKER + 0x10, t->slots);
    if (rc == 0)
        rc = put_word(pe, RVA_TRACKER + 0x28, t->slots - 2);
    for (size_t i = 0; rc == 0 && i < t->cpus && t->cpus > 1; i++)
        rc = put_word(pe, RVA_CPUS + i * word_bytes(pe), t->table[i].va);
    /* The array goes on, for processors that are not there. */
    return rc == 0 && t->cpus > 1 ? put_word(pe, RVA_CPUS + t->cpus * word_bytes(pe), 0) : rc;
}

static int put_all(struct pe *pe)
{
    struct ps_rcp_bigtable *big = &pe->sys->big;
    /* Not side by side, which nothing promises. */
    uint64_t table = pe->k->table ? pe->k->table : RVA_DATA + 0x2468;
    uint64_t size = pe->k->table_size ? pe->k->table_size : RVA_DATA + 0x7c90;
    int rc = put_headers(pe);

    if (rc == 0)
        rc = put_code(pe, RVA_TEXT);
    if (rc == 0)
        rc = put_code(pe, RVA_TEXT + PS_RECIPE_PAGE);
    if (rc == 0)
        rc = put_code(pe, pe->k->size - PS_RECIPE_PAGE);
    if (rc == 0)
        rc = put_edata(pe);
    if (rc == 0)
        rc = put_data(pe);
    if (rc == 0 && big->slots)
        rc = put_word(pe, table, big->va);
    if (rc == 0 && big->slots)
        rc = put_word(pe, size, big->slots);
    for (size_t i = 0; rc == 0 && i < pe->k->n_words; i++)
        rc = put_word(pe, pe->k->word[i].rva, pe->k->word[i].value);
    return rc < 0 ? rc : put_tracker(pe);
}

static int map_large(struct pe *pe)
{
    const struct ps_rcp_map map = {.line = pe->k->line, .large = 1};
    int rc = 0;

    for (uint64_t at = 0; rc == 0 && at < pe->k->size; at += 0x200000)
        rc = ps_rcp_map_page(pe->sys, &map, pe->k->va + at,
                             pe->k->large.first + at / PS_RECIPE_PAGE, PS_RCP_VALID);
    return rc;
}

int ps_rcp_kernel_build(struct ps_rcp_system *sys)
{
    struct pe pe = {.sys = sys, .k = &sys->kernel};
    int rc = 0;

    if (sys->kernel.va == 0)
        return 0;
    pe.rng = ps_rcp_mix64(sys->recipe->seed + 0x4e746f73ull);
    pe.b = calloc((size_t)(sys->kernel.size / PS_RECIPE_PAGE), sizeof *pe.b);
    if (!pe.b)
        return ps_fail(sys->err, PS_ENOMEM, sys->kernel.line, "not enough memory for the recipe");
    if (sys->kernel.large.first != PS_RCP_NONE)
        rc = map_large(&pe);
    if (rc == 0)
        rc = put_all(&pe);
    free(pe.b);
    return rc;
}
