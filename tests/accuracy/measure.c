/* How well a scan found what a recipe planted: recall, precision and state at each threshold of
 * Confidence. docs/ACCURACY.md defines the figures.
 *
 *   measure [OPTION...] IMAGE MODE PLANTED.jsonl FOUND.jsonl
 *
 * prints one line of comma-separated counts for each threshold; IMAGE and MODE are names for the
 * first two columns. --heading prints the names of the columns and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/accuracy/rows.h"

static const char *const classes[PS_ACC_N_CLASSES] = {
    [PS_ACC_LIVE] = "live",         [PS_ACC_FREE] = "free",       [PS_ACC_STALE] = "stale",
    [PS_ACC_LEFTOVER] = "leftover", [PS_ACC_CONTENT] = "content", [PS_ACC_COPY] = "copy",
    [PS_ACC_SECOND] = "second",     [PS_ACC_DECOY] = "decoy",     [PS_ACC_UNPLANNED] = "unplanned",
};
static const char *const statuses[PS_ACC_N_STATUSES] = {"Allocated", "Free", "Stale", "Unknown"};

struct options {
    struct ps_acc_leftovers leftovers;
    int no_page_file;    /* what it holds cannot be found */
    const char *without; /* tags that begin so are not looked for; NULL: none */
    int by_line;
    int examples; /* of each kind of mistake */
    const char *name[4];
};

struct counts {
    size_t planted[PS_ACC_N_CLASSES];
    size_t found[PS_ACC_N_CLASSES][PS_ACC_N_STATUSES];
};

static void usage(void)
{
    fputs("usage: measure [--no-page-file] [--without TAG] [--leftover LINE]... [--by-line]\n"
          "               [--examples N] IMAGE MODE PLANTED.jsonl FOUND.jsonl\n"
          "       measure --heading\n",
          stderr);
    exit(2);
}

static void heading(void)
{
    fputs("image,mode,threshold", stdout);
    for (int c = 0; c < PS_ACC_N_CLASSES; c++) {
        if (c != PS_ACC_UNPLANNED)
            printf(",%s", classes[c]);
        for (int s = 0; s < PS_ACC_N_STATUSES; s++)
            printf(",%s%s", classes[c], statuses[s]);
    }
    fputc('\n', stdout);
}

static void parse(struct options *o, int argc, char **argv)
{
    int n = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--heading") == 0 && argc == 2) {
            heading();
            exit(0);
        }
        if (strcmp(argv[i], "--no-page-file") == 0)
            o->no_page_file = 1;
        else if (strcmp(argv[i], "--without") == 0 && i + 1 < argc)
            o->without = argv[++i];
        else if (strcmp(argv[i], "--by-line") == 0)
            o->by_line = 1;
        else if (strcmp(argv[i], "--examples") == 0 && i + 1 < argc)
            o->examples = atoi(argv[++i]);
        else if (strcmp(argv[i], "--leftover") == 0 && i + 1 < argc && o->leftovers.n < 64)
            o->leftovers.line[o->leftovers.n++] = (uint32_t)strtoul(argv[++i], NULL, 0);
        else if (argv[i][0] == '-' || n == 4)
            usage();
        else
            o->name[n++] = argv[i];
    }
    if (n != 4)
        usage();
}

static int has_tag(const struct ps_acc_row *row, const char *start)
{
    for (size_t i = 0; i < 4 && start[i]; i++)
        if ((row->tag >> (8 * i) & 0xff) != (unsigned char)start[i])
            return 0;
    return 1;
}

static int is_counted(const struct options *o, const struct ps_acc_row *planted)
{
    return !(planted->is_paged_out && o->no_page_file) &&
           !(o->without && has_tag(planted, o->without));
}

static void count_at(struct counts *c, const struct options *o, const struct ps_acc_rows *planted,
                     const struct ps_acc_rows *found, uint8_t threshold)
{
    memset(c, 0, sizeof(*c));
    for (size_t i = 0; i < planted->n; i++)
        c->planted[planted->row[i].class] += (size_t)is_counted(o, &planted->row[i]);
    for (size_t i = 0; i < found->n; i++)
        if (found->row[i].confidence >= threshold)
            c->found[ps_acc_class_of(&found->row[i])][found->row[i].status]++;
}

static void print_counts(const struct counts *c, const struct options *o, int threshold)
{
    printf("%s,%s,%d", o->name[0], o->name[1], threshold);
    for (int i = 0; i < PS_ACC_N_CLASSES; i++) {
        if (i != PS_ACC_UNPLANNED)
            printf(",%zu", c->planted[i]);
        for (int s = 0; s < PS_ACC_N_STATUSES; s++)
            printf(",%zu", c->found[i][s]);
    }
    fputc('\n', stdout);
}

