#include "host/recipe/modules/modules.h"

#include <stdlib.h>

#include "host/recipe/modules/pe.h"

#define N_OPTIONS(o) (sizeof(o) / sizeof *(o))

#define RVA_LIST     0x9e40u /* PsLoadedModuleList */
#define ENTRY_AT     0x60u   /* in its page */
#define NAME_AT      0x200u
#define PATH_AT      0x280u
#define TAGS_AT      0x40u /* in .data */
#define PE_AT        0xd8u
#define MAX_TEXT     1024u

/* An LDR_DATA_TABLE_ENTRY: where its fields are. */
struct layout {
    uint32_t word, base, entry, size, path, name;
};

static const struct layout layout_x86 = {4, 0x18, 0x1c, 0x20, 0x24, 0x2c};
static const struct layout layout_x64 = {8, 0x30, 0x38, 0x40, 0x48, 0x58};

int ps_rcp_do_modules(struct ps_rcp_parser *p)
{
    struct ps_rcp_modules m = {.at = RVA_LIST, .line = p->line};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"list", PS_RCP_F_NUMBER, &m.list},
        {"at", PS_RCP_F_NUMBER, &m.at},
        {"exported", PS_RCP_F_FLAG, &m.is_exported},
    };
    int rc = ps_rcp_need_system(p, &sys);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (sys->modules)
        return ps_rcp_bad(p, "a recipe has one modules statement");
    if (m.at % 16 || m.at < 0x4000 || m.at > 0xf000)
        return ps_rcp_bad(p, "at is a multiple of 16 in .data, from 0x4000 to 0xf000");
    rc = ps_rcp_check_va(p, sys, "list", m.list, PS_RCP_MAX_MODULES + 1);
    if (rc < 0)
        return rc;
    sys->modules = malloc(sizeof m);
    if (!sys->modules)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
    *sys->modules = m;
    return 0;
}

int ps_rcp_do_module(struct ps_rcp_parser *p)
{
    struct ps_rcp_module m = {.data = PS_RCP_NONE, .line = p->line};
    struct ps_rcp_map text = {.prototype = PS_RCP_NONE, .line = p->line, .ro = 1};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"va", PS_RCP_F_NUMBER, &m.va},
        {"name", PS_RCP_F_TEXT, &m.name},
        {"pages", PS_RCP_F_PAGES, &text.pages},
        {"data", PS_RCP_F_LIST, &m.data},
        {"scatter", PS_RCP_F_FLAG, &text.scatter},
        {"transition", PS_RCP_F_NUMBER, &text.transition},
        {"lost", PS_RCP_F_FLAG, &m.is_lost},
        {"hidden", PS_RCP_F_FLAG, &m.is_hidden},
        {"headless", PS_RCP_F_FLAG, &m.is_headless},
    };
    int rc = ps_rcp_need_system(p, &sys);

    text.pages.first = PS_RCP_NONE;
    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (!sys->modules || sys->modules->n == PS_RCP_MAX_MODULES)
        return ps_rcp_bad(p, "module stands below a modules statement, %u times at most",
                          PS_RCP_MAX_MODULES);
    if (!m.name[0] || text.pages.first == PS_RCP_NONE || text.transition > 100)
        return ps_rcp_bad(p, "write module name=TEXT va=ADDRESS pages=A-B");
    m.n_pages = text.n_pages = text.pages.last - text.pages.first + 1;
    if (m.n_pages > MAX_TEXT)
        return ps_rcp_bad(p, "a module has at most %u pages of code", MAX_TEXT);
    rc = ps_rcp_check_va(p, sys, "va", m.va, m.n_pages + 2);
    text.va = m.va + PS_RECIPE_PAGE;
    if (rc == 0)
        rc = ps_rcp_push_map(p, sys, &text);
    if (rc == 0)
        sys->modules->module[sys->modules->n++] = m;
    return rc;
}

/* --- the image --- */

static uint64_t size_of(const struct ps_rcp_module *m)
{
    return (m->n_pages + 2) * PS_RECIPE_PAGE;
}

static void put_headers(uint8_t *b, const struct ps_rcp_system *sys, const struct ps_rcp_module *m)
{
    const struct ps_rcp_pe pe = {.is_x64 = sys->era.is_x64 != 0,
                                 .pe_at = PE_AT,
                                 .n_sections = 2,
                                 .entry_rva = PS_RECIPE_PAGE,
                                 .header_bytes = 0x400,
                                 .va = m->va,
                                 .size = size_of(m)};
    const uint64_t n_text = m->n_pages * PS_RECIPE_PAGE;
    uint8_t *section = ps_rcp_pe_sections(ps_rcp_pe_put(b, &pe), pe.is_x64);

    ps_rcp_pe_put_section(section, ".text", PS_RECIPE_PAGE, n_text, 0x68000020);
    ps_rcp_pe_put_section(section + PS_RCP_SECTION_BYTES, ".data", PS_RECIPE_PAGE + n_text,
                          PS_RECIPE_PAGE, 0xc8000040);
}

/* A page of system data at va, NULL with sys->err set. */
static uint8_t *page_at(struct ps_rcp_system *sys, uint64_t va, uint32_t line)
{
    const struct ps_rcp_map map = {.line = line, .nx = 1};
    uint64_t page;
    uint8_t *b = ps_rcp_overlay_new(sys, &page, line);

    return b && ps_rcp_map_page(sys, &map, va, page, PS_RCP_VALID) == 0 ? b : NULL;
}

