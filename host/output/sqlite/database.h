/* One new database: created in the temporary file of a sink, filled in one transaction. Private to
 * this folder. Failures are PS_ENOMEM, PS_EIO with what the disk said, PS_ECREATE when the
 * file cannot be opened, PS_EINTERNAL for anything that the caller got wrong. */
#ifndef PS_HOST_OUTPUT_SQLITE_DATABASE_H
#define PS_HOST_OUTPUT_SQLITE_DATABASE_H

#include <sqlite3.h>

#include "host/output/sink/sink.h"
#include "host/output/text.h"
#include "scan/err.h"

/* Open the sink's file as an empty database and begin the transaction. What is too large to be
 * sorted in 64 MiB goes to a nameless file in 'temp_dir': NULL, where SQLite likes it ($TMPDIR,
 * /var/tmp, /tmp, the current one, the first that can be written to); PS_NO_TEMP_DIR, stays in
 * memory. PS_EARG when the sink has no file of its own; PS_ECREATE when no file can be made in
 * temp_dir. *out is to be closed with ps_database_close also after a failure. One database at a
 * time: the place is one for the process. */
int ps_database_create(sqlite3 **out, const struct ps_sink *sink, const char *temp_dir,
                       struct ps_err *err);

/* End the transaction and hand all of it to the operating system. */
int ps_database_commit(sqlite3 *db, struct ps_err *err);

/* Accepts NULL; all statements are finalized before. */
void ps_database_close(sqlite3 *db);

/* Run statements that give no rows; the same of a text that was built, which is freed. */
int ps_database_run(sqlite3 *db, const char *sql, struct ps_err *err);
int ps_database_run_text(sqlite3 *db, struct ps_text *sql, struct ps_err *err);
int ps_database_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql, struct ps_err *err);

/* Run a statement that gives no rows, and make it ready for the next values. */
int ps_database_step(sqlite3 *db, sqlite3_stmt *statement, struct ps_err *err);

/* What went wrong last, in 'db', as an error. */
int ps_database_fail(sqlite3 *db, struct ps_err *err);

/* Add a name to SQL, in quotes. */
void ps_sql_name(struct ps_text *sql, const char *name);
void ps_sql_add(struct ps_text *sql, const char *text);

/* Bind n digits, of which the first may be a minus. A number that has no room in 63 bits, which
 * only forged structures have, becomes the largest that has. */
int ps_sql_bind_number(sqlite3_stmt *statement, int at, const char *digits, size_t n);

#endif
