/* Results read back: every verb's rows, and texts that are none. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/unknown/tallies.h"
#include "host/hash_factor.h"
#include "host/results/result.h"
#include "tests/support/output_run.h"
#include "tests/support/text_in_steps.h"

#define MAX_ROWS 8u

static struct ps_result_row rows[MAX_ROWS];
static size_t n_rows;
static struct ps_result_about about;
static struct ps_err err;

static int on_row(void *arg, const struct ps_result_row *row, struct ps_err *ignored)
{
    (void)arg;
    (void)ignored;
    cr_assert_lt(n_rows, MAX_ROWS);
    rows[n_rows++] = *row;
    return 0;
}

/* In pieces of three bytes, which cut everything. */
static int read_rows(const char *s, uint32_t min_confidence)
{
    struct text t = {s, strlen(s), 3};
    const struct ps_result_sink sink = {on_row, NULL, min_confidence};

    n_rows = 0;
    return ps_result_read((struct ps_byte_source){read_text, &t}, &sink, &about, &err);
}

Test(result, a_finding)
{
    cr_assert_eq(read_rows("{\"Source\":\"header\",\"Offset\":\"0x000000007fe3a010\","
                           "\"Tag\":\"Zz\\\\x0a!\",\"TagRaw\":\"0x210a7a5a\","
                           "\"PoolType\":\"PagedPool|Quota\",\"NumberOfBytes\":720,"
                           "\"Status\":\"Allocated\",\"Confidence\":70,\"Evidence\":[\"a\",{}],"
                           "\"Protected\":false,\"InBigPool\":null,\"Pool\":null,"
                           "\"Image\":\"a.raw\",\"ImageId\":\"0011\"}\n",
                           10),
                 0, "%s", err.msg);
    cr_assert_eq(n_rows, 1);
    cr_assert_eq(rows[0].tag, 0x210a7a5a);
    cr_assert_eq(rows[0].pools, PS_RESULT_PAGED);
    cr_assert_eq(rows[0].n_live, 1);
    cr_assert_eq(rows[0].n_freed, 0);
    cr_assert_eq(rows[0].n_bytes, 720);
    cr_assert_eq(rows[0].offset, 0x7fe3a010);
    cr_assert(about.has_image && !about.has_other_images);
    cr_assert_str_eq(about.image, "a.raw");
    cr_assert_str_eq(about.image_id, "0011");
}

Test(result, which_rows_count)
{
    cr_assert_eq(read_rows("{\"Tag\":\"Aaaa\",\"Confidence\":9}\n"
                           "{\"Tag\":\"Bbbb\",\"Confidence\":10,\"Status\":\"Stale\","
                           "\"NumberOfBytes\":32,\"Pool\":\"NonPagedNx\"}\n"
                           "{\"Tag\":\"Cccc\",\"InBigPool\":\"0xffff800000001000\"}\n"
                           "{\"Tag\":null,\"TagRaw\":null}\n"
                           "{\"Tag\":\"Pro\\\\xe3\",\"TagRaw\":\"0xe36f7250\","
                           "\"Protected\":true,\"Image\":\"b\"}\n"
                           "{\"Tag\":\"Pro\\\\xe3\",\"Image\":\"c\"}",
                           10),
                 0, "%s", err.msg);
    cr_assert_eq(n_rows, 3);
    cr_assert_eq(about.n_rows, 3);
    cr_assert_eq(about.n_below, 1);
    cr_assert_eq(about.n_content, 1);
    cr_assert_eq(about.n_no_tag, 1);
    cr_assert_eq(rows[0].n_freed, 1);
    cr_assert_eq(rows[0].n_live, 0);
    cr_assert_eq(rows[0].n_bytes, 0);
    cr_assert_eq(rows[0].pools, PS_RESULT_NONPAGED);
    cr_assert_eq(rows[0].offset, PS_RESULT_NOWHERE);
    cr_assert_eq(rows[1].tag, TAG('P', 'r', 'o', 'c'));
    cr_assert_eq(rows[2].tag, TAG('P', 'r', 'o', 0xe3));
    cr_assert(about.has_other_images);
}

