#include "host/recipe/system/system.h"

#include <stdlib.h>

/* Bits of a valid entry: present, writable, accessed, dirty, global; bit 11 is the software's
 * "writable", which Windows keeps beside the real one. */
#define VALID_LEAF  0x963ull
#define VALID_TABLE 0x863ull
#define WRITABLE    0x802ull
#define LARGE       0x080ull
#define NO_EXECUTE  (1ull << 63)
/* Working-set bits of an x64 entry; any value is legal. */
#define X64_SOFTWARE       0x0a00000000000000ull

#define PROTECT_READ_WRITE (4ull << 5)
#define TRANSITION_BIT     (1ull << 11)
#define PROTOTYPE_BIT      (1ull << 10)
/* Updates of August 2018: an entry that is not valid is XORed with bit 45 unless bit 4 says no. */
#define SWIZZLE_OFF    (1ull << 4)
#define SWIZZLE_BIT    (1ull << 45)
#define FIRST_SWIZZLED 17134u

static unsigned entry_bytes(const struct ps_rcp_system *sys)
{
    return sys->mode == PS_RCP_X86 ? 4 : 8;
}

static unsigned index_bits(const struct ps_rcp_system *sys)
{
    return sys->mode == PS_RCP_X86 ? 10 : 9;
}

static unsigned n_levels(const struct ps_rcp_system *sys)
{
    return sys->mode == PS_RCP_X64 ? 4 : sys->mode == PS_RCP_PAE ? 3 : 2;
}

static int is_swizzled(const struct ps_rcp_system *sys)
{
    return sys->mode == PS_RCP_X64 && sys->era.build >= FIRST_SWIZZLED;
}

/* Level 0 is the lowest table. */
static uint32_t index_at(const struct ps_rcp_system *sys, uint64_t va, unsigned level)
{
    uint64_t i = va >> (12 + level * index_bits(sys));

    if (sys->mode == PS_RCP_PAE && level == 2)
        return (uint32_t)(i & 3);
    return (uint32_t)(i & ((1u << index_bits(sys)) - 1));
}

/* The top table of PAE may stand anywhere in its page: Windows keeps those of many processes there.
 */
static uint8_t *top_table(struct ps_rcp_system *sys)
{
    return ps_rcp_overlay_find(sys, sys->cr3)->b + sys->top_offset;
}

static uint64_t get_entry(const struct ps_rcp_system *sys, const uint8_t *table, uint32_t i)
{
    const uint8_t *p = table + (size_t)i * entry_bytes(sys);

    if (sys->mode == PS_RCP_X86)
        return ps_rcp_get32(p);
    return ps_rcp_get32(p) | (uint64_t)ps_rcp_get32(p + 4) << 32;
}

static void put_entry(const struct ps_rcp_system *sys, uint8_t *table, uint32_t i, uint64_t entry)
{
    uint8_t *p = table + (size_t)i * entry_bytes(sys);

    if (sys->mode == PS_RCP_X86)
        ps_rcp_put32(p, (uint32_t)entry);
    else
        ps_rcp_put64(p, entry);
}

static uint64_t software_bits(const struct ps_rcp_system *sys)
{
    return sys->mode == PS_RCP_X64 ? X64_SOFTWARE : 0;
}

static uint64_t page_of(const struct ps_rcp_system *sys, uint64_t entry)
{
    return (sys->mode == PS_RCP_X86 ? entry & 0xfffff000ull : entry & 0xfffffffff000ull) >> 12;
}

static uint64_t table_entry(const struct ps_rcp_system *sys, unsigned level, uint64_t page)
{
    /* The four entries of a PAE top table know nothing but valid and the frame. */
    if (sys->mode == PS_RCP_PAE && level == 2)
        return page << 12 | 1;
    return page << 12 | VALID_TABLE | software_bits(sys);
}

uint64_t ps_rcp_valid_entry(const struct ps_rcp_system *sys, const struct ps_rcp_map *map,
                            uint64_t page)
{
    uint64_t entry = page << 12 | VALID_LEAF | software_bits(sys);

    if (map->ro)
        entry &= ~WRITABLE;
    if (map->large)
        entry |= LARGE;
    if (map->nx && sys->mode != PS_RCP_X86)
        entry |= NO_EXECUTE;
    return entry;
}

