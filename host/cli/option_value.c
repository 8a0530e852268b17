#include "host/cli/option_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const struct ps_option *o, struct ps_options *opt)
{
    return (char *)opt + o->offset;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* 'shift' of a size suffix, or 99 when 'c' is none. */
static unsigned suffix_shift(char c)
{
    static const char letters[] = "kKmMgGtT";
    const char *at = c ? strchr(letters, c) : NULL;

    return at ? 10 * (1 + (unsigned)(at - letters) / 2) : 99;
}

int ps_parse_size(const char *text, size_t n, uint64_t *out)
{
    int hex = n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned base = hex ? 16 : 10;
    size_t first = hex ? 2 : 0;
    size_t i = first;
    uint64_t v = 0;

    for (; i < n && digit_value(text[i]) < (int)base; i++) {
        unsigned d = (unsigned)digit_value(text[i]);

        if (v > (UINT64_MAX - d) / base)
            return 0;
        v = v * base + d;
    }
    if (i == first || n - i > 1)
        return 0;
    if (n - i == 1) {
        unsigned shift = suffix_shift(text[i]);

        if (shift == 99 || v > UINT64_MAX >> shift)
            return 0;
        v <<= shift;
    }
    *out = v;
    return 1;
}

int ps_strings_append(struct ps_strings *list, const char *item, size_t max, const char *what,
                      struct ps_err *err)
{
    if (list->n >= max)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "%s: more than %zu of them", what, max);
    /* Grown at each power of two, so that no capacity has to be kept. */
    if ((list->n & (list->n - 1)) == 0) {
        size_t cap = list->n ? 2 * list->n : 1;
        const char **item2 = realloc(list->item, cap * sizeof *item2);

        if (!item2)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the command line");
        list->item = item2;
    }
    list->item[list->n++] = item;
    return 0;
}

static int store_flag(const struct ps_option *o, char *value, struct ps_options *opt,
                      struct ps_err *err)
{
    (void)value;
    (void)err;
    *(int *)field(o, opt) = 1;
    return 0;
}

static int store_count(const struct ps_option *o, char *value, struct ps_options *opt,
                       struct ps_err *err)
{
    int *count = field(o, opt);

    (void)value;
    (void)err;
    if (*count < 9)
        ++*count;
    return 0;
}

static int store_nothing(const struct ps_option *o, char *value, struct ps_options *opt,
                         struct ps_err *err)
{
    (void)o;
    (void)value;
    (void)opt;
    (void)err;
    return 0;
}

static int store_string(const struct ps_option *o, char *value, struct ps_options *opt,
                        struct ps_err *err)
{
    if (!*value)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--%s: %s is empty", o->name, o->metavar);
    *(const char **)field(o, opt) = value;
    return 0;
}

/* Index of 'value' among the accepted names. */
static int find_choice(const struct ps_option *o, const char *value, size_t *index,
                       struct ps_err *err)
{
    char names[96];

    for (size_t i = 0; o->choice(i); i++) {
        if (strcmp(o->choice(i), value) == 0) {
            *index = i;
            return 0;
        }
    }
    return ps_fail(err, PS_EARG, PS_AT_NONE, "--%s %.48s: expected one of %s", o->name, value,
                   ps_option_choices(o, ", ", names, sizeof names));
}

static int store_choice(const struct ps_option *o, char *value, struct ps_options *opt,
                        struct ps_err *err)
{
    size_t i = 0;
    int rc = find_choice(o, value, &i, err);

    if (rc == 0)
        *(const char **)field(o, opt) = o->choice(i);
    return rc;
}

static int store_when(const struct ps_option *o, char *value, struct ps_options *opt,
                      struct ps_err *err)
{
    static const enum ps_when when[] = {PS_WHEN_AUTO, PS_WHEN_ALWAYS, PS_WHEN_NEVER};
    size_t i = 0;
    int rc = find_choice(o, value, &i, err);

    if (rc == 0)
        *(enum ps_when *)field(o, opt) = when[i];
    return rc;
}

static int store_number(const struct ps_option *o, char *value, struct ps_options *opt,
                        struct ps_err *err)
{
    uint64_t v;

    if (!ps_parse_size(value, strlen(value), &v) || v < o->lo || v > o->hi)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--%s %.48s: expected a number from %llu to %llu",
                       o->name, value, (unsigned long long)o->lo, (unsigned long long)o->hi);
    *(uint32_t *)field(o, opt) = (uint32_t)v;
    return 0;
}

static int store_level(const struct ps_option *o, char *value, struct ps_options *opt,
                       struct ps_err *err)
{
    char accepts[PS_OPTION_ACCEPTS_BYTES];
    uint64_t v;

    for (size_t i = 0; o->choice(i); i++) {
        if (strcmp(o->choice(i), value) == 0) {
            *(uint32_t *)field(o, opt) = o->level(i);
            return 0;
        }
    }
    if (!ps_parse_size(value, strlen(value), &v) || v < o->lo || v > o->hi)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--%s %.48s: expected one of %s", o->name, value,
                       ps_option_accepts(o, accepts, sizeof accepts));
    *(uint32_t *)field(o, opt) = (uint32_t)v;
    return 0;
}

