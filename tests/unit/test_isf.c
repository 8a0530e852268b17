#include "host/virtual/isf/isf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "host/virtual/isf/unpack.h"
#include "tests/support/text_in_steps.h"
#include "tests/support/tmpdir.h"

#define GUID "0123456789ABCDEFFEDCBA9876543210"
#define META                                                                                       \
    "\"metadata\":{\"producer\":{\"name\":\"x\"},\"windows\":{\"pdb\":{\"GUID\":\"" GUID           \
    "\",\"age\":7,\"database\":\"ntkrnlmp.pdb\",\"machine_type\":34404}}}"
#define SYMBOLS                                                                                    \
    "\"symbols\":{\"PoolBigPageTable\":{\"type\":{\"kind\":\"void\"},\"address\":2166624},"        \
    "\"other\":{\"address\":\"none\"},\"PoolTrackTable\":{\"address\":16}}"

static struct ps_isf isf;
static struct ps_err err;

static int read_by(const char *text, size_t step)
{
    struct text t = {text, strlen(text), step};

    return ps_isf_read((struct ps_byte_source){.read = read_text, .arg = &t}, &isf, &err);
}

static void check_good(void)
{
    char guid[PS_GUID_TEXT_BYTES];

    ps_guid_text(isf.pdb.guid, guid);
    cr_assert_str_eq(guid, GUID);
    cr_assert_eq(isf.pdb.age, 7);
    cr_assert_str_eq(isf.pdb.name, "ntkrnlmp.pdb");
    cr_assert_eq(isf.n_symbols, 3);
    cr_assert_eq(isf.rva[PS_SYMBOL_PoolBigPageTable], 0x210f60);
    cr_assert_eq(isf.rva[PS_SYMBOL_PoolTrackTable], 16);
    cr_assert_eq(isf.rva[PS_SYMBOL_ExPoolState], 0);
}

Test(isf, good_in_pieces_of_any_size)
{
    static const char text[] =
        "{\"user_types\":{\"a\":[1,-2.5e+3,{},[],true]}, " META ",\n\t\"enums\":{}," SYMBOLS "}\n";

    for (size_t step = 1; step < sizeof text; step++) {
        cr_assert_eq(read_by(text, step), 0, "%s", err.msg);
        check_good();
    }
}

Test(isf, order_does_not_matter)
{
    cr_assert_eq(read_by("{" SYMBOLS "," META "}", 7), 0);
    check_good();
}

Test(isf, escapes_in_names)
{
    cr_assert_eq(
        read_by("{" META ",\"symb\\u006fls\":{\"Pool\\u0054rackTable\":{\"address\":5}}}", 9), 0);
    cr_assert_eq(isf.rva[PS_SYMBOL_PoolTrackTable], 5);
}

/* Each text and what the message has to say. */
static const char *const bad[][2] = {
    {"", "line 1 (byte 0): it ends too early"},
    {"[]", "it is no object"},
    {"7", "it is no object"},
    {"{", "it ends too early"},
    {"{}", "metadata.windows.pdb with GUID and age is missing"},
    {"{} x", "something follows"},
    {"{\n\n\"metadata\":7}", "line 3: metadata is no object"},
    {"{" META "}", "symbols is missing"},
    {"{" META ",\"symbols\":[]}", "symbols is no object"},
    {"{" META ",\"symbols\":{\"PoolTrackTable\":3}}", "a symbol is no object"},
    {"{" META ",\"symbols\":{\"PoolTrackTable\":{\"address\":\"a\"}}}", "address of a symbol"},
    {"{" META ",\"symbols\":{\"PoolTrackTable\":{\"address\":-1}}}", "address of a symbol"},
    {"{" META ",\"symbols\":{\"PoolTrackTable\":{\"address\":1.5}}}", "address of a symbol"},
    {"{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"12\"}}}}", "32 hexadecimal digits"},
    {"{\"metadata\":{\"windows\":{\"pdb\":{\"GUID\":\"" GUID "0\"}}}}", "32 hexadecimal digits"},
    {"{\"metadata\":{\"windows\":{\"pdb\":{\"age\":\"7\"}}}}", "age is no number"},
    {"{\"metadata\":{\"windows\":{\"pdb\":{\"database\":1}}}}", "a string is expected"},
    {"{\"a\" 1}", "a colon is expected"},
    {"{\"a\":1 \"b\"}", "a comma is expected"},
    {"{\"a\":1,}", "a name in double quotes"},
    {"{\"a\":[1,]}", "a value is expected"},
    {"{\"a\":[1}", "a comma is expected"},
    {"{\"a\":tru}", "a value is expected"},
    {"{\"a\":nul", "a value is expected"},
    {"{\"a\":-}", "a digit is expected"},
    {"{\"a\":01}", "a comma is expected"},
    {"{\"a\":1.}", "a digit is expected"},
    {"{\"a\":1e}", "a digit is expected"},
    {"{\"a\":\"\\x\"}", "no such escape"},
    {"{\"a\":\"\\u12g4\"}", "four hexadecimal digits"},
    {"{\"a\":\"\n\"}", "control character"},
    {"{\"a\":\"b", "it ends in a string"},
    {"{a:1}", "a name in double quotes"},
};

