/* What each statement of a recipe writes, against bytes written down by hand. */
#include "tests/support/recipe_page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(recipe, plain_fills)
{
    const char *text = "size 16k\npage 0 zero\npage 1 ones\n";

    cr_assert_eq(build(text, 0), 1);
    cr_assert(all(0, 4096, 0));
    cr_assert_eq(build(text, 1), 1);
    cr_assert(all(0, 4096, 0xff));
    cr_assert_eq(build(text, 2), 0, "a page that no statement names is a hole");
    cr_assert(all(0, 4096, 0));
    cr_assert_eq(planted.n, 0);
}

/* The numbers come from another implementation of the generator. */
Test(recipe, random_bytes_are_the_same_everywhere)
{
    build("size 4k\npage 0 random\n", 0);
    EXPECT(0, "\xfd\x22\xa8\x73\x5a\x2f\x98\x60\x37\x56\xc8\xe1\xd4\x71\x1f\x12");
    build("size 32k\nseed 77\npages 0-7 random\n", 5);
    EXPECT(0, "\x2b\xac\x73\x4d\x64\x15\xd9\x29\xa6\xdf\x82\x65\xa8\x13\x20\xff");
    build("size 32k\npages 0-7 random seed=77\n", 5);
    EXPECT(0, "\x2b\xac\x73\x4d\x64\x15\xd9\x29\xa6\xdf\x82\x65\xa8\x13\x20\xff");
}

Test(recipe, bytes_at_an_address)
{
    const char *text = "size 8k\n"
                       "at 0x1000 hex 00 7f Ff a0\n"
                       "at 0x1010 u8 1 255\n"
                       "at 0x1020 u16 0x1234\n"
                       "at 0x1030 u32 0x12345678 1\n"
                       "at 0x1040 u64 0x1122334455667788\n"
                       "at 0x1050 ascii \"a \\x01#\\\"\"\n"
                       "page 1 +0x60 utf16 Ab\n"
                       "page 1 +0x70 ascii \\r\\n\\t\n"
                       "at 0x1ffe hex aa bb\n";

    cr_assert_eq(build(text, 0), 0);
    cr_assert_eq(build(text, 1), 1);
    EXPECT(0x00, "\x00\x7f\xff\xa0\x00");
    EXPECT(0x10, "\x01\xff\x00");
    EXPECT(0x20, "\x34\x12\x00");
    EXPECT(0x30, "\x78\x56\x34\x12\x01\x00\x00\x00\x00");
    EXPECT(0x40, "\x88\x77\x66\x55\x44\x33\x22\x11\x00");
    EXPECT(0x50, "a \x01#\"\x00");
    EXPECT(0x60, "A\0b\0\0");
    EXPECT(0xffe, "\xaa\xbb");
    EXPECT(0x70, "\r\n\t\0");
    cr_assert(all(0x80, 0xffe, 0));
}

/* H1 to H8 of the published header dumps. */
static const struct {
    const char *recipe;
    const char *bytes;
    size_t n;
} header_vectors[] = {
    {"arch x64\nbuild 19041\nat 0x40 header tag=Proc size=0xd00 type=NonPaged\n",
     "\x00\x00\xd0\x02Proc\0\0\0\0\0\0\0\0", 16},
    {"arch x64\nbuild 26100\nat 0x40 header tag=Drht size=0x30\n",
     "\x00\x00\x03\x02"
     "Drht",
     8},
    {"arch x64\nat 0x40 header tag=NpAt size=0x190 type=Paged\n", "\x00\x00\x19\x03NpAt", 8},
    {"arch x64\nat 0x40 header tag=Proc word0=0x02e80000\n", "\x00\x00\xe8\x02Proc", 8},
    {"arch x86\nbuild 7601\nat 0x40 header tag=Even protected prev=0x40 size=0x40\n",
     "\x08\x00\x08\x04"
     "Eve\xee",
     8},
    {"arch x86\nbuild 7601\nat 0x40 header tag=Hack prev=0xb8 size=0x200 type=0x02\n",
     "\x17\x00\x40\x04Hack", 8},
    {"arch x86\nbuild 7601\nat 0x40 header tag=abcd prev=0x60 index=1 size=0x78 "
     "type=Paged|Verifier\n",
     "\x0c\x02\x0f\x86"
     "abcd",
     8},
    {"arch x64\nbuild 7601\nat 0x40 header tag=MmLd prev=0x60 size=0x10 type=Free "
     "billed=0x2d004500300037\n",
     "\x06\x00\x01\x00MmLd\x37\x00\x30\x00\x45\x00\x2d\x00", 16},
    {"arch x64\nbuild 7601\nat 0x40 header tag=MmLd prev=0x10 size=0xf0 "
     "billed=0xfffff8000281eab0\n",
     "\x01\x00\x0f\x02MmLd\xb0\xea\x81\x02\x00\xf8\xff\xff", 16},
    {"arch x86\nbuild 2600\nat 0x40 header tag=\"Io  \" size=0x18 type=NonPaged\n",
     "\x00\x00\x03\x0aIo  ", 8},
    {"arch x64\nbuild 3790\nat 0x40 header tag=Gh\\x00\\xff size=0x20 type=Paged|Session\n",
     "\x00\x00\x02\x26Gh\x00\xff", 8},
    {"arch x64\nbuild 3790\nat 0x40 header tag=Gh size=0x20 type=Paged+Quota index=3\n",
     "\x00\x03\x02\x0eGh  ", 8},
};

