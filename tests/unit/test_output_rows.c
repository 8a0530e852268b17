/* The exact text of the row formats for findings made by hand. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/output/output.h"
#include "tests/support/output_run.h"

#define ID "00112233445566778899aabbccddeeff"

/* An x64 header: PreviousSize 4, PoolIndex 1, BlockSize 0x2d, PoolType 2. */
static const struct ps_finding proc = {
    .phys = 0x7fe3a010,
    .file_off = 0x7ee3a010,
    .tag = TAG('P', 'r', 'o', 'c'),
    .word0 = 0x022d0104,
    .info = PS_TAG_UNKNOWN,
    .evidence = PS_EV_TAG_KNOWN | PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH,
    .n_bytes = 0x2d0,
    .confidence = 70,
    .status = PS_STATUS_ALLOCATED,
    .allocator = PS_ALLOCATOR_CLASSIC,
};

static struct output_case one_case(const struct ps_finding *f, enum ps_arch arch, uint32_t build)
{
    struct output_case c = {
        .image = {"/img/a.raw", ID, ps_era_pick(arch, build), NULL},
        .finding = f,
        .n = 1,
    };

    return c;
}

static void check(const char *format, const struct ps_tagdb *tags, const struct output_case *c,
                  size_t n, const char *want)
{
    char *text = output_run(format, tags, c, n, NULL);

    cr_assert_str_eq(text, want, "%s:\n%s\nwanted:\n%s", format, text, want);
    free(text);
}

#define PROC_JSON                                                                                  \
    "{\"Source\":\"header\",\"Offset\":\"0x000000007fe3a010\","                                    \
    "\"FileOffset\":\"0x000000007ee3a010\",\"Allocation\":null,\"Tag\":\"Proc\","                  \
    "\"TagRaw\":\"0x636f7250\",\"PoolType\":\"NonPagedPool\",\"PoolTypeRaw\":2,"                   \
    "\"NumberOfBytes\":720,\"Status\":\"Allocated\",\"Allocator\":\"classic\","                    \
    "\"Confidence\":70,\"Evidence\":[\"tag-known\",\"type-in-use\",\"chain-both\"],"               \
    "\"BlockSize\":45,\"PreviousSize\":4,\"PoolIndex\":1,\"Protected\":false,"                     \
    "\"Mapped\":null,\"InBigPool\":null,\"Pool\":null,\"Process\":null,\"ProcessName\":null,"      \
    "\"Component\":null,"                                                                          \
    "\"Kind\":null,"                                                                               \
    "\"Description\":null,"                                                                        \
    "\"Image\":\"/img/a.raw\",\"ImageId\":\"" ID "\"}"

#define CSV_HEADER                                                                                 \
    "Source,Offset,FileOffset,Allocation,Tag,TagRaw,PoolType,PoolTypeRaw,NumberOfBytes,Status,"    \
    "Allocator,Confidence,Evidence,BlockSize,PreviousSize,PoolIndex,Protected,Mapped,InBigPool,"   \
    "Pool,Process,ProcessName,"                                                                    \
    "Component,Kind,Description,Image,ImageId\r\n"

#define PROC_CSV                                                                                   \
    "header,0x000000007fe3a010,0x000000007ee3a010,,Proc,0x636f7250,NonPagedPool,2,720,Allocated,"  \
    "classic,70,tag-known|type-in-use|chain-both,45,4,1,false,,,,,,,,,/img/a.raw," ID "\r\n"

Test(output_rows, a_finding_as_text)
{
    struct output_case c = one_case(&proc, PS_ARCH_X64, 7601);

    check("jsonl", NULL, &c, 1, PROC_JSON "\n");
    check("json", NULL, &c, 1, "[\n" PROC_JSON "\n]\n");
    check("csv", NULL, &c, 1, CSV_HEADER PROC_CSV);
    check("none", NULL, &c, 1, "");
}

Test(output_rows, two_images_are_one_result)
{
    struct output_case c[2] = {one_case(&proc, PS_ARCH_X64, 7601),
                               one_case(&proc, PS_ARCH_X64, 7601)};

    check("jsonl", NULL, c, 2, PROC_JSON "\n" PROC_JSON "\n");
    check("json", NULL, c, 2, "[\n" PROC_JSON ",\n" PROC_JSON "\n]\n");
    check("csv", NULL, c, 2, CSV_HEADER PROC_CSV PROC_CSV);
}

Test(output_rows, no_finding)
{
    struct output_case c = one_case(&proc, PS_ARCH_X64, 7601);

    c.n = 0;
    for (size_t n_images = 0; n_images < 2; n_images++) {
        check("jsonl", NULL, &c, n_images, "");
        check("json", NULL, &c, n_images, "[\n]\n");
        check("csv", NULL, &c, n_images, CSV_HEADER);
    }
}