/* --- for those who look for the reason --- */

static void show(const char *what, const struct ps_acc_row *row)
{
    if (row)
        printf("  %-8s %.*s\n", what, (int)strcspn(row->text, "\n"), row->text);
}

/* Live and not listed, as freed; freed, and listed as allocated; not there, and listed as that. */
static const char *mistake(const struct ps_acc_row *planted, const struct ps_acc_row *found)
{
    int class = planted ? planted->class : PS_ACC_UNPLANNED;

    if (class == PS_ACC_LIVE && !found)
        return "live, not found";
    if (!found)
        return NULL;
    if (class == PS_ACC_LIVE)
        return found->status == PS_ACC_FREED          ? "live, found as Free"
               : found->status == PS_ACC_STALE_STATUS ? "live, found as Stale"
                                                      : NULL;
    if (found->status == PS_ACC_ALLOCATED) {
        static char text[64];

        snprintf(text, sizeof(text), "%s, found as Allocated", classes[class]);
        return text;
    }
    return class == PS_ACC_UNPLANNED ? "unplanned, found" : NULL;
}

struct seen {
    char what[64];
    uint32_t line;
    int n;
};

/* Up to N of each mistake and statement. */
static int is_wanted(struct seen *seen, size_t *n_seen, const char *what, uint32_t line, int max)
{
    for (size_t i = 0; i < *n_seen; i++)
        if (seen[i].line == line && strcmp(seen[i].what, what) == 0)
            return seen[i].n++ < max;
    if (*n_seen == 256)
        return 0;
    snprintf(seen[*n_seen].what, sizeof(seen[0].what), "%s", what);
    seen[*n_seen].line = line;
    seen[(*n_seen)++].n = 1;
    return 1;
}

static void print_examples(const struct options *o, const struct ps_acc_rows *planted,
                           const struct ps_acc_rows *found)
{
    static struct seen seen[256];
    size_t n_seen = 0;

    for (size_t i = 0; i < planted->n + found->n; i++) {
        const struct ps_acc_row *f =
            i < planted->n ? planted->row[i].partner : &found->row[i - planted->n];
        const struct ps_acc_row *p = i < planted->n ? &planted->row[i] : f->partner;
        const char *what;

        if ((i >= planted->n && p) || (p && !is_counted(o, p)) || !(what = mistake(p, f)) ||
            !is_wanted(seen, &n_seen, what, p ? p->line : 0, o->examples))
            continue;
        printf("%s, %s: %s, line %u\n", o->name[0], o->name[1], what, p ? p->line : 0);
        show("planted", p);
        show("found", f);
    }
    for (size_t i = 0; i < n_seen; i++)
        printf("%s, %s: %d times: %s, line %u\n", o->name[0], o->name[1], seen[i].n, seen[i].what,
               seen[i].line);
}

/* One line for each statement and class. */
static void print_by_line(const struct options *o, const struct ps_acc_rows *planted)
{
    enum { MAX_LINE = 4096 };
    static size_t n[MAX_LINE][PS_ACC_N_CLASSES][PS_ACC_N_STATUSES + 1];

    for (size_t i = 0; i < planted->n; i++) {
        const struct ps_acc_row *p = &planted->row[i];

        if (p->line < MAX_LINE && is_counted(o, p))
            n[p->line][p->class][p->partner ? p->partner->status : PS_ACC_N_STATUSES]++;
    }
    for (int l = 0; l < MAX_LINE; l++)
        for (int c = 0; c < PS_ACC_N_CLASSES; c++) {
            size_t sum = 0;

            for (int s = 0; s <= PS_ACC_N_STATUSES; s++)
                sum += n[l][c][s];
            if (sum == 0)
                continue;
            printf("%s, %s: line %3d %-9s %7zu:", o->name[0], o->name[1], l, classes[c], sum);
            for (int s = 0; s < PS_ACC_N_STATUSES; s++)
                printf(" %s %zu", statuses[s], n[l][c][s]);
            printf(" not found %zu\n", n[l][c][PS_ACC_N_STATUSES]);
        }
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct ps_acc_rows planted, found;
    struct counts c;

    parse(&o, argc, argv);
    ps_acc_read_planted(&planted, o.name[2], &o.leftovers);
    ps_acc_read_found(&found, o.name[3]);
    ps_acc_join(&planted, &found);
    for (int t = 0; t < 100 && !o.by_line && !o.examples; t += 10) {
        count_at(&c, &o, &planted, &found, (uint8_t)t);
        print_counts(&c, &o, t);
    }
    if (o.by_line)
        print_by_line(&o, &planted);
    if (o.examples)
        print_examples(&o, &planted, &found);
    ps_acc_free(&planted);
    ps_acc_free(&found);
    return 0;
}