Test(recipe, header_bytes)
{
    for (size_t i = 0; i < sizeof header_vectors / sizeof *header_vectors; i++) {
        char text[300];

        snprintf(text, sizeof text, "size 4k\n%s", header_vectors[i].recipe);
        cr_assert_eq(build(text, 0), 1);
        expect(0x40, header_vectors[i].bytes, header_vectors[i].n);
        cr_assert(all(0x50, 4096, 0), "vector %zu writes only a header", i);
        cr_assert_eq(planted.n, 1, "vector %zu", i);
        cr_assert_eq(planted.header[0].offset, 0x40);
        cr_assert_eq(planted.header[0].word0, le32(0x40));
        cr_assert_eq(planted.header[0].tag, le32(0x44));
    }
}

Test(recipe, header_body_stays_in_the_block)
{
    build("size 4k\npage 0 ones\nat 0x100 header tag=Proc size=0x40 body=zero\n", 0);
    cr_assert(all(0, 0x100, 0xff));
    cr_assert(all(0x110, 0x140, 0));
    cr_assert(all(0x140, 0x1000, 0xff));
}

Test(recipe, what_a_header_counts_as)
{
    static const struct {
        const char *statement;
        int state;
    } cases[] = {
        {"at 0x40 header tag=Proc size=0x40", PS_PLANTED_ALLOCATED},
        {"at 0x40 header tag=Proc size=0x40 type=Free", PS_PLANTED_FREE},
        {"at 0x48 header tag=Proc size=0x40", PS_PLANTED_DECOY},
        {"at 0x40 header tag=Proc size=0x10", PS_PLANTED_DECOY},
        {"at 0x40 header tag=Proc size=0x10 type=0", PS_PLANTED_FREE},
        {"at 0xf00 header tag=Proc size=0x100", PS_PLANTED_ALLOCATED},
        {"at 0xf00 header tag=Proc size=0x110", PS_PLANTED_DECOY},
        {"at 0x40 header tag=Proc size=0", PS_PLANTED_DECOY},
        {"at 0x40 header tag=Proc size=0x40 is=stale", PS_PLANTED_STALE},
        {"at 0x40 header tag=Proc size=0x40 is=decoy", PS_PLANTED_DECOY},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[120];

        snprintf(text, sizeof text, "size 4k\n%s\n", cases[i].statement);
        build(text, 0);
        cr_assert_eq(planted.n, 1, "%s", cases[i].statement);
        cr_assert_eq(planted.header[0].state, cases[i].state, "%s", cases[i].statement);
        cr_assert_eq(planted.header[0].line, 2);
    }
}

Test(recipe, kuser_fields)
{
    build("size 64M\nbuild 19045\npage 9 kuser\n", 9);
    cr_assert_eq(le32(0x04), 0x0fa00000);
    EXPECT(0x2c, "\x64\x86\x64\x86");
    EXPECT(0x30, "C\0:\0\\\0W\0i\0n\0d\0o\0w\0s\0\0\0");
    cr_assert_eq(le32(0x260), 19045);
    cr_assert_eq(le32(0x264), 1);
    cr_assert_eq(page[0x268], 1);
    cr_assert_eq(le16(0x26a), 9, "AMD64");
    cr_assert_eq(le32(0x26c), 10);
    cr_assert_eq(le32(0x270), 0);
    cr_assert_eq(le32(0x2e8), 16384);
    cr_assert_eq(le32(0x3c0), 4);
}

