#include "host/bench/report/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/output/sink/sink.h"
#include "host/output/text.h"

/* Columns of a row, in the order in which they are written. */
enum column_kind { COL_TEXT, COL_NUMBER };

struct column {
    const char *name;
    enum column_kind kind;
    int table_width; /* 0: not in the table; negative: left-aligned */
};

static const struct column columns[] = {
    {"group", COL_TEXT, -11},
    {"name", COL_TEXT, -26},
    {"pages", COL_TEXT, -15},
    {"arch", COL_TEXT, -4},
    {"tags", COL_NUMBER, 5},
    {"threads", COL_NUMBER, 7},
    {"bytes", COL_NUMBER, 0},
    {"unit", COL_TEXT, -4},
    {"median", COL_NUMBER, 8},
    {"min", COL_NUMBER, 8},
    {"max", COL_NUMBER, 8},
    {"spread", COL_NUMBER, 7},
    {"ceiling", COL_TEXT, 0},
    {"ceiling_median", COL_NUMBER, 0},
    {"ratio", COL_NUMBER, 6},
    {"ratio_spread", COL_NUMBER, 0},
    {"vs_fewest_tags", COL_NUMBER, 14},
    {"hits", COL_NUMBER, 9},
    {"hits_per_mib", COL_NUMBER, 12},
    {"repeats", COL_NUMBER, 0},
};

#define N_COLUMNS (sizeof columns / sizeof *columns)

struct cells {
    char text[N_COLUMNS][96];
};

struct writer {
    const char *name;
    void (*head)(struct ps_text *t, const struct ps_facts *facts);
    void (*row)(struct ps_text *t, const struct cells *c, int first);
    const char *tail;
};

struct ps_bench_report {
    const struct writer *writer;
    struct ps_sink *sink;
    int has_rows;
};

static void add(struct ps_text *t, const char *s)
{
    ps_text_add(t, s, strlen(s));
}

static void comment_head(struct ps_text *t, const struct ps_facts *facts)
{
    for (unsigned i = 0; i < facts->n; i++) {
        add(t, "# ");
        add(t, facts->fact[i].name);
        add(t, ": ");
        add(t, facts->fact[i].text);
        add(t, "\n");
    }
}

static void csv_head(struct ps_text *t, const struct ps_facts *facts)
{
    comment_head(t, facts);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        add(t, i ? "," : "");
        add(t, columns[i].name);
    }
    add(t, "\r\n");
}

static void csv_row(struct ps_text *t, const struct cells *c, int first)
{
    (void)first;
    for (size_t i = 0; i < N_COLUMNS; i++) {
        add(t, i ? "," : "");
        ps_text_add_csv(t, c->text[i], strlen(c->text[i]));
    }
    add(t, "\r\n");
}

static void table_cell(struct ps_text *t, size_t i, const char *text)
{
    char cell[128];

    if (columns[i].table_width == 0)
        return;
    snprintf(cell, sizeof cell, "%*s ", columns[i].table_width, text);
    add(t, cell);
}

static void end_table_line(struct ps_text *t)
{
    while (t->n && t->s[t->n - 1] == ' ')
        t->n--;
    add(t, "\n");
}

static void table_head(struct ps_text *t, const struct ps_facts *facts)
{
    comment_head(t, facts);
    for (size_t i = 0; i < N_COLUMNS; i++)
        table_cell(t, i, columns[i].name);
    end_table_line(t);
}

static void table_row(struct ps_text *t, const struct cells *c, int first)
{
    (void)first;
    for (size_t i = 0; i < N_COLUMNS; i++)
        table_cell(t, i, c->text[i]);
    end_table_line(t);
}

static void json_member(struct ps_text *t, const char *name, const char *text, int is_number)
{
    add(t, ",");
    ps_text_add_json(t, name, strlen(name));
    add(t, ":");
    if (!text[0])
        add(t, "null");
    else if (is_number)
        add(t, text);
    else
        ps_text_add_json(t, text, strlen(text));
}

static void json_facts(struct ps_text *t, const struct ps_facts *facts)
{
    add(t, "{\"kind\":\"machine\"");
    for (unsigned i = 0; i < facts->n; i++)
        json_member(t, facts->fact[i].name, facts->fact[i].text, 0);
    add(t, "}");
}

static void json_cells(struct ps_text *t, const struct cells *c)
{
    add(t, "{\"kind\":\"row\"");
    for (size_t i = 0; i < N_COLUMNS; i++)
        json_member(t, columns[i].name, c->text[i], columns[i].kind == COL_NUMBER);
    add(t, "}");
}

static void jsonl_head(struct ps_text *t, const struct ps_facts *facts)
{
    json_facts(t, facts);
    add(t, "\n");
}

static void jsonl_row(struct ps_text *t, const struct cells *c, int first)
{
    (void)first;
    json_cells(t, c);
    add(t, "\n");
}

