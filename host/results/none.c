/* A build without libsqlite3. */
#include "host/results/database.h"

int ps_result_database_read(const char *path, const struct ps_result_sink *sink, struct ps_err *err)
{
    (void)path;
    (void)sink;
    return ps_fail(err, PS_EARG, PS_AT_NONE,
                   "an SQLite database: this build lacks libsqlite3 (POOLSCAN_SQLITE)");
}
