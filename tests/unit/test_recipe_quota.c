/* Processes and charged blocks of recipes, byte by byte. */
#include "tests/support/recipe_page.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define SYSTEM(more) "size 1M\nseed 3\n" more "system cr3=0x10 frames=0x20-0x3f\n"
#define TWO                                                                                        \
    "pages 0x50-0x51 classic\nblock tag=Even size=0x80 type=NonPaged|Quota\n"                      \
    "block tag=Proc size=0xd80 type=NonPaged body=process\n"                                       \
    "block tag=Even size=0x80 type=NonPaged\n"
#define X64 SYSTEM("build 17134\n") TWO "map 0xffffa80000000000 pages=0x50-0x51\n"
#define VA  0xffffa80000000000ull

/* ProcessBilled of S7's kind: with the cookie and the header's address it is one of the two. */
Test(recipe_quota, mixed)
{
    const uint64_t process[2] = {VA + 0x100, VA + 0x1100};
    uint64_t is;

    for (unsigned i = 0; i < 2; i++) {
        build(X64 "quota cookie=0x6f2a9c31d4e85b07 released=0\n", 0x50 + i);
        is = le64(8) ^ 0x6f2a9c31d4e85b07ull ^ (VA + 0x1000 * i);
        cr_assert(is == process[0] || is == process[1], "%#llx", (unsigned long long)is);
        cr_assert_eq(planted.header[0].process, is);
        cr_assert_eq(planted.header[2].process, 0, "not charged");
    }
    build(X64 "quota cookie=0x6f2a9c31d4e85b07 released=100\n", 0x50);
    cr_assert_eq(le64(8), 0x6f2a9c31d4e85b07ull ^ VA);
    cr_assert_eq(planted.header[0].process, 0);
}

Test(recipe_quota, plain)
{
    build(SYSTEM("build 7601\n") TWO "map 0xfffffa8000000000 pages=0x50-0x51\nquota released=0\n",
          0x51);
    cr_assert(le64(8) == 0xfffffa80000000f0ull || le64(8) == 0xfffffa80000010f0ull);
    cr_assert_eq(planted.header[0].process, le64(8));
}

Test(recipe_quota, at_the_end_of_the_block)
{
    build(SYSTEM("arch x86\nbuild 3790\n") TWO "map 0x81000000 pages=0x50-0x51\nquota released=0\n",
          0x50);
    cr_assert(le32(0x7c) == 0x810000a0u || le32(0x7c) == 0x810010a0u, "%#x", le32(0x7c));
    cr_assert_eq(planted.header[0].process, le32(0x7c));
}

/* Windows 10 1803 x64: PID at 0x2e0, ActiveProcessLinks at 0x2e8, ImageFileName at 0x450. */
Test(recipe_quota, process)
{
    build(X64 "quota\n", 0x50);
    EXPECT(0x100, "\x03\x00\xb6\x00");
    cr_assert_eq(le64(0x108), VA + 0x108);
    cr_assert_eq(le64(0x128), 0x10000);
    cr_assert_eq(le64(0x100 + 0x2e0), 4);
    cr_assert_eq(le64(0x100 + 0x2e8), VA + 0x1100 + 0x2e8);
    EXPECT(0x100 + 0x450, "System\0\0\0\0\0\0\0\0\0\0");
    build(X64 "quota\n", 0x51);
    cr_assert_eq(le64(0x100 + 0x2e0) % 4, 0);
    cr_assert_eq(le64(0x100 + 0x2f0), VA + 0x100 + 0x2e8);
    EXPECT(0x100 + 0x450, "smss.exe\0");
}

Test(recipe_quota, only_where_it_is_mapped)
{
    build(X64 "page 0x60 classic\nblock tag=Even size=0x80 type=Quota|NonPaged\nquota released=0\n",
          0x60);
    cr_assert_eq(le64(8), 0);
    cr_assert_eq(planted.header[0].process, 0);
    build(X64 "page 0x60 copy from=0x50\nquota released=0\n", 0x60);
    cr_assert_neq(le64(8), 0);
    cr_assert_eq(planted.header[0].process, 0, "of an address that is another's");
    build(X64 "at 0x50008 u64 5\nquota released=0\n", 0x50);
    cr_assert_eq(planted.header[0].process, 0, "overwritten");
}

/* clang-format off */
static const struct {
    const char *text;
    uint64_t line;
    const char *says;
} wrong[] = {
    {"size 1M\nquota\n", 2, "page tables"},
    {SYSTEM("") "quota\n", 4, "needs processes"},
    {X64 "quota\nquota\n", 11, "one quota"},
    {X64 "quota released=101\n", 10, "at most 100"},
    {X64 "quota cookieat=0x1000\n", 10, "cookieat"},
    {SYSTEM("") "page 0x50 classic\nblock tag=Proc size=0xd80 body=process\nquota\n", 5, "maps"},
    {SYSTEM("") "page 0x50 classic\nblock tag=Proc size=0x100 body=process\n"
     "map 0xffffa80000000000 pages=0x50\nquota\n", 5, "too small"},
    {SYSTEM("") "page 0x50 classic\nblock tag=Proc size=0xd80 body=exited\n"
     "map 0xffffa80000000000 pages=0x50\nquota\n", 7, "live"},
};
/* clang-format on */

Test(recipe_quota, mistakes)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ps_recipe *r = NULL;
        struct ps_err err = {.msg = ""};
        int rc = ps_recipe_parse(&r, wrong[i].text, strlen(wrong[i].text), NULL, 0, &err);

        cr_assert_eq(rc, -PS_EARG, "case %zu: %d", i, rc);
        cr_assert_null(r);
        cr_assert_eq(err.at, wrong[i].line, "case %zu: line %llu, %s", i,
                     (unsigned long long)err.at, err.msg);
        cr_assert(strstr(err.msg, wrong[i].says), "case %zu: %s", i, err.msg);
    }
}
