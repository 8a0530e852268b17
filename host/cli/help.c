#include <stdio.h>
#include <string.h>

#include "host/cli/option_table.h"
#include "host/options.h"

#define HELP_COLUMN 28
#define WIDTH       79

/* Print 'text' from column 'at' on, broken at spaces, each further line indented to 'indent'. */
static void print_wrapped(const char *text, size_t at, size_t indent, FILE *out)
{
    int first = 1;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (!first && at + 1 + n > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, n, out);
        at += n;
        text += n;
        text += strspn(text, " ");
        first = 0;
    }
    fputc('\n', out);
}

static void print_row(const char *left, const char *help, FILE *out)
{
    size_t n = strlen(left);

    fputs(left, out);
    if (n + 2 > HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(out, "%*s", (int)(HELP_COLUMN - n), "");
    print_wrapped(help, HELP_COLUMN, HELP_COLUMN, out);
}

static void print_option(const struct ps_option *o, FILE *out)
{
    char left[64];
    char help[512];
    char names[PS_OPTION_ACCEPTS_BYTES];
    char letter[5] = "    ";

    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->metavar ? " " : "",
             o->metavar ? o->metavar : "");
    if (o->choice)
        snprintf(help, sizeof help, "%s (%s)", o->help, ps_option_accepts(o, names, sizeof names));
    print_row(left, o->choice ? help : o->help, out);
}

static void print_options(uint32_t verbs, int common_only, FILE *out)
{
    for (size_t i = 0; i < ps_n_options; i++) {
        const struct ps_option *o = &ps_option_table[i];

        if ((o->verbs & verbs) && (o->common || !common_only))
            print_option(o, out);
    }
}

static void print_all(FILE *out)
{
    fputs("Usage: poolscan [VERB] [OPTION...] [OPERAND...]\n"
          "Find kernel pool headers in images of Windows physical memory.\n\nVerbs:\n",
          out);
    for (size_t i = 0; i < ps_n_verbs; i++) {
        const struct ps_verb_info *v = &ps_verb_table[i];
        char left[48];

        snprintf(left, sizeof left, "  %s %s", v->name, v->operands);
        print_row(left, v->help, out);
    }
    fputs("\nCommon options:\n", out);
    print_options(UINT32_MAX, 1, out);
    fputs("\nExamples:\n"
          "  poolscan memory.raw\n"
          "  poolscan --gpu --tags 'Proc,Thr?' --format jsonl -o hits.jsonl memory.raw\n\n"
          "'poolscan VERB --help' lists all options of a verb; see also man poolscan.\n",
          out);
}

static void print_verb(const struct ps_verb_info *v, FILE *out)
{
    fprintf(out, "Usage: poolscan %s [OPTION...]%s%s\n", v->name, *v->operands ? " " : "",
            v->operands);
    print_wrapped(v->detail, 0, 0, out);
    fputs("\nOptions:\n", out);
    print_options(PS_VERB_BIT(v->verb), 0, out);
}

int ps_options_help(enum ps_verb verb, FILE *out)
{
    const struct ps_verb_info *v = ps_verb_row(verb);

    if (!v || verb == PS_VERB_HELP)
        print_all(out);
    else
        print_verb(v, out);
    return 0;
}
