/* Databases read back with libsqlite3 and compared, value by value, with the JSON Lines of the same
 * findings, which jansson reads. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/output/listing.h"
#include "tests/support/output_run.h"
#include "tests/support/random_findings.h"
#include "tests/support/tmpdir.h"

#define N_FINDINGS 3000u

/* An in-memory database of the bytes of a file, which it takes. */
static sqlite3 *open_bytes(char *bytes, size_t n)
{
    unsigned char *own = sqlite3_malloc64(n);
    sqlite3 *db = NULL;

    cr_assert_not_null(own);
    memcpy(own, bytes, n);
    free(bytes);
    cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
    cr_assert_eq(sqlite3_deserialize(db, "main", own, (sqlite3_int64)n, (sqlite3_int64)n,
                                     SQLITE_DESERIALIZE_FREEONCLOSE),
                 SQLITE_OK);
    return db;
}

static sqlite3_stmt *query(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;

    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    return s;
}

/* The one value of a query, as text. */
static void expect_value(sqlite3 *db, const char *sql, const char *want)
{
    sqlite3_stmt *s = query(db, sql);

    cr_assert_eq(sqlite3_step(s), SQLITE_ROW, "%s: no row", sql);
    cr_assert_str_eq((const char *)sqlite3_column_text(s, 0), want, "%s", sql);
    cr_assert_eq(sqlite3_step(s), SQLITE_DONE, "%s: a second row", sql);
    sqlite3_finalize(s);
}

static sqlite3 *run_cases(const struct ps_tagdb *tags, const struct output_case *c, size_t n)
{
    size_t n_bytes = 0;
    char *bytes = output_run("sqlite", tags, c, n, &n_bytes);
    sqlite3 *db = open_bytes(bytes, n_bytes);

    expect_value(db, "PRAGMA integrity_check", "ok");
    expect_value(db, "PRAGMA application_id", "1349480300");
    expect_value(db, "PRAGMA user_version", "1");
    expect_value(db, "PRAGMA page_size", "4096");
    expect_value(db, "SELECT Value FROM meta WHERE Name = 'Content'", "findings");
    return db;
}

static void join_list(const json_t *list, char *text, size_t n)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(list); i++)
        used += (size_t)snprintf(text + used, n - used, "%s%s", i ? "|" : "",
                                 json_string_value(json_array_get(list, i)));
}

static void check_value(sqlite3_stmt *s, int column, const json_t *want, size_t row)
{
    const char *name = sqlite3_column_name(s, column);
    const int type = sqlite3_column_type(s, column);
    char list[1024];

    if (json_is_null(want)) {
        cr_assert_eq(type, SQLITE_NULL, "row %zu, %s", row, name);
    } else if (json_is_string(want) || json_is_array(want)) {
        const char *text = (const char *)sqlite3_column_text(s, column);

        join_list(want, list, sizeof list);
        cr_assert_eq(type, SQLITE_TEXT, "row %zu, %s", row, name);
        cr_assert_str_eq(text, json_is_array(want) ? list : json_string_value(want), "row %zu, %s",
                         row, name);
    } else {
        const int64_t number =
            json_is_boolean(want) ? json_is_true(want) : json_integer_value(want);

        cr_assert_eq(type, SQLITE_INTEGER, "row %zu, %s", row, name);
        cr_assert_eq(sqlite3_column_int64(s, column), number, "row %zu, %s", row, name);
    }
}

/* The view has a Number, and then the fields of the other formats in their order. */
static void check_row(sqlite3_stmt *s, json_t *o, size_t row)
{
    const char *name;
    json_t *value;
    int column = 1;

    cr_assert_eq(sqlite3_step(s), SQLITE_ROW, "row %zu is missing", row);
    cr_assert_eq(sqlite3_column_int64(s, 0), (int64_t)row + 1);
    cr_assert_eq((size_t)sqlite3_column_count(s), json_object_size(o) + 1);
    json_object_foreach(o, name, value)
    {
        cr_assert_str_eq(sqlite3_column_name(s, column), name);
        check_value(s, column++, value, row);
    }
}

