/* poolscan bigpools: the big-pool table of an image. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/commands.h"
#include "host/output/listing.h"
#include "host/run/tag_source.h"
#include "host/virtual/pool/bigpool.h"
#include "kernels/pool_header.h"

enum field {
    ALLOCATION,
    TAG,
    POOL_TYPE,
    NUMBER_OF_BYTES,
    STATUS,
    OFFSET,
    COMPONENT,
    KIND,
    DESCRIPTION,
    N_FIELDS,
    ENTRY = N_FIELDS,
    ENTRY_VA,
    SLOT,
    TYPE_RAW,
    PATTERN,
    SLUSH,
    N_RAW_FIELDS
};

static const struct ps_column columns[N_RAW_FIELDS] = {
    [ALLOCATION] = {"Allocation", "Allocation", PS_COLUMN_TEXT, 0},
    [TAG] = {"Tag", "Tag", PS_COLUMN_TEXT, 0},
    [POOL_TYPE] = {"PoolType", "PoolType", PS_COLUMN_TEXT, 0},
    [NUMBER_OF_BYTES] = {"NumberOfBytes", "NumberOfBytes", PS_COLUMN_LITERAL, 0},
    [STATUS] = {"Status", "Status", PS_COLUMN_TEXT, 0},
    [OFFSET] = {"Offset", "Offset", PS_COLUMN_TEXT, 0},
    [COMPONENT] = {"Component", "Component", PS_COLUMN_TEXT, 0},
    [KIND] = {"Kind", "Kind", PS_COLUMN_TEXT, 0},
    [DESCRIPTION] = {"Description", "Description", PS_COLUMN_TEXT, 1},
    [ENTRY] = {"EntryOffset", "EntryOffset", PS_COLUMN_TEXT, 0},
    [ENTRY_VA] = {"EntryAddress", "EntryAddress", PS_COLUMN_TEXT, 0},
    [SLOT] = {"Slot", "Slot", PS_COLUMN_LITERAL, 0},
    [TYPE_RAW] = {"PoolTypeRaw", "PoolTypeRaw", PS_COLUMN_LITERAL, 0},
    [PATTERN] = {"Pattern", "Pattern", PS_COLUMN_LITERAL, 0},
    [SLUSH] = {"SlushSize", "SlushSize", PS_COLUMN_LITERAL, 0},
};

struct row {
    char text[N_RAW_FIELDS][PS_BIGPOOL_TYPE_TEXT_BYTES];
    const char *cell[N_RAW_FIELDS];
};

static void set(struct row *row, enum field f, const char *format, uint64_t value)
{
    snprintf(row->text[f], sizeof row->text[f], format, value);
    row->cell[f] = row->text[f];
}

static void set_phys(struct row *row, enum field f, uint64_t phys)
{
    if (phys != PS_BIGPOOL_NO_PHYS)
        set(row, f, "0x%016" PRIx64, phys);
}

static void explain(struct row *row, const struct ps_tagdb *db, uint32_t tag)
{
    uint32_t at = ps_tagdb_find(db, tag);
    struct ps_tag_info info;

    row->cell[TAG] = ps_tag_print(tag, row->text[TAG]);
    if (at == PS_TAG_UNKNOWN)
        return;
    info = ps_tagdb_at(db, at);
    row->cell[COMPONENT] = *info.component ? info.component : NULL;
    row->cell[KIND] = *info.kind ? info.kind : NULL;
    row->cell[DESCRIPTION] = *info.description ? info.description : NULL;
}

static void make_row(const struct ps_bigpool_table *t, const struct ps_bigpool_row *from,
                     const struct ps_tagdb *db, struct row *row)
{
    const struct ps_bigpool_entry *e = &from->entry;

    set(row, ALLOCATION, "0x%016" PRIx64, e->va);
    set(row, NUMBER_OF_BYTES, "%" PRIu64, e->n_bytes);
    set_phys(row, OFFSET, from->first_phys);
    set_phys(row, ENTRY, from->phys);
    if (t->va != 0)
        set(row, ENTRY_VA, "0x%016" PRIx64, t->va + (uint64_t)from->slot * t->layout->entry_bytes);
    set(row, SLOT, "%" PRIu64, from->slot);
    row->cell[STATUS] = e->state == PS_BIGPOOL_FREED ? "Free" : "Allocated";
    explain(row, db, e->tag);
    if (t->layout->word != PS_BIGPOOL_PAGES) {
        row->cell[POOL_TYPE] = ps_bigpool_type_print(t->names, e->type, row->text[POOL_TYPE]);
        set(row, TYPE_RAW, "%" PRIu64, e->type);
    }
    if (t->layout->word == PS_BIGPOOL_PACKED) {
        set(row, PATTERN, "%" PRIu64, e->pattern);
        set(row, SLUSH, "%" PRIu64, e->slush);
    }
}

/* Which entries are wanted. */
struct filter {
    struct ps_tag_pattern *pattern;
    size_t n;
    int show_free;
};