static void json_head(struct ps_text *t, const struct ps_facts *facts)
{
    add(t, "{\"machine\":");
    json_facts(t, facts);
    add(t, ",\"rows\":[\n");
}

static void json_row(struct ps_text *t, const struct cells *c, int first)
{
    add(t, first ? "" : ",\n");
    json_cells(t, c);
}

static const struct writer writers[] = {
    {"table", table_head, table_row, ""},
    {"csv", csv_head, csv_row, ""},
    {"jsonl", jsonl_head, jsonl_row, ""},
    {"json", json_head, json_row, "\n]}\n"},
    {"none", NULL, NULL, ""},
};

static const struct writer *find_writer(const char *format, const char *path)
{
    const int terminal = (!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO);

    if (!format || strcmp(format, "auto") == 0)
        format = terminal ? "table" : "csv";
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (strcmp(writers[i].name, format) == 0)
            return &writers[i];
    return NULL;
}

/* Each row leaves at once: a benchmark takes minutes and somebody may be watching. */
static int put(struct ps_bench_report *r, struct ps_text *t, struct ps_err *err)
{
    int rc = t->failed ? ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory")
                       : ps_sink_write(r->sink, t->s, t->n, err);

    ps_text_free(t);
    return rc < 0 ? rc : ps_sink_flush(r->sink, err);
}

int ps_bench_report_open(struct ps_bench_report **out, const char *format, const char *path,
                         const struct ps_facts *facts, struct ps_err *err)
{
    struct ps_text t = {0};
    struct ps_bench_report *r;
    const struct writer *w = find_writer(format, path);
    int rc;

    if (!w)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "bench does not write the format %.40s", format);
    r = calloc(1, sizeof *r);
    if (!r)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    r->writer = w;
    rc = ps_sink_open(&r->sink, path, err);
    if (rc == 0 && w->head) {
        w->head(&t, facts);
        rc = put(r, &t, err);
    }
    if (rc < 0) {
        struct ps_err ignored;

        ps_bench_report_close(r, 0, &ignored);
        return rc;
    }
    *out = r;
    return 0;
}

__attribute__((format(printf, 3, 4))) static void set(struct cells *c, const char *column,
                                                      const char *fmt, ...)
{
    va_list ap;

    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (strcmp(columns[i].name, column) != 0)
            continue;
        va_start(ap, fmt);
        vsnprintf(c->text[i], sizeof c->text[i], fmt, ap);
        va_end(ap);
    }
}

static void set_text(struct cells *c, const char *column, const char *text)
{
    if (text)
        set(c, column, "%s", text);
}

static void set_count(struct cells *c, const char *column, uint64_t n)
{
    if (n)
        set(c, column, "%" PRIu64, n);
}

static void set_stats(struct cells *c, const struct ps_bench_row *row)
{
    set_count(c, "repeats", row->value.n);
    if (row->value.n) {
        set(c, "median", "%.3f", row->value.median);
        set(c, "min", "%.3f", row->value.min);
        set(c, "max", "%.3f", row->value.max);
        set(c, "spread", "%.3f", row->value.spread);
    }
    if (row->limit.n)
        set(c, "ceiling_median", "%.3f", row->limit.median);
    if (row->ratio.n) {
        set(c, "ratio", "%.3f", row->ratio.median);
        set(c, "ratio_spread", "%.3f", row->ratio.spread);
    }
    if (row->slowdown.n)
        set(c, "vs_fewest_tags", "%.3f", row->slowdown.median);
}

int ps_bench_report_row(struct ps_bench_report *r, const struct ps_bench_row *row,
                        struct ps_err *err)
{
    struct cells c = {0};
    struct ps_text t = {0};

    if (!r->writer->row)
        return 0;
    set_text(&c, "group", row->group);
    set_text(&c, "name", row->name);
    set_text(&c, "pages", row->pages);
    set_text(&c, "arch", row->arch);
    set_text(&c, "unit", row->unit);
    set_text(&c, "ceiling", row->ceiling);
    set_count(&c, "tags", row->n_tags);
    set_count(&c, "threads", row->threads);
    set_count(&c, "bytes", row->n_bytes);
    set_stats(&c, row);
    if (row->hits != PS_NO_HITS) {
        set(&c, "hits", "%" PRIu64, row->hits);
        set(&c, "hits_per_mib", "%.2f",
            row->n_bytes ? (double)row->hits * 1048576.0 / (double)row->n_bytes : 0.0);
    }
    r->writer->row(&t, &c, !r->has_rows);
    r->has_rows = 1;
    return put(r, &t, err);
}

int ps_bench_report_close(struct ps_bench_report *r, int keep, struct ps_err *err)
{
    int rc = 0;
    int closed;

    if (!r)
        return 0;
    if (keep && r->sink)
        rc = ps_sink_write(r->sink, r->writer->tail, strlen(r->writer->tail), err);
    closed = ps_sink_close(r->sink, keep && rc == 0, err);
    free(r);
    return rc < 0 ? rc : closed;
}