/* Vector H5 of the specification: 08 00 08 04 45 76 65 ee on Windows 7 x86. */
Test(output_rows, x86_header_with_protected_tag)
{
    struct ps_finding f = proc;
    struct output_case c = one_case(&f, PS_ARCH_X86, 7601);
    char *text;

    f.word0 = 0x04080008;
    f.tag = 0xee657645;
    text = output_run("jsonl", NULL, &c, 1, NULL);
    cr_assert(strstr(text, "\"Tag\":\"Eve\\\\xee\",\"TagRaw\":\"0xee657645\","), "%s", text);
    cr_assert(strstr(text, "\"PoolTypeRaw\":2,"), "%s", text);
    cr_assert(strstr(text, "\"BlockSize\":8,\"PreviousSize\":8,\"PoolIndex\":0,"), "%s", text);
    cr_assert(strstr(text, "\"Protected\":true,"), "%s", text);
    free(text);

    /* All ones: each x86 field at its widest. */
    f.word0 = 0xffffffff;
    text = output_run("jsonl", NULL, &c, 1, NULL);
    cr_assert(strstr(text, "\"PoolTypeRaw\":127,"), "%s", text);
    cr_assert(strstr(text, "\"BlockSize\":511,\"PreviousSize\":511,\"PoolIndex\":127,"), "%s",
              text);
    free(text);
}

Test(output_rows, top_bit_is_no_protection_since_windows_8)
{
    struct ps_finding f = proc;
    struct output_case c = one_case(&f, PS_ARCH_X64, 19041);
    char *text;

    f.tag = 0xe36f7250;
    f.word0 = 0xffffffff;
    text = output_run("jsonl", NULL, &c, 1, NULL);
    cr_assert(strstr(text, "\"Tag\":\"Pro\\\\xe3\","), "%s", text);
    cr_assert(strstr(text, "\"Protected\":false,"), "%s", text);
    cr_assert(strstr(text, "\"BlockSize\":255,\"PreviousSize\":255,\"PoolIndex\":255,"), "%s",
              text);
    free(text);
}

static const struct {
    uint32_t tag;
    const char *json;
    const char *csv;
} tag_vectors[] = {
    {TAG('I', 'r', 'p', ' '), "\"Irp \"", "\"Irp \""},
    {TAG(' ', 'a', 'b', 'c'), "\" abc\"", "\" abc\""},
    {TAG('a', ' ', 'b', 'c'), "\"a bc\"", "a bc"},
    {TAG('a', '"', 'b', 'c'), "\"a\\\"bc\"", "\"a\"\"bc\""},
    {TAG('"', '"', '"', '"'), "\"\\\"\\\"\\\"\\\"\"", "\"\"\"\"\"\"\"\"\"\""},
    {TAG('a', ',', 'b', 'c'), "\"a,bc\"", "\"a,bc\""},
    {TAG('a', '\\', 'b', 'c'), "\"a\\\\x5cbc\"", "a\\x5cbc"},
    {TAG('a', 'b', 'c', 0x7f), "\"abc\\\\x7f\"", "abc\\x7f"},
    {TAG('P', 'r', 'o', 0xe3), "\"Pro\\\\xe3\"", "Pro\\xe3"},
    {TAG(0, 0, 0, 0), "\"\\\\x00\\\\x00\\\\x00\\\\x00\"", "\\x00\\x00\\x00\\x00"},
    {TAG('\r', '\n', 0x7f, 0x1f), "\"\\\\x0d\\\\x0a\\\\x7f\\\\x1f\"", "\\x0d\\x0a\\x7f\\x1f"},
    {TAG('\\', '\\', '\\', '\\'), "\"\\\\x5c\\\\x5c\\\\x5c\\\\x5c\"", "\\x5c\\x5c\\x5c\\x5c"},
};

Test(output_rows, tags_are_four_bytes_and_not_text)
{
    for (size_t i = 0; i < sizeof tag_vectors / sizeof *tag_vectors; i++) {
        struct ps_finding f = proc;
        struct output_case c = one_case(&f, PS_ARCH_X64, 19041);
        char want[128];
        char *text;

        f.tag = tag_vectors[i].tag;
        text = output_run("jsonl", NULL, &c, 1, NULL);
        snprintf(want, sizeof want, "\"Tag\":%s,\"TagRaw\":\"0x%08x\",", tag_vectors[i].json,
                 f.tag);
        cr_assert(strstr(text, want), "%s in %s", want, text);
        free(text);

        text = output_run("csv", NULL, &c, 1, NULL);
        snprintf(want, sizeof want, ",,%s,0x%08x,", tag_vectors[i].csv, f.tag);
        cr_assert(strstr(text, want), "%s in %s", want, text);
        free(text);
    }
}

