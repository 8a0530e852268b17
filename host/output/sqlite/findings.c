/* Findings as an SQLite database: the tables images, tags and findings, the view report, which has
 * the fields of the other formats, and meta. */
#include <stdlib.h>
#include <string.h>

#include "host/output/fields.h"
#include "host/output/sqlite/database.h"
#include "host/output/sqlite/sqlite.h"
#include "host/output/sqlite/tag_rows.h"
#include "host/output/writer.h"
#include "kernels/pool_header.h"

struct state {
    sqlite3 *db;
    struct ps_rows *rows;
    struct ps_tag_rows *tags;
    sqlite3_stmt *insert; /* a finding */
    char *room;           /* of ps_rows_max_bytes: a row, then what a row of the tags needs */
    size_t room_bytes;
    uint32_t protected_bit; /* of the image */
    int64_t n_images;
    int64_t n_findings;
};

static const char tables[] = "CREATE TABLE meta ("
                             "Name TEXT PRIMARY KEY, "
                             "Value ANY NOT NULL) STRICT, WITHOUT ROWID;"
                             "CREATE TABLE images ("
                             "Number INTEGER PRIMARY KEY, "
                             "Image TEXT NOT NULL, "
                             "ImageId TEXT NOT NULL, "
                             "Arch TEXT NOT NULL, "
                             "Era TEXT NOT NULL) STRICT;";

/* Made when all rows are there: sorting them once costs less than keeping them sorted. */
static const char indexes[] = "CREATE INDEX findings_by_tag ON findings (Tag, ImageNumber);"
                              "CREATE INDEX findings_by_offset ON findings (ImageNumber, Offset);"
                              "CREATE INDEX findings_by_allocation ON findings (Allocation) "
                              "WHERE Allocation IS NOT NULL;";

static int is_in_findings(size_t field)
{
    return ps_rows_of(field) == PS_FIELD_OF_FINDING;
}

static int is_number(size_t field)
{
    const enum ps_field_kind kind = ps_rows_kind(field);

    return kind == PS_FIELD_NUMBER || kind == PS_FIELD_TRUTH;
}

static int create_findings(sqlite3 *db, struct ps_err *err)
{
    struct ps_text sql = {0};

    ps_sql_add(&sql, "CREATE TABLE findings (Number INTEGER PRIMARY KEY, "
                     "ImageNumber INTEGER NOT NULL REFERENCES images (Number), "
                     "TagNumber INTEGER NOT NULL REFERENCES tags (Number)");
    for (size_t i = 0; i < ps_rows_count_fields(); i++) {
        if (!is_in_findings(i))
            continue;
        ps_sql_add(&sql, ", ");
        ps_sql_name(&sql, ps_rows_name(i));
        ps_sql_add(&sql, is_number(i) ? " INTEGER" : " TEXT");
    }
    ps_sql_add(&sql, ") STRICT");
    return ps_database_run_text(db, &sql, err);
}

static int create_report(sqlite3 *db, struct ps_err *err)
{
    static const char *const from[] = {[PS_FIELD_OF_FINDING] = "findings.",
                                       [PS_FIELD_OF_TAG] = "tags.",
                                       [PS_FIELD_OF_IMAGE] = "images."};
    struct ps_text sql = {0};

    ps_sql_add(&sql, "CREATE VIEW report AS SELECT findings.Number AS Number");
    for (size_t i = 0; i < ps_rows_count_fields(); i++) {
        ps_sql_add(&sql, ", ");
        ps_sql_add(&sql, from[ps_rows_of(i)]);
        ps_sql_name(&sql, ps_rows_name(i));
        ps_sql_add(&sql, " AS ");
        ps_sql_name(&sql, ps_rows_name(i));
    }
    ps_sql_add(&sql, " FROM findings JOIN tags ON tags.Number = findings.TagNumber "
                     "JOIN images ON images.Number = findings.ImageNumber");
    return ps_database_run_text(db, &sql, err);
}

static int prepare_insert(struct state *s, struct ps_err *err)
{
    struct ps_text sql = {0};
    int rc;

    ps_sql_add(&sql, "INSERT INTO findings VALUES (?, ?, ?");
    for (size_t i = 0; i < ps_rows_count_fields(); i++)
        if (is_in_findings(i))
            ps_sql_add(&sql, ", ?");
    ps_text_add(&sql, ")", sizeof ")");
    rc = sql.failed ? ps_database_fail(NULL, err)
                    : ps_database_prepare(s->db, &s->insert, sql.s, err);
    ps_text_free(&sql);
    return rc;
}

static int findings_open(struct ps_writer *w, struct ps_err *err)
{
    struct state *s = calloc(1, sizeof *s);
    int rc;

    w->state = s;
    if (!s)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the database");
    rc = ps_database_create(&s->db, w->sink, w->temp_dir, err);
    if (rc == 0)
        rc = ps_database_run(s->db, tables, err);
    if (rc == 0)
        rc = ps_tag_rows_new(&s->tags, s->db, err);
    if (rc == 0)
        rc = create_findings(s->db, err);
    if (rc == 0)
        rc = create_report(s->db, err);
    if (rc == 0)
        rc = prepare_insert(s, err);
    return rc < 0 ? rc : ps_rows_new(&s->rows, PS_ROWS_PLAIN, w->tags, err);
}