static void check_against_json(sqlite3 *db, const struct ps_tagdb *tags,
                               const struct output_case *c, size_t n)
{
    char *text = output_run("json", tags, c, n, NULL);
    json_t *array = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    sqlite3_stmt *s = query(db, "SELECT * FROM report ORDER BY Number");

    cr_assert_not_null(array);
    for (size_t i = 0; i < json_array_size(array); i++)
        check_row(s, json_array_get(array, i), i);
    cr_assert_eq(sqlite3_step(s), SQLITE_DONE);
    sqlite3_finalize(s);
    json_decref(array);
    free(text);
}

Test(output_sqlite, says_what_json_says)
{
    static struct ps_finding f[2][N_FINDINGS];
    struct ps_tagdb *tags = output_test_tags();
    uint64_t seed = seed_random();
    struct output_case c[2];
    sqlite3 *db;

    fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    for (size_t i = 0; i < 2; i++)
        c[i] = random_case(f[i], N_FINDINGS, i, tags);
    db = run_cases(tags, c, 2);
    check_against_json(db, tags, c, 2);
    expect_value(db, "SELECT count(*) FROM images", "2");
    expect_value(db, "SELECT group_concat(Arch) FROM images", "x64,x86");
    expect_value(db,
                 "SELECT count(*) FROM findings f LEFT JOIN tags t ON t.Number = f.TagNumber "
                 "WHERE t.Tag IS NOT f.Tag",
                 "0");
    expect_value(db,
                 "SELECT count(*) - count(DISTINCT Tag || Protected || "
                 "ifnull(Component || '/' || Description, '')) FROM tags",
                 "0");
    expect_value(db, "SELECT Value FROM meta WHERE Name = 'Findings'", "6000");
    sqlite3_close(db);
    ps_tagdb_free(tags);
}

/* The same findings in other batches, and twice: the same bytes. */
Test(output_sqlite, bytes_depend_on_findings_only)
{
    static struct ps_finding f[N_FINDINGS];
    struct ps_tagdb *tags = output_test_tags();
    uint64_t seed = seed_random();
    struct output_case c = random_case(f, N_FINDINGS, 0, tags);
    size_t n = 0, n_again = 0;
    char *bytes = output_run("sqlite", tags, &c, 1, &n);
    char *again = output_run("sqlite", tags, &c, 1, &n_again);

    fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    cr_assert_eq(n, n_again);
    cr_assert_eq(memcmp(bytes, again, n), 0);
    free(again);
    f[N_FINDINGS / 2].confidence ^= 1;
    again = output_run("sqlite", tags, &c, 1, &n_again);
    cr_assert(n != n_again || memcmp(bytes, again, n) != 0, "a finding that changed does not show");
    free(again);
    free(bytes);
    ps_tagdb_free(tags);
}

Test(output_sqlite, nothing_found)
{
    struct ps_tagdb *tags = output_test_tags();
    struct output_case c = random_case(NULL, 0, 1, tags);
    sqlite3 *db = run_cases(NULL, NULL, 0);

    expect_value(db, "SELECT count(*) FROM report", "0");
    expect_value(db, "SELECT count(*) FROM images", "0");
    sqlite3_close(db);
    db = run_cases(tags, &c, 1);
    expect_value(db, "SELECT count(*) FROM report", "0");
    expect_value(db, "SELECT Image FROM images", "\x01\"\\x5c\\xff\xc3\xa9\\xe2\\x82\n,");
    sqlite3_close(db);
    ps_tagdb_free(tags);
}

