#include "host/cli/option_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/absolute.h"
#include "host/cli/option_value.h"

/* One row on its way into words. */
struct wording {
    const struct ps_option *o;
    const struct ps_options *opt;
    ps_word_fn *take;
    void *arg;
    struct ps_err *err;
};

static const void *field(const struct wording *w, const struct ps_options *opt)
{
    return (const char *)opt + w->o->offset;
}

static int say_name(const struct wording *w)
{
    char word[48];

    snprintf(word, sizeof word, "--%s", w->o->name);
    return w->take(w->arg, word, w->err);
}

static int say(const struct wording *w, const char *value)
{
    int rc = say_name(w);

    return rc == 0 ? w->take(w->arg, value, w->err) : rc;
}

const char *ps_option_file_part(const struct ps_option *o, const char *value)
{
    const size_t n_digits = strspn(value, "0123456789");

    if (o->file == PS_FILE_NOT)
        return NULL;
    if (o->file == PS_FILE_NUMBERED && n_digits > 0 && value[n_digits] == '=')
        return value + n_digits + 1;
    return value;
}

/* The same place wherever the words are read. */
static int say_file(const struct wording *w, const char *value)
{
    const char *path = ps_option_file_part(w->o, value);
    char *absolute = NULL;
    char *whole = NULL;
    int rc = ps_absolute_path(&absolute, path, w->err);

    if (rc < 0)
        return rc;
    if (asprintf(&whole, "%.*s%s", (int)(path - value), value, absolute) < 0) {
        free(absolute);
        return ps_fail(w->err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    }
    rc = say(w, whole);
    free(whole);
    free(absolute);
    return rc;
}

static int say_flag(const struct wording *w)
{
    return *(const int *)field(w, w->opt) ? say_name(w) : 0;
}

static int say_string(const struct wording *w)
{
    const char *value = *(const char *const *)field(w, w->opt);
    const char *usual = *(const char *const *)field(w, &ps_option_defaults);

    if (!value || (usual && strcmp(value, usual) == 0))
        return 0;
    return w->o->file == PS_FILE_NOT ? say(w, value) : say_file(w, value);
}

static int say_uint(const struct wording *w, uint32_t value)
{
    char text[16];

    snprintf(text, sizeof text, "%" PRIu32, value);
    return say(w, text);
}

static int say_number(const struct wording *w)
{
    const uint32_t value = *(const uint32_t *)field(w, w->opt);

    return value == *(const uint32_t *)field(w, &ps_option_defaults) ? 0 : say_uint(w, value);
}

/* That it was asked for counts too. */
static int say_level(const struct wording *w)
{
    return w->opt->has_min_confidence ? say_uint(w, *(const uint32_t *)field(w, w->opt)) : 0;
}

static int say_bounds(const struct wording *w, uint64_t start, uint64_t end)
{
    char text[48];

    snprintf(text, sizeof text, "0x%" PRIx64 "-0x%" PRIx64, start, end);
    return say(w, text);
}

static int say_range(const struct wording *w)
{
    return w->opt->has_range ? say_bounds(w, w->opt->range_start, w->opt->range_end) : 0;
}

static int say_hole(const struct wording *w)
{
    if (w->opt->pci_hole == PS_PCI_HOLE_AUTO)
        return 0;
    if (w->opt->pci_hole == PS_PCI_HOLE_NONE)
        return say(w, "none");
    return say_bounds(w, w->opt->hole_start, w->opt->hole_end);
}

/* Item by item, so that none has to be told from the comma that follows it. */
static int say_list(const struct wording *w)
{
    const struct ps_strings *list = field(w, w->opt);
    int rc = 0;

    for (size_t i = 0; i < list->n && rc == 0; i++)
        rc = w->o->file == PS_FILE_NOT ? say(w, list->item[i]) : say_file(w, list->item[i]);
    return rc;
}

static int say_option(const struct wording *w)
{
    static int (*const words[])(const struct wording *w) = {
        [PS_OPT_FLAG] = say_flag,     [PS_OPT_STRING] = say_string, [PS_OPT_CHOICE] = say_string,
        [PS_OPT_NUMBER] = say_number, [PS_OPT_LEVEL] = say_level,   [PS_OPT_RANGE] = say_range,
        [PS_OPT_HOLE] = say_hole,     [PS_OPT_APPEND] = say_list,   [PS_OPT_LIST] = say_list,
    };
    const size_t kind = (size_t)w->o->kind;

    if (kind >= sizeof words / sizeof *words || !words[kind])
        return ps_fail(w->err, PS_EINTERNAL, PS_AT_NONE, "--%s cannot stand in a plan", w->o->name);
    return words[kind](w);
}

int ps_options_words(const struct ps_options *opt, ps_word_fn *take, void *arg, struct ps_err *err)
{
    struct wording w = {.opt = opt, .take = take, .arg = arg, .err = err};
    int rc = 0;

    for (size_t i = 0; i < ps_n_options && rc == 0; i++) {
        w.o = &ps_option_table[i];
        if (w.o->shapes)
            rc = say_option(&w);
    }
    return rc;
}

/* All words in one piece of memory, each with its zero. */
static char *copy_words(const char *const *word, size_t n_words)
{
    size_t n = 1;
    char *copy, *to;

    for (size_t i = 0; i < n_words; i++)
        n += strlen(word[i]) + 1;
    copy = malloc(n);
    to = copy;
    for (size_t i = 0; i < n_words && copy; i++)
        to = stpcpy(to, word[i]) + 1;
    return copy;
}

static int apply_word(struct ps_options *opt, const struct ps_option *o, char *value,
                      struct ps_err *err)
{
    int rc = ps_option_store(o, value, opt, err);

    if (o->kind == PS_OPT_LEVEL)
        opt->has_min_confidence = 1;
    if (rc == -PS_EARG) {
        err->code = PS_EFORMAT;
        rc = -PS_EFORMAT;
    }
    return rc;
}

int ps_options_apply(struct ps_options *opt, const char *const *word, size_t n_words,
                     struct ps_err *err)
{
    char *at = copy_words(word, n_words);
    int rc = 0;

    if (!at)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the options of a plan");
    opt->applied = at;
    for (size_t i = 0; i < n_words && rc == 0; i++) {
        const struct ps_option *o = strncmp(at, "--", 2) == 0 ? ps_option_named(at + 2) : NULL;
        char *value = NULL;

        if (!o || !o->shapes)
            return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "%.60s is no option that a plan may have",
                           at);
        at += strlen(at) + 1;
        if (o->metavar) {
            if (++i == n_words)
                return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "--%s has no value", o->name);
            value = at;
            at += strlen(at) + 1;
        }
        rc = apply_word(opt, o, value, err);
    }
    return rc;
}