Test(result, an_array_and_a_list_of_used)
{
    cr_assert_eq(read_rows("[\n{\"Tag\":\"Irp \",\"NonPagedAllocs\":9,\"NonPagedDiff\":4,"
                           "\"NonPagedUsed\":400,\"PagedAllocs\":1,\"PagedDiff\":-1,"
                           "\"PagedUsed\":0,\"HeaderBlocks\":7,\"HeaderBytes\":7,"
                           "\"BigAllocations\":0,\"BigBytes\":0},\n"
                           "{\"Tag\":\"Only\",\"NonPagedAllocs\":null,\"NonPagedDiff\":null,"
                           "\"NonPagedUsed\":null,\"PagedAllocs\":null,\"PagedDiff\":null,"
                           "\"PagedUsed\":null,\"HeaderBlocks\":2,\"HeaderBytes\":96,"
                           "\"BigAllocations\":1,\"BigBytes\":4096}\n]\n",
                           10),
                 0, "%s", err.msg);
    cr_assert_eq(n_rows, 2);
    cr_assert_eq(rows[0].n_live, 4);
    cr_assert_eq(rows[0].n_bytes, 400);
    cr_assert_eq(rows[0].pools, PS_RESULT_NONPAGED | PS_RESULT_PAGED);
    cr_assert_eq(rows[1].n_live, 3);
    cr_assert_eq(rows[1].n_bytes, 4192);
    cr_assert_eq(rows[1].pools, 0);
    cr_assert_eq(read_rows("", 0), 0);
    cr_assert_eq(read_rows("[\n]\n", 0), 0);
    cr_assert_eq(n_rows, 0);
}

/* clang-format off */
static const struct {
    const char *text, *says;
} bad[] = {
    {"Tag,Component\r\n", "line 1"},
    {"\x1f\x8b\x08", "line 1"},
    {"3\n", "line 1: no object"},
    {"[[]]", "line 1: no object"},
    {"{\"Tag\":\"Aaaa\"}\n{\"Variable\":\"Image\"}\n", "line 2: an object without Tag"},
    {"{\"Tag\":\"Aaaa\"}\n{\"Tag\":\"Aaaaa\"}\n", "line 2: Tag is not four bytes"},
    {"{\"Tag\":\"Aaa\"}", "Tag is not four bytes"},
    {"{\"Tag\":\"Aaa\\\\\"}", "Tag is not four bytes"},
    {"{\"Tag\":\"Aaa\\\\x0\"}", "Tag is not four bytes"},
    {"{\"Tag\":5}", "Tag is no text"},
    {"{\"Tag\":\"Aaaa\",\"TagRaw\":7}", "TagRaw is no text of 0x"},
    {"{\"Tag\":\"Aaaa\",\"TagRaw\":\"0x123456789\"}", "TagRaw is no text of 0x"},
    {"{\"Tag\":\"Aaaa\",\"Offset\":\"12\"}", "Offset is no text of 0x"},
    {"{\"Tag\":\"Aaaa\",\"NumberOfBytes\":\"12\"}", "NumberOfBytes is no whole number"},
    {"{\"Tag\":\"Aaaa\",\"NumberOfBytes\":1.5}", "NumberOfBytes is no whole number"},
    {"{\"Tag\":\"Aaaa\",\"Confidence\":1e9}", "Confidence is no whole number"},
    {"{\"Tag\":\"Aaaa\",\"Protected\":\"yes\"}", "Protected is neither true nor false"},
    {"{\"Tag\":\"Aaaa\",\"Status\":[]}", "Status is no text"},
    {"{\"Tag\":\"Aaaa\"}\n{\"Tag\":\"Aa", "line 2"},
    {"{\"Tag\":\"Aaaa\"},{\"Tag\":\"Aaaa\"}", "line 1"},
};
/* clang-format on */

