#include "scan/bigpool/table.h"

#include <stdlib.h>
#include <string.h>

#include "scan/err.h"

#define PAGE_BYTES 4096u
#define MAX_ENTRY  0x20u

const char *ps_bigpool_method_name(enum ps_bigpool_method method)
{
    static const char *const names[] = {
        "none",    "carve",   "carve+self", "carve-run",
        "symbols", "pointer", "self-entry", "carve-mapped",
    };

    return names[method];
}

int ps_bigpool_method_is_virtual(enum ps_bigpool_method method)
{
    return method >= PS_BIGPOOL_BY_SYMBOLS;
}

void ps_bigpool_table_free(struct ps_bigpool_table *table)
{
    free(table->row);
    *table = (struct ps_bigpool_table){0};
}

struct filler {
    struct ps_bigpool_table *table;
    const struct ps_bigpool_geometry *g;
    const struct ps_bigpool_pages *pages;
    size_t cap;
    size_t n_flags;
    uint8_t *is_empty; /* by slot */
};

static int add_row(struct filler *f, const struct ps_bigpool_row *row)
{
    struct ps_bigpool_table *t = f->table;

    if (t->n_rows == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 1024;
        struct ps_bigpool_row *grown = realloc(t->row, cap * sizeof *grown);

        if (!grown)
            return -PS_ENOMEM;
        t->row = grown;
        f->cap = cap;
    }
    t->row[t->n_rows++] = *row;
    return 0;
}

static int is_near_home(const struct ps_bigpool_table *t, const struct ps_bigpool_row *row)
{
    const uint32_t home = ps_bigpool_home(t->hash, row->entry.va, t->n_slots);

    return t->hash == PS_BIGPOOL_NO_HASH ||
           ps_bigpool_distance(home, row->slot, t->n_slots) < PS_BIGPOOL_NEAR;
}

/* May the entry be taken that begins in page i? A tag can be anything, a size cannot: one false
 * entry of many GiB would make content of all headers behind its address. */
static int is_credible(const struct filler *f, size_t i, uint32_t off, const uint8_t *bytes,
                       const struct ps_bigpool_row *row)
{
    const uint8_t *is_damaged = f->pages->is_damaged;
    const int is_cut = off + f->g->entry_bytes > PAGE_BYTES;
    int legal;

    if (!is_damaged)
        return 1;
    if (row->entry.n_bytes > f->pages->max_bytes)
        return 0;
    legal = ps_bigpool_entry_legal(f->table->layout, bytes, f->g->entry_bytes);
    if (is_damaged[i] || (is_cut && is_damaged[i + 1]))
        return legal && is_near_home(f->table, row);
    return legal || (row->entry.n_bytes != 0 && is_near_home(f->table, row));
}

/* The entry that begins at 'off' of page i. */
static int take_entry(struct filler *f, const uint8_t *bytes, size_t i, uint32_t off, uint64_t slot)
{
    const uint64_t page = f->pages->phys[i];
    const uint64_t phys = page == PS_BIGPOOL_NO_PHYS ? page : page + off;
    struct ps_bigpool_row row = {
        .phys = phys, .first_phys = PS_BIGPOOL_NO_PHYS, .slot = (uint32_t)slot};
    struct ps_bigpool_table *t = f->table;

    if (slot >= t->n_slots)
        return 0;
    ps_bigpool_entry_decode(t->layout, bytes, f->g->entry_bytes, &row.entry);
    if (row.entry.state != PS_BIGPOOL_EMPTY && !is_credible(f, i, off, bytes, &row))
        row.entry.state = PS_BIGPOOL_DAMAGED;
    switch ((enum ps_bigpool_state)row.entry.state) {
    case PS_BIGPOOL_EMPTY:
        f->is_empty[slot] = 1;
        return 0;
    case PS_BIGPOOL_ALLOCATED:
        t->n_allocated++;
        f->n_flags +=
            t->layout->word == PS_BIGPOOL_PACKED && ps_bigpool_reads_as_flags(row.entry.type);
        return add_row(f, &row);
    case PS_BIGPOOL_FREED:
        t->n_freed++;
        return add_row(f, &row);
    default:
        t->n_damaged++;
        return 0;
    }
}

