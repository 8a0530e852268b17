#include "host/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/option_table.h"
#include "host/cli/option_value.h"
#include "host/cli/suggest.h"
#include "host/output/output.h"

/* getopt returns FIRST_LONG + row for every option, long or short. */
#define FIRST_LONG 256

struct parser {
    struct ps_options *opt;
    struct ps_err *err;
    int argc;
    char **argv;
    char verb_by[32]; /* the word that named opt->verb; empty: none did */
    int want_help;
    int help_word; /* by the word help, whose operand is a verb */
    int want_version;
    int have_operand;
    unsigned char seen[PS_MAX_OPTIONS]; /* by row: it was given */
    struct option longopts[PS_MAX_OPTIONS + 1];
    char shortopts[3 + 2 * PS_MAX_OPTIONS];
};

const struct ps_options ps_option_defaults = {
    .verb = PS_VERB_SCAN,
    .help_verb = PS_VERB_HELP,
    .arch = "auto",
    .backend = "auto",
    .io = "auto",
    .format = "auto",
    .sort = "nonpaged",
    .repeats = 10,
    .bench_bytes = UINT64_C(1) << 30,
    .min_confidence = PS_CONFIDENCE_PLAUSIBLE,
    .task_bytes = UINT64_C(64) << 30,
    .tasks_each = 1,
    .unpack_memory = PS_UNPACK_MEMORY_AUTO,
};

__attribute__((format(printf, 2, 3))) static int usage(const struct parser *p, const char *fmt, ...)
{
    char msg[sizeof p->err->msg];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return ps_fail(p->err, PS_EARG, PS_AT_NONE, "%s", msg);
}

/* getopt's view of the table. The leading '-' makes it hand over operands in their place, since
 * the first one may be a verb; the ':' makes it tell a missing value from an unknown option. */
static void build_getopt(struct parser *p)
{
    char *s = p->shortopts;

    *s++ = '-';
    *s++ = ':';
    for (size_t i = 0; i < ps_n_options; i++) {
        const struct ps_option *o = &ps_option_table[i];

        p->longopts[i].name = o->name;
        p->longopts[i].has_arg = o->metavar ? required_argument : no_argument;
        p->longopts[i].flag = NULL;
        p->longopts[i].val = FIRST_LONG + (int)i;
        if (o->letter) {
            *s++ = o->letter;
            if (o->metavar)
                *s++ = ':';
        }
    }
    *s = '\0';
}

/* The row for what getopt returned or left in optopt; NULL: none. */
static const struct ps_option *row_of(int c)
{
    if (c >= FIRST_LONG && (size_t)(c - FIRST_LONG) < ps_n_options)
        return &ps_option_table[c - FIRST_LONG];
    for (size_t i = 0; i < ps_n_options; i++)
        if (ps_option_table[i].letter && ps_option_table[i].letter == c)
            return &ps_option_table[i];
    return NULL;
}

static int is_later(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return 1;
    return 0;
}

static const char *option_name(size_t i)
{
    return i < ps_n_options ? ps_option_table[i].name : NULL;
}

static const char *verb_name(size_t i)
{
    return i < ps_n_verbs ? ps_verb_table[i].name : NULL;
}

/* getopt takes an unambiguous beginning of a long name; this tells whether it had several. */
static int is_ambiguous(const char *name)
{
    size_t n = strlen(name);
    int count = 0;

    for (size_t i = 0; n && i < ps_n_options; i++)
        count += strncmp(ps_option_table[i].name, name, n) == 0;
    return count > 1;
}

static int unknown_long(const struct parser *p, const char *word)
{
    char name[48];
    const char *like;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    if (is_ambiguous(name))
        return usage(p, "option --%s is ambiguous: write its whole name", name);
    like = ps_suggest(name, option_name);
    if (like)
        return usage(p, "unknown option --%s; did you mean --%s?", name, like);
    return usage(p, "unknown option --%s; 'poolscan --help' lists what there is", name);
}

static int bad_option(const struct parser *p, int c)
{
    const struct ps_option *o = row_of(optopt);
    char letter[2] = {(char)optopt, '\0'};
    char names[PS_OPTION_ACCEPTS_BYTES];

    if (c == ':')
        return usage(p, "option --%s needs a value: %s", o->name,
                     o->choice ? ps_option_accepts(o, names, sizeof names) : o->metavar);
    if (optopt >= FIRST_LONG)
        return usage(p, "option --%s takes no value", o->name);
    if (optopt)
        return usage(p, "unknown option -%s; 'poolscan --help' lists what there is", letter);
    return unknown_long(p, p->argv[optind - 1]);
}