/* A protected tag has its own row, and says which tag it is. */
Test(output_sqlite, protected_tags)
{
    struct ps_tagdb *tags = output_test_tags();
    const uint32_t proc = TAG('P', 'r', 'o', 'c'), is_protected = proc | 0x80000000u;
    struct ps_finding f[3] = {
        {.tag = proc, .info = ps_tagdb_find(tags, proc), .n_bytes = 32},
        {.tag = is_protected, .info = ps_tagdb_find(tags, proc), .n_bytes = 64},
        {.tag = TAG('P', '"', ',', '\''), .info = PS_TAG_UNKNOWN},
    };
    struct output_case c[2] = {
        {{"a", "0", ps_era_pick(PS_ARCH_X64, 7601), NULL}, f, 3},
        {{"b", "1", ps_era_pick(PS_ARCH_X64, 19041), NULL}, f, 3},
    };
    sqlite3 *db = run_cases(tags, c, 2);

    expect_value(db,
                 "SELECT group_concat(Tag || ':' || PlainTag || ':' || Protected, ' ') "
                 "FROM (SELECT * FROM tags ORDER BY Number)",
                 "Proc:Proc:0 Pro\\xe3:Proc:1 P\",':P\",':0 Pro\\xe3:Pro\\xe3:0");
    expect_value(db,
                 "SELECT sum(NumberOfBytes) FROM report JOIN tags USING (Tag, Protected) "
                 "WHERE PlainTag = 'Proc'",
                 "128");
    sqlite3_close(db);
    ps_tagdb_free(tags);
}

/* An index is used for what it is there for, and every table is STRICT. */
Test(output_sqlite, indexes_and_strictness)
{
    static const struct {
        const char *sql;
        const char *index;
    } uses[] = {
        {"SELECT * FROM report WHERE Tag = 'Proc'", "findings_by_tag"},
        {"SELECT * FROM findings WHERE ImageNumber = 1 AND Offset >= '0x0000000000001000'",
         "findings_by_offset"},
        {"SELECT * FROM findings WHERE ImageNumber = 1 ORDER BY Offset", "findings_by_offset"},
        {"SELECT * FROM report WHERE Allocation = '0xffff800000001000'", "findings_by_allocation"},
        {"SELECT * FROM tags WHERE Tag = 'Proc'", "tags_by_tag"},
    };
    sqlite3 *db = run_cases(NULL, NULL, 0);

    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        char sql[256];
        int used = 0;
        sqlite3_stmt *s;

        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", uses[i].sql);
        s = query(db, sql);
        while (sqlite3_step(s) == SQLITE_ROW)
            used |= strstr((const char *)sqlite3_column_text(s, 3), uses[i].index) != NULL;
        sqlite3_finalize(s);
        cr_assert(used, "%s does not use %s", uses[i].sql, uses[i].index);
    }
    expect_value(db,
                 "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND "
                 "type = 'table' AND name NOT LIKE 'sqlite%' AND strict",
                 "4");
    expect_value(db,
                 "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND "
                 "type = 'table' AND name NOT LIKE 'sqlite%'",
                 "4");
    sqlite3_close(db);
}

/* Every kind of column, and cells that no format takes as they are. */
Test(output_sqlite, listing)
{
    static const struct ps_column columns[] = {
        {"Name", "NAME", PS_COLUMN_TEXT, 0},   {"Count", NULL, PS_COLUMN_LITERAL, 0},
        {"Bytes", "SIZE", PS_COLUMN_BYTES, 0}, {"Owner", "*", PS_COLUMN_MARK, 0},
        {"At", "AT", PS_COLUMN_HEX, 0},        {"Why", "WHY", PS_COLUMN_LIST, 0},
    };
    static const char *const cells[] = {
        "a'b\"\xff",
        "-7",
        "2048",
        "true",
        "4096",
        "a|b", /* a row each */
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL, /* */
        "",
        "18446744073709551615",
        "9223372036854775807",
        "false",
        "0",
        "", /* */
    };
    struct ps_listing l = {
        .name = "used", .column = columns, .n_columns = 6, .cell = cells, .n_rows = 3};
    struct ps_err err = {0};
    struct ps_tmpdir dir;
    size_t n = 0;
    char *bytes;
    sqlite3 *db;

    ps_tmpdir_make(&dir);
    cr_assert_eq(ps_listing_write(&l, "sqlite", ps_tmpdir_file(&dir, "out"), &err), 0, "%s",
                 err.msg);
    bytes = read_file(ps_tmpdir_file(&dir, "out"), &n);
    cr_assert_not_null(bytes);
    db = open_bytes(bytes, n);
    expect_value(db, "PRAGMA integrity_check", "ok");
    expect_value(db,
                 "SELECT group_concat(quote(Name) || quote(Count) || quote(Bytes) || quote(Owner) "
                 "|| quote(At) || quote(Why), ' ') FROM (SELECT * FROM used ORDER BY \"Row\")",
                 "'a''b\"\\xff'-7204814096'a|b' NULLNULLNULLNULLNULLNULL "
                 "''9223372036854775807922337203685477580700''");
    expect_value(db, "SELECT Value FROM meta WHERE Name = 'Content'", "used");
    sqlite3_close(db);
    l.name = NULL;
    cr_assert_eq(ps_listing_write(&l, "sqlite", ps_tmpdir_file(&dir, "out"), &err), 0);
    bytes = read_file(ps_tmpdir_file(&dir, "out"), &n);
    cr_assert_not_null(bytes);
    db = open_bytes(bytes, n);
    expect_value(db, "SELECT count(*) FROM list", "3");
    sqlite3_close(db);
    cr_assert_eq(ps_listing_write(&l, "sqlite", NULL, &err), -PS_EARG);
    cr_assert_eq(ps_listing_write(&l, "sqlite", "/dev/null", &err), -PS_EARG);
    ps_tmpdir_remove(&dir);
}