static int is_wanted(const struct filter *f, const struct ps_bigpool_entry *e)
{
    if (e->state == PS_BIGPOOL_FREED && !f->show_free)
        return 0;
    for (size_t i = 0; i < f->n; i++)
        if (ps_tag_pattern_matches(f->pattern[i], e->tag) ||
            ps_tag_pattern_matches(f->pattern[i], e->tag & ~PS_TAG_PROTECTED))
            return 1;
    return f->n == 0;
}

/* The wanted rows, of which one at a time has its text. */
struct listed {
    const struct ps_bigpool_table *table;
    const struct ps_tagdb *db;
    size_t *at; /* in the table */
    struct row row;
};

static const char *const *get_row(void *arg, size_t i)
{
    struct listed *l = arg;

    memset(l->row.cell, 0, sizeof l->row.cell);
    make_row(l->table, &l->table->row[l->at[i]], l->db, &l->row);
    return l->row.cell;
}

static int write_rows(const struct ps_bigpool_table *t, const struct filter *filter,
                      const struct ps_tagdb *db, const struct ps_options *opt, struct ps_err *err)
{
    struct listed listed = {.table = t, .db = db, .at = calloc(t->n_rows + 1, sizeof *listed.at)};
    struct ps_listing listing = {.name = "bigpools",
                                 .column = columns,
                                 .n_columns = opt->raw ? N_RAW_FIELDS : N_FIELDS,
                                 .row = get_row,
                                 .arg = &listed};
    int rc;

    if (!listed.at)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu entries", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++)
        if (is_wanted(filter, &t->row[i].entry))
            listed.at[listing.n_rows++] = i;
    rc = ps_listing_write(&listing, opt->format, opt->output, err);
    free(listed.at);
    return rc;
}

static void print_not_found(const char *path, uint64_t n_unreadable)
{
    fprintf(stderr,
            "poolscan: %s: no page of a big-pool table found, %" PRIu64 " bytes unreadable\n", path,
            n_unreadable);
}

static void print_summary(const struct ps_bigpool_table *t, uint64_t n_unreadable)
{
    char at[32] = "";

    if (t->va != 0)
        snprintf(at, sizeof at, " at 0x%016" PRIx64, t->va);
    fprintf(stderr,
            "poolscan: big-pool table%s by %s, layout %s: %u slots, %zu allocated, %zu freed; "
            "%zu of %zu entries obey the hash (%s); %zu of %zu pages, %zu empty, %zu missing, "
            "%zu damaged, %zu of other tables, %zu over the limit; %zu entries lost, %zu damaged, "
            "%" PRIu64 " bytes unreadable\n",
            at, ps_bigpool_method_name(t->method), t->layout->name, t->n_slots, t->n_allocated,
            t->n_freed, t->n_obey, t->n_rows, ps_bigpool_hash_name(t->hash), t->n_pages_found,
            t->n_pages, t->n_pages_empty, t->n_pages_missing, t->n_pages_damaged, t->n_pages_other,
            t->n_pages_over, t->n_lost, t->n_damaged, n_unreadable);
}

static int list_table(struct ps_address_space *as, const struct ps_options *opt,
                      const struct filter *filter, const struct ps_tagdb *db, struct ps_err *err)
{
    struct ps_bigpool_table table = {0};
    uint64_t n_unreadable = 0;
    int rc = ps_address_space_bigpool(as, opt, NULL, &table, &n_unreadable, err);

    if (rc >= 0)
        rc = write_rows(&table, filter, db, opt, err);
    if (rc >= 0 && !opt->quiet) {
        if (table.method == PS_BIGPOOL_NOT_FOUND)
            print_not_found(opt->args.item[0], n_unreadable);
        else
            print_summary(&table, n_unreadable);
    }
    if (rc >= 0 && n_unreadable)
        rc = ps_fail(err, PS_EIO, PS_AT_NONE, "%.100s: %" PRIu64 " bytes cannot be read",
                     opt->args.item[0], n_unreadable);
    ps_bigpool_table_free(&table);
    return rc;
}

static int list_image(const struct ps_options *opt, const struct filter *filter,
                      const struct ps_tagdb *db, struct ps_err *err)
{
    struct ps_address_space as = {0};
    int rc = ps_address_space_open(&as, opt, opt->args.item[0], err);

    if (rc == 0)
        rc = list_table(&as, opt, filter, db, err);
    ps_address_space_close(&as);
    return rc;
}

int ps_cmd_bigpools(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_tagdb *db = NULL;
    struct filter filter = {.n = opt->tags.n, .show_free = opt->show_free};
    int rc = ps_tag_source_patterns(&filter.pattern, opt, err);

    if (rc >= 0)
        rc = ps_tag_source_load(&db, opt, err);
    if (rc >= 0)
        rc = list_image(opt, &filter, db, err);
    ps_tagdb_free(db);
    free(filter.pattern);
    return rc;
}
