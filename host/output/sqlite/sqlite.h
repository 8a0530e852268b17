/* Results as an SQLite database. docs/OUTPUT.md, "SQLite", has the tables. The bytes of the file
 * depend on the results and the version of libsqlite3, and on nothing else. A build without
 * libsqlite3 (none.c) has the same functions, which fail with PS_EARG and say so. The writer of
 * findings is ps_writer_sqlite (host/output/writer.h). */
#ifndef PS_HOST_OUTPUT_SQLITE_SQLITE_H
#define PS_HOST_OUTPUT_SQLITE_SQLITE_H

#include "host/output/listing.h"
#include "host/output/sink/sink.h"
#include "scan/err.h"

/* PRAGMA application_id of every database that poolscan writes, the characters "Pool", and
 * user_version, which grows when a table changes. */
#define PS_SQLITE_APPLICATION_ID 0x506f6f6c
#define PS_SQLITE_SCHEMA         1

/* Version of libsqlite3, NULL in a build without it. */
const char *ps_sqlite_version(void);

/* Write the list as a table of the name l->name. The sink must have a temporary file (else PS_EARG)
 * and is closed by the caller. PS_ENOMEM; PS_EIO when writing fails. */
int ps_sqlite_listing(const struct ps_listing *l, struct ps_sink *sink, struct ps_err *err);

#endif