/* Write the case to a file in 'dir' that may have so many bytes. Returns the first failure. */
static int write_limited(struct ps_tmpdir *dir, const struct ps_tagdb *tags,
                         const struct output_case *c, rlim_t limit, struct ps_err *err)
{
    const struct ps_output_spec spec = {
        .format = "sqlite", .path = ps_tmpdir_file(dir, "out"), .tags = tags};
    struct ps_err ignored = {0};
    struct ps_output *o = NULL;
    int rc;

    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, RLIM_INFINITY}), 0);
    rc = ps_output_open(&o, &spec, err);
    if (rc == 0)
        rc = ps_output_begin_image(o, &c->image, err);
    if (rc == 0)
        rc = ps_output_findings(o, c->finding, c->n, err);
    if (rc == 0)
        rc = ps_output_end_image(o, err);
    if (rc < 0)
        ps_output_close(o, 0, &ignored);
    else
        rc = ps_output_close(o, 1, err);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}), 0);
    return rc;
}

static size_t count_files(const char *folder)
{
    DIR *d = opendir(folder);
    size_t n = 0;

    cr_assert_not_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* A disk that is full at once, in the middle or at the end: an error, and no file. */
Test(output_sqlite, full_disk)
{
    static struct ps_finding f[N_FINDINGS];
    struct ps_tagdb *tags = output_test_tags();
    struct output_case c = random_case(f, N_FINDINGS, 0, tags);
    struct ps_tmpdir dir;
    struct ps_err err = {0};
    size_t n = 0, n_failed = 0;

    signal(SIGXFSZ, SIG_IGN);
    free(output_run("sqlite", tags, &c, 1, &n));
    ps_tmpdir_make(&dir);
    for (size_t limit = 0; limit < n; limit += limit < 4 * 4096 ? 4096 : 60000, n_failed++) {
        err.msg[0] = '\0';
        cr_assert_eq(write_limited(&dir, tags, &c, limit, &err), -PS_EIO, "limit %zu: %s", limit,
                     err.msg);
        cr_assert_eq(count_files(dir.path), 0, "limit %zu leaves a file", limit);
    }
    cr_assert_gt(n_failed, 10);
    cr_assert_eq(write_limited(&dir, tags, &c, n, &err), 0, "%s", err.msg);
    cr_assert_eq(count_files(dir.path), 1);
    ps_tmpdir_remove(&dir);
    ps_tagdb_free(tags);
}

/* How many files were made in a folder since it was watched. */
static size_t count_made(int watch)
{
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    size_t n = 0;
    ssize_t got;

    while ((got = read(watch, buffer, sizeof buffer)) > 0)
        for (ssize_t at = 0; at < got; n++) {
            const struct inotify_event *e = (const void *)(buffer + at);

            at += (ssize_t)(sizeof *e + e->len);
        }
    return n;
}

static int watch_folder(const char *path)
{
    const int watch = inotify_init1(IN_NONBLOCK);

    cr_assert_geq(watch, 0);
    cr_assert_geq(inotify_add_watch(watch, path, IN_CREATE), 0);
    return watch;
}

/* Write so many findings that their indexes are more than SQLite sorts where memory is scarce. */
static int write_many(struct ps_tmpdir *dir, const struct ps_tagdb *tags,
                      const struct output_case *c, const char *temp_dir, struct ps_err *err)
{
    const struct ps_output_spec spec = {
        .format = "sqlite", .path = ps_tmpdir_file(dir, "out"), .tags = tags, .temp_dir = temp_dir};
    struct ps_output *o = NULL;
    int rc = ps_output_open(&o, &spec, err);

    if (rc < 0)
        return rc;
    cr_assert_eq(ps_output_begin_image(o, &c->image, err), 0, "%s", err->msg);
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(ps_output_findings(o, c->finding, c->n, err), 0, "%s", err->msg);
    cr_assert_eq(ps_output_end_image(o, err), 0, "%s", err->msg);
    return ps_output_close(o, 1, err);
}

/* What the tests below share. SQLite looks at TMPDIR once in a process. */
struct temp_case {
    struct ps_tagdb *tags;
    struct output_case findings;
    struct ps_tmpdir out, named, by_default;
    int in_named, in_default;
};

static void begin_temp_case(struct temp_case *t, int with_default)
{
    static struct ps_finding f[N_FINDINGS];

    t->tags = output_test_tags();
    t->findings = random_case(f, N_FINDINGS, 0, t->tags);
    ps_tmpdir_make(&t->out);
    ps_tmpdir_make(&t->named);
    ps_tmpdir_make(&t->by_default);
    t->in_named = watch_folder(t->named.path);
    t->in_default = watch_folder(t->by_default.path);
    unsetenv("SQLITE_TMPDIR");
    setenv("TMPDIR", with_default ? t->by_default.path : "/proc/self/no-such-folder", 1);
    /* Then SQLite asks how much memory there is before it keeps more than 1 MiB in it. */
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_SMALL_MALLOC, 1), SQLITE_OK);
    sqlite3_soft_heap_limit64(1);
}

