#include "tests/accuracy/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *path, const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", path, what);
    exit(2);
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text;
    long n;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0)
        die(path, "cannot be read");
    rewind(f);
    text = malloc((size_t)n + 1);
    if (!text || fread(text, 1, (size_t)n, f) != (size_t)n)
        die(path, "cannot be read whole");
    text[n] = '\0';
    fclose(f);
    return text;
}

/* Where the value of a key begins; NULL when the line does not have it. */
static const char *value_of(const char *line, size_t n, const char *key)
{
    const char *at = memmem(line, n, key, strlen(key));

    return at ? at + strlen(key) : NULL;
}

static int is_null(const char *value)
{
    return !value || strncmp(value, "null", 4) == 0;
}

static int begins(const char *value, const char *with)
{
    return value && strncmp(value, with, strlen(with)) == 0;
}

/* A number, or one in hexadecimal between quotes. */
static uint64_t number(const char *value)
{
    if (!value)
        return 0;
    return strtoull(value[0] == '"' ? value + 1 : value, NULL, 0);
}

static int is_leftover(const struct ps_acc_leftovers *leftovers, uint32_t line)
{
    for (size_t i = 0; i < leftovers->n; i++)
        if (leftovers->line[i] == line)
            return 1;
    return 0;
}

/* Of the headers of the segment heap only these have a PreviousSize. */
static int is_second(const char *line, size_t n)
{
    const char *allocator = value_of(line, n, "\"Allocator\":\"");

    return (begins(allocator, "lfh") || begins(allocator, "vs")) &&
           number(value_of(line, n, "\"PreviousSize\":")) != 0;
}

/* The page is one of a process or of a file. */
static int is_anothers(const char *line, size_t n)
{
    const char *use = value_of(line, n, "\"PageUse\":\"");

    return begins(use, "process") || begins(use, "file");
}

static enum ps_acc_class planted_class(const char *line, size_t n, uint32_t number_of_line,
                                       const struct ps_acc_leftovers *leftovers)
{
    const char *state = value_of(line, n, "\"State\":\"");

    if (!is_null(value_of(line, n, "\"InBigPool\":")))
        return PS_ACC_CONTENT;
    if (begins(state, "decoy"))
        return PS_ACC_DECOY;
    if (begins(value_of(line, n, "\"Copy\":"), "true"))
        return PS_ACC_COPY;
    if (is_second(line, n))
        return PS_ACC_SECOND;
    if (is_leftover(leftovers, number_of_line) || is_anothers(line, n))
        return PS_ACC_LEFTOVER;
    if (begins(state, "free"))
        return PS_ACC_FREE;
    return begins(state, "stale") ? PS_ACC_STALE : PS_ACC_LIVE;
}

/* Place, tag and size. 0 when the line is no header. */
static int read_common(struct ps_acc_row *row, const char *line, size_t n)
{
    const char *offset = value_of(line, n, "\"Offset\":");
    const char *address = value_of(line, n, "\"Allocation\":");

    row->text = line;
    row->is_paged_out = (uint8_t)is_null(offset);
    if (row->is_paged_out && is_null(address))
        return 0;
    row->place = number(row->is_paged_out ? address : offset);
    row->tag = (uint32_t)number(value_of(line, n, "\"TagRaw\":"));
    row->n_bytes = (uint32_t)number(value_of(line, n, "\"NumberOfBytes\":"));
    return 1;
}

static int read_planted(struct ps_acc_row *row, const char *line, size_t n,
                        const struct ps_acc_leftovers *leftovers)
{
    if (value_of(line, n, "\"Kind\":") || !read_common(row, line, n))
        return 0;
    row->line = (uint32_t)number(value_of(line, n, "\"Line\":"));
    row->class = (uint8_t)planted_class(line, n, row->line, leftovers);
    return 1;
}

static int read_found(struct ps_acc_row *row, const char *line, size_t n)
{
    const char *status = value_of(line, n, "\"Status\":\"");

    if (!begins(value_of(line, n, "\"Source\":\""), "header") || !read_common(row, line, n))
        return 0;
    row->status = begins(status, "Allocated") ? PS_ACC_ALLOCATED
                  : begins(status, "Free")    ? PS_ACC_FREED
                  : begins(status, "Stale")   ? PS_ACC_STALE_STATUS
                                              : PS_ACC_UNKNOWN;
    row->confidence = (uint8_t)number(value_of(line, n, "\"Confidence\":"));
    if (row->confidence > 100)
        row->confidence = 100;
    return 1;
}

static int by_place(const void *left, const void *right)
{
    const struct ps_acc_row *a = left, *b = right;

    if (a->is_paged_out != b->is_paged_out)
        return a->is_paged_out < b->is_paged_out ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static void read_rows(struct ps_acc_rows *rows, const char *path,
                      const struct ps_acc_leftovers *leftovers)
{
    size_t n_lines = 0;

    *rows = (struct ps_acc_rows){.text = read_all(path)};
    for (const char *at = rows->text; (at = strchr(at, '\n')) != NULL; at++)
        n_lines++;
    rows->row = calloc(n_lines + 1, sizeof(*rows->row));
    if (!rows->row)
        die(path, "not enough memory");
    for (const char *at = rows->text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        struct ps_acc_row *row = &rows->row[rows->n];
        size_t n = (size_t)(end - at);

        if (leftovers ? read_planted(row, at, n, leftovers) : read_found(row, at, n))
            rows->n++;
    }
    qsort(rows->row, rows->n, sizeof(*rows->row), by_place);
}

void ps_acc_read_planted(struct ps_acc_rows *rows, const char *path,
                         const struct ps_acc_leftovers *leftovers)
{
    read_rows(rows, path, leftovers);
}

void ps_acc_read_found(struct ps_acc_rows *rows, const char *path)
{
    read_rows(rows, path, NULL);
}

void ps_acc_free(struct ps_acc_rows *rows)
{
    free(rows->row);
    free(rows->text);
    *rows = (struct ps_acc_rows){0};
}

void ps_acc_join(struct ps_acc_rows *planted, struct ps_acc_rows *found)
{
    for (size_t i = 0; i < found->n; i++) {
        struct ps_acc_row *f = &found->row[i];
        struct ps_acc_row *p =
            bsearch(f, planted->row, planted->n, sizeof(*planted->row), by_place);

        /* Bytes that are a tag and no header have no size. */
        if (!p || p->partner || p->tag != f->tag ||
            (p->class != PS_ACC_DECOY && p->n_bytes != f->n_bytes))
            continue;
        p->partner = f;
        f->partner = p;
    }
}

enum ps_acc_class ps_acc_class_of(const struct ps_acc_row *found)
{
    return found->partner ? (enum ps_acc_class)found->partner->class : PS_ACC_UNPLANNED;
}
