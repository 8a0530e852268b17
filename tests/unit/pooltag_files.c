/* The database against real pooltag.txt files of five years: how many tags they hold, that each is
 * found when the file is a list of the user, how many of them the built-in lists know, and that no
 * description of tags/ is one of theirs or shares five words in a row with a line of theirs. Needs
 * PS_SOURCE; skipped (77) without the folder PS_SHARED, by default PS_SOURCE/../shared. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scan/tags/tagdb.h"

#define RUN         5u
#define MAX_LINES   8192u
#define LEAST_KNOWN 0.99

/* As counted by hand, tags of four bytes, each once. */
static const struct {
    const char *name;
    size_t n_tags;
} lists[] = {
    {"winsdk-2023.txt", 4557},     {"systeminformer.txt", 4514}, {"poolmonx-2018.txt", 3954},
    {"windbgtool-2015.txt", 3592}, {"rktools2k3.txt", 1743},
};

#define N_LISTS (sizeof lists / sizeof lists[0])

static int n_wrong;
static char folder[4096];

static void wrong(const char *name, const char *why, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", name, why, what);
    n_wrong++;
}

static char *read_list(const char *name, size_t *n)
{
    char path[8192];
    char *text = malloc(1 << 20);
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file || !text) {
        perror(path);
        exit(1);
    }
    *n = fread(text, 1, (1 << 20) - 1, file);
    text[*n] = '\0';
    fclose(file);
    return text;
}

/* Lines "Qc0A -": with the range line, 256 such tags are known, with and without a line. */
static size_t count_range_lines(const char *text)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, "\nQc")) != NULL; at++)
        n += isxdigit((unsigned char)at[3]) && isxdigit((unsigned char)at[4]) && at[5] == ' ';
    return n;
}

/* Start of line 'number', counted from 1. */
static const char *line_at(const char *text, uint32_t number)
{
    while (text && --number > 0) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    return text;
}

/* An entry says where it is from: that line must begin with its tag and hold its words. */
static void check_entry(const char *name, const char *text, const struct ps_tag_info *info)
{
    const char *from = line_at(text, info->line);
    size_t n = from ? strcspn(from, "\n") : 0;
    const char *hit;

    if (n < 4) {
        wrong(name, "no such line for", info->description);
        return;
    }
    if (memmem(from, n, " through ", 9) && memcmp(from, "QUIC", 4) == 0)
        return;
    hit = memmem(from, n, info->description, strlen(info->description));
    if (!hit || !memmem(from, n, info->component, strlen(info->component)))
        wrong(name, "not the words of its line", info->description);
    for (unsigned i = 0; i < 4; i++) {
        if ((info->pattern.mask >> (8 * i) & 0xff) != 0 &&
            (unsigned char)from[i] != (info->pattern.value >> (8 * i) & 0xff))
            wrong(name, "not the tag of its line", info->description);
    }
}

/* The tag of every entry line is found, and by itself unless it has a wildcard. */
static void check_line(const char *name, const struct ps_tagdb *db, const char *line)
{
    uint32_t tag;
    uint32_t at;

    if (strncmp(line, "//", 2) == 0 || strncasecmp(line, "rem", 3) == 0 || strlen(line) < 8 ||
        line[4 + strspn(line + 4, " ")] != '-')
        return;
    memcpy(&tag, line, sizeof tag);
    at = ps_tagdb_find(db, tag);
    if (at == PS_TAG_UNKNOWN)
        wrong(name, "not found", line);
    else if (!memchr(line, '?', 4) && !memchr(line, '*', 4) &&
             ps_tagdb_at(db, at).pattern.mask != 0xffffffffu)
        wrong(name, "found by a wildcard only", line);
}

