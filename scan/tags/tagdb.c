#include "scan/tags/tagdb.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/pool_header.h"
#include "scan/tags/builtin/builtin.h"
#include "scan/tags/lists/formats.h"
#include "scan/tags/pattern_map.h"

/* An index is an uint32_t, and this many entries are a damaged file rather than a list. */
#define MAX_ENTRIES ((size_t)1 << 20)

#define N_MASKS     16u

#define IS_BUILTIN  0x80000000u

/* One list that was added: its name and its text, in one block. */
struct list {
    struct list *next;
    char *name;
    char *text;
};

/* Entries of lists that were added stand in 'entry', those of the program stay where they are. With
 * both, 'order' leads from an index of the database to one of them, and 'builtin_index' back. */
struct ps_tagdb {
    struct ps_tag_info *entry;
    size_t n;
    size_t cap;
    struct ps_pattern_map map; /* pattern of 'entry' -> index of the database */
    uint32_t masks[N_MASKS];   /* that occur, highest rank first */
    unsigned n_masks;
    struct list *lists;
    int has_builtin;
    size_t n_all;
    uint32_t *order; /* IS_BUILTIN and the place; NULL: one kind only, at its own place */
    uint32_t *builtin_index;
};

int ps_tagdb_new(struct ps_tagdb **out, struct ps_err *err)
{
    struct ps_tagdb *db = calloc(1, sizeof *db);

    if (!db)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for the tag database");
    *out = db;
    return 0;
}

void ps_tagdb_set_factor(struct ps_tagdb *db, uint64_t factor)
{
    db->map.factor = factor;
}

uint64_t ps_tagdb_factor(const struct ps_tagdb *db)
{
    return db->map.factor;
}

static void drop_list(struct ps_tagdb *db)
{
    struct list *list = db->lists;

    db->lists = list->next;
    free(list);
}

void ps_tagdb_free(struct ps_tagdb *db)
{
    if (!db)
        return;
    while (db->lists)
        drop_list(db);
    ps_pattern_map_clear(&db->map);
    free(db->order);
    free(db->builtin_index);
    free(db->entry);
    free(db);
}

size_t ps_tagdb_count(const struct ps_tagdb *db)
{
    return db->n_all;
}

struct ps_tag_info ps_tagdb_at(const struct ps_tagdb *db, uint32_t i)
{
    if (db->order)
        return db->order[i] & IS_BUILTIN ? ps_builtin_at(db->order[i] & ~IS_BUILTIN)
                                         : db->entry[db->order[i]];
    return db->n == 0 ? ps_builtin_at(i) : db->entry[i];
}

/* The entry with exactly this pattern, or PS_TAG_UNKNOWN. */
static uint32_t find_pattern(const struct ps_tagdb *db, struct ps_tag_pattern p)
{
    uint32_t at = ps_pattern_map_get(&db->map, p);

    if (at != PS_PATTERN_ABSENT)
        return at;
    at = db->has_builtin ? ps_builtin_find(p) : PS_TAG_UNKNOWN;
    return at == PS_TAG_UNKNOWN || !db->order ? at : db->builtin_index[at];
}

/* Most specific entry that covers exactly this pattern, or PS_TAG_UNKNOWN. */
static uint32_t cover(const struct ps_tagdb *db, struct ps_tag_pattern p)
{
    for (unsigned i = 0; i < db->n_masks; i++) {
        struct ps_tag_pattern wide = {.value = p.value & db->masks[i], .mask = db->masks[i]};
        uint32_t at;

        if (!ps_tag_pattern_covers(wide, p))
            continue;
        at = find_pattern(db, wide);
        if (at != PS_TAG_UNKNOWN)
            return at;
    }
    return PS_TAG_UNKNOWN;
}

uint32_t ps_tagdb_cover(const struct ps_tagdb *db, struct ps_tag_pattern p)
{
    uint32_t at = cover(db, p);

    if (at == PS_TAG_UNKNOWN && (p.value & PS_TAG_PROTECTED) != 0) {
        p.value &= ~PS_TAG_PROTECTED;
        at = cover(db, p);
    }
    return at;
}

