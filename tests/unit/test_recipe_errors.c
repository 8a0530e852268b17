/* Every way a recipe can be wrong: the line is told, and nothing is built. */
#include "host/recipe/recipe.h"

#include <stddef.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S "size 16k\n"

/* clang-format off */
static const struct {
    const char *text;
    uint64_t line;
    const char *says;
} wrong[] = {
    {"", 0, "size"},
    {"# nothing\n\n", 2, "size"},
    {"size 0\n", 1, "size is"},
    {"size 64G\nsize 65G\n", 2, "size is"},
    {"size\n", 1, "one number"},
    {"size 12x\n", 1, "one number"},
    {"size 0x\n", 1, "one number"},
    {"size 99999999999999999999\n", 1, "one number"},
    {"size 16777216G\n", 1, "size is"},
    {"size 17179869184G\n", 1, "one number"},
    {"page 0 zero\n", 1, "size of the image first"},
    {S "\n\nfrobnicate 1\n", 4, "frobnicate"},
    {S "page 0 \"zero\n", 2, "quote"},
    {S "page 0\n", 2, "where and what"},
    {S "page 4 zero\n", 2, "last page"},
    {S "pages 3-2 zero\n", 2, "last page"},
    {S "pages 0-4 zero\n", 2, "last page"},
    {S "page x zero\n", 2, "pages are written"},
    {S "pages 0-x zero\n", 2, "pages are written"},
    {S "page 0 soup\n", 2, "soup"},
    {S "page 0 header tag=Proc size=0x40\n", 2, "nothing a page can hold"},
    {S "page 0 zero size=1\n", 2, "does not take"},
    {S "page 0 zero 5\n", 2, "does not take"},
    {S "pages 0-1 +0x40 hex 00\n", 2, "one page"},
    {S "page 0 +0x1000 hex 00\n", 2, "one page"},
    {S "at x hex 00\n", 2, "an address"},
    {S "at 0x4000 hex 00\n", 2, "behind the end"},
    {S "at 0xfff hex 00 00\n", 2, "in one page"},
    {S "at 0xffd u32 1\n", 2, "in one page"},
    {S "at 0 hex 0\n", 2, "two digits"},
    {S "at 0 hex 0g\n", 2, "two digits"},
    {S "at 0 hex g0\n", 2, "not a number"},
    {S "at 0 u32 0xG\n", 2, "not a number"},
    {S "at 0 u8 256\n", 2, "not a number"},
    {S "at 0 u16 65536\n", 2, "not a number"},
    {S "at 0 ascii a b\n", 2, "one quoted text"},
    {S "at 0 ascii \"\\q\"\n", 2, "one quoted text"},
    {S "at 0 zero page\n", 2, "cannot stand at an address"},
    {S "at 0 header size=0x40\n", 2, "tag="},
    {S "at 0 header tag=Toolong size=0x40\n", 2, "not a tag"},
    {S "at 0 header tag= size=0x40\n", 2, "not a tag"},
    {S "at 0 header tag=a\\xg0 size=0x40\n", 2, "not a tag"},
    {S "at 0 header tag=Proc size=0x48\n", 2, "multiple of 16"},
    {S "at 0 header tag=Proc size=0x1000\n", 2, "up to 0xff0"},
    {S "at 0 header tag=Proc size=0x40 prev=8\n", 2, "multiple of 16"},
    {S "at 0 header tag=Proc size=0x40 index=256\n", 2, "at most 0xff"},
    {S "arch x86\nat 0 header tag=Proc size=0x40 index=128\n", 3, "0x7f"},
    {S "at 0 header tag=Proc size=0x40 type=Wrong\n", 2, "not a type"},
    {S "at 0 header tag=Proc size=0x40 type=Paged|\n", 2, "not a type"},
    {S "at 0 header tag=Proc size=0x40 type=256\n", 2, "not a type"},
    {S "at 0 header tag=Proc size=0x40 is=maybe\n", 2, "not known"},
    {S "at 0 header tag=Proc tag=Proc\n", 2, "twice"},
    {S "at 0 header tag=Proc protected=1 size=0x40\n", 2, "stands alone"},
    {S "at 0 chunk size=8\n", 2, "multiple of 16"},
    {S "at 0 chunk prev=16\n", 2, "multiple of 16"},
    {S "build 1\n", 2, "build is"},
    {S "build x\n", 2, "one number"},
    {S "arch arm\n", 2, "x86 or x64"},
    {S "page 0 zero\nsize 32k\n", 3, "before the first"},
    {S "page 0 zero\nseed 2\n", 3, "before the first"},
    {S "page 0 zero\nheapkey 2\n", 3, "before the first"},
    {S "page 0 zero\nvabase 2\n", 3, "before the first"},
    {S "set N\n", 2, "set NAME VALUE"},
    {S "page $N zero\n", 2, "$N"},
    {S "page $ zero\n", 2, "$"},
    {S "set N 2\npage ${N zero\n", 3, "$N"},
    {S "tags t\n", 2, "tags NAME"},
    {S "tags abcdefghijabcdefghijabcdefghijab Proc\n", 2, "1 to 31"},
    {S "tags t Proc:8\n", 2, "between"},
    {S "tags t Proc:0x100-0x80\n", 2, "between"},
    {S "tags t Proc:0x100-x\n", 2, "range"},
    {S "tags t Proc:x\n", 2, "a number"},
    {S "tags t Proc*0\n", 2, "weight"},
    {S "tags t Proc*1001\n", 2, "weight"},
    {S "tags t Proc/Odd\n", 2, "type"},
    {S "tags t Process\n", 2, "a tag is"},
    {S "page 0 lfh\n", 2, "tags=LIST"},
    {S "page 0 lfh tags=none\n", 2, "no tag list"},
    {S "tags t Proc\npage 0 lfh tags=t stride=0x18\n", 3, "multiples of 16"},
    {S "tags t Proc\npage 0 lfh tags=t stride=0x10\n", 3, "multiples of 16"},
    {S "tags t Proc\npage 0 lfh tags=t first=8\n", 3, "multiples of 16"},
    {S "tags t Proc\npage 0 lfh tags=t freed=101\n", 3, "at most"},
    {S "page 0 classic\npage 1 zero\n", 2, "tags=LIST, or block"},
    {S "page 1 zero\npage 0 vs\n", 3, "tags=LIST, or block"},
    {S "block tag=Proc size=0x40\n", 2, "right below"},
    {S "page 0 lfh tags=t\nblock tag=Proc size=0x40\n", 2, "no tag list"},
    {S "page 0 classic\npage 1 zero\nblock tag=Proc size=0x40\n", 4, "right below"},
    {S "page 0 classic\nblock size=0x40\n", 3, "needs tag="},
    {S "page 0 classic\nblock tag=Proc\n", 3, "multiple of 16"},
    {S "page 0 classic\nblock tag=Proc size=0xff0\nblock tag=Proc size=0x20\n", 4, "more than"},
    {S "page 0 vs\nblock tag=Proc size=0xff0\nblock free size=0x20\n", 4, "more than"},
    {S "page 0 vs\nblock free size=0x10\n", 3, "two units"},
    {S "page 0 copy\n", 2, "from=N"},
    {S "page 0 torn from=1\n", 2, "then=N"},
    {S "page 0 copy from=4\n", 2, "outside"},
    {S "pages 0-1 copy from=3\n", 2, "outside"},
    {S "page 0 torn from=1 then=4\n", 2, "outside"},
    {S "page 0 torn from=1 then=2 cut=4097\n", 2, "at most"},
    {S "page 0 mix\n", 2, "shares"},
    {S "page 0 mix zero=0\n", 2, "shares"},
    {S "page 0 mix zero=1001\n", 2, "up to 1000"},
    {S "page 0 mix lfh=3\n", 2, "tags=LIST"},
    {S "page 0 mix zero=1 run=0\n", 2, "at least 1"},
    {S "page 0 mix kuser=1\n", 2, "does not take"},
    {S "page 0 text style=latin\n", 2, "not known"},
};
/* clang-format on */