static void check_list(size_t i)
{
    const char *name = lists[i].name;
    struct ps_tagdb *db = NULL;
    struct ps_err err = {0};
    size_t n;
    char *text = read_list(name, &n);
    size_t want = lists[i].n_tags;

    if (strstr(text, "Qc00 through QcFF"))
        want += 256 - count_range_lines(text);
    if (ps_tagdb_new(&db, &err) < 0 || ps_tagdb_add_any(db, name, text, n, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    printf("%s: %zu tags\n", name, ps_tagdb_count(db));
    if (ps_tagdb_count(db) != want)
        wrong(name, "another number of tags than", "expected");
    for (uint32_t e = 0; e < ps_tagdb_count(db); e++) {
        const struct ps_tag_info info = ps_tagdb_at(db, e);

        check_entry(name, text, &info);
    }
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"))
        check_line(name, db, line);
    ps_tagdb_free(db);
    free(text);
}

/* Words in lower case, one blank around each, so that a run of words is a substring. A line end
 * stands by itself, so that no run crosses it. */
static char *words_of(const char *line)
{
    size_t n = strlen(line);
    char *words = malloc(3 * n + 3);
    size_t at = 0;

    if (!words)
        exit(1);
    words[at++] = ' ';
    for (size_t i = 0; i < n; i++) {
        if (isalnum((unsigned char)line[i]) || line[i] == '_')
            words[at++] = (char)tolower((unsigned char)line[i]);
        else if (words[at - 1] != ' ')
            words[at++] = ' ';
        if (line[i] == '\n') {
            words[at++] = '\n';
            words[at++] = ' ';
        }
    }
    if (words[at - 1] != ' ')
        words[at++] = ' ';
    words[at] = '\0';
    return words;
}

/* The end of 'n' words that start at the blank 'from', or NULL when there are fewer. */
static char *end_of_words(char *from, unsigned n)
{
    while (from && n-- > 0)
        from = strchr(from + 1, ' ');
    return from;
}

/* What follows the tag's dash, and what follows the next one: whichever of them is the description.
 * NULL where the line is no entry. */
static const char *after_dash(const char *text)
{
    text += strspn(text, " \t");
    return *text == '-' ? text + 1 : NULL;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The descriptions of a list as words, sorted. */
static size_t read_descriptions(char *text, char **words)
{
    size_t n = 0;

    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        const char *rest = strlen(line) > 4 ? after_dash(line + 4) : NULL;
        const char *dash = rest;

        while (dash && (dash = strchr(dash, '-')) != NULL && dash[-1] != ' ')
            dash++;
        if (rest && n + 2 <= 2 * MAX_LINES) {
            words[n++] = words_of(rest);
            words[n++] = words_of(dash ? dash + 1 : rest);
        }
    }
    qsort(words, n, sizeof *words, compare_texts);
    return n;
}

/* No description of ours is one of theirs, whatever its case and punctuation. */
static void check_whole(const struct ps_tagdb *db, char *text, const char *name)
{
    static char *theirs[2 * MAX_LINES];
    size_t n = read_descriptions(text, theirs);

    for (uint32_t i = 0; i < ps_tagdb_count(db); i++) {
        char *ours = words_of(ps_tagdb_at(db, i).description);

        if (bsearch(&ours, theirs, n, sizeof *theirs, compare_texts))
            wrong(name, "this description is theirs", ours);
        free(ours);
    }
    printf("%s: %zu descriptions compared\n", name, n / 2);
    for (size_t i = 0; i < n; i++)
        free(theirs[i]);
}

static unsigned check_own_words(const char *description, const char *theirs, const char *name)
{
    char *words = words_of(description);
    unsigned n_runs = 0;

    for (char *from = words; from; from = strchr(from + 1, ' ')) {
        char *end = end_of_words(from, RUN);
        char run[256];

        if (!end)
            break;
        snprintf(run, sizeof run, "%.*s", (int)(end - from + 1), from);
        if (strstr(theirs, run))
            wrong(name, "these words are theirs", run);
        n_runs++;
    }
    free(words);
    return n_runs;
}

static void check_words(void)
{
    struct ps_tagdb *db = NULL;
    struct ps_err err = {0};
    unsigned n_runs = 0;

    if (ps_tagdb_new(&db, &err) < 0 || ps_tagdb_add_builtin(db, &err) < 0)
        exit(1);
    for (size_t l = 0; l < N_LISTS; l++) {
        size_t n;
        char *text = read_list(lists[l].name, &n);
        char *theirs = words_of(text);

        if (!strstr(theirs, " pool allocations by kernel mode components "))
            wrong(lists[l].name, "words not found", "of its head");
        for (uint32_t i = 0; i < ps_tagdb_count(db); i++)
            n_runs += check_own_words(ps_tagdb_at(db, i).description, theirs, lists[l].name);
        free(theirs);
        check_whole(db, text, lists[l].name);
        free(text);
    }
    ps_tagdb_free(db);
    printf("%u runs of %u words compared\n", n_runs, RUN);
    if (n_runs < 100)
        wrong("tags/", "too few runs compared", "nothing to check");
}

static int compare_tags(const void *a, const void *b)
{
    return memcmp(a, b, 4);
}

/* The tags of a list, four characters each as they stand there, every one once. */
static size_t read_tags(char *text, char (*tags)[4])
{
    const int has_range = strstr(text, "Qc00 through QcFF") != NULL;
    size_t n = 0;
    size_t n_once = 0;

    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        if (strncmp(line, "//", 2) != 0 && strncasecmp(line, "rem ", 4) != 0 && strlen(line) > 4 &&
            after_dash(line + 4) && n < MAX_LINES)
            memcpy(tags[n++], line, 4);
    }
    for (unsigned i = 0; has_range && i < 256 && n < MAX_LINES; i++) {
        char range[5];

        snprintf(range, sizeof range, "Qc%02X", i);
        memcpy(tags[n++], range, 4);
    }
    qsort(tags, n, sizeof *tags, compare_tags);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || memcmp(tags[i], tags[n_once - 1], 4) != 0)
            memmove(tags[n_once++], tags[i], 4);
    }
    return n_once;
}

