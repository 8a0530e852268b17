/* The built-in tag database against the lists in tags/, read here anew: every line is found with
 * its fields, and random and nearly right tags are explained by the entry that a walk over all
 * lines chooses. Needs PS_SOURCE. */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/tags/tagdb.h"
#include "tests/support/rng.h"

#define MAX_ENTRIES 16384u
#define N_RANDOM    200000u

/* A line; texts of the fields, "" for ?. */
struct entry {
    unsigned char tag[4];
    int open[4];
    char text[512];
    const char *field[5]; /* component, kind, pool, seen, description */
    char source[256];
    unsigned line;
};

static struct entry *entries;
static size_t n_entries;
static int n_wrong;

static void wrong(const struct entry *e, const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", e->source, e->line, why);
    n_wrong++;
}

/* Only what the lists hold: no escapes. */
static char *read_tag(struct entry *e)
{
    int is_quoted = e->text[0] == '"';
    char *from = e->text + is_quoted;
    size_t n = is_quoted ? strcspn(from, "\"") : strcspn(from, " ");
    int is_rest = 0;

    for (size_t i = 0; i < 4; i++) {
        is_rest |= i < n && from[i] == '*' && strspn(from + i + 1, " ") >= n - i - 1;
        e->open[i] = is_rest || (i < n && from[i] == '?');
        e->tag[i] = i < n ? (unsigned char)from[i] : ' ';
    }
    return from + n + is_quoted;
}

static void read_line(const char *source, unsigned line, const char *text)
{
    struct entry *e = &entries[n_entries];
    char *rest;

    if (n_entries == MAX_ENTRIES) {
        fprintf(stderr, "more tags than this test holds\n");
        exit(1);
    }
    snprintf(e->source, sizeof e->source, "%s", source);
    snprintf(e->text, sizeof e->text, "%s", text);
    e->line = line;
    rest = read_tag(e);
    for (int i = 0; i < 5; i++) {
        char *field = rest + strspn(rest, " ");

        rest = i == 4 ? field + strlen(field) : field + strcspn(field, " ");
        if (*rest)
            *rest++ = '\0';
        e->field[i] = strcmp(field, "?") == 0 ? "" : field;
    }
    n_entries++;
}

static void read_list(const char *path, const char *source)
{
    FILE *file = fopen(path, "r");
    char text[512];
    unsigned line = 0;

    if (!file) {
        perror(path);
        exit(1);
    }
    while (fgets(text, sizeof text, file)) {
        line++;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] && text[0] != '#')
            read_line(source, line, text);
    }
    fclose(file);
}

static int is_same(const struct ps_tag_info *info, const struct entry *e)
{
    for (unsigned i = 0; i < 4; i++) {
        if ((info->pattern.mask >> (8 * i) & 0xff) != (e->open[i] ? 0u : 0xffu) ||
            (info->pattern.value >> (8 * i) & 0xff) != (e->open[i] ? 0u : e->tag[i]))
            return 0;
    }
    return strcmp(info->component, e->field[0]) == 0 && strcmp(info->kind, e->field[1]) == 0 &&
           strcmp(info->pool, e->field[2]) == 0 && strcmp(info->seen, e->field[3]) == 0 &&
           strcmp(info->description, e->field[4]) == 0 && strcmp(info->source, e->source) == 0 &&
           info->line == e->line;
}

/* More fixed bytes, then more before the first open one, then earlier ones. */
static int is_better(const struct entry *a, const struct entry *b)
{
    int fixed[2] = {0, 0};
    int prefix[2] = {0, 0};

    for (int i = 0; i < 4; i++) {
        prefix[0] += prefix[0] == i && !a->open[i];
        prefix[1] += prefix[1] == i && !b->open[i];
        fixed[0] += !a->open[i];
        fixed[1] += !b->open[i];
    }
    if (fixed[0] != fixed[1])
        return fixed[0] > fixed[1];
    if (prefix[0] != prefix[1])
        return prefix[0] > prefix[1];
    for (int i = 0; i < 4; i++) {
        if (a->open[i] != b->open[i])
            return b->open[i];
    }
    return 0;
}

static int matches(const struct entry *e, const unsigned char *tag)
{
    for (unsigned i = 0; i < 4; i++) {
        if (e->open[i] ? tag[i] < 0x20 || tag[i] > 0x7e : tag[i] != e->tag[i])
            return 0;
    }
    return 1;
}

