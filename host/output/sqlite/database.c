#include "host/output/sqlite/database.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/image/spec.h"
#include "host/output/sqlite/sqlite.h"

/* Nobody else sees the file before it is complete, and a run that ends before is thrown away: no
 * journal, no locks, and one fsync, the sink's. The page size is fixed because the file's bytes
 * are. Free bytes in pages are zeros rather than what stood there. */
static const char begin[] = "PRAGMA page_size = 4096;"
                            "PRAGMA encoding = 'UTF-8';"
                            "PRAGMA auto_vacuum = NONE;"
                            "PRAGMA journal_mode = OFF;"
                            "PRAGMA synchronous = OFF;"
                            "PRAGMA locking_mode = EXCLUSIVE;"
                            "PRAGMA cache_size = -65536;"
                            "PRAGMA secure_delete = ON;"
                            "BEGIN;";

const char *ps_sqlite_version(void)
{
    return sqlite3_libversion();
}

int ps_database_fail(sqlite3 *db, struct ps_err *err)
{
    const char *what = db ? sqlite3_errmsg(db) : "out of memory";

    switch (db ? sqlite3_errcode(db) : SQLITE_NOMEM) {
    case SQLITE_NOMEM:
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the database");
    case SQLITE_FULL:
        return ps_fail(err, PS_EIO, PS_AT_NONE,
                       "cannot write the database: disk is full; free some space, or choose "
                       "another place with -o (its indexes are sorted in --temp-dir)");
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
        return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot write the database: %.100s (%.60s)", what,
                       strerror(sqlite3_system_errno(db)));
    case SQLITE_CANTOPEN:
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "cannot create the database: %.100s", what);
    default:
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "the database refuses: %.150s", what);
    }
}

/* A name that begins with a slash or a dot is never taken for a URI or a word of SQLite's own. */
static char *plain_name(const char *path)
{
    const size_t n = strlen(path) + 3;
    char *name = malloc(n);

    if (name)
        snprintf(name, n, "%s%s", *path == '/' ? "" : "./", path);
    return name;
}

/* SQLite would go elsewhere, without a word, where it cannot write. */
static int use_temp_dir(const char *dir, struct ps_err *err)
{
    const int is_place = dir && strcmp(dir, PS_NO_TEMP_DIR) != 0;

    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = NULL;
    if (!is_place)
        return 0;
    if (access(dir, W_OK | X_OK) < 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                       "the indexes of a database are sorted in %.100s: %s; name another directory "
                       "with --temp-dir",
                       dir, strerror(errno));
    sqlite3_temp_directory = sqlite3_mprintf("%s", dir);
    return sqlite3_temp_directory ? 0 : ps_database_fail(NULL, err);
}

static int open_database(sqlite3 **out, const char *path, struct ps_err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    char *name = plain_name(path);
    int rc;

    if (!name)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output's name");
    rc = sqlite3_open_v2(name, out, flags, "unix-none");
    free(name);
    return rc == SQLITE_OK ? 0 : ps_database_fail(*out, err);
}

int ps_database_create(sqlite3 **out, const struct ps_sink *sink, const char *temp_dir,
                       struct ps_err *err)
{
    const char *path = ps_sink_temp(sink);
    char pragma[128];
    int rc;

    if (!path)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--format sqlite makes a file: name a regular one with -o FILE");
    rc = use_temp_dir(temp_dir, err);
    if (rc == 0)
        rc = open_database(out, path, err);
    if (rc == 0 && temp_dir && strcmp(temp_dir, PS_NO_TEMP_DIR) == 0)
        rc = ps_database_run(*out, "PRAGMA temp_store = MEMORY", err);
    if (rc == 0)
        rc = ps_database_run(*out, begin, err);
    if (rc < 0)
        return rc;
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             PS_SQLITE_APPLICATION_ID, PS_SQLITE_SCHEMA);
    return ps_database_run(*out, pragma, err);
}

int ps_database_commit(sqlite3 *db, struct ps_err *err)
{
    return ps_database_run(db, "COMMIT", err);
}

void ps_database_close(sqlite3 *db)
{
    sqlite3_close(db);
}

int ps_database_run(sqlite3 *db, const char *sql, struct ps_err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ps_database_fail(db, err);
}

int ps_database_run_text(sqlite3 *db, struct ps_text *sql, struct ps_err *err)
{
    int rc;

    ps_text_add(sql, "", 1);
    rc = sql->failed ? ps_database_fail(NULL, err) : ps_database_run(db, sql->s, err);
    ps_text_free(sql);
    return rc;
}

int ps_database_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql, struct ps_err *err)
{
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
        return ps_database_fail(db, err);
    return 0;
}

int ps_database_step(sqlite3 *db, sqlite3_stmt *statement, struct ps_err *err)
{
    int rc = sqlite3_step(statement) == SQLITE_DONE ? 0 : ps_database_fail(db, err);

    sqlite3_reset(statement);
    return rc;
}

void ps_sql_add(struct ps_text *sql, const char *text)
{
    ps_text_add(sql, text, strlen(text));
}

void ps_sql_name(struct ps_text *sql, const char *name)
{
    ps_sql_add(sql, "\"");
    ps_sql_add(sql, name);
    ps_sql_add(sql, "\"");
}

int ps_sql_bind_number(sqlite3_stmt *statement, int at, const char *digits, size_t n)
{
    const int is_negative = n > 0 && *digits == '-';
    int64_t value = 0;

    for (size_t i = (size_t)is_negative; i < n; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digits[i] - '0', &value)) {
            value = INT64_MAX;
            break;
        }
    return sqlite3_bind_int64(statement, at, is_negative ? -value : value);
}
