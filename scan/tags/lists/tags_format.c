/* The project's own list format: tags/README.md. */
#include "scan/tags/lists/formats.h"

#include <string.h>

#include "scan/tags/lists/usage.h"

#define UNKNOWN_FIELD "?"

/* A line under way: what is left of it, and where it stands for messages. */
struct row {
    struct ps_span left;
    const char *name;
    uint32_t line;
};

static int fail(const struct row *row, const char *why, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, row->line, "%.80s, line %u: %s", row->name, row->line, why);
}

static size_t word_length(struct ps_span s)
{
    size_t n = 0;

    while (n < s.n && s.text[n] != ' ' && s.text[n] != '\t')
        n++;
    return n;
}

static int take_tag(struct row *row, struct ps_tag_pattern *tag, struct ps_err *err)
{
    struct ps_span text = row->left;
    struct ps_err why;

    if (text.text[0] == '"') {
        const char *close = memchr(text.text + 1, '"', text.n - 1);

        if (!close)
            return fail(row, "the tag's closing quote is missing", err);
        text = (struct ps_span){text.text + 1, (size_t)(close - text.text) - 1};
        row->left = ps_span_rest(row->left, text.n + 2);
        if (word_length(row->left) != 0)
            return fail(row, "put blanks behind the tag's closing quote", err);
    } else {
        text.n = word_length(text);
        row->left = ps_span_rest(row->left, text.n);
    }
    row->left = ps_span_trim(row->left);
    if (ps_tag_pattern_parse(text.text, text.n, tag, &why) < 0)
        return fail(row, why.msg, err);
    return 0;
}

/* Ends the word in place; "" for an unknown one. */
static const char *known_word(struct ps_span word)
{
    const char *text = ps_span_end(word);

    return strcmp(text, UNKNOWN_FIELD) == 0 ? "" : text;
}

static int take_word(struct row *row, const char **word, const char *missing, struct ps_err *err)
{
    struct ps_span text = row->left;

    text.n = word_length(text);
    if (text.n == 0 || text.text[0] == '-')
        return fail(row, missing, err);
    row->left = ps_span_rest(row->left, text.n);
    row->left = ps_span_trim(row->left);
    *word = known_word(text);
    return 0;
}

/* Pool and releases. Lists of the first form have neither, and their description begins here; so a
 * word that is no pool is not an error. */
static void take_usage(struct row *row, struct ps_tag_info *info)
{
    struct ps_span pool = row->left;
    struct ps_span seen;
    struct ps_span description;

    pool.n = word_length(pool);
    seen = ps_span_trim(ps_span_rest(row->left, pool.n));
    description = seen;
    seen.n = word_length(seen);
    description = ps_span_trim(ps_span_rest(description, seen.n));
    if (description.n == 0 || !ps_is_pool_word(pool) || !ps_is_seen_word(seen))
        return;
    row->left = description;
    info->pool = known_word(pool);
    info->seen = known_word(seen);
}

static int is_printable(struct ps_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((s.text[i] < 0x20 || s.text[i] > 0x7e) && s.text[i] != '\t')
            return 0;
    }
    return 1;
}

static void tabs_to_blanks(struct ps_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.text[i] == '\t')
            s.text[i] = ' ';
    }
}

static int parse_row(struct row *row, struct ps_tag_info *info, struct ps_err *err)
{
    int rc = take_tag(row, &info->pattern, err);

    if (rc < 0)
        return rc;
    rc = take_word(row, &info->component, "after the tag comes the component, or ?", err);
    if (rc < 0)
        return rc;
    rc = take_word(row, &info->kind, "after the component comes the kind, or ?", err);
    if (rc < 0)
        return rc;
    if (row->left.n == 0)
        return fail(row, "after the kind comes a description", err);
    take_usage(row, info);
    tabs_to_blanks(row->left);
    info->description = ps_span_end(row->left);
    info->line = row->line;
    return 0;
}

int ps_tags_format_parse(const struct ps_tag_sink *sink, const char *name, struct ps_span list,
                         size_t *n_skipped, struct ps_err *err)
{
    struct ps_span rest = ps_span_skip_mark(list);
    struct row row = {.name = name};
    int rc = 0;

    *n_skipped = 0;
    while (rc >= 0 && ps_span_line(&rest, &row.left)) {
        struct ps_tag_info info = {0};

        row.line++;
        if (!is_printable(row.left))
            return fail(&row, "a byte that is not printable ASCII; is this a tag list?", err);
        row.left = ps_span_trim(row.left);
        if (row.left.n == 0 || row.left.text[0] == '#')
            continue;
        rc = parse_row(&row, &info, err);
        if (rc >= 0)
            rc = sink->put(sink->arg, &info, err);
    }
    return rc;
}