static const struct entry *walk(const unsigned char *tag)
{
    const struct entry *best = NULL;

    for (size_t i = 0; i < n_entries; i++) {
        if (matches(&entries[i], tag) && (!best || is_better(&entries[i], best)))
            best = &entries[i];
    }
    return best;
}

static int check_tag(const struct ps_tagdb *db, const unsigned char *bytes)
{
    const struct entry *want = walk(bytes);
    unsigned char plain[4];
    struct ps_tag_info info;
    uint32_t tag;
    uint32_t at;

    memcpy(plain, bytes, 4);
    plain[3] &= 0x7f;
    if (!want)
        want = walk(plain);
    memcpy(&tag, bytes, 4);
    at = ps_tagdb_find(db, tag);
    if (at != PS_TAG_UNKNOWN)
        info = ps_tagdb_at(db, at);
    if (want ? at == PS_TAG_UNKNOWN || !is_same(&info, want) : at != PS_TAG_UNKNOWN) {
        fprintf(stderr, "0x%08" PRIx32 ": not explained by %s\n", tag,
                want ? want->text : "nothing");
        n_wrong++;
    }
    return want != NULL;
}

static void check_lines(const struct ps_tagdb *db)
{
    for (size_t i = 0; i < n_entries; i++) {
        const struct entry *e = &entries[i];
        struct ps_tag_pattern p = {0, 0};
        struct ps_tag_info info;
        uint32_t at;

        for (unsigned b = 0; b < 4; b++) {
            p.mask |= (e->open[b] ? 0u : 0xffu) << (8 * b);
            p.value |= (e->open[b] ? 0u : (uint32_t)e->tag[b]) << (8 * b);
        }
        at = ps_tagdb_cover(db, p);
        if (at == PS_TAG_UNKNOWN) {
            wrong(e, "not found");
            continue;
        }
        info = ps_tagdb_at(db, at);
        if (!is_same(&info, e))
            wrong(e, "found with other fields");
    }
    if (ps_tagdb_count(db) != n_entries) {
        fprintf(stderr, "%zu entries, %zu lines\n", ps_tagdb_count(db), n_entries);
        n_wrong++;
    }
}

/* A tag of a line, of which a byte is another, or any four bytes. */
static void make_tag(struct rng *rng, unsigned char *tag)
{
    const struct entry *e = &entries[rng_below(rng, (uint32_t)n_entries)];

    for (unsigned i = 0; i < 4; i++)
        tag[i] = e->open[i] ? (unsigned char)(0x20 + rng_below(rng, 0x5f)) : e->tag[i];
    switch (rng_below(rng, 5)) {
    case 0:
        break;
    case 1:
        tag[3] |= 0x80;
        break;
    case 2:
        tag[rng_below(rng, 4)] = (unsigned char)(0x20 + rng_below(rng, 0x5f));
        break;
    case 3:
        tag[rng_below(rng, 4)] ^= (unsigned char)(1u << rng_below(rng, 8));
        break;
    default:
        for (unsigned i = 0; i < 4; i++)
            tag[i] = (unsigned char)rng_below(rng, 256);
    }
}

static void check_random(const struct ps_tagdb *db)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed);
    unsigned n_known = 0;

    for (unsigned i = 0; i < N_RANDOM && n_wrong < 20; i++) {
        unsigned char tag[4];

        make_tag(&rng, tag);
        n_known += check_tag(db, tag) != 0;
    }
    printf("%u of %u random tags are known\n", n_known, N_RANDOM);
    if (n_wrong != 0)
        fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    if (n_known < N_RANDOM / 10 || n_known > N_RANDOM - N_RANDOM / 10)
        n_wrong++;
}

int main(void)
{
    const char *root = getenv("PS_SOURCE");
    struct ps_tagdb *db = NULL;
    struct ps_err err = {0};
    char pattern[4096];
    glob_t found;

    entries = calloc(MAX_ENTRIES, sizeof *entries);
    snprintf(pattern, sizeof pattern, "%s/tags/*/*.tags", root ? root : ".");
    if (!entries || glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "%s: nothing there; set PS_SOURCE\n", pattern);
        return 1;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_list(found.gl_pathv[i], found.gl_pathv[i] + strlen(pattern) - strlen("*/*.tags"));
    globfree(&found);
    if (ps_tagdb_new(&db, &err) < 0 || ps_tagdb_add_builtin(db, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    check_lines(db);
    check_random(db);
    ps_tagdb_free(db);
    printf("%zu lines, %d wrong\n", n_entries, n_wrong);
    free(entries);
    return n_wrong == 0 && n_entries >= 150 ? 0 : 1;
}
