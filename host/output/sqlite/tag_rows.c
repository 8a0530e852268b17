#include "host/output/sqlite/tag_rows.h"

#include <stdlib.h>
#include <string.h>

#include "host/output/sqlite/database.h"
#include "scan/tags/tag.h"

/* Rows that were asked for lately; an image has some thousand tags, and a forged one as many as
 * headers. */
#define CACHE_SLOTS ((size_t)1 << 15)

struct cached {
    uint32_t tag;
    uint32_t info;
    uint32_t protected_bit;
    int64_t number; /* 0: empty */
};

struct ps_tag_rows {
    sqlite3 *db;
    sqlite3_stmt *find;
    sqlite3_stmt *insert;
    int64_t n;
    struct cached cache[CACHE_SLOTS];
};

/* Parameters of both statements, in this order. */
enum { TAG = 1, TAG_RAW, PLAIN_TAG, PROTECTED, COMPONENT, KIND, DESCRIPTION, NUMBER };

static const char create[] = "CREATE TABLE tags ("
                             "Number INTEGER PRIMARY KEY, "
                             "Tag TEXT NOT NULL, "
                             "TagRaw TEXT NOT NULL, "
                             "PlainTag TEXT NOT NULL, "
                             "Protected INTEGER NOT NULL, "
                             "Component TEXT, "
                             "Kind TEXT, "
                             "Description TEXT) STRICT;"
                             "CREATE INDEX tags_by_tag ON tags (Tag);";
static const char find[] = "SELECT Number FROM tags WHERE Tag = ?1 AND TagRaw = ?2 AND "
                           "PlainTag = ?3 AND Protected = ?4 AND Component IS ?5 AND "
                           "Kind IS ?6 AND Description IS ?7";
static const char insert[] = "INSERT INTO tags (Tag, TagRaw, PlainTag, Protected, Component, "
                             "Kind, Description, Number) VALUES "
                             "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

int ps_tag_rows_new(struct ps_tag_rows **out, sqlite3 *db, struct ps_err *err)
{
    struct ps_tag_rows *t = calloc(1, sizeof *t);
    int rc;

    *out = t;
    if (!t)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the database");
    t->db = db;
    rc = ps_database_run(db, create, err);
    if (rc == 0)
        rc = ps_database_prepare(db, &t->find, find, err);
    if (rc == 0)
        rc = ps_database_prepare(db, &t->insert, insert, err);
    return rc;
}

void ps_tag_rows_free(struct ps_tag_rows *t)
{
    if (!t)
        return;
    sqlite3_finalize(t->find);
    sqlite3_finalize(t->insert);
    free(t);
}

/* The fields that a row of this table has, by their names in a finding's row. */
static void bind_fields(sqlite3_stmt *s, const struct ps_rows *rows, const struct ps_finding *f,
                        char *room)
{
    static const struct {
        const char *name;
        int at;
    } parameters[] = {
        {"Tag", TAG},
        {"TagRaw", TAG_RAW},
        {"Component", COMPONENT},
        {"Kind", KIND},
        {"Description", DESCRIPTION}};

    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        for (size_t field = 0; field < ps_rows_count_fields(); field++) {
            char *end;

            if (strcmp(ps_rows_name(field), parameters[i].name) != 0)
                continue;
            end = ps_rows_put(rows, field, f, room);
            if (end != room)
                sqlite3_bind_text(s, parameters[i].at, room, (int)(end - room), SQLITE_STATIC);
            room = end;
        }
}

/* What is bound lives in 'room' and 'plain' until the statement was run. */
static void bind(sqlite3_stmt *s, const struct ps_rows *rows, const struct ps_finding *f,
                 uint32_t protected_bit, char *room, char *plain)
{
    sqlite3_clear_bindings(s);
    bind_fields(s, rows, f, room);
    ps_tag_print(f->tag & ~protected_bit, plain);
    sqlite3_bind_text(s, PLAIN_TAG, plain, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, PROTECTED, (f->tag & protected_bit) != 0);
}

static int64_t find_or_insert(struct ps_tag_rows *t, const struct ps_rows *rows,
                              const struct ps_finding *f, uint32_t protected_bit, char *room,
                              struct ps_err *err)
{
    char plain[PS_TAG_TEXT_BYTES];
    int64_t number = 0;
    int rc;

    bind(t->find, rows, f, protected_bit, room, plain);
    rc = sqlite3_step(t->find);
    if (rc == SQLITE_ROW)
        number = sqlite3_column_int64(t->find, 0);
    sqlite3_reset(t->find);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        ps_database_fail(t->db, err);
    if (rc != SQLITE_DONE)
        return number;
    bind(t->insert, rows, f, protected_bit, room, plain);
    sqlite3_bind_int64(t->insert, NUMBER, t->n + 1);
    if (ps_database_step(t->db, t->insert, err) < 0)
        return 0;
    return ++t->n;
}

int64_t ps_tag_rows_number(struct ps_tag_rows *t, const struct ps_rows *rows,
                           const struct ps_finding *f, uint32_t protected_bit, char *room,
                           struct ps_err *err)
{
    const uint32_t hash = (f->tag ^ (f->info * 0x9e3779b1u)) * 0x85ebca6bu;
    struct cached *c = &t->cache[hash / (UINT32_MAX / CACHE_SLOTS + 1)];

    if (c->number == 0 || c->tag != f->tag || c->info != f->info ||
        c->protected_bit != protected_bit)
        *c = (struct cached){f->tag, f->info, protected_bit,
                             find_or_insert(t, rows, f, protected_bit, room, err)};
    return c->number;
}
