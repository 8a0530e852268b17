/* poolscan tags: what the tag database holds. */
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "host/commands/commands.h"
#include "host/log.h"
#include "host/output/sink.h"
#include "host/output/text.h"
#include "host/run/tag_source.h"
#include "kernels/pool_header.h"

enum field { TAG, COMPONENT, KIND, DESCRIPTION, SOURCE, LINE, N_FIELDS };

static const char *const field_names[N_FIELDS] = {"Tag",         "Component", "Kind",
                                                  "Description", "Source",    "Line"};

struct row {
    const char *field[N_FIELDS];
    char tag[PS_TAG_TEXT_BYTES];
    char line[11];
};

static void make_row(const struct ps_tag_info *info, struct row *row)
{
    snprintf(row->line, sizeof row->line, "%u", info->line);
    row->field[TAG] = ps_tag_pattern_print(info->pattern, row->tag);
    row->field[COMPONENT] = info->component;
    row->field[KIND] = info->kind;
    row->field[DESCRIPTION] = info->description;
    row->field[SOURCE] = info->source;
    row->field[LINE] = row->line;
}

/* What is shown, and whether standard output, maybe a terminal, shows it. */
struct view {
    struct row *row;
    size_t n;
    int to_stdout;
};

/* Which entries are wanted. */
struct filter {
    struct ps_tag_pattern pattern;
    const char *component;
    const char *kind;
};

static int make_filter(struct filter *filter, const struct ps_options *opt, struct ps_err *err)
{
    *filter = (struct filter){.component = opt->component, .kind = opt->kind};
    if (opt->args.n == 0)
        return 0;
    return ps_tag_pattern_parse(opt->args.item[0], strlen(opt->args.item[0]), &filter->pattern,
                                err);
}

/* "nt" is every component of the Windows kernel: "nt!ps", "nt!mm" ... */
static int component_matches(const char *have, const char *want)
{
    size_t n = strlen(want);

    return strncasecmp(have, want, n) == 0 && (have[n] == '\0' || have[n] == '!');
}

/* A tag as it stands in memory may have the protected bit, which lists leave out. */
static int pattern_matches(struct ps_tag_pattern want, struct ps_tag_pattern have)
{
    struct ps_tag_pattern plain = {.value = want.value & ~PS_TAG_PROTECTED, .mask = want.mask};

    return ps_tag_pattern_overlaps(want, have, NULL) || ps_tag_pattern_overlaps(plain, have, NULL);
}

/* Without a pattern all entries are wanted, also those with bytes that '*' does not match. */
static int is_wanted(const struct filter *filter, const struct ps_tag_info *info)
{
    if (filter->pattern.mask != 0 && !pattern_matches(filter->pattern, info->pattern))
        return 0;
    if (filter->component && !component_matches(info->component, filter->component))
        return 0;
    return !filter->kind || strcasecmp(info->kind, filter->kind) == 0;
}

static void add_string(struct ps_text *text, const char *s)
{
    ps_text_add(text, s, strlen(s));
}

static void add_json_row(struct ps_text *text, const struct row *row)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        add_string(text, i == 0 ? "{\"" : ",\"");
        add_string(text, field_names[i]);
        add_string(text, "\":");
        if (i == LINE)
            add_string(text, row->field[i]);
        else
            ps_text_add_json(text, row->field[i], strlen(row->field[i]));
    }
    add_string(text, "}");
}

static void add_csv_row(struct ps_text *text, const char *const *field)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (i != 0)
            add_string(text, ",");
        ps_text_add_csv(text, field[i], strlen(field[i]));
    }
    add_string(text, "\r\n");
}

static void write_jsonl(struct ps_text *text, const struct view *view)
{
    for (size_t i = 0; i < view->n; i++) {
        add_json_row(text, &view->row[i]);
        add_string(text, "\n");
    }
}

static void write_json(struct ps_text *text, const struct view *view)
{
    add_string(text, "[");
    for (size_t i = 0; i < view->n; i++) {
        add_string(text, i == 0 ? "\n" : ",\n");
        add_json_row(text, &view->row[i]);
    }
    add_string(text, "\n]\n");
}

