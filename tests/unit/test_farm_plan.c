/* Plans: what is written reads back, and what is no plan is refused with its line. */
#include "host/farm/plan.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "tests/support/tmpdir.h"

#define HEX_A "00112233445566778899aabbccddeeff"
#define HEX_B "ffeeddccbbaa99887766554433221100"

/* Written by hand, as docs/FARM.md has the form; the id goes where %s is. */
static const char two_images[] =
    "{\"poolscan_plan\":1,\"id\":\"%s\",\"version\":\"9.9.9\",\"options\":[\"--tags\","
    "\"Pr\\\\x5cx,\\\"\",\"--show-free\"],\"options_id\":\"" HEX_A "\",\"tags_id\":\"" HEX_B
    "\",\"task_bytes\":65536,\"images\":2,\"tasks\":4}\n"
    "{\"task\":0,\"image\":\"/d/\xc3\xa4 \\\\xff.raw\",\"size\":123456,\"identity\":\"" HEX_A
    "\",\"part\":\"range\",\"start\":\"0x0\",\"end\":\"0x10000\"}\n"
    "{\"task\":1,\"image\":\"/d/\xc3\xa4 \\\\xff.raw\",\"size\":123456,\"identity\":\"" HEX_A
    "\",\"part\":\"range\",\"start\":\"0x10000\",\"end\":\"0x1f000\"}\n"
    "{\"task\":2,\"image\":\"/d/\xc3\xa4 \\\\xff.raw\",\"size\":123456,\"identity\":\"" HEX_A
    "\",\"part\":\"virtual\",\"start\":\"0x0\",\"end\":\"0x1f000\"}\n"
    "{\"task\":3,\"image\":\"/e\",\"size\":4096,\"identity\":\"" HEX_B
    "\",\"part\":\"whole\",\"start\":\"0x1000\",\"end\":\"0x10000000000000\"}\n";

struct text {
    char s[4096];
    size_t n;
};

/* The id is xxhsum's, of the text without it. */
static void with_id(const char *form, struct text *t)
{
    char hex[PS_DIGEST_HEX_BYTES];
    XXH128_hash_t h;

    t->n = (size_t)snprintf(t->s, sizeof t->s, form, "");
    h = XXH3_128bits(t->s, t->n);
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    t->n = (size_t)snprintf(t->s, sizeof t->s, form, hex);
    cr_assert_lt(t->n, sizeof t->s);
}

static void expect_task(const struct ps_farm_task *t, uint32_t number, uint32_t image,
                        enum ps_farm_part part, uint64_t start, uint64_t end)
{
    cr_assert_eq(t->number, number);
    cr_assert_eq(t->image_number, image);
    cr_assert_eq(t->part, part);
    cr_assert_eq(t->start, start);
    cr_assert_eq(t->end, end);
}

Test(farm_plan, reads_all_fields)
{
    struct ps_farm_plan p;
    struct ps_err err = {0};
    struct text t;

    with_id(two_images, &t);
    cr_assert_eq(ps_farm_plan_parse(&p, t.s, t.n, &err), 0, "%s", err.msg);
    cr_assert_eq(p.n_words, 3);
    cr_assert_str_eq(p.word[0], "--tags");
    cr_assert_str_eq(p.word[1], "Pr\\x,\"");
    cr_assert_str_eq(p.word[2], "--show-free");
    cr_assert_str_eq(p.version, "9.9.9");
    cr_assert_str_eq(p.options_id, HEX_A);
    cr_assert_str_eq(p.tags_id, HEX_B);
    cr_assert_eq(p.task_bytes, 65536);
    cr_assert_eq(p.n_images, 2);
    cr_assert_eq(p.n_tasks, 4);
    expect_task(&p.task[0], 0, 0, PS_FARM_RANGE, 0, 0x10000);
    expect_task(&p.task[1], 1, 0, PS_FARM_RANGE, 0x10000, 0x1f000);
    expect_task(&p.task[2], 2, 0, PS_FARM_VIRTUAL, 0, 0x1f000);
    expect_task(&p.task[3], 3, 1, PS_FARM_WHOLE, 0x1000, UINT64_C(1) << 52);
    cr_assert_str_eq(p.task[1].image, "/d/\xc3\xa4 \xff.raw");
    cr_assert_eq(p.task[1].image_bytes, 123456);
    cr_assert_str_eq(p.task[1].identity, HEX_A);
    cr_assert_str_eq(p.task[3].identity, HEX_B);
    ps_farm_plan_free(&p);
}

