/* poolscan used: pool usage by tag, as Windows counts it and as it is found. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/cells.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/run/tag_source.h"
#include "host/run/tag_usage.h"
#include "host/virtual/pool/tracker.h"
#include "kernels/pool_header.h"

enum {
    TAG,
    NP_ALLOCS,
    NP_FREES,
    NP_DIFF,
    NP_USED,
    P_ALLOCS,
    P_FREES,
    P_DIFF,
    P_USED,
    HEADER_BLOCKS,
    HEADER_BYTES,
    BIG_ALLOCATIONS,
    BIG_BYTES,
    COMPONENT,
    KIND,
    DESCRIPTION,
    N_FIELDS
};

static const struct ps_column columns[N_FIELDS] = {
    [TAG] = {"Tag", "TAG", PS_COLUMN_TEXT, 0},
    [NP_ALLOCS] = {"NonPagedAllocs", "NP ALLOCS", PS_COLUMN_LITERAL, 0},
    [NP_FREES] = {"NonPagedFrees", "NP FREES", PS_COLUMN_LITERAL, 0},
    [NP_DIFF] = {"NonPagedDiff", "NP DIFF", PS_COLUMN_LITERAL, 0},
    [NP_USED] = {"NonPagedUsed", "NP USED", PS_COLUMN_LITERAL, 0},
    [P_ALLOCS] = {"PagedAllocs", "P ALLOCS", PS_COLUMN_LITERAL, 0},
    [P_FREES] = {"PagedFrees", "P FREES", PS_COLUMN_LITERAL, 0},
    [P_DIFF] = {"PagedDiff", "P DIFF", PS_COLUMN_LITERAL, 0},
    [P_USED] = {"PagedUsed", "P USED", PS_COLUMN_LITERAL, 0},
    [HEADER_BLOCKS] = {"HeaderBlocks", "BLOCKS", PS_COLUMN_LITERAL, 0},
    [HEADER_BYTES] = {"HeaderBytes", "BYTES", PS_COLUMN_LITERAL, 0},
    [BIG_ALLOCATIONS] = {"BigAllocations", "BIG", PS_COLUMN_LITERAL, 0},
    [BIG_BYTES] = {"BigBytes", "BIG BYTES", PS_COLUMN_LITERAL, 0},
    [COMPONENT] = {"Component", "COMPONENT", PS_COLUMN_TEXT, 1},
    [KIND] = {"Kind", "KIND", PS_COLUMN_TEXT, 0},
    [DESCRIPTION] = {"Description", "DESCRIPTION", PS_COLUMN_TEXT, 1},
};

/* A tag with all that is known of it. */
struct row {
    struct ps_tag_usage found;
    const struct ps_tracker_row *counted; /* NULL: the tracker does not know it */
    int64_t nonpaged_diff, paged_diff;
};

/* One run of the verb. */
struct used {
    struct ps_address_space as;
    struct ps_tagdb *tags;
    struct ps_tracker_table tracker;
    struct ps_tag_usages usages;
    int went_on; /* pages could not be read; 'late' says which */
    struct ps_err late;
    struct row *row;
    size_t n_rows;
};

static int by_tag(const void *a, const void *b)
{
    return ps_tag_compare(((const struct row *)a)->found.tag, ((const struct row *)b)->found.tag);
}

static int more(uint64_t a, uint64_t b, const void *x, const void *y)
{
    return a != b ? (a < b) - (a > b) : by_tag(x, y);
}

static uint64_t found_bytes(const struct row *r)
{
    return r->found.header_bytes + r->found.big_bytes;
}

/* What the tracker does not know comes last, most bytes first. */
static int known_first(const struct row *x, const struct row *y)
{
    if (!x->counted != !y->counted)
        return x->counted ? -1 : 1;
    return x->counted ? 0 : more(found_bytes(x), found_bytes(y), x, y);
}

static int by_nonpaged(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int order = known_first(x, y);

    if (order != 0 || !x->counted)
        return order;
    return more(x->counted->entry.nonpaged.bytes, y->counted->entry.nonpaged.bytes, x, y);
}

static int by_paged(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int order = known_first(x, y);

    if (order != 0 || !x->counted)
        return order;
    return more(x->counted->entry.paged.bytes, y->counted->entry.paged.bytes, x, y);
}

