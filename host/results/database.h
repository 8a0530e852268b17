/* A result that is an SQLite database, read back. */
#ifndef PS_HOST_RESULTS_DATABASE_H
#define PS_HOST_RESULTS_DATABASE_H

#include "host/results/result.h"
#include "scan/err.h"

/* Give all rows of a database of scan, find, merge or used to the sink, as ps_result_read does. The
 * file may be damaged or hostile: nothing in it is run, and no more rows are taken than it has
 * bytes. PS_EFORMAT for what is no such database; PS_EARG in a build without libsqlite3;
 * what the sink failed with. The message does not name the file. */
int ps_result_database_read(const char *path, const struct ps_result_sink *sink,
                            struct ps_err *err);

#endif
