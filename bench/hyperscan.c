#include "bench/others.h"

#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TAGS   8192u
#define LIST_BYTES 2097152u

struct hs_job {
    hs_database_t *database;
    hs_scratch_t *scratch;
};

struct list {
    char *text; /* the lines, cut apart */
    const char *line[MAX_TAGS];
    size_t n_bytes[MAX_TAGS];
    unsigned flags[MAX_TAGS];
    unsigned id[MAX_TAGS];
    unsigned n;
};

static int read_lines(struct list *list, const char *path, unsigned flags, struct ps_err *err)
{
    FILE *in = fopen(path, "rb");
    size_t n;

    list->text = calloc(1, LIST_BYTES);
    if (!in || !list->text) {
        if (in)
            fclose(in);
        return ps_fail(err, PS_EIO, PS_AT_NONE, "%.100s: cannot read it", path);
    }
    n = fread(list->text, 1, LIST_BYTES - 1, in);
    fclose(in);
    for (char *at = list->text; at < list->text + n && list->n < MAX_TAGS;) {
        char *end = strchr(at, '\n');

        if (!end)
            break;
        *end = 0;
        list->line[list->n] = at;
        list->n_bytes[list->n] = (size_t)(end - at);
        list->flags[list->n] = flags;
        list->id[list->n] = list->n;
        list->n++;
        at = end + 1;
    }
    return 0;
}

static int compile(struct hs_job *job, const struct list *list, int literal, struct ps_err *err)
{
    hs_compile_error_t *why = NULL;
    hs_error_t rc;

    if (literal)
        rc = hs_compile_lit_multi(list->line, list->flags, list->id, list->n_bytes, list->n,
                                  HS_MODE_BLOCK, NULL, &job->database, &why);
    else
        rc = hs_compile_multi(list->line, list->flags, list->id, list->n, HS_MODE_BLOCK, NULL,
                              &job->database, &why);
    if (rc == HS_SUCCESS)
        rc = hs_alloc_scratch(job->database, &job->scratch);
    if (rc == HS_SUCCESS)
        return 0;
    ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "Hyperscan refuses the tags: %.100s",
            why ? why->message : "no memory");
    hs_free_compile_error(why);
    return -PS_EINTERNAL;
}

int hs_job_new(struct hs_job **out, const char *fixed, const char *regex, struct ps_err *err)
{
    struct hs_job *job = calloc(1, sizeof *job);
    struct list *list = calloc(1, sizeof *list);
    int rc = job && list ? read_lines(list, fixed ? fixed : regex, fixed ? 0 : HS_FLAG_DOTALL, err)
                         : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    if (rc == 0)
        rc = compile(job, list, fixed != NULL, err);
    if (list)
        free(list->text);
    free(list);
    if (rc < 0)
        hs_job_free(job);
    else
        *out = job;
    return rc;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    (void)id;
    (void)from;
    (void)to;
    (void)flags;
    ++*(uint64_t *)context;
    return 0;
}

int hs_job_scan(struct hs_job *job, const uint8_t *mem, size_t n_bytes, uint64_t *n_matches,
                struct ps_err *err)
{
    const size_t step = (size_t)64 << 20;

    *n_matches = 0;
    for (size_t at = 0; at < n_bytes; at += step) {
        size_t n = n_bytes - at < step ? n_bytes - at : step;

        if (hs_scan(job->database, (const char *)mem + at, (unsigned)n, 0, job->scratch, on_match,
                    n_matches) != HS_SUCCESS)
            return ps_fail(err, PS_EINTERNAL, at, "Hyperscan failed");
    }
    return 0;
}

void hs_job_free(struct hs_job *job)
{
    if (!job)
        return;
    hs_free_scratch(job->scratch);
    hs_free_database(job->database);
    free(job);
}

const char *hs_version_text(void)
{
    return hs_version();
}