static void end_temp_case(struct temp_case *t)
{
    cr_assert_eq(count_files(t->named.path) + count_files(t->by_default.path), 0);
    sqlite3_soft_heap_limit64(0);
    close(t->in_named);
    close(t->in_default);
    ps_tmpdir_remove(&t->out);
    ps_tmpdir_remove(&t->named);
    ps_tmpdir_remove(&t->by_default);
    ps_tagdb_free(t->tags);
}

static void write_in(struct temp_case *t, const char *temp_dir, int in_named, int in_default)
{
    struct ps_err err = {0};

    cr_assert_eq(write_many(&t->out, t->tags, &t->findings, temp_dir, &err), 0, "%s", err.msg);
    cr_assert_eq(count_made(t->in_named) != 0, in_named, "%s", temp_dir ? temp_dir : "default");
    cr_assert_eq(count_made(t->in_default) != 0, in_default, "%s", temp_dir ? temp_dir : "default");
}

/* Where indexes are sorted: in the folder that was named, else in TMPDIR, or in none. */
Test(output_sqlite, temp_dir)
{
    struct temp_case t;
    struct ps_err err = {0};

    begin_temp_case(&t, 1);
    write_in(&t, t.named.path, 1, 0);
    write_in(&t, NULL, 0, 1);
    write_in(&t, "none", 0, 0);
    cr_assert_eq(write_many(&t.out, t.tags, &t.findings, "/proc/self/no-such-folder", &err),
                 -PS_ECREATE);
    cr_assert_not_null(strstr(err.msg, "--temp-dir"), "%s", err.msg);
    end_temp_case(&t);
}

/* A TMPDIR that cannot be written to stops nobody. */
Test(output_sqlite, no_default_temp_dir)
{
    struct temp_case t;

    begin_temp_case(&t, 0);
    write_in(&t, t.named.path, 1, 0);
    write_in(&t, NULL, 0, 0);
    end_temp_case(&t);
}
