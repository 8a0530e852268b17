/* Microsoft's pooltag.txt, as found in the field: docs/TAGS.md, "pooltag.txt". */
#include "scan/tags/lists/formats.h"

#include <string.h>
#include <strings.h>

#define CTRL_Z 0x1a

/* "Qc00 through QcFF" names up to 256 tags at once. They are added last, so that a tag of the range
 * with a line of its own keeps it. */
#define MAX_RANGES 16u

struct range {
    uint32_t stem; /* the two characters that all share */
    unsigned first;
    unsigned last;
    const char *description;
    uint32_t line;
};

struct parser {
    const struct ps_tag_sink *sink;
    struct range range[MAX_RANGES];
    unsigned n_ranges;
    size_t n_entries;
    size_t n_skipped;
};

static int is_printable(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

static int is_comment(struct ps_span line)
{
    if (line.n >= 2 && memcmp(line.text, "//", 2) == 0)
        return 1;
    return line.n >= 3 && strncasecmp(line.text, "rem", 3) == 0 &&
           (line.n == 3 || line.text[3] == ' ' || line.text[3] == '\t');
}

static int is_empty(struct ps_span line)
{
    line = ps_span_trim(line);
    return line.n == 0 || (line.n == 1 && line.text[0] == CTRL_Z);
}

/* Is this "TAG - ..."? Then *fields is what follows the dash. */
static int is_entry(struct ps_span line, struct ps_span *fields)
{
    if (line.n <= PS_TAG_BYTES)
        return 0;
    for (unsigned i = 0; i < PS_TAG_BYTES; i++) {
        if (!is_printable(line.text[i]))
            return 0;
    }
    *fields = ps_span_trim(ps_span_rest(line, PS_TAG_BYTES));
    if (fields->n == 0 || fields->text[0] != '-')
        return 0;
    *fields = ps_span_trim(ps_span_rest(*fields, 1));
    return 1;
}

/* '*' stands for the rest only when nothing but padding follows. */
static struct ps_tag_pattern tag_of(const char *columns)
{
    struct ps_tag_pattern p = {0, 0};

    for (unsigned i = 0; i < PS_TAG_BYTES; i++) {
        unsigned after = i + 1;

        while (after < PS_TAG_BYTES && columns[after] == ' ')
            after++;
        if (columns[i] == '*' && after == PS_TAG_BYTES)
            break;
        if (columns[i] != '?') {
            p.value |= (uint32_t)(unsigned char)columns[i] << (8 * i);
            p.mask |= 0xffu << (8 * i);
        }
    }
    return p;
}

static void clean(struct ps_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.text[i] == '\t')
            s.text[i] = ' ';
        else if (!is_printable(s.text[i]))
            s.text[i] = '?';
    }
}

/* Where the dash behind the component is, or n when there is none. A dash that no blank precedes
 * counts only behind what looks like a file or a module: "non-paged" is no component. */
static size_t component_end(struct ps_span fields)
{
    for (size_t i = 1; i < fields.n; i++) {
        if (fields.text[i] == '-' && fields.text[i - 1] == ' ')
            return i;
    }
    for (size_t i = 0; i < fields.n && fields.text[i] != ' '; i++) {
        if (fields.text[i] == '-')
            return memchr(fields.text, '.', i) || memchr(fields.text, '!', i) ||
                           memchr(fields.text, '>', i)
                       ? i
                       : fields.n;
    }
    return fields.n;
}

static void split_fields(struct ps_span fields, struct ps_tag_info *info)
{
    size_t dash;

    clean(fields);
    dash = component_end(fields);
    info->component = "";
    if (dash < fields.n) {
        struct ps_span component = ps_span_trim((struct ps_span){fields.text, dash});

        fields = ps_span_trim(ps_span_rest(fields, dash + 1));
        info->component = ps_span_end(component);
    }
    if (strcmp(info->component, "<unknown>") == 0)
        info->component = "";
    info->description = ps_span_end(fields);
}