static int store_size(const struct ps_option *o, char *value, struct ps_options *opt,
                      struct ps_err *err)
{
    uint64_t v;

    if (!ps_parse_size(value, strlen(value), &v) || v < o->lo || v > o->hi || v % o->multiple != 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--%s %.48s: expected bytes such as 64k, 4M or 0x10000, a multiple of %llu "
                       "from %llu to %llu",
                       o->name, value, (unsigned long long)o->multiple, (unsigned long long)o->lo,
                       (unsigned long long)o->hi);
    *(uint64_t *)field(o, opt) = v;
    return 0;
}

static int parse_range(const struct ps_option *o, const char *value, const char *expected,
                       uint64_t *start, uint64_t *end, struct ps_err *err)
{
    const char *dash = strchr(value, '-');

    if (!dash || !ps_parse_size(value, (size_t)(dash - value), start) ||
        !ps_parse_size(dash + 1, strlen(dash + 1), end))
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--%s %.48s: expected %s", o->name, value,
                       expected);
    if (*start % o->multiple != 0 || *end % o->multiple != 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--%s %.48s: START and END must be multiples of 4096 (0x1000)", o->name,
                       value);
    if (*start >= *end)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--%s %.48s: END, which is not included, must be above START", o->name,
                       value);
    return 0;
}

static int store_range(const struct ps_option *o, char *value, struct ps_options *opt,
                       struct ps_err *err)
{
    uint64_t start, end;
    int rc = parse_range(o, value, "START-END, such as 0x1000-0x200000 or 0-4G", &start, &end, err);

    if (rc < 0)
        return rc;
    opt->range_start = start;
    opt->range_end = end;
    opt->has_range = 1;
    return 0;
}

static int store_hole(const struct ps_option *o, char *value, struct ps_options *opt,
                      struct ps_err *err)
{
    uint64_t start = 0, end = 0;
    int rc = 0;

    opt->pci_hole = PS_PCI_HOLE_GIVEN;
    if (strcmp(value, "auto") == 0)
        opt->pci_hole = PS_PCI_HOLE_AUTO;
    else if (strcmp(value, "none") == 0)
        opt->pci_hole = PS_PCI_HOLE_NONE;
    else
        rc = parse_range(o, value, "auto, none or START-END, such as 3G-4G", &start, &end, err);
    opt->hole_start = start;
    opt->hole_end = end;
    return rc;
}

static int append(const struct ps_option *o, const char *item, struct ps_options *opt,
                  struct ps_err *err)
{
    char what[40];

    snprintf(what, sizeof what, "--%s", o->name);
    return ps_strings_append(field(o, opt), item, o->hi, what, err);
}

static int store_append(const struct ps_option *o, char *value, struct ps_options *opt,
                        struct ps_err *err)
{
    if (!*value)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--%s: %s is empty", o->name, o->metavar);
    return append(o, value, opt, err);
}

/* The first comma of 'text' that no backslash escapes; NULL: none. */
static char *find_comma(char *text)
{
    for (; *text; text++) {
        if (*text == ',')
            return text;
        if (*text == '\\' && text[1])
            text++;
    }
    return NULL;
}

/* A number from 1 in one spelling only, so that the texts can be compared. */
static int is_plain_number(const char *item)
{
    size_t n = strspn(item, "0123456789");

    return n > 0 && n <= 4 && item[n] == '\0' && item[0] != '0';
}

static int check_item(const struct ps_option *o, const char *item, struct ps_err *err)
{
    if (!*item)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--%s: an item between commas is empty; expected %s", o->name, o->metavar);
    if (o->kind == PS_OPT_NUMBERS && !is_plain_number(item))
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--%s %.48s: expected device numbers from 1, as 'poolscan devices' prints "
                       "them",
                       o->name, item);
    return 0;
}

static int store_list(const struct ps_option *o, char *value, struct ps_options *opt,
                      struct ps_err *err)
{
    char *item = value;

    for (;;) {
        char *comma = find_comma(item);
        int rc;

        if (comma)
            *comma = '\0';
        rc = check_item(o, item, err);
        if (rc == 0)
            rc = append(o, item, opt, err);
        if (rc < 0 || !comma)
            return rc;
        item = comma + 1;
    }
}

typedef int store_fn(const struct ps_option *o, char *value, struct ps_options *opt,
                     struct ps_err *err);

int ps_option_store(const struct ps_option *o, char *value, struct ps_options *opt,
                    struct ps_err *err)
{
    static store_fn *const store[] = {
        [PS_OPT_FLAG] = store_flag,     [PS_OPT_COUNT] = store_count,
        [PS_OPT_VERB] = store_nothing,  [PS_OPT_IGNORED] = store_nothing,
        [PS_OPT_STRING] = store_string, [PS_OPT_CHOICE] = store_choice,
        [PS_OPT_WHEN] = store_when,     [PS_OPT_NUMBER] = store_number,
        [PS_OPT_SIZE] = store_size,     [PS_OPT_RANGE] = store_range,
        [PS_OPT_HOLE] = store_hole,     [PS_OPT_APPEND] = store_append,
        [PS_OPT_LIST] = store_list,     [PS_OPT_NUMBERS] = store_list,
        [PS_OPT_LEVEL] = store_level,
    };

    return store[o->kind](o, value, opt, err);
}