static int parse(const char *text, size_t n, struct ps_err *err)
{
    static max_align_t elsewhere;
    struct ps_recipe *untouched = (struct ps_recipe *)&elsewhere;
    struct ps_recipe *r = untouched;
    int rc = ps_recipe_parse(&r, text, n, NULL, 0, err);

    if (rc < 0)
        cr_assert_eq(r, untouched);
    else
        ps_recipe_free(r);
    return rc;
}

Test(recipe_errors, every_error_tells_its_line)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ps_err err = {.msg = ""};
        int rc = parse(wrong[i].text, strlen(wrong[i].text), &err);

        cr_assert_eq(rc, -PS_EARG, "accepted: %s", wrong[i].text);
        cr_assert_eq(err.at, wrong[i].line, "line %d for: %s", (int)err.at, wrong[i].text);
        cr_assert(strstr(err.msg, wrong[i].says), "\"%s\" for: %s", err.msg, wrong[i].text);
    }
}

Test(recipe_errors, a_copy_of_a_copy_is_told_when_it_is_built)
{
    static const char text[] = S "page 0 ones\npage 1 copy from=0\npage 2 copy from=1\n"
                                 "page 3 torn from=0 then=1\n";
    uint8_t page[PS_RECIPE_PAGE];
    struct ps_recipe *r = NULL;
    struct ps_err err;

    cr_assert_eq(ps_recipe_parse(&r, text, sizeof text - 1, NULL, 0, &err), 0);
    cr_assert_eq(ps_recipe_page(r, 1, page, NULL, &err), 1);
    for (uint64_t n = 2; n < 4; n++) {
        cr_assert_eq(ps_recipe_page(r, n, page, NULL, &err), -PS_EARG);
        cr_assert_eq(err.at, 3, "the line of the copy that is copied");
    }
    ps_recipe_free(r);
}