static int any_byte(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i])
            return 1;
    return 0;
}

/* The entry that begins in page i and ends in the next one. */
static int take_cut_entry(struct filler *f, size_t i, uint32_t begun, uint64_t slot)
{
    const uint32_t pointer = f->g->arch == PS_ARCH_X64 ? 8 : 4;
    const uint8_t *const *page = f->pages->page;
    const uint8_t *next = i + 1 < f->pages->n ? page[i + 1] : NULL;
    const uint8_t *start = page[i] ? page[i] + PAGE_BYTES - begun : NULL;
    uint8_t bytes[MAX_ENTRY];
    uint64_t va = 0;

    if (start && begun >= pointer)
        memcpy(&va, start, pointer);
    if (start && next) {
        memcpy(bytes, start, begun);
        memcpy(bytes + begun, next, f->g->entry_bytes - begun);
        return take_entry(f, bytes, i, PAGE_BYTES - begun, slot);
    }
    if (start && va == 1)
        f->is_empty[slot] = 1;
    else if (start)
        f->table->n_lost++;
    else if (next)
        f->table->n_lost += (size_t)any_byte(next, f->g->entry_bytes - begun);
    return 0;
}

static int take_page(struct filler *f, size_t i)
{
    const uint32_t size = f->g->entry_bytes;
    const uint32_t phase = ps_bigpool_phase(f->g, i);
    const uint64_t first = ps_bigpool_first_slot(f->g, i);
    const uint32_t n_whole = (PAGE_BYTES - phase) / size;
    const uint32_t begun = PAGE_BYTES - phase - n_whole * size;
    const uint8_t *page = f->pages->page[i];
    int rc = 0;

    for (uint32_t k = 0; page && k < n_whole && rc == 0; k++)
        rc = take_entry(f, page + phase + k * size, i, phase + k * size, first + k);
    if (rc == 0 && begun && first + n_whole < f->table->n_slots)
        rc = take_cut_entry(f, i, begun, first + n_whole);
    return rc;
}

/* An entry sits where it belongs or behind a run of slots that were taken: slots that are not in
 * the image count as taken. Two rounds, for a run may come from the end of the table. */
static void count_obeying(struct filler *f)
{
    struct ps_bigpool_table *t = f->table;
    const uint32_t n = t->n_slots;
    uint32_t run = 0;
    size_t r = 0;

    for (uint32_t slot = 0; slot < n; slot++)
        run = f->is_empty[slot] ? 0 : run + 1;
    for (uint32_t slot = 0; slot < n && r < t->n_rows; slot++) {
        if (t->row[r].slot == slot) {
            uint32_t home = ps_bigpool_home(t->hash, t->row[r].entry.va, n);

            t->n_obey += ps_bigpool_distance(home, slot, n) <= run;
            r++;
        }
        run = f->is_empty[slot] ? 0 : run + 1;
    }
}

int ps_bigpool_table_fill(struct ps_bigpool_table *table, const struct ps_bigpool_geometry *g,
                          const struct ps_bigpool_pages *pages)
{
    struct filler f = {.table = table, .g = g, .pages = pages};
    int rc = 0;

    f.is_empty = calloc(table->n_slots, 1);
    if (!f.is_empty)
        return -PS_ENOMEM;
    for (size_t i = 0; i < pages->n && rc == 0; i++)
        rc = take_page(&f, i);
    if (rc == 0 && table->hash != PS_BIGPOOL_NO_HASH)
        count_obeying(&f);
    table->names = ps_bigpool_names_pick(f.n_flags, table->n_allocated);
    free(f.is_empty);
    return rc;
}
