#include "host/output/listing.h"

#include <libsmartcols/libsmartcols.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/output/sink/sink.h"
#include "host/output/sqlite/sqlite.h"
#include "host/output/text.h"
#include "host/report/units.h"

/* So much text is collected before it goes out. */
#define FLUSH_BYTES ((size_t)1 << 16)

static void add_string(struct ps_text *text, const char *s)
{
    ps_text_add(text, s, strlen(s));
}

static const char *const *row_at(const struct ps_listing *l, size_t row)
{
    return l->row ? l->row(l->arg, row) : l->cell + row * l->n_columns;
}

typedef void add_clean_fn(struct ps_text *text, const char *s, size_t n);

/* Add 'cell' in a format that takes valid UTF-8 only. */
static void add_clean(struct ps_text *text, const char *cell, add_clean_fn *add)
{
    struct ps_text clean = {0};

    ps_text_add_utf8(&clean, cell, PS_TEXT_READABLE);
    add(text, clean.s ? clean.s : "", clean.n);
    text->failed |= clean.failed;
    ps_text_free(&clean);
}

/* Words are the program's own: nothing in them needs an escape. */
static void add_json_list(struct ps_text *text, const char *cell)
{
    add_string(text, "[");
    while (*cell) {
        const size_t n = strcspn(cell, "|");

        ps_text_add_json(text, cell, n);
        cell += n;
        if (*cell) {
            add_string(text, ",");
            cell++;
        }
    }
    add_string(text, "]");
}

static void add_json_cell(struct ps_text *text, enum ps_column_kind kind, const char *cell)
{
    if (!cell)
        add_string(text, "null");
    else if (kind == PS_COLUMN_LIST)
        add_json_list(text, cell);
    else if (kind != PS_COLUMN_TEXT)
        add_string(text, cell);
    else
        add_clean(text, cell, ps_text_add_json);
}

static void add_json_row(struct ps_text *text, const struct ps_listing *l, size_t row)
{
    const char *const *cell = row_at(l, row);

    for (size_t i = 0; i < l->n_columns; i++) {
        add_string(text, i == 0 ? "{\"" : ",\"");
        add_string(text, l->column[i].name);
        add_string(text, "\":");
        add_json_cell(text, l->column[i].kind, cell[i]);
    }
    add_string(text, "}");
}

static void add_jsonl_row(struct ps_text *text, const struct ps_listing *l, size_t row)
{
    add_json_row(text, l, row);
    add_string(text, "\n");
}

static void begin_json(struct ps_text *text, const struct ps_listing *l)
{
    (void)l;
    add_string(text, "[");
}

static void add_array_row(struct ps_text *text, const struct ps_listing *l, size_t row)
{
    add_string(text, row == 0 ? "\n" : ",\n");
    add_json_row(text, l, row);
}

static void end_json(struct ps_text *text)
{
    add_string(text, "\n]\n");
}

static void begin_csv(struct ps_text *text, const struct ps_listing *l)
{
    for (size_t i = 0; i < l->n_columns; i++) {
        add_string(text, i == 0 ? "" : ",");
        add_clean(text, l->column[i].name, ps_text_add_csv);
    }
    add_string(text, "\r\n");
}

static void add_csv_row(struct ps_text *text, const struct ps_listing *l, size_t row)
{
    const char *const *cell = row_at(l, row);

    for (size_t i = 0; i < l->n_columns; i++) {
        add_string(text, i == 0 ? "" : ",");
        add_clean(text, cell[i] ? cell[i] : "", ps_text_add_csv);
    }
    add_string(text, "\r\n");
}

static int set_cell(struct libscols_line *line, size_t at, enum ps_column_kind kind,
                    const char *cell)
{
    char size[PS_UNIT_TEXT_BYTES];
    char hex[2 + 16 + 1];

    if (kind == PS_COLUMN_MARK)
        cell = cell && strcmp(cell, "true") == 0 ? "*" : "";
    else if (cell && kind == PS_COLUMN_BYTES)
        cell = ps_print_bytes(strtoull(cell, NULL, 10), size);
    else if (cell && kind == PS_COLUMN_HEX) {
        snprintf(hex, sizeof hex, "0x%llx", strtoull(cell, NULL, 10));
        cell = hex;
    }
    return scols_line_set_data(line, at, cell ? cell : "-");
}

static int add_table_row(struct libscols_table *table, const struct ps_listing *l, size_t row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    const char *const *cell = row_at(l, row);
    size_t at = 0;

    if (!line)
        return -1;
    for (size_t i = 0; i < l->n_columns; i++)
        if (l->column[i].title && set_cell(line, at++, l->column[i].kind, cell[i]) < 0)
            return -1;
    return 0;
}

