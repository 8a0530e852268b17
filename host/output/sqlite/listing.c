/* A list as a table of an SQLite database. */
#include <stdlib.h>
#include <string.h>

#include "host/output/sqlite/database.h"
#include "host/output/sqlite/sqlite.h"

static const char *table_of(const struct ps_listing *l)
{
    return l->name ? l->name : "list";
}

/* A literal may be a number, or true or false. */
static const char *const column_types[] = {
    [PS_COLUMN_TEXT] = " TEXT",   [PS_COLUMN_LITERAL] = " ANY",  [PS_COLUMN_BYTES] = " INTEGER",
    [PS_COLUMN_HEX] = " INTEGER", [PS_COLUMN_MARK] = " INTEGER", [PS_COLUMN_LIST] = " TEXT",
};

static int create_table(sqlite3 *db, const struct ps_listing *l, struct ps_err *err)
{
    struct ps_text sql = {0};

    ps_sql_add(&sql, "CREATE TABLE ");
    ps_sql_name(&sql, table_of(l));
    ps_sql_add(&sql, " (\"Row\" INTEGER PRIMARY KEY");
    for (size_t i = 0; i < l->n_columns; i++) {
        ps_sql_add(&sql, ", ");
        ps_sql_name(&sql, l->column[i].name);
        ps_sql_add(&sql, column_types[l->column[i].kind]);
    }
    ps_sql_add(&sql, ") STRICT;"
                     "CREATE TABLE meta (Name TEXT PRIMARY KEY, Value ANY NOT NULL) "
                     "STRICT, WITHOUT ROWID");
    return ps_database_run_text(db, &sql, err);
}

static int prepare_insert(sqlite3 *db, sqlite3_stmt **out, const struct ps_listing *l,
                          struct ps_err *err)
{
    struct ps_text sql = {0};
    int rc;

    ps_sql_add(&sql, "INSERT INTO ");
    ps_sql_name(&sql, table_of(l));
    ps_sql_add(&sql, " VALUES (?");
    for (size_t i = 0; i < l->n_columns; i++)
        ps_sql_add(&sql, ", ?");
    ps_text_add(&sql, ")", sizeof ")");
    rc = sql.failed ? ps_database_fail(NULL, err) : ps_database_prepare(db, out, sql.s, err);
    ps_text_free(&sql);
    return rc;
}

static int is_digits(const char *s)
{
    s += *s == '-';
    return *s && s[strspn(s, "0123456789")] == '\0';
}

/* Text is made valid UTF-8 as in the other formats. */
static int bind_text(sqlite3_stmt *insert, int at, const char *cell, struct ps_err *err)
{
    struct ps_text clean = {0};
    int rc = 0;

    ps_text_add_utf8(&clean, cell, PS_TEXT_READABLE);
    if (clean.failed || sqlite3_bind_text(insert, at, clean.s ? clean.s : "", (int)clean.n,
                                          SQLITE_TRANSIENT) != SQLITE_OK)
        rc = ps_database_fail(NULL, err);
    ps_text_free(&clean);
    return rc;
}

static int bind_cell(sqlite3_stmt *insert, int at, enum ps_column_kind kind, const char *cell,
                     struct ps_err *err)
{
    const int is_text = kind == PS_COLUMN_TEXT || kind == PS_COLUMN_LIST;

    if (!cell)
        sqlite3_bind_null(insert, at);
    else if (!is_text && (strcmp(cell, "true") == 0 || strcmp(cell, "false") == 0))
        sqlite3_bind_int(insert, at, *cell == 't');
    else if (!is_text && is_digits(cell))
        ps_sql_bind_number(insert, at, cell, strlen(cell));
    else
        return bind_text(insert, at, cell, err);
    return 0;
}

static int insert_rows(sqlite3 *db, sqlite3_stmt *insert, const struct ps_listing *l,
                       struct ps_err *err)
{
    int rc = 0;

    for (size_t row = 0; row < l->n_rows && rc == 0; row++) {
        const char *const *cell = l->row ? l->row(l->arg, row) : l->cell + row * l->n_columns;

        sqlite3_bind_int64(insert, 1, (int64_t)row + 1);
        for (size_t i = 0; i < l->n_columns && rc == 0; i++)
            rc = bind_cell(insert, (int)i + 2, l->column[i].kind, cell[i], err);
        if (rc == 0)
            rc = ps_database_step(db, insert, err);
    }
    return rc;
}

static int insert_meta(sqlite3 *db, const struct ps_listing *l, struct ps_err *err)
{
    char sql[256];

    sqlite3_snprintf(sizeof sql, sql,
                     "INSERT INTO meta VALUES ('Content', %Q), ('Schema', %d), "
                     "('Program', 'poolscan %s'), ('Rows', %lld)",
                     table_of(l), PS_SQLITE_SCHEMA, PS_VERSION, (long long)l->n_rows);
    return ps_database_run(db, sql, err);
}

static int fill(sqlite3 *db, const struct ps_listing *l, struct ps_err *err)
{
    sqlite3_stmt *insert = NULL;
    int rc = create_table(db, l, err);

    if (rc == 0)
        rc = prepare_insert(db, &insert, l, err);
    if (rc == 0)
        rc = insert_rows(db, insert, l, err);
    sqlite3_finalize(insert);
    if (rc == 0)
        rc = insert_meta(db, l, err);
    return rc < 0 ? rc : ps_database_commit(db, err);
}

int ps_sqlite_listing(const struct ps_listing *l, struct ps_sink *sink, struct ps_err *err)
{
    sqlite3 *db = NULL;
    int rc = ps_database_create(&db, sink, NULL, err);

    if (rc == 0)
        rc = fill(db, l, err);
    ps_database_close(db);
    return rc;
}
