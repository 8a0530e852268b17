/* A summary for people: one row per tag, most bytes first. */
#include "host/output/writer.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/hash_factor.h"
#include "kernels/pool_header.h"
#include "scan/tags/tag.h"
#include "scan/tags/tag_map.h"

/* The memory of this writer is bounded: tags beyond the first are counted together, and so are
 * rows beyond the second, which nobody reads and libsmartcols keeps in memory at once. */
#define MAX_TAGS  100000u
#define MAX_ROWS  10000u

#define FIRST_CAP 1024u

struct tally {
    uint32_t tag;
    uint32_t info; /* tag database entry */
    uint64_t n_blocks;
    uint64_t n_bytes;
    uint64_t n_big; /* of the blocks: without a header */
    uint64_t n_paged;
    uint64_t n_nonpaged;
    uint64_t n_free;
    uint64_t n_stale;
    uint64_t n_merged; /* tags, in a row that stands for several */
    uint32_t best;     /* highest confidence */
};

struct table_state {
    struct tally *tally;
    size_t n, cap;
    struct ps_tag_map map; /* their places, by tag */
    struct tally other;
    uint32_t tag_mask; /* of this image: tags with and without the protected bit are one */
};

static int table_open(struct ps_writer *w, struct ps_err *err)
{
    struct table_state *t = calloc(1, sizeof *t);

    w->state = t;
    if (!t)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the table");
    t->map.factor = ps_hash_factor();
    return 0;
}

static void table_close(struct ps_writer *w)
{
    struct table_state *t = w->state;

    if (!t)
        return;
    free(t->tally);
    ps_tag_map_free(&t->map);
    free(t);
}

static int table_begin_image(struct ps_writer *w, const struct ps_output_image *image,
                             struct ps_err *err)
{
    struct table_state *t = w->state;
    const struct ps_era *era = image->era;

    (void)err;
    t->tag_mask = era->protected_tags ? ~PS_TAG_PROTECTED : ~0u;
    return 0;
}

static int grow(struct table_state *t)
{
    const size_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
    struct tally *tally = realloc(t->tally, cap * sizeof *tally);

    if (!tally)
        return -1;
    t->tally = tally;
    t->cap = cap;
    return 0;
}

/* The tally that counts a finding of 'tag'; NULL when memory ran out. */
static struct tally *tally_of(struct table_state *t, uint32_t tag, uint32_t info,
                              struct ps_err *err)
{
    const uint32_t number = ps_tag_map_find(&t->map, tag);

    if (number != PS_TAG_NO_NUMBER)
        return &t->tally[number];
    if (t->n >= MAX_TAGS)
        return &t->other;
    if ((t->n == t->cap && grow(t) < 0) || ps_tag_map_add(&t->map, tag) < 0) {
        ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the table");
        return NULL;
    }
    t->tally[t->n] = (struct tally){.tag = tag, .info = info};
    return &t->tally[t->n++];
}

static void count(struct tally *y, const struct ps_finding *f)
{
    y->n_blocks++;
    y->n_bytes += f->n_bytes;
    y->n_big += f->source == PS_SOURCE_BIGPOOL;
    y->n_paged += f->pool == PS_POOL_PAGED;
    y->n_nonpaged += f->pool == PS_POOL_NONPAGED || f->pool == PS_POOL_NONPAGED_NX;
    y->n_free += f->status == PS_STATUS_FREE;
    y->n_stale += f->status == PS_STATUS_STALE;
    if (f->confidence > y->best)
        y->best = f->confidence;
}

static int table_findings(struct ps_writer *w, const struct ps_finding *f, size_t n,
                          struct ps_err *err)
{
    struct table_state *t = w->state;

    for (size_t i = 0; i < n; i++) {
        struct tally *y = tally_of(t, f[i].tag & t->tag_mask, f[i].info, err);

        if (!y)
            return -err->code;
        count(y, &f[i]);
    }
    return 0;
}

static void add_tally(struct tally *sum, const struct tally *y)
{
    sum->n_blocks += y->n_blocks;
    sum->n_bytes += y->n_bytes;
    sum->n_big += y->n_big;
    sum->n_paged += y->n_paged;
    sum->n_nonpaged += y->n_nonpaged;
    sum->n_free += y->n_free;
    sum->n_stale += y->n_stale;
    sum->n_merged++;
    if (y->best > sum->best)
        sum->best = y->best;
}

/* By bytes, most first; then in the order in which tags are spelled. */
static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;

    if (x->n_bytes != y->n_bytes)
        return x->n_bytes > y->n_bytes ? -1 : 1;
    return ps_tag_compare(x->tag, y->tag);
}

/* A row about to be printed. */
struct row {
    const struct tally *tally;
    const char *tag;
    const char *component;
    const char *description;
};

static void print_number(char *text, size_t n, uint64_t value)
{
    snprintf(text, n, "%" PRIu64, value);
}

static void cell_tag(const struct row *row, char *text, size_t n)
{
    snprintf(text, n, "%s", row->tag);
}

static void cell_blocks(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_blocks);
}

static void cell_bytes(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_bytes);
}

static void cell_big(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_big);
}

static void cell_paged(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_paged);
}

static void cell_nonpaged(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_nonpaged);
}

static void cell_free(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_free);
}

static void cell_stale(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->n_stale);
}

static void cell_best(const struct row *row, char *text, size_t n)
{
    print_number(text, n, row->tally->best);
}

/* libsmartcols is told to leave text alone, because it would escape the backslash of \xNN again;
 * so what could drive a terminal or upset its idea of widths stops here. */