static int by_diff(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int order = known_first(x, y);
    const int64_t dx = x->nonpaged_diff + x->paged_diff, dy = y->nonpaged_diff + y->paged_diff;

    if (order != 0 || !x->counted)
        return order;
    return dx != dy ? (dx < dy) - (dx > dy) : by_tag(x, y);
}

typedef int order_fn(const void *a, const void *b);

static order_fn *order_named(const char *name)
{
    static const struct {
        const char *name;
        order_fn *order;
    } orders[] = {
        {"nonpaged", by_nonpaged}, {"paged", by_paged}, {"diff", by_diff}, {"tag", by_tag}};

    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (name && strcmp(orders[i].name, name) == 0)
            return orders[i].order;
    return by_nonpaged;
}

/* Tags of the tracker that nothing was found of get their row too. */
static int add_tracker(struct used *u, struct ps_err *err)
{
    for (size_t i = 0; i < u->tracker.n_rows; i++) {
        int out_of_memory;

        ps_tag_usages_at(&u->usages, u->tracker.row[i].entry.tag, &out_of_memory);
        if (out_of_memory)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags");
    }
    return 0;
}

static int make_rows(struct used *u, struct ps_err *err)
{
    const struct ps_tracker_layout *layout = u->tracker.layout;

    u->row = calloc(u->usages.n + 1, sizeof *u->row);
    if (!u->row)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu tags", u->usages.n);
    for (size_t i = 0; i < u->usages.n; i++) {
        struct row *r = &u->row[u->n_rows++];

        r->found = u->usages.usage[i];
        r->counted = ps_tracker_table_find(&u->tracker, r->found.tag);
        if (r->counted) {
            r->nonpaged_diff = ps_tracker_diff(layout, &r->counted->entry.nonpaged);
            r->paged_diff = ps_tracker_diff(layout, &r->counted->entry.paged);
        }
    }
    return 0;
}

static void set_counts(struct ps_cells *c, size_t column, const struct ps_tracker_counts *counts,
                       int64_t diff)
{
    ps_cells_set(c, column, "%" PRIu64, counts->allocs);
    ps_cells_set(c, column + 1, "%" PRIu64, counts->frees);
    ps_cells_set(c, column + 2, "%" PRId64, diff);
    ps_cells_set(c, column + 3, "%" PRIu64, counts->bytes);
}

static void add_row(struct ps_cells *c, const struct used *u, const struct row *r)
{
    char text[PS_TAG_TEXT_BYTES];

    ps_cells_row(c);
    ps_cells_set(c, TAG, "%s", ps_tag_print(r->found.tag, text));
    if (r->counted) {
        set_counts(c, NP_ALLOCS, &r->counted->entry.nonpaged, r->nonpaged_diff);
        set_counts(c, P_ALLOCS, &r->counted->entry.paged, r->paged_diff);
    }
    ps_cells_set(c, HEADER_BLOCKS, "%" PRIu64, r->found.header_blocks);
    ps_cells_set(c, HEADER_BYTES, "%" PRIu64, r->found.header_bytes);
    ps_cells_set(c, BIG_ALLOCATIONS, "%" PRIu64, r->found.big_allocations);
    ps_cells_set(c, BIG_BYTES, "%" PRIu64, r->found.big_bytes);
    ps_cells_explain(c, u->tags, r->found.tag,
                     &(struct ps_tag_columns){COMPONENT, KIND, DESCRIPTION});
}

static int write_rows(const struct used *u, const struct ps_options *opt,
                      const struct ps_tag_pattern *pattern, struct ps_err *err)
{
    struct ps_cells cells = {.n_columns = N_FIELDS};
    int rc;

    qsort(u->row, u->n_rows, sizeof *u->row, order_named(opt->sort));
    for (size_t i = 0; i < u->n_rows; i++)
        if (ps_tag_patterns_match(pattern, opt->tags.n, u->row[i].found.tag))
            add_row(&cells, u, &u->row[i]);
    rc = ps_cells_write(&cells, columns, opt, err);
    ps_cells_free(&cells);
    return rc;
}

