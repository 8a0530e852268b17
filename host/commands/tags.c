/* poolscan tags: what the tag database holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/commands/commands.h"
#include "host/log.h"
#include "host/output/listing.h"
#include "host/run/tag_source.h"
#include "kernels/pool_header.h"

enum field { TAG, COMPONENT, KIND, POOL, SEEN, DESCRIPTION, SOURCE, LINE, N_FIELDS };

static const struct ps_column columns[N_FIELDS] = {
    [TAG] = {"Tag", "Tag", PS_COLUMN_TEXT, 0},
    [COMPONENT] = {"Component", "Component", PS_COLUMN_TEXT, 0},
    [KIND] = {"Kind", "Kind", PS_COLUMN_TEXT, 0},
    [POOL] = {"Pool", "Pool", PS_COLUMN_TEXT, 0},
    [SEEN] = {"Seen", "Seen", PS_COLUMN_TEXT, 0},
    [DESCRIPTION] = {"Description", "Description", PS_COLUMN_TEXT, 1},
    [SOURCE] = {"Source", NULL, PS_COLUMN_TEXT, 0},
    [LINE] = {"Line", NULL, PS_COLUMN_LITERAL, 0},
};

struct row {
    const char *field[N_FIELDS];
    char tag[PS_TAG_TEXT_BYTES];
    char line[11];
};

/* What is not known is no text. */
static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void make_row(const struct ps_tag_info *info, struct row *row)
{
    snprintf(row->line, sizeof row->line, "%u", info->line);
    row->field[TAG] = ps_tag_pattern_print(info->pattern, row->tag);
    row->field[COMPONENT] = or_null(info->component);
    row->field[KIND] = or_null(info->kind);
    row->field[POOL] = or_null(info->pool);
    row->field[SEEN] = or_null(info->seen);
    row->field[DESCRIPTION] = or_null(info->description);
    row->field[SOURCE] = info->source;
    row->field[LINE] = row->line;
}

struct view {
    struct row *row;
    size_t n;
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

static int select_rows(struct view *view, const struct ps_tagdb *db, const struct filter *filter,
                       struct ps_err *err)
{
    size_t n = ps_tagdb_count(db);

    view->row = calloc(n ? n : 1, sizeof *view->row);
    if (!view->row)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu tags", n);
    for (size_t i = 0; i < n; i++) {
        const struct ps_tag_info info = ps_tagdb_at(db, (uint32_t)i);

        if (is_wanted(filter, &info))
            make_row(&info, &view->row[view->n++]);
    }
    if (view->n == 0)
        ps_log(PS_LOG_WARN, "none of the %zu tags matches", n);
    return 0;
}

static int write_rows(const struct view *view, const struct ps_options *opt, struct ps_err *err)
{
    const char **cell = calloc(view->n ? view->n * N_FIELDS : 1, sizeof *cell);
    int rc;

    if (!cell)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu tags", view->n);
    for (size_t i = 0; i < view->n; i++)
        memcpy(cell + i * N_FIELDS, view->row[i].field, sizeof view->row[i].field);
    rc = ps_listing_write(&(struct ps_listing){.name = "tags",
                                               .column = columns,
                                               .n_columns = N_FIELDS,
                                               .cell = cell,
                                               .n_rows = view->n},
                          opt->format, opt->output, err);
    free(cell);
    return rc;
}

int ps_cmd_tags(const struct ps_options *opt, struct ps_err *err)
{
    struct view view = {0};
    struct ps_tagdb *db = NULL;
    struct filter filter;
    int rc;

    if (opt->unknown)
        return ps_cmd_unknown(opt, err);
    rc = make_filter(&filter, opt, err);
    if (rc >= 0)
        rc = ps_tag_source_load(&db, opt, err);
    if (rc >= 0)
        rc = select_rows(&view, db, &filter, err);
    if (rc >= 0)
        rc = write_rows(&view, opt, err);
    free(view.row);
    ps_tagdb_free(db);
    return rc;
}