Test(isf, bad)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (size_t step = 1; step < 64; step += 31) {
            cr_assert_eq(read_by(bad[i][0], step), -PS_EFORMAT, "%s", bad[i][0]);
            cr_assert(strstr(err.msg, bad[i][1]), "%s: %s", bad[i][0], err.msg);
        }
}

/* Every text that a good one begins with is bad. */
Test(isf, cut_off)
{
    static const char text[] = "{" META "," SYMBOLS "}";

    for (size_t n = 0; n + 1 < sizeof text; n++) {
        struct text t = {text, n, 64};

        cr_assert_eq(ps_isf_read((struct ps_byte_source){.read = read_text, .arg = &t}, &isf, &err),
                     -PS_EFORMAT, "%zu bytes", n);
    }
}

Test(isf, nested_too_deeply)
{
    char text[2 * PS_JSON_MAX_DEPTH];

    memset(text, '[', sizeof text);
    memcpy(text, "{\"a\":", 5);
    text[sizeof text - 1] = '\0';
    cr_assert_eq(read_by(text, 64), -PS_EFORMAT);
    cr_assert(strstr(err.msg, "nested too deeply"), "%s", err.msg);
}

/* A name longer than what is kept matches none of ours, and one that is cut is not compared. */
Test(isf, long_names)
{
    char text[2000] = "{" META ",\"symbols\":{\"PoolTrackTable";
    size_t n = strlen(text);

    memset(text + n, 'x', 1000);
    strcpy(text + n + 1000, "\":{\"address\":5}}}");
    cr_assert_eq(read_by(text, 100), 0, "%s", err.msg);
    cr_assert_eq(isf.rva[PS_SYMBOL_PoolTrackTable], 0);
    cr_assert_eq(isf.n_symbols, 1);
}

Test(isf, addresses_outside_any_image_are_left_out)
{
    cr_assert_eq(
        read_by("{" META ",\"symbols\":{\"PoolTrackTable\":{\"address\":999999999999}}}", 50), 0);
    cr_assert_eq(isf.rva[PS_SYMBOL_PoolTrackTable], 0);
}

Test(isf, files)
{
    struct ps_tmpdir dir;
    char path[4096];
    FILE *f;

    ps_tmpdir_make(&dir);
    snprintf(path, sizeof path, "%s/nt.json", dir.path);
    cr_assert_eq(ps_isf_load(path, &isf, &err), -PS_ENOENT);
    f = fopen(path, "w");
    cr_assert(f);
    fputs("{" META "," SYMBOLS "}", f);
    fclose(f);
    cr_assert_eq(ps_isf_load(path, &isf, &err), 0, "%s", err.msg);
    check_good();
    cr_assert_eq(ps_isf_load(dir.path, &isf, &err), -PS_EIO, "a folder");
    ps_tmpdir_remove(&dir);
}
