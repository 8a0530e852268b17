#include "scan/tags/tagdb.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/pool_header.h"
#include "scan/tags/lists/builtin.h"
#include "scan/tags/lists/formats.h"
#include "scan/tags/pattern_map.h"

/* An index is an uint32_t, and this many entries are a damaged file rather than a list. */
#define MAX_ENTRIES ((size_t)1 << 20)

#define N_MASKS     16u

/* One list that was added: its name and its text, in one block. */
struct list {
    struct list *next;
    char *name;
    char *text;
};

struct ps_tagdb {
    struct ps_tag_info *entry;
    size_t n;
    size_t cap;
    struct ps_pattern_map map; /* pattern -> index */
    uint32_t masks[N_MASKS];   /* that occur, highest rank first */
    unsigned n_masks;
    struct list *lists;
};

int ps_tagdb_new(struct ps_tagdb **out, struct ps_err *err)
{
    struct ps_tagdb *db = calloc(1, sizeof *db);

    if (!db)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for the tag database");
    *out = db;
    return 0;
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
    free(db->entry);
    free(db);
}

size_t ps_tagdb_count(const struct ps_tagdb *db)
{
    return db->n;
}

const struct ps_tag_info *ps_tagdb_at(const struct ps_tagdb *db, uint32_t i)
{
    return &db->entry[i];
}

/* Most specific entry that covers exactly this pattern, or PS_TAG_UNKNOWN. */
static uint32_t cover(const struct ps_tagdb *db, struct ps_tag_pattern p)
{
    for (unsigned i = 0; i < db->n_masks; i++) {
        struct ps_tag_pattern wide = {.value = p.value & db->masks[i], .mask = db->masks[i]};
        uint32_t at;

        if (!ps_tag_pattern_covers(wide, p))
            continue;
        at = ps_pattern_map_get(&db->map, wide);
        if (at != PS_PATTERN_ABSENT)
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

int ps_tagdb_put(struct ps_tagdb *db, const struct ps_tag_info *info, struct ps_err *err)
{
    int rc;

    if (ps_pattern_map_get(&db->map, info->pattern) != PS_PATTERN_ABSENT)
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

/* Text order as a number: first character highest, an open byte as the '?' it is printed as. */
static uint32_t text_key(struct ps_tag_pattern p)
{
    return __builtin_bswap32(p.value | (0x3f3f3f3fu & ~p.mask));
}

static int compare_entries(const void *a, const void *b)
{
    const struct ps_tag_info *x = a;
    const struct ps_tag_info *y = b;
    uint32_t kx = text_key(x->pattern);
    uint32_t ky = text_key(y->pattern);

    if (kx != ky)
        return kx < ky ? -1 : 1;
    return (x->pattern.mask > y->pattern.mask) - (x->pattern.mask < y->pattern.mask);
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

/* Sort, and number the patterns anew. */
static int make_index(struct ps_tagdb *db, struct ps_err *err)
{
    int rc = 0;

    if (db->n != 0)
        qsort(db->entry, db->n, sizeof *db->entry, compare_entries);
    ps_pattern_map_clear(&db->map);
    db->n_masks = 0;
    for (size_t i = 0; i < db->n && rc == 0; i++) {
        note_mask(db, db->entry[i].pattern.mask);
        rc = ps_pattern_map_put(&db->map, db->entry[i].pattern, (uint32_t)i, err);
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

typedef int parse_fn(struct ps_tagdb *db, const char *name, struct ps_span list, size_t *n_skipped,
                     struct ps_err *err);

/* Without the index: a caller that adds several lists sorts once. */
static int add_unsorted(struct ps_tagdb *db, const struct ps_builtin_list *list, parse_fn *parse,
                        size_t *n_skipped, struct ps_err *err)
{
    size_t n_before = db->n;
    size_t unused;
    struct ps_span copy;
    int rc = push_list(db, list->name, (const char *)list->text, list->n, &copy, err);

    if (rc < 0)
        return rc;
    rc = parse(db, list->name, copy, n_skipped ? n_skipped : &unused, err);
    if (rc < 0) {
        db->n = n_before;
        drop_list(db);
    }
    return rc;
}

/* The index is made in any case: after a failure it forgets what the bad list brought. */
static int add(struct ps_tagdb *db, const struct ps_builtin_list *list, parse_fn *parse,
               size_t *n_skipped, struct ps_err *err)
{
    struct ps_err index_err = {0};
    int rc = add_unsorted(db, list, parse, n_skipped, err);
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
    struct ps_builtin_list list = {name, (const unsigned char *)text, n};

    return add(db, &list, ps_tags_format_parse, NULL, err);
}

int ps_tagdb_add_pooltag(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                         size_t *n_skipped, struct ps_err *err)
{
    struct ps_builtin_list list = {name, (const unsigned char *)text, n};

    return add(db, &list, ps_pooltag_format_parse, n_skipped, err);
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
    int rc = 0;

    for (size_t i = 0; i < ps_n_builtin_tags && rc >= 0; i++)
        rc = add_unsorted(db, &ps_builtin_tags[i], ps_tags_format_parse, NULL, err);
    return rc < 0 ? rc : make_index(db, err);
}