static size_t read_back(const char *path, char *to, size_t n)
{
    FILE *f = fopen(path, "rb");
    size_t got;

    cr_assert(f);
    got = fread(to, 1, n, f);
    fclose(f);
    return got;
}

Test(farm_plan, writes_the_bytes_it_read)
{
    struct ps_tmpdir dir;
    struct ps_farm_plan p;
    struct ps_err err = {0};
    struct text t, again;
    char out[600];

    ps_tmpdir_make(&dir);
    with_id(two_images, &t);
    snprintf(out, sizeof out, "%s", ps_tmpdir_file(&dir, "out"));
    cr_assert_eq(ps_farm_plan_read(&p, ps_tmpdir_write(&dir, "in", t.s, t.n), &err), 0, "%s",
                 err.msg);
    cr_assert_eq(ps_farm_plan_write(&p, out, &err), 0, "%s", err.msg);
    again.n = read_back(out, again.s, sizeof again.s);
    cr_assert_eq(again.n, t.n);
    cr_assert_arr_eq(again.s, t.s, t.n);
    ps_farm_plan_free(&p);
    ps_tmpdir_remove(&dir);
}

Test(farm_plan, no_file_and_no_regular_file)
{
    struct ps_farm_plan p;
    struct ps_err err = {0};

    cr_assert_eq(ps_farm_plan_read(&p, "/nonexistent/plan", &err), -PS_ENOENT);
    cr_assert(strstr(err.msg, "/nonexistent/plan"));
    cr_assert_eq(ps_farm_plan_read(&p, "/", &err), -PS_EFORMAT);
    cr_assert_eq(ps_farm_plan_read(&p, "/dev/zero", &err), -PS_EFORMAT);
}

/* One edit of the good plan, the line that must be named, and a word of the reason. */
static const struct {
    const char *from, *to;
    uint64_t line;
    const char *why;
} edits[] = {
    {"poolscan_plan\":1", "poolscan_plan\":2", 1, "form 2"},
    {"{\"poolscan_plan\":1,", "{", 1, "no plan of poolscan"},
    {"\"version\":\"9.9.9\",", "", 1, "fields"},
    {"\"9.9.9\"", "\"9.9.9\",\"more\":1", 1, "fields"},
    {"\"9.9.9\"", "\"9.9.8\"", 1, "changed"},
    {"\"9.9.9\"", "9", 1, "version"},
    {"\"--show-free\"", "7", 1, "options"},
    {"\\\\x5c", "\\\\x5C", 1, "backslash"},
    {"\\\\x5c", "\\\\x00", 1, "backslash"},
    {"\\\\x5c", "\\\\", 1, "backslash"},
    {"\"Pr", "\"\\u0000Pr", 1, "no JSON"},
    {"\"task_bytes\":65536", "\"task_bytes\":-1", 1, "task_bytes"},
    {"\"task_bytes\":65536", "\"task_bytes\":1e99", 1, "task_bytes"},
    {"\"task_bytes\":65536", "\"task_bytes\":65537", 1, "changed"},
    {"\"images\":2", "\"images\":3", 5, "images"},
    {"\"tasks\":4", "\"tasks\":5", 5, "ends after 4 of 5"},
    {"\"tasks\":4", "\"tasks\":3", 5, "ends after 4 of 3"},
    {"\"task\":0", "\"task\":1", 2, "expected task 0"},
    {"\"task\":1", "\"task\":1,\"task\":1", 3, "no JSON"},
    {"\"range\"", "\"ring\"", 2, "part"},
    {"\"range\"", "\"whole\"", 4, "cover"},
    {"\"0x10000\"}", "\"0x10800\"}", 2, "multiples"},
    {"\"0x10000\"}", "\"0x20000\"}", 3, "where the one before ended"},
    {"\"0x10000\"}", "\"0x0\"}", 2, "below end"},
    {"\"0x10000\"}", "\"10000\"}", 2, "address"},
    {"\"0x10000\"}", "\"0x10000g\"}", 2, "address"},
    {"\"0x10000\"}", "\"0x\"}", 2, "address"},
    {"\"0x10000000000000\"", "\"0x10000000001000\"", 5, "at most"},
    {"\"0x10000000000000\"", "\"0x11111111111111000\"", 5, "address"},
    {"\"virtual\",\"start\":\"0x0\"", "\"virtual\",\"start\":\"0x1000\"", 4, "cover"},
    {"\"virtual\"", "\"whole\"", 4, "no virtual side"},
    {"\"whole\"", "\"virtual\"", 5, "without ranges"},
    {"\"whole\"", "\"range\"", 5, "no virtual side"},
    {"\"/e\"", "\"e\"", 5, "absolute"},
    {"\"/e\"", "\"\"", 5, "absolute"},
    {"\"size\":4096", "\"size\":\"4096\"", 5, "size"},
    {HEX_B "\",\"part", "ffeeddccbbaa9988776655443322110\",\"part", 5, "32 hex"},
    {"{\"task\":3", "{\"task\":3,}", 5, "no JSON"},
    {"{\"task\":3", "[]\n{\"task\":3", 5, "no JSON object"},
    {"{\"task\":3", "\n{\"task\":3", 5, "no JSON object"},
};