/* Control bytes of a hostile recipe must not reach a terminal. */
Test(recipe_errors, messages_are_printable)
{
    static const char text[] = "size 4k\n\x1b[31m\x07 1\n";
    struct ps_err err = {.msg = ""};

    cr_assert_eq(parse(text, sizeof text - 1, &err), -PS_EARG);
    for (const char *c = err.msg; *c; c++)
        cr_assert(*c >= 0x20 && *c < 0x7f);
}

/* N times a line behind a head: what would need more than its bound is refused. */
static int repeated(const char *head, const char *line, size_t n, struct ps_err *err)
{
    size_t length = strlen(line), at = strlen(head);
    char *text = malloc(at + n * length);
    int rc;

    memcpy(text, head, at);
    for (size_t i = 0; i < n; i++, at += length)
        memcpy(text + at, line, length);
    rc = parse(text, at, err);
    free(text);
    return rc;
}

Test(recipe_errors, bounds)
{
    struct ps_err err;

    cr_assert_eq(repeated(S, "page 0 zero\n", 65536, &err), 0);
    cr_assert_eq(repeated(S, "page 0 zero\n", 65537, &err), -PS_EARG);
    cr_assert_eq(err.at, 65538);
    cr_assert_eq(repeated(S, "tags t Proc\n", 1024, &err), 0);
    cr_assert_eq(repeated(S, "tags t Proc\n", 1025, &err), -PS_EARG);
    cr_assert_eq(repeated(S, "set A b\n", 64, &err), 0);
    cr_assert_eq(repeated(S, "set A b\n", 65, &err), -PS_EARG);
    cr_assert_eq(repeated(S "at 0 u8 ", "1 ", 8193, &err), -PS_EARG);
    cr_assert_eq(repeated(S "at 0 u8 ", "1 ", 4096, &err), 0);
    cr_assert_eq(repeated(S "#", " long comment", 10000, &err), 0);
    cr_assert_eq(repeated(S "ag", "xxxxxxxxxxxxxxxx", 4097, &err), -PS_EARG);
    cr_assert_eq(repeated(S "\n", "# ten bytes", 1 << 20, &err), -PS_EARG, "8 MiB of text");
}

/* A parameter that is longer than what it stands for cannot blow a line up. */
Test(recipe_errors, parameters_are_bounded)
{
    char *value = calloc(1, 40001);
    struct ps_recipe_param param = {"A", value};
    static const char text[] = S "at 0 ascii $A$A\n";
    struct ps_recipe *r = NULL;
    struct ps_err err;

    memset(value, 'x', 40000);
    cr_assert_eq(ps_recipe_parse(&r, text, sizeof text - 1, &param, 1, &err), -PS_EARG);
    cr_assert_eq(err.at, 2);
    free(value);
}