Test(recipe, kuser_of_older_versions)
{
    static const struct {
        const char *lines;
        uint32_t machine, build, major, minor;
    } cases[] = {
        {"arch x86\nbuild 2600\npage 0 kuser root=\"D:\\\\WINNT\"", 0x14c, 0, 5, 1},
        {"arch x64\nbuild 3790\npage 0 kuser", 0x8664, 0, 5, 2},
        {"arch x64\nbuild 6002\npage 0 kuser", 0x8664, 0, 6, 0},
        {"arch x86\nbuild 7601\npage 0 kuser", 0x14c, 0, 6, 1},
        {"arch x64\nbuild 9200\npage 0 kuser", 0x8664, 0, 6, 2},
        {"arch x64\nbuild 9600\npage 0 kuser", 0x8664, 0, 6, 3},
        {"arch x64\nbuild 10240\npage 0 kuser minor=7 cpus=2", 0x8664, 10240, 10, 7},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[120];

        snprintf(text, sizeof text, "size 4k\n%s\n", cases[i].lines);
        build(text, 0);
        cr_assert_eq(le16(0x2c), cases[i].machine, "%s", cases[i].lines);
        cr_assert_eq(le32(0x260), cases[i].build, "%s", cases[i].lines);
        cr_assert_eq(le32(0x26c), cases[i].major, "%s", cases[i].lines);
        cr_assert_eq(le32(0x270), cases[i].minor, "%s", cases[i].lines);
        if (i == 0)
            EXPECT(0x30, "D\0:\0\\\0W\0I\0N\0N\0T\0\0\0");
    }
}

Test(recipe, copy_and_torn_pages)
{
    const char *text = "size 64k\ntags t Proc:0x100 Thre:0x80\npages 0-3 lfh tags=t unused=0\n"
                       "pages 4-7 copy from=0\npages 8-9 torn from=0 then=2 cut=0x888\n";
    uint8_t first[4096], second[4096];
    size_t n_first;

    build(text, 1);
    n_first = planted.n;
    memcpy(first, page, 4096);
    build(text, 3);
    memcpy(second, page, 4096);
    build(text, 5);
    cr_assert_arr_eq(page, first, 4096);
    cr_assert_eq(planted.n, n_first);
    cr_assert_eq(planted.header[0].is_copy, 1);
    build(text, 9);
    cr_assert_arr_eq(page, first, 0x888);
    cr_assert_arr_eq(page + 0x888, second + 0x888, 4096 - 0x888);
    for (size_t i = 0; i < planted.n; i++) {
        cr_assert_eq(le32(planted.header[i].offset + 4), planted.header[i].tag);
        cr_assert(planted.header[i].offset + 8 <= 0x888 || planted.header[i].offset >= 0x888);
        cr_assert(i == 0 || planted.header[i].offset > planted.header[i - 1].offset);
    }
}

Test(recipe, the_last_statement_wins)
{
    const char *text = "size 64k\npages 0-9 ones\npage 3 +0 header tag=Gone size=0x40\n"
                       "pages 3-4 zero\npage 3 +0x10 header tag=Here size=0x40\n"
                       "page 3 +0x14 hex 00\npage 4 +0x20 header tag=Here size=0x40\n"
                       "page 5 hole\n";

    build(text, 2);
    cr_assert(all(0, 4096, 0xff));
    build(text, 3);
    cr_assert(all(0, 0x10, 0), "a page that is filled again forgets what stood there");
    cr_assert_eq(planted.n, 0, "a header that is overwritten is no header");
    build(text, 4);
    cr_assert_eq(planted.n, 1);
    cr_assert_eq(build(text, 5), 0);
    build(text, 6);
    cr_assert(all(0, 4096, 0xff));
}

/* A deal of 100 runs holds every kind as often as its share says. */
Test(recipe, mix_keeps_its_shares)
{
    const char *text = "size 3200k\ntags t Proc:0x100\n"
                       "pages 0- mix run=4 zero=30 ones=25 hole=15 lfh=30 tags=t unused=0\n";
    struct ps_recipe *r = parse(text);
    struct ps_err err;
    size_t n[4] = {0, 0, 0, 0};
    int same_run = 1;

    for (uint64_t i = 0; i < 800; i++) {
        static int last;
        int rc = ps_recipe_page(r, i, page, &planted, &err);
        int kind = rc == 0 ? 2 : planted.n > 0 ? 3 : page[0] == 0xff ? 1 : 0;

        n[kind]++;
        same_run = same_run && (i % 4 == 0 || kind == last);
        last = kind;
    }
    ps_recipe_free(r);
    cr_assert_eq(n[0], 240);
    cr_assert_eq(n[1], 200);
    cr_assert_eq(n[2], 120);
    cr_assert_eq(n[3], 240);
    cr_assert(same_run);
}

static void expect_decoys(void)
{
    for (size_t i = 0; i < planted.n; i++) {
        cr_assert_eq(planted.header[i].state, PS_PLANTED_DECOY);
        cr_assert_eq(le32(planted.header[i].offset + 4), planted.header[i].tag);
    }
}