uint64_t ps_rcp_prototype_entry(const struct ps_rcp_system *sys, uint64_t at)
{
    if (sys->mode == PS_RCP_X64)
        return at << 16 | PROTOTYPE_BIT;
    if (sys->mode == PS_RCP_PAE)
        return at << 32 | PROTOTYPE_BIT;
    /* 28 bits of the address in two pieces around the prototype bit; the top bit is implied. */
    return (at & 0x7ffffc00ull) << 1 | (at & 0x3ffull) >> 1 | PROTOTYPE_BIT;
}

static uint64_t transition_entry(struct ps_rcp_system *sys, uint64_t page)
{
    uint64_t entry = page << 12 | TRANSITION_BIT | PROTECT_READ_WRITE;

    if (is_swizzled(sys))
        entry ^= ps_rcp_chance(&sys->rng, 25) ? SWIZZLE_OFF : SWIZZLE_BIT;
    return entry;
}

static uint64_t page_file_entry(struct ps_rcp_system *sys, uint64_t page)
{
    uint64_t at = page - sys->recipe->image_pages;
    uint64_t number = sys->page_file_number;

    if (sys->mode == PS_RCP_X86)
        return at << 12 | number << 1 | PROTECT_READ_WRITE;
    if (!is_swizzled(sys))
        return at << 32 | number << 1 | PROTECT_READ_WRITE;
    if (ps_rcp_chance(&sys->rng, 25))
        return at << 32 | number << 12 | PROTECT_READ_WRITE | SWIZZLE_OFF;
    return (at << 32 ^ SWIZZLE_BIT) | number << 12 | PROTECT_READ_WRITE;
}

/* Walk to the table of 'level' for va; missing tables are made when 'line' is not 0. */
static uint8_t *table_at(struct ps_rcp_system *sys, uint64_t va, unsigned level, uint32_t line)
{
    uint64_t page = sys->cr3;
    uint8_t *table = top_table(sys);

    for (unsigned at = n_levels(sys) - 1; at > level; at--) {
        uint32_t i = index_at(sys, va, at);
        uint64_t entry = get_entry(sys, table, i);
        struct ps_rcp_overlay *next;

        if (entry == 0 && line == 0)
            return NULL;
        if (entry == 0) {
            uint8_t *fresh = ps_rcp_overlay_new(sys, &page, line);

            if (!fresh)
                return NULL;
            ps_rcp_overlay_find(sys, page)->is_table = 1;
            put_entry(sys, table, i, table_entry(sys, at, page));
            table = fresh;
            continue;
        }
        next = entry & LARGE ? NULL : ps_rcp_overlay_find(sys, page_of(sys, entry));
        if (!next) {
            ps_fail(sys->err, PS_EARG, line, "%#llx is mapped already", (unsigned long long)va);
            return NULL;
        }
        table = next->b;
    }
    return table;
}

static int put_leaf(struct ps_rcp_system *sys, uint64_t va, unsigned level, uint64_t entry,
                    uint32_t line)
{
    uint8_t *table = table_at(sys, va, level, line);

    if (!table)
        return -sys->err->code;
    if (get_entry(sys, table, index_at(sys, va, level)) != 0)
        return ps_fail(sys->err, PS_EARG, line, "%#llx is mapped already", (unsigned long long)va);
    put_entry(sys, table, index_at(sys, va, level), entry);
    return 0;
}

int ps_rcp_map_entry(struct ps_rcp_system *sys, uint64_t va, uint64_t entry, uint32_t line)
{
    return put_leaf(sys, va, 0, entry, line);
}

static int note_link(struct ps_rcp_system *sys, const struct ps_rcp_map *map, uint64_t va,
                     uint64_t page)
{
    if (sys->n_links == PS_RCP_MAX_LINKS)
        return ps_fail(sys->err, PS_EARG, map->line, "a recipe maps at most %u pages",
                       PS_RCP_MAX_LINKS);
    if (sys->n_links == sys->cap_links) {
        size_t cap = sys->cap_links * 2 + 256;
        struct ps_rcp_link *more = realloc(sys->link, cap * sizeof *more);

        if (!more)
            return ps_fail(sys->err, PS_ENOMEM, map->line, "not enough memory for the recipe");
        sys->link = more;
        sys->cap_links = cap;
    }
    sys->link[sys->n_links] = (struct ps_rcp_link){
        va, page, (uint32_t)sys->n_links + (map->alias ? PS_RCP_MAX_LINKS : 0)};
    sys->n_links++;
    return 0;
}