uint32_t ps_tagdb_find(const struct ps_tagdb *db, uint32_t tag)
{
    return ps_tagdb_cover(db, (struct ps_tag_pattern){.value = tag, .mask = 0xffffffffu});
}

static int reserve(struct ps_tagdb *db, struct ps_err *err)
{
    size_t cap = db->cap ? 2 * db->cap : 512;
    struct ps_tag_info *bigger;

    if (db->n < db->cap)
        return 0;
    if (db->n >= MAX_ENTRIES)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "more than %zu tags; is this a tag list?",
                       MAX_ENTRIES);
    bigger = realloc(db->entry, cap * sizeof *bigger);
    if (!bigger)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for %zu tags", cap);
    db->entry = bigger;
    db->cap = cap;
    return 0;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* A ps_tag_sink. While lists are added the map holds places in 'entry'. */
static int put(void *arg, const struct ps_tag_info *info, struct ps_err *err)
{
    struct ps_tagdb *db = arg;
    int rc;

    if (ps_pattern_map_get(&db->map, info->pattern) != PS_PATTERN_ABSENT ||
        (db->has_builtin && ps_builtin_find(info->pattern) != PS_TAG_UNKNOWN))
        return 0;
    rc = reserve(db, err);
    if (rc < 0)
        return rc;
    rc = ps_pattern_map_put(&db->map, info->pattern, (uint32_t)db->n, err);
    if (rc < 0)
        return rc;
    db->entry[db->n] = *info;
    db->entry[db->n].source = db->lists->name;
    db->entry[db->n].pool = or_empty(info->pool);
    db->entry[db->n].seen = or_empty(info->seen);
    db->n++;
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    return ps_tag_pattern_compare(((const struct ps_tag_info *)a)->pattern,
                                  ((const struct ps_tag_info *)b)->pattern);
}

static void note_mask(struct ps_tagdb *db, uint32_t mask)
{
    unsigned at;

    for (unsigned i = 0; i < db->n_masks; i++) {
        if (db->masks[i] == mask)
            return;
    }
    at = db->n_masks++;
    for (; at > 0 && ps_tag_mask_rank(db->masks[at - 1]) < ps_tag_mask_rank(mask); at--)
        db->masks[at] = db->masks[at - 1];
    db->masks[at] = mask;
}

/* Both kinds in one order; where both have a pattern the one of the lists was there first. */
static void merge(struct ps_tagdb *db)
{
    const uint32_t n_builtin = ps_builtin_table.n;
    uint32_t own = 0;
    uint32_t builtin = 0;

    db->n_all = 0;
    while (own < db->n || builtin < n_builtin) {
        const uint32_t index = (uint32_t)db->n_all++;
        int side = own == db->n ? 1 : -1;

        if (own < db->n && builtin < n_builtin)
            side = ps_tag_pattern_compare(db->entry[own].pattern, ps_builtin_at(builtin).pattern);
        db->order[index] = side <= 0 ? own++ : builtin | IS_BUILTIN;
        if (side >= 0)
            db->builtin_index[builtin++] = index;
    }
}

/* Only where there are entries of both kinds. */
static int make_order(struct ps_tagdb *db, struct ps_err *err)
{
    const size_t n_builtin = db->has_builtin ? ps_builtin_table.n : 0;

    free(db->order);
    free(db->builtin_index);
    db->order = NULL;
    db->builtin_index = NULL;
    db->n_all = db->n + n_builtin;
    if (db->n == 0 || n_builtin == 0)
        return 0;
    db->order = malloc(db->n_all * sizeof *db->order);
    db->builtin_index = malloc(n_builtin * sizeof *db->builtin_index);
    if (!db->order || !db->builtin_index)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for %zu tags", db->n_all);
    merge(db);
    return 0;
}