Test(recipe, text_pages)
{
    build("size 4k\npage 0 text\n", 0);
    for (size_t i = 0; i < 4096; i++)
        cr_assert(page[i] == '\r' || page[i] == '\n' || (page[i] >= 0x20 && page[i] < 0x7f));
    build("size 4k\npage 0 text style=utf16\n", 0);
    for (size_t i = 1; i < 4096; i += 2)
        cr_assert_eq(page[i], 0);
    build("size 4k\npage 0 text style=source\n", 0);
    cr_assert(memmem(page, 4096, "    ", 4) && memchr(page, ';', 4096));
    build("size 4k\ntags t Proc Thre\npage 0 text style=pooltag tags=t\n", 0);
    cr_assert(memmem(page, 4096, "Proc - ", 7) && memmem(page, 4096, "Thre - ", 7));
    cr_assert_gt(planted.n, 50);
    expect_decoys();
}

Test(recipe, code_pages_hold_tags_as_operands)
{
    size_t n = 0;

    for (uint64_t i = 0; i < 8; i++) {
        build("size 32k\ntags t Proc Thre\npages 0- code decoys=t\n", i);
        n += planted.n;
        expect_decoys();
    }
    cr_assert_gt(n, 4);
    build("size 4k\npage 0 code\n", 0);
    cr_assert_eq(planted.n, 0);
}

Test(recipe, pointers)
{
    build("size 4k\npage 0 pointers\n", 0);
    for (size_t i = 0; i < 4096; i += 8)
        cr_assert_eq(le64(i) >> 47, 0x1ffff);
    build("size 4k\narch x86\npage 0 pointers\n", 0);
    for (size_t i = 0; i < 4096; i += 4)
        cr_assert_eq(le32(i) >> 31, 1);
}

Test(recipe, parameters)
{
    const char *text = "set N 2 # not $used here\nset B aa\nsize 16k\nat 0 hex $B\n"
                       "page 0x${N} ones\nat 0x10 ascii \"$N\"\nat 0x20 ascii \\$\n";
    struct ps_recipe_param param = {"N", "1"};
    struct ps_recipe *r = NULL;
    struct ps_err err = {.msg = ""};

    cr_assert_eq(build(text, 2), 1);
    cr_assert_eq(build(text, 1), 0);
    build(text, 0);
    EXPECT(0, "\xaa");
    EXPECT(0x10, "$N");
    EXPECT(0x20, "$");
    cr_assert_eq(ps_recipe_parse(&r, text, strlen(text), &param, 1, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_recipe_page(r, 1, page, NULL, &err), 1);
    cr_assert_eq(ps_recipe_page(r, 2, page, NULL, &err), 0);
    ps_recipe_free(r);
}

Test(recipe, next_page_skips_holes)
{
    struct ps_recipe *r = parse("size 64G\npages 100-102 zero\npages 5-50 hole\nat 0x20000 hex 1f\n"
                                "page 0xffffff ones\n");

    cr_assert_eq(ps_recipe_size(r), 64ull << 30);
    cr_assert_eq(ps_recipe_next_page(r, 0), 0x20);
    cr_assert_eq(ps_recipe_next_page(r, 0x20), 0x20);
    cr_assert_eq(ps_recipe_next_page(r, 0x21), 100);
    cr_assert_eq(ps_recipe_next_page(r, 102), 102);
    cr_assert_eq(ps_recipe_next_page(r, 103), 0xffffff);
    cr_assert_eq(ps_recipe_next_page(r, 0x1000000), 0x1000000);
    ps_recipe_free(r);
}

Test(recipe, truth_is_json_lines)
{
    static const char want[] =
        "{\"Offset\":\"0x0000000000001040\",\"Tag\":\"Pro\\\\xe3\",\"TagRaw\":\"0xe36f7250\","
        "\"NumberOfBytes\":64,\"BlockSize\":4,\"PreviousSize\":0,\"PoolTypeRaw\":2,"
        "\"State\":\"allocated\",\"Allocator\":\"none\",\"Copy\":false,\"Torn\":false,\"Line\":3}\n"
        "{\"Offset\":\"0x0000000000001080\",\"Tag\":\"\\\"\\\\x5c  \",\"TagRaw\":\"0x20205c22\","
        "\"NumberOfBytes\":0,\"BlockSize\":0,\"PreviousSize\":0,\"PoolTypeRaw\":3,"
        "\"State\":\"decoy\",\"Allocator\":\"none\",\"Copy\":false,\"Torn\":false,\"Line\":4}\n";
    struct ps_recipe *r = parse("size 0x1088\nbuild 7600\n"
                                "at 0x1040 header tag=Proc protected size=64\n"
                                "at 0x1080 header tag=\\\"\\\\ type=Paged\n");
    struct ps_err err;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    cr_assert_eq(ps_recipe_truth(r, out, &err), 0);
    fclose(out);
    cr_assert_str_eq(text, want);
    free(text);
    ps_recipe_free(r);
}
