/* The lists in tags/: four bytes, known kinds, printable, sorted, nothing twice. Reads the files
 * with code of its own. Needs PS_SOURCE. */
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TAGS 4096

static const char *const kinds[] = {
    "cache",   "device", "driver", "dump",  "file",  "file-system", "filter",   "graphics",
    "handle",  "input",  "io",     "ipc",   "job",   "loader",      "memory",   "name",
    "network", "object", "pnp",    "pool",  "power", "process",     "registry", "security",
    "storage", "sync",   "thread", "timer", "trace", "verifier",    "window",
};

static char tags[MAX_TAGS][5];
static size_t n_tags;
static int n_wrong;

static void wrong(const char *path, unsigned line, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", path, line, why);
    n_wrong++;
}

static int is_kind(const char *word)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i], word) == 0)
            return 1;
    }
    return 0;
}

/* The four characters between quotes or before a blank; 0 when it is not that. */
static int read_tag(const char *text, char *tag, const char **rest)
{
    int is_quoted = *text == '"';
    const char *from = text + is_quoted;

    if (strlen(from) < 5)
        return 0;
    memcpy(tag, from, 4);
    tag[4] = '\0';
    *rest = from + 4 + is_quoted;
    if (is_quoted && from[4] != '"')
        return 0;
    return **rest == ' ' && (is_quoted ? strchr(tag, ' ') != NULL : strchr(tag, ' ') == NULL);
}

static void note_tag(const char *path, unsigned line, const char *tag)
{
    for (size_t i = 0; i < n_tags; i++) {
        if (strcmp(tags[i], tag) == 0)
            wrong(path, line, "this tag is there already");
    }
    if (n_tags == MAX_TAGS) {
        wrong(path, line, "more tags than this test holds");
        return;
    }
    memcpy(tags[n_tags++], tag, 5);
}

static unsigned count_words(const char *s)
{
    unsigned n = 0;

    for (; *s; s++)
        n += *s != ' ' && (s[1] == ' ' || s[1] == '\0');
    return n;
}

static void check_entry(const char *path, unsigned line, const char *text, char *last)
{
    char tag[5] = "";
    char component[64];
    char kind[32];
    int at = 0;
    const char *rest = text;

    if (!read_tag(text, tag, &rest)) {
        wrong(path, line, "no tag of four bytes, quoted when it has a blank");
        return;
    }
    note_tag(path, line, tag);
    if (strcmp(last, tag) >= 0)
        wrong(path, line, "not in order");
    strcpy(last, tag);
    if (sscanf(rest, " %63s %31s %n", component, kind, &at) != 2 || at == 0) {
        wrong(path, line, "component, kind or description is missing");
        return;
    }
    if (!is_kind(kind))
        wrong(path, line, "a kind that tags/README.md does not name");
    if (count_words(rest + at) < 2 || count_words(rest + at) > 8)
        wrong(path, line, "a description has two to eight words");
}

static void check_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char text[512];
    char last[5] = "";
    unsigned line = 0;

    if (!file) {
        wrong(path, 0, "cannot be read");
        return;
    }
    while (fgets(text, sizeof text, file)) {
        size_t n = strlen(text);

        line++;
        if (n == 0 || text[n - 1] != '\n') {
            wrong(path, line, "too long, or no line end");
            continue;
        }
        text[n - 1] = '\0';
        for (const char *c = text; *c; c++) {
            if (*c < 0x20 || *c > 0x7e)
                wrong(path, line, "a byte that is not printable");
        }
        if (n > 1 && text[n - 2] == ' ')
            wrong(path, line, "blanks at the end");
        if (text[0] != '#')
            check_entry(path, line, text, last);
    }
    fclose(file);
}

/* Every kind this test knows stands in the README, so that the two lists stay one. */
static void check_readme(const char *source)
{
    static char text[65536];
    char path[4096];
    FILE *file;
    size_t n;

    snprintf(path, sizeof path, "%s/tags/README.md", source);
    file = fopen(path, "r");
    if (!file) {
        wrong(path, 0, "cannot be read");
        return;
    }
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char word[40];

        snprintf(word, sizeof word, "`%s`", kinds[i]);
        if (!strstr(text, word))
            wrong(path, 0, kinds[i]);
    }
}

int main(void)
{
    const char *source = getenv("PS_SOURCE");
    char pattern[4096];
    glob_t found;

    if (!source) {
        fprintf(stderr, "PS_SOURCE is not set\n");
        return 1;
    }
    snprintf(pattern, sizeof pattern, "%s/tags/*/*.tags", source);
    if (glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "%s: nothing there\n", pattern);
        return 1;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_file(found.gl_pathv[i]);
    globfree(&found);
    check_readme(source);
    printf("%zu tags, %d wrong\n", n_tags, n_wrong);
    return n_wrong == 0 && n_tags >= 150 ? 0 : 1;
}
