/* Options that shape results as words of a plan, and back. */
#include "host/cli/option_words.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 64

struct words {
    char *word[MAX_WORDS];
    size_t n;
};

static int take(void *arg, const char *word, struct ps_err *err)
{
    struct words *w = arg;

    (void)err;
    cr_assert_lt(w->n, MAX_WORDS);
    w->word[w->n++] = strdup(word);
    return 0;
}

static void free_words(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->word[i]);
    w->n = 0;
}

/* The words of 'line', split at spaces; joined by a bar. */
static void words_of(const char *line, struct words *w, struct ps_options *opt, char *text)
{
    char *argv[MAX_WORDS] = {strdup("poolscan")};
    char *save = NULL;
    char joined[2048] = "";
    struct ps_err err = {0};
    int argc = 1;

    snprintf(text, 1024, "%s", line);
    for (char *s = strtok_r(text, " ", &save); s; s = strtok_r(NULL, " ", &save))
        argv[argc++] = s;
    cr_assert_eq(ps_options_parse(opt, argc, argv, &err), 0, "%s: %s", line, err.msg);
    w->n = 0;
    cr_assert_eq(ps_options_words(opt, take, w, &err), 0, "%s: %s", line, err.msg);
    free(argv[0]);
    for (size_t i = 0; i < w->n; i++) {
        strcat(joined, i ? "|" : "");
        strcat(joined, w->word[i]);
    }
    snprintf(text, 1024, "%s", joined);
}

static const struct {
    const char *line;
    const char *want;
} cases[] = {
    {"a.raw", ""},
    {"plan a.raw --task-bytes 1M -o x --threads 3", ""},
    {"--gpu --threads 2 --chunk 64k --io read -q a.raw", ""},
    {"--tags Proc a.raw", "--tags|Proc"},
    {"--tags B,A\\,x --tags C* a.raw", "--tags|B|--tags|A\\,x|--tags|C*"},
    {"--show-free --tag-file /t/a --all-headers a.raw",
     "--tag-file|/t/a|--all-headers|--show-free"},
    {"--no-builtin-tags --tag-file b a.raw", "--tag-file|/b|--no-builtin-tags"},
    {"--min-confidence 10 a.raw", "--min-confidence|10"},
    {"--min-confidence sure a.raw", "--min-confidence|70"},
    {"--range 4k-1M --include-copies a.raw", "--include-copies|--range|0x1000-0x100000"},
    {"--arch auto --build 0 a.raw", ""},
    {"--arch x64 --build 19041 a.raw", "--arch|x64|--build|19041"},
    {"--dtb 1aa000 --physical-only a.raw", "--physical-only|--dtb|1aa000"},
    {"--pci-hole auto a.raw", ""},
    {"--pci-hole none a.raw", "--pci-hole|none"},
    {"--pci-hole 3G-4G a.raw", "--pci-hole|0xc0000000-0x100000000"},
    {"--pagefile p --pagefile 2=/q --pagefile 1=r a.raw",
     "--pagefile|/p|--pagefile|2=/q|--pagefile|1=/r"},
    {"--symbols ./s a.raw", "--symbols|/./s"},
};

Test(option_words, one_form_for_each)
{
    cr_assert_eq(chdir("/"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_options opt;
        struct words w;
        char text[1024];

        words_of(cases[i].line, &w, &opt, text);
        cr_assert_str_eq(text, cases[i].want, "%s: %s", cases[i].line, text);
        free_words(&w);
        ps_options_free(&opt);
    }
}

/* Applied to an empty command line, they give the same words and the same values. */
Test(option_words, come_back)
{
    cr_assert_eq(chdir("/"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_options opt, back = ps_option_defaults;
        struct words w, again = {.n = 0};
        struct ps_err err = {0};
        char text[1024];

        words_of(cases[i].line, &w, &opt, text);
        cr_assert_eq(ps_options_apply(&back, (const char *const *)w.word, w.n, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(ps_options_words(&back, take, &again, &err), 0);
        cr_assert_eq(again.n, w.n, "%s", cases[i].line);
        for (size_t k = 0; k < w.n; k++)
            cr_assert_str_eq(again.word[k], w.word[k], "%s", cases[i].line);
        cr_assert_eq(back.tags.n, opt.tags.n);
        cr_assert_eq(back.min_confidence, opt.min_confidence);
        cr_assert_eq(back.has_min_confidence, opt.has_min_confidence);
        cr_assert_eq(back.has_range, opt.has_range);
        cr_assert_eq(back.range_end, opt.range_end);
        cr_assert_eq(back.hole_start, opt.hole_start);
        free_words(&w);
        free_words(&again);
        ps_options_free(&opt);
        ps_options_free(&back);
    }
}

static const char *const foreign[][2] = {
    {"--threads", "3"}, {"--gpu", NULL},           {"image", NULL},  {"-o", "x"},
    {"--tags", NULL},   {"--arch", "z80"},         {"--range", "1"}, {"--tag", "Proc"},
    {"", NULL},         {"--min-confidence", "x"}, {"-", NULL},      {"--", NULL},
};

Test(option_words, what_no_plan_may_have)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        struct ps_options opt = ps_option_defaults;
        struct ps_err err = {0};

        cr_assert_eq(ps_options_apply(&opt, foreign[i], foreign[i][1] ? 2 : 1, &err), -PS_EFORMAT,
                     "%s", foreign[i][0]);
        cr_assert_eq(err.code, PS_EFORMAT);
        ps_options_free(&opt);
    }
}

/* Whatever a plan may have can be written: no row of a kind that has no words. */
Test(option_words, every_shaping_row_has_words)
{
    struct words w = {.n = 0};
    struct ps_err err = {0};
    size_t n = 0;

    for (size_t i = 0; i < ps_n_options; i++)
        n += (size_t)ps_option_table[i].shapes;
    cr_assert_gt(n, 10);
    cr_assert_eq(ps_options_words(&ps_option_defaults, take, &w, &err), 0, "%s", err.msg);
    cr_assert_eq(w.n, 0);
}