static int make_room(struct state *s, struct ps_err *err)
{
    const size_t n = 2 * ps_rows_max_bytes(s->rows);
    char *larger;

    if (n <= s->room_bytes)
        return 0;
    larger = realloc(s->room, n);
    if (!larger)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the database");
    s->room = larger;
    s->room_bytes = n;
    return 0;
}

/* Fields of an image, which need no finding; every field of the image has text. */
static int insert_image(struct state *s, const struct ps_era *era, struct ps_err *err)
{
    sqlite3_stmt *insert = NULL;
    char *p = s->room;
    int at = 2;
    int rc = ps_database_prepare(s->db, &insert, "INSERT INTO images VALUES (?, ?, ?, ?, ?)", err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(insert, 1, s->n_images);
    for (size_t i = 0; i < ps_rows_count_fields(); i++) {
        char *end;

        if (ps_rows_of(i) != PS_FIELD_OF_IMAGE)
            continue;
        end = ps_rows_put(s->rows, i, NULL, p);
        sqlite3_bind_text(insert, at++, p, (int)(end - p), SQLITE_STATIC);
        p = end;
    }
    sqlite3_bind_text(insert, at++, era->arch == PS_ARCH_X86 ? "x86" : "x64", -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, at, era->name, -1, SQLITE_STATIC);
    rc = ps_database_step(s->db, insert, err);
    sqlite3_finalize(insert);
    return rc;
}

static int findings_begin_image(struct ps_writer *w, const struct ps_output_image *image,
                                struct ps_err *err)
{
    struct state *s = w->state;
    int rc = ps_rows_begin_image(s->rows, image, err);

    if (rc == 0)
        rc = make_room(s, err);
    s->n_images++;
    s->protected_bit = image->era->protected_tags ? PS_TAG_PROTECTED : 0;
    return rc < 0 ? rc : insert_image(s, image->era, err);
}

static void bind_value(sqlite3_stmt *insert, int at, enum ps_field_kind kind, const char *value,
                       size_t n)
{
    if (n == 0 && kind != PS_FIELD_LIST)
        sqlite3_bind_null(insert, at);
    else if (kind == PS_FIELD_NUMBER)
        ps_sql_bind_number(insert, at, value, n);
    else if (kind == PS_FIELD_TRUTH)
        sqlite3_bind_int(insert, at, *value == 't');
    else
        sqlite3_bind_text(insert, at, value, (int)n, SQLITE_STATIC);
}

static int insert_finding(struct state *s, const struct ps_finding *f, struct ps_err *err)
{
    char *p = s->room;
    int at = 4;
    int64_t tag =
        ps_tag_rows_number(s->tags, s->rows, f, s->protected_bit, s->room + s->room_bytes / 2, err);

    if (tag == 0)
        return -err->code;
    s->n_findings++;
    sqlite3_bind_int64(s->insert, 1, s->n_findings);
    sqlite3_bind_int64(s->insert, 2, s->n_images);
    sqlite3_bind_int64(s->insert, 3, tag);
    for (size_t i = 0; i < ps_rows_count_fields(); i++) {
        char *end;

        if (!is_in_findings(i))
            continue;
        end = ps_rows_put(s->rows, i, f, p);
        bind_value(s->insert, at++, ps_rows_kind(i), p, (size_t)(end - p));
        p = end;
    }
    return ps_database_step(s->db, s->insert, err);
}

static int findings_write(struct ps_writer *w, const struct ps_finding *f, size_t n,
                          struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = insert_finding(w->state, &f[i], err);
    return rc;
}

static int insert_meta(struct state *s, struct ps_err *err)
{
    char sql[256];

    sqlite3_snprintf(sizeof sql, sql,
                     "INSERT INTO meta VALUES ('Content', 'findings'), ('Schema', %d), "
                     "('Program', 'poolscan %s'), ('Images', %lld), ('Findings', %lld)",
                     PS_SQLITE_SCHEMA, PS_VERSION, (long long)s->n_images,
                     (long long)s->n_findings);
    return ps_database_run(s->db, sql, err);
}

/* No statement and no database is left open for the sink to publish a file that is still written.
 */
static void close_database(struct state *s)
{
    ps_tag_rows_free(s->tags);
    sqlite3_finalize(s->insert);
    ps_database_close(s->db);
    s->tags = NULL;
    s->insert = NULL;
    s->db = NULL;
}

static int findings_finish(struct ps_writer *w, struct ps_err *err)
{
    struct state *s = w->state;
    int rc = ps_database_run(s->db, indexes, err);

    if (rc == 0)
        rc = insert_meta(s, err);
    if (rc == 0)
        rc = ps_database_commit(s->db, err);
    close_database(s);
    return rc;
}

static void findings_close(struct ps_writer *w)
{
    struct state *s = w->state;

    if (!s)
        return;
    close_database(s);
    ps_rows_free(s->rows);
    free(s->room);
    free(s);
}

const struct ps_writer_ops ps_writer_sqlite = {
    .name = "sqlite",
    .open = findings_open,
    .begin_image = findings_begin_image,
    .findings = findings_write,
    .finish = findings_finish,
    .close = findings_close,
};