/* Headers in front of the code, and behind it data, where tags are no operands. */
static int put_image(struct ps_rcp_system *sys, const struct ps_rcp_module *m)
{
    const uint64_t data_va = m->va + size_of(m) - PS_RECIPE_PAGE;
    uint8_t *b;

    if (!m->is_headless) {
        b = page_at(sys, m->va, m->line);
        if (!b)
            return -sys->err->code;
        put_headers(b, sys, m);
    }
    b = page_at(sys, data_va, m->line);
    if (!b)
        return -sys->err->code;
    if (m->data != PS_RCP_NONE) {
        const struct ps_rcp_list *list = &sys->recipe->list[m->data];

        for (size_t i = 0; i < list->n && i < 64; i++)
            ps_rcp_put32(b + TAGS_AT + 16 * i, list->entry[i].tag);
    }
    return 0;
}

/* --- the list --- */

static void put_word(const struct layout *l, uint8_t *p, uint64_t v)
{
    if (l->word == 8)
        ps_rcp_put64(p, v);
    else
        ps_rcp_put32(p, (uint32_t)v);
}

/* A UNICODE_STRING at p, whose text stands at b + at of its page. */
static void put_string(const struct layout *l, uint8_t *p, uint8_t *b, uint64_t page_va,
                       uint32_t at, const char *text)
{
    const uint32_t n = (uint32_t)strlen(text);

    ps_rcp_put16(p, 2 * n);
    ps_rcp_put16(p + 2, 2 * n + 2);
    put_word(l, p + l->word, page_va + at);
    for (uint32_t i = 0; i < n; i++)
        ps_rcp_put16(b + at + (size_t)2 * i, (uint8_t)text[i]);
}

/* An entry in the list: number i from 0 on, between those at 'previous' and 'next'. */
struct link {
    uint64_t va, previous, next;
};

static int put_entry(struct ps_rcp_system *sys, const struct ps_rcp_module *m, struct link link)
{
    const struct layout *l = sys->era.is_x64 ? &layout_x64 : &layout_x86;
    const uint64_t page_va = link.va - ENTRY_AT;
    uint8_t *b = page_at(sys, page_va, m->line);
    uint8_t *e = b + ENTRY_AT;
    char path[64] = "\\SystemRoot\\System32\\drivers\\";

    if (!b)
        return -sys->err->code;
    put_word(l, e, link.next);
    put_word(l, e + l->word, link.previous);
    put_word(l, e + l->base, m->va);
    put_word(l, e + l->entry, m->va + PS_RECIPE_PAGE);
    ps_rcp_put32(e + l->size, (uint32_t)size_of(m));
    memcpy(path + strlen(path), m->name, strlen(m->name) + 1);
    put_string(l, e + l->path, b, page_va, PATH_AT, path);
    put_string(l, e + l->name, b, page_va, NAME_AT, m->name);
    return 0;
}

/* The Windows kernel's own entry stands first; lost ones have their place in the list. */
static int put_list(struct ps_rcp_system *sys)
{
    const struct ps_rcp_modules *ms = sys->modules;
    const struct ps_rcp_module kernel = {.va = sys->kernel.va,
                                         .n_pages = sys->kernel.size / PS_RECIPE_PAGE - 2,
                                         .name = "ntoskrnl.exe",
                                         .line = ms->line};
    const struct ps_rcp_module *listed[PS_RCP_MAX_MODULES + 1] = {&kernel};
    const uint64_t head = sys->kernel.va + ms->at, first = ms->list + ENTRY_AT;
    size_t n = 1;
    int rc = 0;

    for (size_t i = 0; i < ms->n; i++)
        if (!ms->module[i].is_hidden)
            listed[n++] = &ms->module[i];
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct link link = {
            .va = first + i * PS_RECIPE_PAGE,
            .previous = i ? first + (i - 1) * PS_RECIPE_PAGE : head,
            .next = i + 1 < n ? first + (i + 1) * PS_RECIPE_PAGE : head,
        };

        rc = listed[i]->is_lost ? 0 : put_entry(sys, listed[i], link);
    }
    if (rc < 0)
        return rc;
    if (sys->kernel.n_words + 2 > PS_RCP_MAX_VARS)
        return ps_fail(sys->err, PS_EARG, ms->line, "too many variables of the Windows kernel");
    sys->kernel.word[sys->kernel.n_words++] = (struct ps_rcp_kernel_word){ms->at, first};
    sys->kernel.word[sys->kernel.n_words++] = (struct ps_rcp_kernel_word){
        ms->at + (sys->era.is_x64 ? 8 : 4), first + (n - 1) * PS_RECIPE_PAGE};
    if (ms->is_exported)
        sys->kernel.module_list = ms->at;
    return 0;
}

int ps_rcp_modules_build(struct ps_rcp_system *sys)
{
    int rc = 0;

    if (!sys->modules)
        return 0;
    if (sys->kernel.va == 0)
        return ps_fail(sys->err, PS_EARG, sys->modules->line, "modules need a kernel statement");
    for (size_t i = 0; i < sys->modules->n && rc == 0; i++)
        rc = put_image(sys, &sys->modules->module[i]);
    return rc < 0 ? rc : put_list(sys);
}
