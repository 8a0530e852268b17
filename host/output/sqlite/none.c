/* A build without libsqlite3. */
#include "host/output/sqlite/sqlite.h"
#include "host/output/writer.h"

const char *ps_sqlite_version(void)
{
    return NULL;
}

static int fail(struct ps_err *err)
{
    return ps_fail(
        err, PS_EARG, PS_AT_NONE,
        "--format sqlite: this build lacks libsqlite3 (POOLSCAN_SQLITE); use jsonl or csv");
}

int ps_sqlite_listing(const struct ps_listing *l, struct ps_sink *sink, struct ps_err *err)
{
    (void)l;
    (void)sink;
    return fail(err);
}

static int open(struct ps_writer *w, struct ps_err *err)
{
    (void)w;
    return fail(err);
}

const struct ps_writer_ops ps_writer_sqlite = {.name = "sqlite", .open = open};
