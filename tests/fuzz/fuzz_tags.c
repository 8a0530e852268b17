/* Tag lists of both forms and tag patterns, from any bytes. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scan/tags/tagdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void expect_printable(const char *s)
{
    for (; *s; s++)
        expect(*s >= 0x20 && *s <= 0x7e);
}

/* What was read can be printed, and what is printed reads back. */
static void check_pattern(struct ps_tag_pattern p)
{
    char text[PS_TAG_TEXT_BYTES];
    struct ps_tag_pattern again;
    struct ps_err err;

    ps_tag_pattern_print(p, text);
    expect(ps_tag_pattern_parse(text, strlen(text), &again, &err) == 0);
    expect(again.value == p.value && again.mask == p.mask);
    expect((p.value & ~p.mask) == 0);
}

static void fuzz_pattern(const char *text, size_t n)
{
    struct ps_tag_pattern p;
    struct ps_err err = {0};
    int rc = ps_tag_pattern_parse(text, n, &p, &err);

    if (rc == 0) {
        check_pattern(p);
        return;
    }
    expect(rc == -PS_EARG && err.at <= n);
    expect_printable(err.msg);
}

/* Every entry is found by one of its own tags, or by a more specific entry. */
static void check_entry(const struct ps_tagdb *db, uint32_t i)
{
    const struct ps_tag_info info = ps_tagdb_at(db, i);
    uint32_t tag = info.pattern.value | (0x78787878u & ~info.pattern.mask);
    uint32_t at = ps_tagdb_find(db, tag);

    check_pattern(info.pattern);
    expect_printable(info.component);
    expect_printable(info.kind);
    expect_printable(info.description);
    expect(info.line != 0 && info.source[0] != '\0');
    expect(ps_tag_pattern_matches(info.pattern, tag));
    expect(at != PS_TAG_UNKNOWN && ps_tag_pattern_matches(ps_tagdb_at(db, at).pattern, tag));
    expect(ps_tag_mask_rank(ps_tagdb_at(db, at).pattern.mask) >=
           ps_tag_mask_rank(info.pattern.mask));
    expect(ps_tagdb_cover(db, info.pattern) == i);
}

typedef int add_fn(struct ps_tagdb *db, const char *text, size_t n, struct ps_err *err);

static int add_tags(struct ps_tagdb *db, const char *text, size_t n, struct ps_err *err)
{
    return ps_tagdb_add_tags(db, "fuzz", text, n, err);
}

static int add_pooltag(struct ps_tagdb *db, const char *text, size_t n, struct ps_err *err)
{
    return ps_tagdb_add_pooltag(db, "fuzz", text, n, NULL, err);
}

static int add_any(struct ps_tagdb *db, const char *text, size_t n, struct ps_err *err)
{
    return ps_tagdb_add_any(db, "fuzz", text, n, NULL, err);
}

static void fuzz_list(add_fn *add, const char *text, size_t n)
{
    struct ps_tagdb *db = NULL;
    struct ps_err err = {0};
    int rc;

    expect(ps_tagdb_new(&db, &err) == 0);
    rc = add(db, text, n, &err);
    if (rc < 0) {
        expect(rc == -PS_EFORMAT && ps_tagdb_count(db) == 0);
        expect_printable(err.msg);
    }
    for (uint32_t i = 0; i < ps_tagdb_count(db); i++)
        check_entry(db, i);
    ps_tagdb_free(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static add_fn *const forms[] = {add_tags, add_pooltag, add_any};
    const char *text = (const char *)data + 1;

    if (n_bytes == 0)
        return 0;
    if (data[0] % 4 == 3)
        fuzz_pattern(text, n_bytes - 1);
    else
        fuzz_list(forms[data[0] % 4], text, n_bytes - 1);
    return 0;
}