static int set_verb(struct parser *p, enum ps_verb verb, const char *by)
{
    if (verb == PS_VERB_HELP || verb == PS_VERB_VERSION) {
        p->want_help |= verb == PS_VERB_HELP;
        p->want_version |= verb == PS_VERB_VERSION;
        return 0;
    }
    if (p->verb_by[0] && p->opt->verb != verb)
        return usage(p, "%s and %s name two verbs: give one", p->verb_by, by);
    snprintf(p->verb_by, sizeof p->verb_by, "%s", by);
    p->opt->verb = verb;
    return 0;
}

/* The first operand is a verb, or an image for the default verb. A mistyped verb must not end as
 * "no such image", so a bare word that is no file and close to a verb is reported as such.
 * Returns 1 when 'word' was used up. */
static int first_operand(struct parser *p, const char *word)
{
    const struct ps_verb_info *v = ps_verb_named(word);
    const char *like;

    if (v) {
        int rc = set_verb(p, v->verb, v->name);

        p->help_word = v->verb == PS_VERB_HELP;
        return rc < 0 ? rc : 1;
    }
    if (p->verb_by[0])
        return 0;
    if (is_later(ps_later_verbs, word))
        return usage(p,
                     "the verb %s is not available in this version (an image of that name is "
                     "./%s)",
                     word, word);
    like = strpbrk(word, "./") ? NULL : ps_suggest(word, verb_name);
    if (like && access(word, F_OK) != 0)
        return usage(p, "%.48s is neither a verb nor a file; did you mean %s?", word, like);
    return 0;
}

static int add_operand(struct parser *p, char *word, int may_be_verb)
{
    int first = !p->have_operand;
    int rc = 0;

    p->have_operand = 1;
    if (first && may_be_verb)
        rc = first_operand(p, word);
    if (rc != 0)
        return rc;
    if (!*word)
        return usage(p, "an operand is empty; expected a file name");
    return ps_strings_append(&p->opt->args, word, 65536, "operands", p->err);
}

static int add_option(struct parser *p, const struct ps_option *o)
{
    char by[32];

    p->seen[o - ps_option_table] = 1;
    snprintf(by, sizeof by, "--%s", o->name);
    if (o->kind == PS_OPT_VERB)
        return set_verb(p, (enum ps_verb)o->lo, by);
    return ps_option_store(o, optarg, p->opt, p->err);
}

static int read_words(struct parser *p)
{
    int rc = 0;

    optind = 0; /* glibc: start over, and read the leading characters of shortopts again */
    opterr = 0;
    while (rc >= 0) {
        int c = getopt_long(p->argc, p->argv, p->shortopts, p->longopts, NULL);

        if (c == -1)
            break;
        if (c == 1)
            rc = add_operand(p, optarg, 1);
        else if (c == '?' || c == ':')
            rc = bad_option(p, c);
        else
            rc = add_option(p, row_of(c));
    }
    for (; rc >= 0 && optind < p->argc; optind++)
        rc = add_operand(p, p->argv[optind], 0);
    return rc;
}

static int was_given(const struct parser *p, const char *name)
{
    const struct ps_option *o = ps_option_named(name);

    return o && p->seen[o - ps_option_table];
}

static int check_verb_options(const struct parser *p, const struct ps_verb_info *v)
{
    for (size_t i = 0; i < ps_n_options; i++)
        if (p->seen[i] && !(ps_option_table[i].verbs & PS_VERB_BIT(v->verb)))
            return usage(p, "option --%s is not one of the verb %s", ps_option_table[i].name,
                         v->name);
    return 0;
}