static void print_plain(char *text, size_t n, const char *s)
{
    size_t i = 0;

    for (; i + 1 < n && s[i]; i++)
        text[i] = s[i] >= ' ' && s[i] < 0x7f ? s[i] : '?';
    text[i] = '\0';
}

static void cell_component(const struct row *row, char *text, size_t n)
{
    print_plain(text, n, row->component);
}

static void cell_description(const struct row *row, char *text, size_t n)
{
    print_plain(text, n, row->description);
}

static const struct column {
    const char *name;
    int flags;
    void (*cell)(const struct row *row, char *text, size_t n);
} columns[] = {
    {"Tag",         0,              cell_tag        },
    {"Blocks",      SCOLS_FL_RIGHT, cell_blocks     },
    {"Bytes",       SCOLS_FL_RIGHT, cell_bytes      },
    {"Big",         SCOLS_FL_RIGHT, cell_big        },
    {"Paged",       SCOLS_FL_RIGHT, cell_paged      },
    {"NonPaged",    SCOLS_FL_RIGHT, cell_nonpaged   },
    {"Free",        SCOLS_FL_RIGHT, cell_free       },
    {"Stale",       SCOLS_FL_RIGHT, cell_stale      },
    {"Best",        SCOLS_FL_RIGHT, cell_best       },
    {"Component",   SCOLS_FL_TRUNC, cell_component  },
    {"Description", SCOLS_FL_TRUNC, cell_description},
};

#define N_COLUMNS (sizeof columns / sizeof *columns)

static const char *row_color(const struct row *row)
{
    if (row->tally->n_merged)
        return "bold";
    return row->tally->best >= 70 ? "green" : row->tally->best < 40 ? "brown" : NULL;
}

static int add_row(struct libscols_table *table, const struct row *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    char text[512];

    if (!line || scols_line_set_color(line, row_color(row)) < 0)
        return -1;
    for (size_t i = 0; i < N_COLUMNS; i++) {
        columns[i].cell(row, text, sizeof text);
        if (scols_line_set_data(line, i, text) < 0)
            return -1;
    }
    return 0;
}

static int add_tag_row(struct libscols_table *table, const struct ps_tagdb *tags,
                       const struct tally *y)
{
    char tag[PS_TAG_TEXT_BYTES];
    struct row row = {y, ps_tag_print(y->tag, tag), "", ""};

    if (tags && y->info < ps_tagdb_count(tags)) {
        const struct ps_tag_info info = ps_tagdb_at(tags, y->info);

        row.component = info.component;
        row.description = info.description;
    }
    return add_row(table, &row);
}

static int add_sum_row(struct libscols_table *table, const struct tally *y, const char *name,
                       const char *description)
{
    struct row row = {y, name, "", description};

    return add_row(table, &row);
}

static struct tally sum_from(const struct table_state *t, size_t first)
{
    struct tally sum = {.n_merged = 1};

    for (size_t i = first; i < t->n; i++)
        add_tally(&sum, &t->tally[i]);
    return sum;
}

static int add_rows(struct libscols_table *table, struct table_state *t,
                    const struct ps_tagdb *tags)
{
    const size_t n_shown = t->n < MAX_ROWS ? t->n : MAX_ROWS;
    struct tally rest, total;
    int rc = 0;

    if (t->n > 0)
        qsort(t->tally, t->n, sizeof *t->tally, compare_tallies);
    rest = sum_from(t, n_shown);
    total = sum_from(t, 0);
    add_tally(&rest, &t->other);
    add_tally(&total, &t->other);
    for (size_t i = 0; i < n_shown && rc == 0; i++)
        rc = add_tag_row(table, tags, &t->tally[i]);
    if (rc == 0 && rest.n_blocks)
        rc = add_sum_row(table, &rest, "(other)", "all tags that have no row here");
    if (rc == 0)
        rc = add_sum_row(table, &total, "total", "");
    return rc;
}

static int add_columns(struct libscols_table *table)
{
    for (size_t i = 0; i < N_COLUMNS; i++) {
        struct libscols_column *column =
            scols_table_new_column(table, columns[i].name, 1, columns[i].flags);

        if (!column || scols_cell_set_color(scols_column_get_header(column), "bold") < 0)
            return -1;
    }
    return 0;
}

/* Text that goes to no terminal is never cut at a width. */
static int set_width(struct libscols_table *table, const struct ps_writer *w)
{
    if (w->width == 0)
        return scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
    if (scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS) < 0)
        return -1;
    return scols_table_set_termwidth(table, w->width);
}

/* libsmartcols leaves out the end of the last line. */
static int write_table(struct ps_sink *sink, const char *text, struct ps_err *err)
{
    int rc = ps_sink_write(sink, text, strlen(text), err);

    return rc < 0 ? rc : ps_sink_write(sink, "\n", 1, err);
}

static int table_finish(struct ps_writer *w, struct ps_err *err)
{
    struct libscols_table *table = scols_new_table();
    char *text = NULL;
    int rc = table ? 0 : -1;

    if (rc == 0)
        rc = set_width(table, w);
    if (rc == 0)
        rc = scols_table_enable_noencoding(table, 1);
    if (rc == 0)
        rc = scols_table_enable_colors(table, w->color);
    if (rc == 0)
        rc = add_columns(table);
    if (rc == 0)
        rc = add_rows(table, w->state, w->tags);
    if (rc == 0)
        rc = scols_print_table_to_string(table, &text);
    if (rc < 0)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the table");
    else
        rc = write_table(w->sink, text, err);
    free(text);
    scols_unref_table(table);
    return rc;
}

const struct ps_writer_ops ps_writer_table = {
    .name = "table",
    .open = table_open,
    .begin_image = table_begin_image,
    .findings = table_findings,
    .finish = table_finish,
    .close = table_close,
};
