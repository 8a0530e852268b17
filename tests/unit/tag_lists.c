/* The lists in tags/: four bytes, known kinds, printable, sorted, nothing twice. Reads the files
 * with code of its own. Needs PS_SOURCE. */
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TAGS 16384

static const char *const kinds[] = {
    "audio",       "bluetooth", "cache",    "debug",   "device", "driver", "dump",  "file",
    "file-system", "filter",    "graphics", "handle",  "input",  "io",     "ipc",   "job",
    "loader",      "memory",    "name",     "network", "object", "pnp",    "pool",  "power",
    "process",     "registry",  "security", "storage", "sync",   "thread", "timer", "trace",
    "usb",         "verifier",  "virtual",  "window",
};

static const char *const pools[] = {"np", "pg", "both", "?"};
static const char *const releases[] = {"2000", "xp", "2003", "vista", "7", "8", "8.1", "10", "11"};

#define COUNT(words) (sizeof(words) / sizeof(words)[0])

struct place {
    char tag[5];
    const char *path;
    unsigned line;
};

static struct place tags[MAX_TAGS];
static size_t n_tags;
static int n_wrong;

static void wrong(const char *path, unsigned line, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", path, line, why);
    n_wrong++;
}

/* Place of a word in a list, or -1. */
static int index_of(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], word) == 0)
            return (int)i;
    }
    return -1;
}

/* FIRST-LAST, either of them left out, or a single release. */
static int is_seen(const char *word)
{
    const char *dash = strchr(word, '-');
    char first[16] = "";
    int from = -1;
    int to = -1;

    if (!dash)
        return strcmp(word, "?") == 0 || index_of(word, releases, COUNT(releases)) >= 0;
    if ((size_t)(dash - word) >= sizeof first)
        return 0;
    memcpy(first, word, (size_t)(dash - word));
    from = index_of(first, releases, COUNT(releases));
    to = index_of(dash + 1, releases, COUNT(releases));
    if (dash[1] == '\0')
        return from >= 0;
    return to >= 0 && (dash == word || (from >= 0 && from <= to));
}

/* A file name with its ending, nt!part, or ?; in lower case, so that it is spelled one way. */
static int is_component(const char *word)
{
    static const char *const endings[] = {"sys", "dll", "lib", "exe"};
    const char *dot = strrchr(word, '.');

    if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_.-!?") != strlen(word))
        return 0;
    if (strcmp(word, "?") == 0 || strcmp(word, "nt") == 0)
        return 1;
    if (strncmp(word, "nt!", 3) == 0)
        return isalpha((unsigned char)word[3]) != 0;
    return !strpbrk(word, "!?") && dot && dot > word &&
           index_of(dot + 1, endings, COUNT(endings)) >= 0;
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
    if (n_tags == MAX_TAGS) {
        wrong(path, line, "more tags than this test holds");
        return;
    }
    tags[n_tags].path = path;
    tags[n_tags].line = line;
    memcpy(tags[n_tags++].tag, tag, 5);
}

static int compare_places(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->tag, ((const struct place *)b)->tag);
}

static void check_twice(void)
{
    qsort(tags, n_tags, sizeof tags[0], compare_places);
    for (size_t i = 1; i < n_tags; i++) {
        if (strcmp(tags[i - 1].tag, tags[i].tag) == 0) {
            wrong(tags[i - 1].path, tags[i - 1].line, "this tag is there twice, also");
            wrong(tags[i].path, tags[i].line, "here");
        }
    }
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
    char pool[8];
    char seen[16];
    int at = 0;
    const char *rest = text;

    if (!read_tag(text, tag, &rest)) {
        wrong(path, line, "no tag of four bytes, quoted when it has a blank");
        return;
    }
    if (strcmp(last, tag) >= 0)
        wrong(path, line, "not in order");
    strcpy(last, tag);
    if (sscanf(rest, " %63s %31s %7s %15s %n", component, kind, pool, seen, &at) != 4 || at == 0) {
        wrong(path, line, "component, kind, pool, releases or description is missing");
        return;
    }
    note_tag(path, line, tag);
    if (!is_component(component))
        wrong(path, line, "no driver's file name in lower case, nt!part or ?");
    if (strcmp(kind, "?") != 0 && index_of(kind, kinds, COUNT(kinds)) < 0)
        wrong(path, line, "a kind that tags/README.md does not name");
    if (index_of(pool, pools, COUNT(pools)) < 0)
        wrong(path, line, "the usual pool is np, pg, both or ?");
    if (!is_seen(seen))
        wrong(path, line, "these are no releases of Windows, first to last");
    if (count_words(rest + at) < 3 || count_words(rest + at) > 8 || strstr(rest + at, "  "))
        wrong(path, line, "a description has three to eight words, a blank between each");
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
    for (size_t i = 0; i < COUNT(kinds); i++) {
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
    check_twice();
    globfree(&found);
    check_readme(source);
    printf("%zu tags, %d wrong\n", n_tags, n_wrong);
    return n_wrong == 0 && n_tags >= 150 ? 0 : 1;
}