int ps_rcp_map_page(struct ps_rcp_system *sys, const struct ps_rcp_map *map, uint64_t va,
                    uint64_t page, enum ps_rcp_leaf leaf)
{
    uint64_t n = map->large ? 1ull << index_bits(sys) : 1;
    uint64_t entry = PROTECT_READ_WRITE;
    int rc;

    if (leaf == PS_RCP_VALID)
        entry = ps_rcp_valid_entry(sys, map, page);
    else if (leaf == PS_RCP_TRANSITION)
        entry = transition_entry(sys, page);
    else if (leaf == PS_RCP_PAGE_FILE)
        entry = page_file_entry(sys, page);
    rc = put_leaf(sys, va, map->large ? 1 : 0, entry, map->line);
    for (uint64_t i = 0; rc == 0 && leaf != PS_RCP_DEMAND_ZERO && i < n; i++)
        rc = note_link(sys, map, va + i * PS_RECIPE_PAGE, page + i);
    return rc;
}

uint64_t ps_rcp_leaf_entry(struct ps_rcp_system *sys, uint64_t va)
{
    uint8_t *table;
    uint64_t page;

    if (!ps_rcp_table_of(sys, va, &page) || !(table = table_at(sys, va, 0, 0)))
        return 0;
    return get_entry(sys, table, index_at(sys, va, 0));
}

int ps_rcp_table_of(struct ps_rcp_system *sys, uint64_t va, uint64_t *page)
{
    uint8_t *upper = table_at(sys, va, 1, 0);
    uint64_t entry = upper ? get_entry(sys, upper, index_at(sys, va, 1)) : 0;

    *page = page_of(sys, entry);
    return entry != 0 && !(entry & LARGE);
}

void ps_rcp_table_fate(struct ps_rcp_system *sys, uint64_t va, enum ps_rcp_fate_kind kind)
{
    uint8_t *upper = table_at(sys, va, 1, 0);
    uint32_t i = index_at(sys, va, 1);
    uint64_t page = page_of(sys, get_entry(sys, upper, i));

    if (kind == PS_RCP_LOST)
        ps_rcp_overlay_find(sys, page)->is_hole = 1;
    else if (kind == PS_RCP_BEYOND)
        put_entry(sys, upper, i, table_entry(sys, 1, sys->recipe->image_pages + 0x1000));
    else
        put_entry(sys, upper, i, transition_entry(sys, page));
}

uint64_t ps_rcp_table_span(const struct ps_rcp_system *sys)
{
    return (uint64_t)PS_RECIPE_PAGE << index_bits(sys);
}

/* The start-up code's page: a jump over its data, the entry point of the Windows kernel, CR3. */
static int put_stub(struct ps_rcp_system *sys)
{
    uint8_t *b = ps_rcp_overlay_at(sys, sys->stub, sys->line);

    if (!b)
        return -sys->err->code;
    ps_rcp_put64(b, 0x00000001000600e9ull | 0x4d00);
    ps_rcp_put64(b + 0x70, sys->entry);
    ps_rcp_put64(b + 0xa0, sys->cr3 << 12);
    return 0;
}

static int start_pae(struct ps_rcp_system *sys, uint8_t *top)
{
    uint64_t page[4];
    uint8_t *last = NULL;

    for (uint32_t i = 0; i < 4; i++) {
        if (!(last = ps_rcp_overlay_new(sys, &page[i], sys->line)))
            return -sys->err->code;
        ps_rcp_overlay_find(sys, page[i])->is_table = 1;
        put_entry(sys, top, i, table_entry(sys, 2, page[i]));
    }
    for (uint32_t i = 0; i < 4; i++)
        put_entry(sys, last, i, table_entry(sys, 1, page[i]));
    return 0;
}

int ps_rcp_tables_start(struct ps_rcp_system *sys)
{
    uint8_t *top = ps_rcp_overlay_at(sys, sys->cr3, sys->line);

    if (!top)
        return -sys->err->code;
    ps_rcp_overlay_find(sys, sys->cr3)->is_table = 1;
    if (sys->mode == PS_RCP_PAE)
        return start_pae(sys, top + sys->top_offset);
    put_entry(sys, top, (uint32_t)sys->self_slot, table_entry(sys, 3, sys->cr3));
    if (sys->mode == PS_RCP_X64 && sys->stub != PS_RCP_NONE)
        return put_stub(sys);
    return 0;
}