/* The pattern that four columns stand for. */
static struct ps_tag_pattern pattern_of(const char *tag)
{
    struct ps_tag_pattern p = {0, 0};
    int is_rest = 0;

    for (unsigned i = 0; i < 4; i++) {
        is_rest |= tag[i] == '*' && strspn(tag + i + 1, " ") >= 3 - i;
        if (!is_rest && tag[i] != '?') {
            p.value |= (uint32_t)(unsigned char)tag[i] << (8 * i);
            p.mask |= 0xffu << (8 * i);
        }
    }
    return p;
}

/* How many tags of a list do the built-in ones explain? */
static void check_coverage(size_t l, const struct ps_tagdb *db)
{
    static char tags[MAX_LINES][4];
    const char *name = lists[l].name;
    size_t n_text;
    char *text = read_list(name, &n_text);
    size_t n_known = 0;
    size_t n_wide = 0;
    size_t n = read_tags(text, tags);

    for (size_t i = 0; i < n; i++) {
        char tag[5] = "";
        struct ps_tag_pattern p;
        uint32_t at;

        memcpy(tag, tags[i], 4);
        p = pattern_of(tag);
        at = ps_tagdb_cover(db, p);
        if (at == PS_TAG_UNKNOWN) {
            printf("%s: not known: '%s'\n", name, tag);
            continue;
        }
        n_known++;
        n_wide += ps_tagdb_at(db, at).pattern.mask != p.mask;
    }
    printf("%s: %zu of %zu tags are known, %zu of them by a wider entry\n", name, n_known, n,
           n_wide);
    if (n < lists[l].n_tags)
        wrong(name, "fewer tags than", "expected");
    if ((double)n_known < LEAST_KNOWN * (double)n)
        wrong(name, "too few tags are known", "");
    free(text);
}

static void check_all_coverage(void)
{
    struct ps_tagdb *db = NULL;
    struct ps_err err = {0};

    if (ps_tagdb_new(&db, &err) < 0 || ps_tagdb_add_builtin(db, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    for (size_t i = 0; i < N_LISTS; i++)
        check_coverage(i, db);
    ps_tagdb_free(db);
}

int main(void)
{
    const char *shared = getenv("PS_SHARED");
    const char *source = getenv("PS_SOURCE");

    if (shared)
        snprintf(folder, sizeof folder, "%s/pooltag", shared);
    else
        snprintf(folder, sizeof folder, "%s/../shared/pooltag", source ? source : ".");
    if (access(folder, R_OK) != 0) {
        fprintf(stderr, "SKIPPED: %s is not there; set PS_SHARED\n", folder);
        return 77;
    }
    for (size_t i = 0; i < N_LISTS; i++)
        check_list(i);
    check_all_coverage();
    check_words();
    return n_wrong == 0 ? 0 : 1;
}