Test(result, what_is_no_result)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(read_rows(bad[i].text, 0), -PS_EFORMAT, "%s", bad[i].text);
        cr_assert(strstr(err.msg, bad[i].says), "%s: %s", bad[i].text, err.msg);
    }
}

Test(result, a_source_that_fails_and_depth)
{
    char deep[400];

    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    cr_assert_eq(read_rows(deep, 0), -PS_EFORMAT);
    memcpy(deep, "{\"x\":", 5);
    cr_assert_eq(read_rows(deep, 0), -PS_EFORMAT);
}

/* --- tallies --- */

static void add(struct ps_tallies *t, uint32_t tag, uint64_t n_live, uint64_t n_bytes,
                uint64_t offset)
{
    const struct ps_result_row row = {.tag = tag,
                                      .pools = PS_RESULT_PAGED,
                                      .n_live = n_live,
                                      .n_freed = !n_live,
                                      .n_bytes = n_bytes,
                                      .offset = offset};

    cr_assert_eq(ps_tallies_add(t, &row, &err), 0);
}

Test(tallies, by_frequency)
{
    struct ps_tagdb *db = output_test_tags();
    struct ps_tallies t = {.tags = db};

    for (size_t i = 0; i < 5; i++)
        add(&t, TAG('P', 'r', 'o', 'c'), 1, 16, 0);
    add(&t, TAG('A', 'a', 'a', 'a'), 1, 16, PS_RESULT_NOWHERE);
    add(&t, TAG('A', 'a', 'a', 'a'), 0, 0, 0x5000);
    add(&t, TAG('A', 'a', 'a', 'a'), 0, 0, 0x6000);
    add(&t, TAG('B', 'b', 'b', 'b'), 1, UINT64_MAX, 0x10);
    add(&t, TAG('B', 'b', 'b', 'b'), 1, 16, 0x20);
    add(&t, TAG('D', 'a', 'a', 'a'), 1, 16, 0);
    add(&t, TAG('C', 'z', 'a', 'a'), 1, 16, 0);
    ps_tallies_keep_unknown(&t);
    cr_assert_eq(t.n, 4);
    cr_assert_eq(t.tally[0].tag, TAG('B', 'b', 'b', 'b'));
    cr_assert_eq(t.tally[0].n_bytes, UINT64_MAX);
    cr_assert_eq(t.tally[0].offset, 0x10);
    cr_assert_eq(t.tally[1].tag, TAG('A', 'a', 'a', 'a'), "more freed ones");
    cr_assert_eq(t.tally[1].offset, 0x5000);
    cr_assert_eq(t.tally[1].n_freed, 2);
    cr_assert_eq(t.tally[2].tag, TAG('C', 'z', 'a', 'a'));
    cr_assert_eq(t.tally[3].tag, TAG('D', 'a', 'a', 'a'));
    ps_tallies_free(&t);
    ps_tagdb_free(db);
}

Test(tallies, many_and_too_many)
{
    struct ps_tagdb *db = output_test_tags();
    struct ps_tallies t = {.tags = db};

    for (uint32_t i = 0; i < PS_TALLIES_MAX + 3; i++)
        add(&t, i * 0x01000193u, 1 + i % 7, 16, i);
    cr_assert_eq(t.n_left_out, 3);
    for (uint32_t i = 0; i < PS_TALLIES_MAX; i++)
        add(&t, i * 0x01000193u, 1, 0, 0);
    cr_assert_eq(t.n_left_out, 3);
    cr_assert_eq(t.map.factor, ps_hash_factor());
    ps_tallies_keep_unknown(&t);
    cr_assert_geq(t.n, PS_TALLIES_MAX - 3);
    for (size_t i = 0; i < t.n; i++)
        cr_assert_eq(t.tally[i].n_live, 2 + t.tally[i].offset % 7);
    ps_tallies_free(&t);
    ps_tagdb_free(db);
}