static int map_entries(struct ps_tagdb *db, struct ps_err *err)
{
    const size_t n = db->order ? db->n_all : db->n;
    int rc = 0;

    ps_pattern_map_clear(&db->map);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const uint32_t at = db->order ? db->order[i] : (uint32_t)i;

        if ((at & IS_BUILTIN) == 0)
            rc = ps_pattern_map_put(&db->map, db->entry[at].pattern, (uint32_t)i, err);
    }
    return rc;
}

/* Sort, and number the patterns anew. */
static int make_index(struct ps_tagdb *db, struct ps_err *err)
{
    int rc;

    if (db->n != 0)
        qsort(db->entry, db->n, sizeof *db->entry, compare_entries);
    db->n_masks = 0;
    for (size_t i = 0; i < db->n; i++)
        note_mask(db, db->entry[i].pattern.mask);
    for (uint32_t i = 0; db->has_builtin && i < ps_builtin_table.n_masks; i++)
        note_mask(db, ps_builtin_table.mask[i]);
    rc = make_order(db, err);
    if (rc >= 0)
        rc = map_entries(db, err);
    if (rc < 0) {
        db->n_all = 0;
        db->n_masks = 0;
    }
    return rc;
}

static int push_list(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                     struct ps_span *copy, struct ps_err *err)
{
    size_t n_name = strlen(name) + 1;
    struct list *list = NULL;

    if (n < SIZE_MAX - sizeof *list - n_name - 1)
        list = malloc(sizeof *list + n_name + n + 1);
    if (!list)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "%.100s: no memory for the tag list", name);
    list->name = (char *)(list + 1);
    list->text = list->name + n_name;
    memcpy(list->name, name, n_name);
    if (n != 0)
        memcpy(list->text, text, n);
    list->text[n] = '\0';
    list->next = db->lists;
    db->lists = list;
    *copy = (struct ps_span){list->text, n};
    return 0;
}

typedef int parse_fn(const struct ps_tag_sink *sink, const char *name, struct ps_span list,
                     size_t *n_skipped, struct ps_err *err);

static int add_entries(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                       parse_fn *parse, size_t *n_skipped, struct ps_err *err)
{
    const struct ps_tag_sink sink = {.put = put, .arg = db};
    size_t n_before = db->n;
    size_t unused;
    struct ps_span copy;
    int rc = push_list(db, name, text, n, &copy, err);

    if (rc < 0)
        return rc;
    rc = parse(&sink, name, copy, n_skipped ? n_skipped : &unused, err);
    if (rc < 0) {
        db->n = n_before;
        drop_list(db);
    }
    return rc;
}

/* The index is made in any case: after a failure it forgets what the bad list brought. */
static int add(struct ps_tagdb *db, const char *name, const char *text, size_t n, parse_fn *parse,
               size_t *n_skipped, struct ps_err *err)
{
    struct ps_err index_err = {0};
    int rc = add_entries(db, name, text, n, parse, n_skipped, err);
    int index_rc = make_index(db, &index_err);

    if (rc >= 0 && index_rc < 0) {
        *err = index_err;
        return index_rc;
    }
    return rc;
}

int ps_tagdb_add_tags(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                      struct ps_err *err)
{
    return add(db, name, text, n, ps_tags_format_parse, NULL, err);
}

int ps_tagdb_add_pooltag(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                         size_t *n_skipped, struct ps_err *err)
{
    return add(db, name, text, n, ps_pooltag_format_parse, n_skipped, err);
}

int ps_tagdb_add_any(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                     size_t *n_skipped, struct ps_err *err)
{
    if (n_skipped)
        *n_skipped = 0;
    if (ps_pooltag_format_detect(text, n))
        return ps_tagdb_add_pooltag(db, name, text, n, n_skipped, err);
    return ps_tagdb_add_tags(db, name, text, n, err);
}

int ps_tagdb_add_builtin(struct ps_tagdb *db, struct ps_err *err)
{
    db->has_builtin = 1;
    return make_index(db, err);
}
