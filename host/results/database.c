#include "host/results/database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/cancel.h"
#include "kernels/pool_header.h"

/* A question to the user's wish to stop after so many steps of SQLite. */
#define STEPS_PER_CHECK 100000
/* No value that counts is longer, nor is any statement here. */
#define MAX_VALUE_BYTES 100000

struct reader {
    sqlite3 *db;
    sqlite3_stmt *select;
    const struct ps_result_sink *sink;
    struct ps_err *err;
    uint64_t max_rows;
};

enum { TAG_RAW, PROTECTED, STATUS, POOL, BYTES, CONFIDENCE, IN_BIG, OFFSET };

static const char select_findings[] =
    "SELECT tags.TagRaw, tags.Protected, findings.Status, findings.Pool, findings.NumberOfBytes, "
    "findings.Confidence, findings.InBigPool, findings.Offset "
    "FROM findings CROSS JOIN tags ON tags.rowid = findings.TagNumber";

enum { USED_TAG, NP_DIFF, P_DIFF, NP_USED, P_USED, HEADERS, HEADER_BYTES, BIG, BIG_BYTES };

static const char select_used[] =
    "SELECT Tag, NonPagedDiff, PagedDiff, NonPagedUsed, PagedUsed, HeaderBlocks, HeaderBytes, "
    "BigAllocations, BigBytes FROM used";

static int fail(struct reader *r)
{
    if (r->err->code != PS_OK)
        return -r->err->code;
    if (sqlite3_errcode(r->db) == SQLITE_NOMEM)
        return ps_fail(r->err, PS_ENOMEM, PS_AT_NONE, "out of memory for reading a result");
    return ps_fail(r->err, PS_EFORMAT, PS_AT_NONE,
                   "no database of scan, find or used with --format sqlite, or damaged: %.80s",
                   sqlite3_errmsg(r->db));
}

static int on_progress(void *arg)
{
    struct reader *r = arg;

    return ps_cancel_check(r->err) < 0;
}

/* Only reading, and only what is needed for it: a statement of ours on a schema of theirs. */
static int authorize(void *arg, int action, const char *a, const char *b, const char *c,
                     const char *trigger_or_view)
{
    (void)arg, (void)a, (void)b, (void)c;
    if (trigger_or_view)
        return SQLITE_DENY;
    return action == SQLITE_SELECT || action == SQLITE_READ ? SQLITE_OK : SQLITE_DENY;
}

static int open_database(struct reader *r, const char *path)
{
    const size_t n = strlen(path) + 3;
    char *name = malloc(n);
    struct stat st;
    int rc;

    if (!name)
        return ps_fail(r->err, PS_ENOMEM, PS_AT_NONE, "out of memory for reading a result");
    snprintf(name, n, "%s%s", *path == '/' ? "" : "./", path);
    rc = sqlite3_open_v2(name, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, "unix-none");
    free(name);
    if (rc != SQLITE_OK || stat(path, &st) < 0)
        return fail(r);
    r->max_rows = (uint64_t)st.st_size;
    sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_progress_handler(r->db, STEPS_PER_CHECK, on_progress, r);
    if (sqlite3_exec(r->db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", NULL, NULL,
                     NULL) != SQLITE_OK)
        return fail(r);
    sqlite3_set_authorizer(r->db, authorize, r);
    return 0;
}

static const char *text_of(const struct reader *r, int column)
{
    const unsigned char *text = sqlite3_column_text(r->select, column);

    return text ? (const char *)text : "";
}

/* Numbers below zero, and what is no number, count as nothing. */
static uint64_t number_of(const struct reader *r, int column)
{
    const sqlite3_int64 n = sqlite3_column_int64(r->select, column);

    return n < 0 ? 0 : (uint64_t)n;
}

static uint64_t sum_of(const struct reader *r, int a, int b)
{
    return number_of(r, a) + number_of(r, b);
}

static int take_finding(struct reader *r)
{
    const char *status = text_of(r, STATUS), *pool = text_of(r, POOL), *raw = text_of(r, TAG_RAW);
    const int is_freed = strcmp(status, "Free") == 0 || strcmp(status, "Stale") == 0;
    struct ps_result_row row = {.n_live = !is_freed, .n_freed = is_freed != 0};

    if (strlen(raw) != 10 || strspn(raw + 2, "0123456789abcdef") != 8)
        return ps_fail(r->err, PS_EFORMAT, PS_AT_NONE, "a TagRaw is not 0x and eight digits");
    if (sqlite3_column_type(r->select, IN_BIG) != SQLITE_NULL ||
        number_of(r, CONFIDENCE) < r->sink->min_confidence)
        return 0;
    row.tag = (uint32_t)strtoul(raw, NULL, 16);
    if (number_of(r, PROTECTED))
        row.tag &= ~PS_TAG_PROTECTED;
    row.pools = strncmp(pool, "Paged", 5) == 0      ? PS_RESULT_PAGED
                : strncmp(pool, "NonPaged", 8) == 0 ? PS_RESULT_NONPAGED
                                                    : 0;
    row.offset = sqlite3_column_type(r->select, OFFSET) == SQLITE_NULL
                     ? PS_RESULT_NOWHERE
                     : strtoull(text_of(r, OFFSET), NULL, 16);
    row.n_bytes = is_freed ? 0 : number_of(r, BYTES);
    row.n_found = row.n_live;
    row.n_found_bytes = row.n_bytes;
    return r->sink->row(r->sink->arg, &row, r->err);
}

static int take_used(struct reader *r)
{
    struct ps_result_row row = {
        .offset = PS_RESULT_NOWHERE,
        .has_counted = sqlite3_column_type(r->select, NP_DIFF) != SQLITE_NULL,
        .n_found = sum_of(r, HEADERS, BIG),
        .n_found_bytes = sum_of(r, HEADER_BYTES, BIG_BYTES),
    };

    if (!ps_result_parse_tag(text_of(r, USED_TAG), &row.tag))
        return ps_fail(r->err, PS_EFORMAT, PS_AT_NONE, "a Tag is not four bytes");
    row.n_live = row.has_counted ? sum_of(r, NP_DIFF, P_DIFF) : row.n_found;
    row.n_bytes = row.has_counted ? sum_of(r, NP_USED, P_USED) : row.n_found_bytes;
    return r->sink->row(r->sink->arg, &row, r->err);
}

static int take_rows(struct reader *r, int (*take)(struct reader *r))
{
    int step;
    int rc = 0;

    for (uint64_t n = 0; rc >= 0 && (step = sqlite3_step(r->select)) != SQLITE_DONE; n++) {
        if (step != SQLITE_ROW)
            return fail(r);
        if (n >= r->max_rows)
            return ps_fail(r->err, PS_EFORMAT, PS_AT_NONE,
                           "a damaged database: more rows than it has room for");
        rc = take(r);
    }
    return rc;
}

static int read_open(struct reader *r)
{
    int rc;

    if (sqlite3_prepare_v2(r->db, select_findings, -1, &r->select, NULL) == SQLITE_OK)
        rc = take_rows(r, take_finding);
    else if (sqlite3_prepare_v2(r->db, select_used, -1, &r->select, NULL) == SQLITE_OK)
        rc = take_rows(r, take_used);
    else
        rc = fail(r);
    sqlite3_finalize(r->select);
    return rc;
}

int ps_result_database_read(const char *path, const struct ps_result_sink *sink, struct ps_err *err)
{
    struct reader r = {.sink = sink, .err = err};
    int rc;

    err->code = PS_OK;
    rc = open_database(&r, path);
    if (rc == 0)
        rc = read_open(&r);
    sqlite3_close(r.db);
    return rc;
}