/* Pairs of which the second makes no sense beside the first. */
static int check_pairs(const struct parser *p)
{
    static const char *const pairs[][2] = {
        {"all-headers", "tags"},  {"range", "skip"},    {"range", "limit"},
        {"gpu", "kernel"},        {"device", "kernel"}, {"quiet", "verbose"},
        {"unknown", "component"}, {"unknown", "kind"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (was_given(p, pairs[i][0]) && was_given(p, pairs[i][1]))
            return usage(p, "--%s and --%s exclude each other: give one", pairs[i][0], pairs[i][1]);
    return 0;
}

static int check_backend(const struct parser *p)
{
    const struct ps_options *opt = p->opt;
    int is_auto = strcmp(opt->backend, "auto") == 0;
    int is_opencl = strcmp(opt->backend, "opencl") == 0;

    if (opt->any_device && !opt->gpu)
        return usage(p, "--any-device loosens --gpu and means nothing without it");
    if (opt->gpu && !is_auto && !is_opencl)
        return usage(p, "--gpu and --backend %s exclude each other: give one", opt->backend);
    if (opt->devices.n && !is_auto && !is_opencl)
        return usage(p, "--device and --backend %s exclude each other: give one", opt->backend);
    if (opt->kernel && (is_opencl || strcmp(opt->backend, "null") == 0))
        return usage(p, "--kernel names a CPU kernel and --backend %s runs none", opt->backend);
    return 0;
}

static int check_tags(const struct parser *p)
{
    const struct ps_options *opt = p->opt;

    if (opt->no_builtin_tags && !opt->tag_files.n && !opt->tags.n && !opt->all_headers &&
        !opt->unknown)
        return usage(p, "--no-builtin-tags leaves no tag to look for: give --tag-file%s",
                     opt->verb == PS_VERB_SCAN ? ", --tags or --all-headers" : "");
    return 0;
}

/* What says how an image or a result is read says nothing about the tag database. */
static int check_unknown(const struct parser *p)
{
    static const char *const of_unknown[] = {"min-confidence", "arch",     "build",   "dtb",
                                             "pci-hole",       "pagefile", "symbols", "temp-dir",
                                             "threads",        "exact",    "unpack-memory"};

    if (p->opt->verb != PS_VERB_TAGS || p->opt->unknown)
        return 0;
    for (size_t i = 0; i < sizeof of_unknown / sizeof *of_unknown; i++)
        if (was_given(p, of_unknown[i]))
            return usage(p, "the verb tags takes --%s with --unknown only", of_unknown[i]);
    return 0;
}

static int check_format(const struct parser *p, const struct ps_verb_info *v)
{
    const enum ps_verb verb = v->verb;
    const char *output = p->opt->output;

    if (strcmp(p->opt->format, "sqlite") == 0 && (!output || strcmp(output, "-") == 0))
        return usage(p, "--format sqlite makes a file: name it with -o FILE");
    if (verb != PS_VERB_SCAN && verb != PS_VERB_FIND && verb != PS_VERB_MERGE &&
        ps_output_is_of_findings(p->opt->format))
        return usage(p, "--format %s is for findings, of scan, find and merge only",
                     p->opt->format);
    return 0;
}

/* A plan says what is scanned and what for; the rest is said for each task. */
static int check_plan(const struct parser *p)
{
    const struct ps_options *opt = p->opt;

    if (opt->verb != PS_VERB_SCAN)
        return 0;
    if (!opt->plan && (opt->task || opt->out_dir || was_given(p, "tasks-each")))
        return usage(p, "--%s is of a task, and there is no --plan",
                     opt->task      ? "task"
                     : opt->out_dir ? "out-dir"
                                    : "tasks-each");
    if (!opt->plan)
        return 0;
    for (size_t i = 0; i < ps_n_options; i++)
        if (ps_option_table[i].shapes && p->seen[i])
            return usage(p, "--%s shapes results, and so it is the plan's: make one with it",
                         ps_option_table[i].name);
    if (was_given(p, "skip") || was_given(p, "limit"))
        return usage(p, "--skip and --limit cut images by hand, and --plan has them cut");
    if (!opt->task || !opt->out_dir)
        return usage(p, "--plan needs --task K (or K-L, all, auto) and --out-dir DIR");
    if (opt->output || was_given(p, "format") || was_given(p, "renderer"))
        return usage(p, "a task writes its shard to --out-dir: --output and --format are of the "
                        "verb merge");
    if (opt->args.n)
        return usage(p, "--plan names the images: %.48s is too many", opt->args.item[0]);
    return 0;
}

/* The verbs have orders of their own; the first one stands for what was not asked for. */
static int check_sort(const struct parser *p, const struct ps_verb_info *v)
{
    static const char *const of_diff[] = {"nonpaged", "tag", "bytes", "allocs"};
    int is_of_diff = 0;

    for (size_t i = 0; i < sizeof of_diff / sizeof *of_diff; i++)
        is_of_diff |= strcmp(p->opt->sort, of_diff[i]) == 0;
    if ((v->verb == PS_VERB_DIFF && !is_of_diff) ||
        (v->verb == PS_VERB_USED && strchr("ba", *p->opt->sort)))
        return usage(p, "--sort %s is no order of the verb %s", p->opt->sort, v->name);
    return 0;
}

/* A session keeps its images and all that shapes results. */
static int check_session(const struct parser *p)
{
    const struct ps_options *opt = p->opt;

    if (!opt->session && !opt->restore)
        return 0;
    if (opt->plan || (opt->session && opt->restore))
        return usage(p, "--%s is used without --%s", opt->restore ? "restore" : "session",
                     opt->plan ? "plan" : "session");
    if (was_given(p, "skip") || was_given(p, "limit"))
        return usage(p, "--skip and --limit cut images by hand: a session takes --range");
    if (!opt->restore)
        return 0;
    for (size_t i = 0; i < ps_n_options; i++)
        if (ps_option_table[i].shapes && p->seen[i])
            return usage(p, "--%s shapes results, and so it is the session's: begin one with it",
                         ps_option_table[i].name);
    if (opt->args.n)
        return usage(p, "--restore has its images: %.48s is too many", opt->args.item[0]);
    return 0;
}

static int check_operands(const struct parser *p, const struct ps_verb_info *v)
{
    const struct ps_options *opt = p->opt;

    if ((opt->plan || opt->restore) && opt->verb == PS_VERB_SCAN)
        return 0;
    if (opt->args.n < v->min_args && p->argc <= 1)
        return usage(p, "no image given; 'poolscan --help' tells how to use it");
    if (opt->args.n < v->min_args)
        return usage(p, "the verb %s needs %s", v->name, v->operands);
    if (opt->args.n > v->max_args && v->max_args == 0)
        return usage(p, "the verb %s takes no operands: %.48s is one too many", v->name,
                     opt->args.item[0]);
    if (opt->args.n > v->max_args)
        return usage(p, "the verb %s: %.48s is one operand too many", v->name,
                     opt->args.item[v->max_args]);
    return 0;
}

/* "help VERB" is "VERB --help". */
static int finish_help(struct parser *p)
{
    struct ps_options *opt = p->opt;
    const struct ps_verb_info *v;

    opt->help_verb = p->verb_by[0] ? opt->verb : PS_VERB_HELP;
    opt->verb = PS_VERB_HELP;
    if (!p->help_word || opt->args.n == 0)
        return 0;
    v = ps_verb_named(opt->args.item[0]);
    if (!v)
        return usage(p, "help %.48s: there is no such verb", opt->args.item[0]);
    opt->help_verb = v->verb;
    return 0;
}

static int check(struct parser *p)
{
    struct ps_options *opt = p->opt;
    const struct ps_verb_info *v = ps_verb_row(opt->verb);
    int rc;

    opt->has_min_confidence = was_given(p, "min-confidence");
    if (p->want_help)
        return finish_help(p);
    if (p->want_version || opt->generate) {
        opt->verb = p->want_version ? PS_VERB_VERSION : PS_VERB_GENERATE;
        return 0;
    }
    if ((rc = check_verb_options(p, v)) < 0 || (rc = check_pairs(p)) < 0 ||
        (rc = check_backend(p)) < 0 || (rc = check_tags(p)) < 0 || (rc = check_plan(p)) < 0 ||
        (rc = check_session(p)) < 0 || (rc = check_format(p, v)) < 0 ||
        (rc = check_sort(p, v)) < 0 || (rc = check_unknown(p)) < 0)
        return rc;
    return check_operands(p, v);
}

int ps_options_parse(struct ps_options *out, int argc, char **argv, struct ps_err *err)
{
    struct ps_options opt = ps_option_defaults;
    struct parser p = {.opt = &opt, .err = err, .argc = argc, .argv = argv};
    int rc;

    build_getopt(&p);
    rc = read_words(&p);
    if (rc >= 0)
        rc = check(&p);
    if (rc < 0) {
        ps_options_free(&opt);
        return rc;
    }
    *out = opt;
    return 0;
}

#define N_LISTS 6u

static void get_lists(struct ps_options *opt, struct ps_strings *lists[N_LISTS])
{
    struct ps_strings *all[N_LISTS] = {&opt->args,    &opt->tags,       &opt->tag_files,
                                       &opt->devices, &opt->bench_rows, &opt->pagefiles};

    memcpy(lists, all, sizeof all);
}

void ps_options_free(struct ps_options *opt)
{
    struct ps_strings *lists[N_LISTS];

    get_lists(opt, lists);
    for (size_t i = 0; i < N_LISTS; i++) {
        free(lists[i]->item);
        lists[i]->item = NULL;
        lists[i]->n = 0;
    }
    free(opt->applied);
    opt->applied = NULL;
}

int ps_options_copy(struct ps_options *out, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_strings *lists[N_LISTS];
    int rc = 0;

    *out = *opt;
    out->applied = NULL;
    get_lists(out, lists);
    for (size_t i = 0; i < N_LISTS; i++) {
        const char **item = lists[i]->item;

        if (item)
            lists[i]->item = malloc(lists[i]->n * sizeof *item + 1);
        if (item && lists[i]->item)
            memcpy(lists[i]->item, item, lists[i]->n * sizeof *item);
        if (item && !lists[i]->item)
            rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    }
    if (rc < 0)
        ps_options_free(out);
    return rc;
}