static int hex_pair(const char *text, unsigned *value)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high = memchr(digits, text[0], 16);
    const char *low = memchr(digits, text[1], 16);

    if (!high || !low)
        return 0;
    *value = (unsigned)(high - digits) << 4 | (unsigned)(low - digits);
    return 1;
}

/* "... Qc00 through QcFF ..." in a line that is no entry. */
static int is_range(struct ps_span line, struct range *range)
{
    static const char word[] = " through ";
    const size_t n_word = sizeof word - 1;
    const char *at = memmem(line.text, line.n, word, n_word);
    const char *first;
    const char *last;

    if (!at || (size_t)(at - line.text) < PS_TAG_BYTES)
        return 0;
    first = at - PS_TAG_BYTES;
    last = at + n_word;
    if ((size_t)(line.text + line.n - last) < PS_TAG_BYTES || memcmp(first, last, 2) != 0 ||
        !is_printable(first[0]) || !is_printable(first[1]))
        return 0;
    range->stem = (uint32_t)first[0] | (uint32_t)first[1] << 8;
    return hex_pair(first + 2, &range->first) && hex_pair(last + 2, &range->last) &&
           range->first <= range->last;
}

static void add_junk(struct parser *p, struct ps_span line, uint32_t number)
{
    struct range range;

    line = ps_span_trim(line);
    if (p->n_ranges == MAX_RANGES || !is_range(line, &range)) {
        p->n_skipped++;
        return;
    }
    clean(line);
    range.description = ps_span_end(line);
    range.line = number;
    p->range[p->n_ranges++] = range;
}

static int put_range(struct parser *p, const struct range *range, struct ps_err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    struct ps_tag_info info = {.component = "", .kind = "", .description = range->description};
    int rc = 0;

    info.line = range->line;
    info.pattern.mask = 0xffffffffu;
    for (unsigned i = range->first; i <= range->last && rc >= 0; i++) {
        info.pattern.value =
            range->stem | (uint32_t)digits[i >> 4] << 16 | (uint32_t)digits[i & 15] << 24;
        rc = p->sink->put(p->sink->arg, &info, err);
    }
    return rc;
}

static int parse_line(struct parser *p, struct ps_span line, uint32_t number, struct ps_err *err)
{
    struct ps_tag_info info = {.kind = "", .line = number};
    struct ps_span fields;

    if (is_comment(line) || is_empty(line))
        return 0;
    if (!is_entry(line, &fields)) {
        add_junk(p, line, number);
        return 0;
    }
    info.pattern = tag_of(line.text);
    split_fields(fields, &info);
    p->n_entries++;
    return p->sink->put(p->sink->arg, &info, err);
}

int ps_pooltag_format_parse(const struct ps_tag_sink *sink, const char *name, struct ps_span list,
                            size_t *n_skipped, struct ps_err *err)
{
    struct parser p = {.sink = sink};
    struct ps_span rest = ps_span_skip_mark(list);
    struct ps_span line;
    uint32_t number = 0;
    int rc = 0;

    if (memchr(list.text, 0, list.n))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "%.100s: holds zero bytes; a tag list is plain text (ASCII, not UTF-16)",
                       name);
    while (rc >= 0 && ps_span_line(&rest, &line))
        rc = parse_line(&p, line, ++number, err);
    for (unsigned i = 0; i < p.n_ranges && rc >= 0; i++)
        rc = put_range(&p, &p.range[i], err);
    *n_skipped = p.n_skipped;
    if (rc >= 0 && p.n_entries == 0)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "%.100s: no line of the form 'TAG - file - description'", name);
    return rc;
}

int ps_pooltag_format_detect(const char *text, size_t n)
{
    /* Nothing below writes: the span is only cut into lines. */
    struct ps_span rest = ps_span_skip_mark((struct ps_span){(char *)(uintptr_t)text, n});
    struct ps_span line;
    struct ps_span fields;

    while (ps_span_line(&rest, &line)) {
        if (line.n != 0 && (line.text[0] == '#' || line.text[0] == '"'))
            return 0;
        if (is_comment(line) || is_entry(line, &fields))
            return 1;
    }
    return 0;
}