static int fill_table(struct libscols_table *table, const struct ps_listing *l)
{
    for (size_t i = 0; i < l->n_columns; i++) {
        const struct ps_column *c = &l->column[i];
        const int left = c->kind == PS_COLUMN_TEXT || c->kind == PS_COLUMN_LIST;
        int flags = (c->may_cut ? SCOLS_FL_TRUNC : 0) | (left ? 0 : SCOLS_FL_RIGHT);
        struct libscols_column *column;

        if (!c->title)
            continue;
        column = scols_table_new_column(table, c->title, 0, flags);
        /* The \x of a tag that is not printable stays as it is. */
        if (!column || scols_column_set_safechars(column, "\\") < 0)
            return -1;
    }
    for (size_t row = 0; row < l->n_rows; row++)
        if (add_table_row(table, l, row) < 0)
            return -1;
    return 0;
}

/* libsmartcols looks at standard output for the width, which is right unless -o is given. */
static void write_table(struct ps_text *text, const struct ps_listing *l, int to_stdout)
{
    struct libscols_table *table = scols_new_table();
    char *printed = NULL;

    if (!table || fill_table(table, l) < 0 ||
        (!to_stdout && scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER) < 0) ||
        scols_print_table_to_string(table, &printed) < 0) {
        text->failed = 1;
    } else if (l->n_rows != 0) {
        add_string(text, printed);
        add_string(text, "\n");
    }
    free(printed);
    scols_unref_table(table);
}

/* Each part may be missing; a format with 'whole' has no others. */
static const struct format {
    const char *name;
    void (*whole)(struct ps_text *text, const struct ps_listing *l, int to_stdout);
    void (*begin)(struct ps_text *text, const struct ps_listing *l);
    void (*row)(struct ps_text *text, const struct ps_listing *l, size_t row);
    void (*end)(struct ps_text *text);
    int (*file)(const struct ps_listing *l, struct ps_sink *sink, struct ps_err *err); /* no text */
} formats[] = {
    {"table", write_table, NULL, NULL, NULL, NULL},
    {"jsonl", NULL, NULL, add_jsonl_row, NULL, NULL},
    {"json", NULL, begin_json, add_array_row, end_json, NULL},
    {"csv", NULL, begin_csv, add_csv_row, NULL, NULL},
    {"sqlite", NULL, NULL, NULL, NULL, ps_sqlite_listing},
    {"none", NULL, NULL, NULL, NULL, NULL},
};

static const struct format *find_format(const char *name, int to_stdout)
{
    if (!name || strcmp(name, "auto") == 0)
        name = to_stdout && isatty(STDOUT_FILENO) ? "table" : "jsonl";
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static int flush(struct ps_text *text, struct ps_sink *sink, struct ps_err *err)
{
    int rc = 0;

    if (text->failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the list");
    if (text->n != 0)
        rc = ps_sink_write(sink, text->s, text->n, err);
    text->n = 0;
    return rc;
}

static int write_rows(const struct format *f, const struct ps_listing *l, int to_stdout,
                      struct ps_sink *sink, struct ps_err *err)
{
    struct ps_text text = {0};
    int rc = 0;

    if (f->file)
        return f->file(l, sink, err);
    if (f->whole)
        f->whole(&text, l, to_stdout);
    if (f->begin)
        f->begin(&text, l);
    for (size_t row = 0; f->row && row < l->n_rows && rc >= 0; row++) {
        f->row(&text, l, row);
        if (text.n >= FLUSH_BYTES || text.failed)
            rc = flush(&text, sink, err);
    }
    if (f->end)
        f->end(&text);
    if (rc >= 0)
        rc = flush(&text, sink, err);
    ps_text_free(&text);
    return rc;
}

int ps_listing_write(const struct ps_listing *l, const char *format, const char *path,
                     struct ps_err *err)
{
    int to_stdout = !path || strcmp(path, "-") == 0;
    const struct format *f = find_format(format, to_stdout);
    struct ps_sink *sink = NULL;
    struct ps_err ignored;
    int closed;
    int rc;

    if (!f)
        return ps_fail(
            err, PS_EARG, PS_AT_NONE,
            "no list has the format '%.40s': use auto, table, jsonl, json, csv, sqlite or none",
            format);
    rc = ps_sink_open(&sink, path, err);
    if (rc < 0)
        return rc;
    rc = write_rows(f, l, to_stdout, sink, err);
    closed = ps_sink_close(sink, rc >= 0, rc < 0 ? &ignored : err);
    return rc < 0 ? rc : closed;
}