static void write_csv(struct ps_text *text, const struct view *view)
{
    add_csv_row(text, field_names);
    for (size_t i = 0; i < view->n; i++)
        add_csv_row(text, view->row[i].field);
}

static void write_none(struct ps_text *text, const struct view *view)
{
    (void)text;
    (void)view;
}

static int add_table_row(struct libscols_table *table, const struct row *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);

    if (!line)
        return -1;
    for (size_t i = 0; i <= SOURCE; i++) {
        if (scols_line_set_data(line, i, row->field[i]) < 0)
            return -1;
    }
    return 0;
}

static int fill_table(struct libscols_table *table, const struct view *view)
{
    for (size_t i = 0; i <= SOURCE; i++) {
        int flags = i >= DESCRIPTION ? SCOLS_FL_TRUNC : 0;

        if (!scols_table_new_column(table, field_names[i], 0, flags))
            return -1;
    }
    for (size_t i = 0; i < view->n; i++) {
        if (add_table_row(table, &view->row[i]) < 0)
            return -1;
    }
    return 0;
}

/* libsmartcols looks at standard output for the width, which is right unless -o is given. */
static void write_table(struct ps_text *text, const struct view *view)
{
    struct libscols_table *table = scols_new_table();
    char *printed = NULL;

    if (!table || fill_table(table, view) < 0 ||
        (!view->to_stdout && scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER) < 0) ||
        scols_print_table_to_string(table, &printed) < 0) {
        text->failed = 1;
    } else if (view->n != 0) {
        add_string(text, printed);
        add_string(text, "\n");
    }
    free(printed);
    scols_unref_table(table);
}

struct format {
    const char *name;
    void (*write)(struct ps_text *text, const struct view *view);
};

static const struct format formats[] = {
    {"table", write_table},
    {"jsonl", write_jsonl},
    {"json",  write_json },
    {"csv",   write_csv  },
    {"none",  write_none },
};

static const struct format *find_format(const char *name, int to_stdout)
{
    if (!name || strcmp(name, "auto") == 0)
        name = to_stdout && isatty(STDOUT_FILENO) ? "table" : "jsonl";
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    return NULL;
}

static int select_rows(struct view *view, const struct ps_tagdb *db, const struct filter *filter,
                       struct ps_err *err)
{
    size_t n = ps_tagdb_count(db);

    view->row = calloc(n ? n : 1, sizeof *view->row);
    if (!view->row)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu tags", n);
    for (size_t i = 0; i < n; i++) {
        const struct ps_tag_info *info = ps_tagdb_at(db, (uint32_t)i);

        if (is_wanted(filter, info))
            make_row(info, &view->row[view->n++]);
    }
    if (view->n == 0)
        ps_log(PS_LOG_WARN, "none of the %zu tags matches", n);
    return 0;
}

static int write_out(const struct ps_text *text, const char *path, struct ps_err *err)
{
    struct ps_sink *sink = NULL;
    struct ps_err ignored;
    int closed;
    int rc;

    if (text->failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the list of tags");
    rc = ps_sink_open(&sink, path, err);
    if (rc >= 0 && text->n != 0)
        rc = ps_sink_write(sink, text->s, text->n, err);
    closed = ps_sink_close(sink, rc >= 0, rc < 0 ? &ignored : err);
    return rc < 0 ? rc : closed;
}

int ps_cmd_tags(const struct ps_options *opt, struct ps_err *err)
{
    struct view view = {.to_stdout = !opt->output || strcmp(opt->output, "-") == 0};
    const struct format *format = find_format(opt->format, view.to_stdout);
    struct ps_tagdb *db = NULL;
    struct ps_text text = {0};
    struct filter filter;
    int rc;

    if (!format)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "unknown format '%.40s': use auto, table, jsonl, json, csv or none",
                       opt->format);
    rc = make_filter(&filter, opt, err);
    if (rc >= 0)
        rc = ps_tag_source_load(&db, opt, err);
    if (rc >= 0)
        rc = select_rows(&view, db, &filter, err);
    if (rc >= 0) {
        format->write(&text, &view);
        rc = write_out(&text, opt->output, err);
    }
    ps_text_free(&text);
    free(view.row);
    ps_tagdb_free(db);
    return rc;
}
