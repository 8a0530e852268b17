#include "scan/tracker/table.h"

#include <stdlib.h>

#include "scan/tracker/hash.h"
#include "scan/tracker/reader.h"

const char *ps_tracker_method_name(enum ps_tracker_method method)
{
    static const char *const names[] = {"none", "symbols", "data-scan", "data-scan-counters"};

    return names[method];
}

void ps_tracker_table_free(struct ps_tracker_table *table)
{
    free(table->row);
    table->row = NULL;
    table->n_rows = 0;
}

static int by_tag(const void *a, const void *b)
{
    const struct ps_tracker_row *x = a, *y = b;

    if (x->entry.tag != y->entry.tag)
        return x->entry.tag < y->entry.tag ? -1 : 1;
    return (int)x->is_overflow - (int)y->is_overflow;
}

const struct ps_tracker_row *ps_tracker_table_find(const struct ps_tracker_table *table,
                                                   uint32_t tag)
{
    size_t lo = 0, hi = table->n_rows;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (table->row[mid].entry.tag < tag)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < table->n_rows && table->row[lo].entry.tag == tag ? &table->row[lo] : NULL;
}

static int has_counts(const struct ps_tracker_entry *e)
{
    return (e->nonpaged.allocs | e->nonpaged.frees | e->nonpaged.bytes | e->paged.allocs |
            e->paged.frees | e->paged.bytes) != 0;
}

/* The sum by slot while it is made. */
struct sum {
    struct ps_tracker_table *table;
    struct ps_paging *paging;
    struct ps_tracker_row *slot; /* n_slots, then n_expansion */
    size_t n_rows;
    struct ps_tracker_reader reader;
};

/* A processor's table has the key of a slot once that processor has used it: the first key wins. */
static void add_slot(struct sum *s, uint32_t i, const struct ps_tracker_entry *e)
{
    struct ps_tracker_entry *to = &s->slot[i].entry;

    if (to->tag == 0)
        to->tag = e->tag;
    ps_tracker_add(s->table->layout, to, e);
}

/* Add the table at 'va'. Returns the number of slots in use. */
static uint32_t add_table(struct sum *s, uint64_t va, uint32_t n_slots, size_t first)
{
    uint8_t bytes[PS_TRACKER_ENTRY_MAX];
    struct ps_tracker_entry e;
    uint32_t n_keys = 0;

    ps_tracker_reader_init(&s->reader, s->paging, va, s->table->layout->entry_bytes);
    for (uint32_t i = 0; i < n_slots; i++) {
        if (!ps_tracker_reader_slot(&s->reader, i, bytes, s->table->layout->entry_bytes)) {
            s->table->n_slots_lost++;
            continue;
        }
        ps_tracker_decode(s->table->layout, bytes, &e);
        n_keys += e.tag != 0;
        add_slot(s, (uint32_t)first + i, &e);
    }
    return n_keys;
}

static int is_first(const struct ps_tracker_parts *parts, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (parts->table_va[k] == parts->table_va[i])
            return 0;
    return 1;
}

static void count_obeying(struct sum *s)
{
    struct ps_tracker_table *t = s->table;

    for (uint32_t i = 0; i + 1 < t->n_slots; i++) {
        const uint32_t tag = s->slot[i].entry.tag;

        t->n_obey += tag != 0 && ps_tracker_is_near(tag, i, t->n_slots - 2);
    }
}

static void add_tables(struct sum *s, const struct ps_tracker_parts *parts)
{
    struct ps_tracker_table *t = s->table;

    for (size_t i = 0; i < parts->n_tables && i < PS_TRACKER_MAX_TABLES; i++) {
        uint32_t n_keys;

        if (!is_first(parts, i))
            continue;
        if ((t->n_tables + UINT64_C(1)) * t->n_slots > PS_TRACKER_MAX_READ) {
            t->n_tables_over++;
            continue;
        }
        n_keys = add_table(s, parts->table_va[i], t->n_slots, 0);
        if (i == 0) {
            t->n_keys = n_keys;
            count_obeying(s);
        }
        t->n_tables++;
        t->n_tables_missing += s->reader.n_pages_missing == s->reader.n_pages_read;
    }
}

/* Sum up what two slots have of one tag, and drop what is empty. */
static void make_rows(struct sum *s)
{
    struct ps_tracker_table *t = s->table;
    size_t n = 0;

    for (size_t i = 0; i < s->n_rows; i++) {
        const struct ps_tracker_row *r = &s->slot[i];

        if (r->entry.tag == 0 && !has_counts(&r->entry))
            continue;
        if (r->entry.tag == 0 && !r->is_overflow)
            t->n_nameless++;
        else
            s->slot[n++] = *r;
    }
    qsort(s->slot, n, sizeof *s->slot, by_tag);
    t->row = s->slot;
    for (size_t i = 0; i < n; i++) {
        if (t->n_rows > 0 && t->row[t->n_rows - 1].entry.tag == s->slot[i].entry.tag) {
            ps_tracker_add(t->layout, &t->row[t->n_rows - 1].entry, &s->slot[i].entry);
            t->row[t->n_rows - 1].is_overflow |= s->slot[i].is_overflow;
        } else {
            t->row[t->n_rows++] = s->slot[i];
        }
    }
}

int ps_tracker_table_read(struct ps_tracker_table *table, struct ps_paging *paging,
                          const struct ps_tracker_parts *parts, struct ps_err *err)
{
    const uint32_t n_expansion = parts->expansion_va ? parts->n_expansion : 0;
    struct sum s = {.table = table, .paging = paging, .n_rows = table->n_slots + n_expansion};

    s.slot = calloc(s.n_rows, sizeof *s.slot);
    if (!s.slot)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu slots of tags", s.n_rows);
    table->va = parts->table_va[0];
    add_tables(&s, parts);
    s.slot[table->n_slots - 1].is_overflow = 1;
    table->expansion_va = parts->expansion_va;
    if (n_expansion != 0)
        table->n_expansion = add_table(&s, parts->expansion_va, n_expansion, table->n_slots);
    make_rows(&s);
    return 0;
}
