#include "tools/compile_tags/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/tags/lists/formats.h"

#define MAX_FILE_BYTES ((size_t)4 << 20)

/* One file under way. */
struct reader {
    struct ps_lists *lists;
    const char *path;
    const char *name;
    int n_wrong;
};

/* tags/README.md says what they mean. */
static const char *const kinds[] = {
    "process",     "thread",   "job",     "object",   "handle",  "name",      "sync",   "timer",
    "security",    "memory",   "cache",   "pool",     "loader",  "io",        "file",   "device",
    "driver",      "filter",   "storage", "registry", "network", "ipc",       "window", "input",
    "file-system", "pnp",      "power",   "graphics", "usb",     "bluetooth", "audio",  "virtual",
    "trace",       "verifier", "dump",    "debug",    "",
};

static int is_kind(const char *word)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, kinds[i]) == 0)
            return 1;
    }
    return 0;
}

static void wrong(struct reader *r, uint32_t line, const char *why, const char *what)
{
    fprintf(stderr, "%s:%u: error: %s%s\n", r->path, line, why, what);
    r->n_wrong++;
}

static void check(struct reader *r, const struct ps_tag_info *info)
{
    if (!info->pool || !info->seen)
        wrong(r, info->line, "pool (np, pg, both, ?) and releases come behind the kind", "");
    if (!is_kind(info->kind))
        wrong(r, info->line, "not a kind of tags/README.md: ", info->kind);
    if (info->line > UINT16_MAX)
        wrong(r, info->line, "too many lines; split the list", "");
}

/* A ps_tag_sink. */
static int put(void *arg, const struct ps_tag_info *info, struct ps_err *err)
{
    struct reader *r = arg;
    struct ps_lists *lists = r->lists;

    check(r, info);
    if (lists->n == lists->cap) {
        size_t cap = lists->cap ? 2 * lists->cap : 1024;
        struct ps_tag_info *bigger = realloc(lists->entry, cap * sizeof *bigger);

        if (!bigger)
            return ps_fail(err, PS_ENOMEM, info->line, "out of memory");
        lists->entry = bigger;
        lists->cap = cap;
    }
    lists->entry[lists->n] = *info;
    lists->entry[lists->n++].source = r->name;
    return 0;
}

static char *read_text(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(MAX_FILE_BYTES + 1);
    int failed = !file || !text;

    if (!failed) {
        *n = fread(text, 1, MAX_FILE_BYTES, file);
        text[*n] = '\0';
        failed = ferror(file) || !feof(file);
    }
    if (file)
        fclose(file);
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}

static int read_list(struct ps_lists *lists, const char *root, const char *path)
{
    struct ps_list *list = &lists->list[lists->n_lists];
    struct reader r = {.lists = lists, .path = path};
    const struct ps_tag_sink sink = {.put = put, .arg = &r};
    size_t n_root = strlen(root);
    struct ps_err err = {0};
    size_t n_skipped;
    size_t n = 0;

    if (strncmp(path, root, n_root) != 0 || path[n_root] != '/') {
        wrong(&r, 0, "is not below ", root);
        return -1;
    }
    list->text = read_text(path, &n);
    list->name = strdup(path + n_root + 1);
    lists->n_lists++;
    if (!list->text || !list->name) {
        wrong(&r, 0, "cannot be read", "");
        return -1;
    }
    r.name = list->name;
    if (ps_tags_format_parse(&sink, r.name, (struct ps_span){list->text, n}, &n_skipped, &err) < 0)
        wrong(&r, (uint32_t)err.at, err.msg, "");
    return r.n_wrong == 0 ? 0 : -1;
}

static int compare(const void *a, const void *b)
{
    const struct ps_tag_info *x = a;
    const struct ps_tag_info *y = b;
    int order = ps_tag_pattern_compare(x->pattern, y->pattern);

    return order != 0 ? order : strcmp(x->source, y->source);
}

static int check_twice(const struct ps_lists *lists, const char *root)
{
    int rc = 0;

    for (size_t i = 1; i < lists->n; i++) {
        const struct ps_tag_info *a = &lists->entry[i - 1];
        const struct ps_tag_info *b = &lists->entry[i];

        if (ps_tag_pattern_compare(a->pattern, b->pattern) != 0)
            continue;
        fprintf(stderr, "%s/%s:%u: error: this tag is in %s, line %u, too\n", root, b->source,
                b->line, a->source, a->line);
        rc = -1;
    }
    return rc;
}

int ps_lists_read(struct ps_lists *lists, const char *root, char *const *path, size_t n_paths)
{
    int rc = 0;

    lists->list = calloc(n_paths, sizeof *lists->list);
    if (!lists->list) {
        fprintf(stderr, "compile_tags: out of memory\n");
        return -1;
    }
    for (size_t i = 0; i < n_paths; i++) {
        if (read_list(lists, root, path[i]) < 0)
            rc = -1;
    }
    if (rc < 0)
        return rc;
    if (lists->n == 0 || lists->n > UINT16_MAX) {
        fprintf(stderr, "%s: error: %zu tags; the table holds 1 to 65535\n", root, lists->n);
        return -1;
    }
    qsort(lists->entry, lists->n, sizeof *lists->entry, compare);
    return check_twice(lists, root);
}

void ps_lists_free(struct ps_lists *lists)
{
    for (size_t i = 0; i < lists->n_lists; i++) {
        free(lists->list[i].name);
        free(lists->list[i].text);
    }
    free(lists->list);
    free(lists->entry);
}