/* How far the two ways of counting agree. */
struct totals {
    uint64_t nonpaged_bytes, paged_bytes, blocks, big;
    size_t n_counted, n_agree, n_unseen;
};

static struct totals totals_of(const struct used *u)
{
    struct totals t = {0};

    for (size_t i = 0; i < u->n_rows; i++) {
        const struct row *r = &u->row[i];
        const uint64_t n_found = r->found.header_blocks + r->found.big_allocations;
        const int64_t diff = r->nonpaged_diff + r->paged_diff;

        t.blocks += r->found.header_blocks;
        t.big += r->found.big_allocations;
        if (!r->counted)
            continue;
        t.n_counted++;
        t.nonpaged_bytes += r->counted->entry.nonpaged.bytes;
        t.paged_bytes += r->counted->entry.paged.bytes;
        t.n_agree += diff >= 0 && n_found == (uint64_t)diff;
        t.n_unseen += diff > 0 && n_found == 0;
    }
    return t;
}

static void print_tracker(const struct ps_tracker_table *t)
{
    fprintf(stderr,
            "poolscan: tracker table by %s, layout %s: %u slots, %u of %u tags obey the hash; "
            "tables: %u summed, %u missing, %u over the limit; %" PRIu64 " slots lost, %" PRIu64
            " without a tag\n",
            ps_tracker_method_name(t->method), t->layout->name, t->n_slots, t->n_obey, t->n_keys,
            t->n_tables, t->n_tables_missing, t->n_tables_over, t->n_slots_lost, t->n_nameless);
}

static void print_summary(const struct used *u)
{
    const struct totals t = totals_of(u);

    if (u->tracker.layout) {
        print_tracker(&u->tracker);
        fprintf(stderr,
                "poolscan: %zu tags, %" PRIu64 " nonpaged and %" PRIu64
                " paged bytes by the tracker; what is found equals allocs - frees for %zu of them, "
                "%zu have allocations of which none is found\n",
                t.n_counted, t.nonpaged_bytes, t.paged_bytes, t.n_agree, t.n_unseen);
    }
    fprintf(stderr,
            "poolscan: found %" PRIu64 " blocks and %" PRIu64
            " big allocations of %zu tags, %zu of these not in the tracker; %" PRIu64
            " of more tags than are counted\n",
            t.blocks, t.big, u->n_rows, u->n_rows - t.n_counted, u->usages.n_over);
}

/* Everything from the image; what cannot be read of it is told at the end. */
static int collect(struct used *u, const struct ps_options *opt, struct ps_err *err)
{
    int rc = ps_address_space_tracker(&u->as, opt, &u->tracker, err);

    if (rc == 0)
        ps_log(PS_LOG_WARN,
               "%s: no pool tracker table found: only what the scan itself finds is listed",
               opt->args.item[0]);
    if (rc >= 0)
        rc = add_tracker(u, err);
    if (rc < 0)
        return rc;
    rc = ps_tag_usages_scan(&u->usages, opt, u->as.image, &u->went_on, &u->late);
    if (rc < 0 && !u->went_on) {
        *err = u->late;
        return rc;
    }
    return make_rows(u, err);
}

static void close_all(struct used *u)
{
    free(u->row);
    ps_tag_usages_free(&u->usages);
    ps_tracker_table_free(&u->tracker);
    ps_tagdb_free(u->tags);
    ps_address_space_close(&u->as);
}

int ps_cmd_used(const struct ps_options *opt, struct ps_err *err)
{
    struct used u = {.n_rows = 0};
    struct ps_tag_pattern *pattern = NULL;
    int rc = ps_tag_source_patterns(&pattern, opt, err);

    if (rc == 0)
        rc = ps_tag_source_load(&u.tags, opt, err);
    if (rc == 0)
        rc = ps_address_space_open(&u.as, opt, opt->args.item[0], err);
    if (rc == 0)
        rc = collect(&u, opt, err);
    if (rc == 0)
        rc = write_rows(&u, opt, pattern, err);
    if (rc == 0 && !opt->quiet)
        print_summary(&u);
    if (rc == 0 && u.went_on) {
        *err = u.late;
        rc = -u.late.code;
    }
    free(pattern);
    close_all(&u);
    return rc;
}