Test(output_rows, owner_from_the_tag_database)
{
    struct ps_tagdb *db = output_test_tags();
    struct ps_finding f = proc;
    struct output_case c = one_case(&f, PS_ARCH_X64, 19041);
    char *text;

    f.info = ps_tagdb_find(db, f.tag);
    text = output_run("jsonl", db, &c, 1, NULL);
    cr_assert(
        strstr(
            text,
            "\"Component\":\"nt!ps\",\"Kind\":null,\"Description\":\"Process objects\",\"Image\""),
        "%s", text);
    free(text);

    f.tag = TAG('B', 'a', 'r', 'e');
    f.info = ps_tagdb_find(db, f.tag);
    cr_assert_neq(f.info, PS_TAG_UNKNOWN);
    text = output_run("jsonl", db, &c, 1, NULL);
    cr_assert(strstr(text, "\"Component\":null,\"Kind\":null,\"Description\":null,"), "%s", text);
    free(text);

    /* Quotes, a comma and a backslash. */
    f.tag = TAG('Q', 'u', 'o', 't');
    f.info = ps_tagdb_find(db, f.tag);
    text = output_run("jsonl", db, &c, 1, NULL);
    cr_assert(strstr(text, "\"Component\":\"a,b.sys\",\"Kind\":null,\"Description\":"
                           "\"say \\\"no\\\", twice: C:\\\\x\","),
              "%s", text);
    free(text);
    text = output_run("csv", db, &c, 1, NULL);
    cr_assert(strstr(text, ",\"a,b.sys\",,\"say \"\"no\"\", twice: C:\\x\",/img/a.raw,"), "%s",
              text);
    free(text);
    ps_tagdb_free(db);
}

static const struct {
    const char *path;
    const char *json;
    const char *csv;
} path_vectors[] = {
    {"a b.raw", "\"a b.raw\"", "a b.raw"},
    {"d\xc3\xa9j\xc3\xa0.raw", "\"d\xc3\xa9j\xc3\xa0.raw\"", "d\xc3\xa9j\xc3\xa0.raw"},
    {"\xff.raw", "\"\\\\xff.raw\"", "\\xff.raw"},
    {"\\xff.raw", "\"\\\\x5cxff.raw\"", "\\x5cxff.raw"},
    {"a\"b\n\t.raw", "\"a\\\"b\\u000a\\u0009.raw\"", "\"a\"\"b\n\t.raw\""},
    {"\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"", "\\xed\\xa0\\x80"},
    {"\xc3", "\"\\\\xc3\"", "\\xc3"},
};

Test(output_rows, paths_of_any_bytes)
{
    for (size_t i = 0; i < sizeof path_vectors / sizeof *path_vectors; i++) {
        struct output_case c = one_case(&proc, PS_ARCH_X64, 19041);
        char want[128];
        char *text;

        c.image.path = path_vectors[i].path;
        text = output_run("jsonl", NULL, &c, 1, NULL);
        snprintf(want, sizeof want, "\"Image\":%s,\"ImageId\":\"" ID "\"}\n", path_vectors[i].json);
        cr_assert(strstr(text, want), "%s in %s", want, text);
        free(text);

        text = output_run("csv", NULL, &c, 1, NULL);
        snprintf(want, sizeof want, ",%s," ID "\r\n", path_vectors[i].csv);
        cr_assert(strstr(text, want), "%s in %s", want, text);
        free(text);
    }
}

Test(output_rows, names_of_status_and_allocator)
{
    static const char *const status[] = {"Unknown", "Allocated", "Free", "Stale"};
    static const char *const allocator[] = {"unknown", "classic", "lfh", "vs", "big"};

    for (uint8_t i = 0; i < 5; i++) {
        struct ps_finding f = proc;
        struct output_case c = one_case(&f, PS_ARCH_X64, 19041);
        char want[128];
        char *text;

        f.status = i & 3;
        f.allocator = i;
        f.evidence = 0;
        text = output_run("jsonl", NULL, &c, 1, NULL);
        snprintf(want, sizeof want,
                 "\"Status\":\"%s\",\"Allocator\":\"%s\",\"Confidence\":70,\"Evidence\":[],",
                 status[i & 3], allocator[i]);
        cr_assert(strstr(text, want), "%s in %s", want, text);
        free(text);
    }
}

Test(output_rows, unknown_format_is_a_usage_error)
{
    struct ps_output_spec spec = {.format = "xml"};
    struct ps_output *o = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_output_open(&o, &spec, &err), -PS_EARG);
    cr_assert_null(o);
    cr_assert(strstr(err.msg, "'xml'") && strstr(err.msg, "jsonl"), "%s", err.msg);
}

Test(output_rows, every_listed_format_opens)
{
    struct output_case c = one_case(&proc, PS_ARCH_X64, 19041);
    size_t n = 0;

    cr_assert_str_eq(ps_output_formats[0], "auto");
    for (; ps_output_formats[n]; n++)
        free(output_run(ps_output_formats[n], NULL, &c, 1, NULL));
    cr_assert_eq(n, 11);
    /* No terminal in sight. */
    check("auto", NULL, &c, 1, PROC_JSON "\n");
}