/* Replace the first 'from' of 't'. */
static void edit(struct text *t, const char *from, const char *to)
{
    char *at = strstr(t->s, from);
    const size_t n_from = strlen(from), n_to = strlen(to);

    cr_assert(at, "%s is not in the plan", from);
    memmove(at + n_to, at + n_from, t->n - (size_t)(at - t->s) - n_from + 1);
    memcpy(at, to, n_to);
    t->n += n_to - n_from;
}

Test(farm_plan, refuses_with_the_line)
{
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct ps_farm_plan p;
        struct ps_err err = {0};
        struct text t;

        with_id(two_images, &t);
        edit(&t, edits[i].from, edits[i].to);
        cr_assert_eq(ps_farm_plan_parse(&p, t.s, t.n, &err), -PS_EFORMAT, "edit %zu", i);
        cr_assert_eq(err.at, edits[i].line, "edit %zu: line %d: %s", i, (int)err.at, err.msg);
        cr_assert(strstr(err.msg, edits[i].why), "edit %zu: %s", i, err.msg);
    }
}

Test(farm_plan, cut_anywhere_is_refused)
{
    struct text t;

    with_id(two_images, &t);
    for (size_t n = 0; n < t.n - 1; n++) {
        struct ps_farm_plan p;
        struct ps_err err = {0};

        cr_assert_eq(ps_farm_plan_parse(&p, t.s, n, &err), -PS_EFORMAT, "cut at %zu", n);
    }
}

Test(farm_plan, one_changed_byte_is_refused)
{
    struct text t;

    with_id(two_images, &t);
    for (size_t i = 0; i < t.n; i++) {
        struct ps_farm_plan p = {0};
        struct ps_err err = {0};

        t.s[i] ^= 1;
        cr_assert_lt(ps_farm_plan_parse(&p, t.s, t.n, &err), 0, "byte %zu", i);
        t.s[i] ^= 1;
    }
}

static struct ps_farm_task task_of(enum ps_farm_part part, uint64_t start, uint64_t end)
{
    return (struct ps_farm_task){.image = "/i",
                                 .image_bytes = 7,
                                 .identity = HEX_A,
                                 .part = part,
                                 .start = start,
                                 .end = end};
}

Test(farm_plan, seal_wants_whole_images)
{
    struct ps_farm_plan p = {.options_id = HEX_A, .tags_id = HEX_B};
    struct ps_farm_task a = task_of(PS_FARM_RANGE, 0, 0x1000);
    struct ps_farm_task b = task_of(PS_FARM_VIRTUAL, 0, 0x1000);
    struct ps_err err = {0};

    cr_assert_eq(ps_farm_plan_text(&p, "1", &p.version, &err), 0);
    cr_assert_eq(ps_farm_plan_seal(&p, &err), -PS_EFORMAT);
    cr_assert_eq(ps_farm_plan_add(&p, &a, &err), 0);
    cr_assert_eq(ps_farm_plan_seal(&p, &err), -PS_EFORMAT);
    cr_assert_eq(ps_farm_plan_add(&p, &b, &err), 0);
    cr_assert_eq(ps_farm_plan_seal(&p, &err), 0);
    cr_assert_eq(strlen(p.id), 32);
    cr_assert_eq(p.n_images, 1);
    ps_farm_plan_free(&p);
}

/* The same image twice is two images. */
Test(farm_plan, an_image_may_be_there_twice)
{
    struct ps_farm_plan p = {.options_id = HEX_A, .tags_id = HEX_B};
    struct ps_farm_task whole = task_of(PS_FARM_WHOLE, 0, 0x1000);
    struct ps_err err = {0};

    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(ps_farm_plan_add(&p, &whole, &err), 0);
    cr_assert_eq(p.n_images, 5);
    cr_assert_eq(p.task[4].image_number, 4);
    ps_farm_plan_free(&p);
}
