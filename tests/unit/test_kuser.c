#include "scan/windows/kuser.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t page[4096];

static void put(size_t off, uint32_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        page[off + i] = (uint8_t)(value >> (8 * i));
}

static void put_root(const char *text)
{
    memset(page + 0x30, 0, 520);
    for (size_t i = 0; text[i] != 0; i++)
        put(0x30 + 2 * i, (uint8_t)text[i], 2);
}

/* The page of a Windows 10 client with build 19041; each test spoils one field. */
static void make_page(void)
{
    memset(page, 0, sizeof page);
    put(0x04, 0x0fa00000, 4);
    put(0x2c, 0x8664, 2);
    put(0x2e, 0x8664, 2);
    put_root("C:\\Windows");
    put(0x260, 19041, 4);
    put(0x264, 1, 4);
    put(0x268, 1, 1);
    put(0x26a, 9, 2);
    put(0x26c, 10, 4);
    put(0x270, 0, 4);
    put(0x2e8, 0x3ff00, 4);
}

TestSuite(kuser, .init = make_page);

Test(kuser, windows_10_tells_its_build)
{
    struct ps_windows_version v;

    cr_assert(ps_kuser_probe(page, &v));
    cr_assert_eq(v.arch, PS_ARCH_X64);
    cr_assert_eq(v.major, 10);
    cr_assert_eq(v.minor, 0);
    cr_assert_eq(v.build, 19041);
    cr_assert_eq(v.n_pages, 0x3ff00);
}

/* Values of the two real images (docs/REAL_IMAGES.md), of guests, and of an image that was cut. */
Test(kuser, which_memory_it_is_of)
{
    static const struct {
        uint32_t n_pages;
        uint64_t image_pages;
        int fits;
    } want[] = {
        {0xff7c, 0x10000, 1},
        {0x3ff71, 0x40000, 1},
        {0x40000, 0x40000, 1},
        {0x40100, 0x40000, 1}, /* a dump leaves some pages out */
        {0x40101, 0x40000, 0},
        {0x10000, 0x40000, 0},
        {0, 0x40000, 0},
        {0, 16, 1},
        {0x1f0000, 0x200000, 1},
        {0x100000, 0x200000, 0},
        {0x1ff000, 0x220000, 1}, /* 8 GiB around a hole of 512 MiB */
        {0x80000, 0x100000, 0},  /* no hole in an image of 4 GiB */
    };

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct ps_windows_version v = {.n_pages = want[i].n_pages};

        cr_expect_eq(ps_kuser_fits(&v, want[i].image_pages), want[i].fits, "row %zu", i);
    }
    cr_assert_eq(ps_kuser_distance(&(struct ps_windows_version){.n_pages = 5}, 7), 2);
    cr_assert_eq(ps_kuser_distance(&(struct ps_windows_version){.n_pages = 7}, 5), 2);
}

Test(kuser, older_versions_get_the_build_of_major_minor)
{
    static const uint32_t want[][3] = {
        {5, 2, 3790}, {6, 0, 6002}, {6, 1, 7601}, {6, 2, 9200}, {6, 3, 9600}};
    struct ps_windows_version v;

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        put(0x260, 0, 4);
        put(0x26c, want[i][0], 4);
        put(0x270, want[i][1], 4);
        cr_assert(ps_kuser_probe(page, &v));
        cr_assert_eq(v.build, want[i][2]);
    }
}

Test(kuser, xp_exists_on_x86_only)
{
    struct ps_windows_version v;

    put(0x26c, 5, 4);
    put(0x270, 1, 4);
    cr_assert_not(ps_kuser_probe(page, &v));
    put(0x2c, 0x014c014c, 4);
    cr_assert(ps_kuser_probe(page, &v));
    cr_assert_eq(v.arch, PS_ARCH_X86);
    cr_assert_eq(v.build, 2600);
}

Test(kuser, one_wrong_field_is_enough)
{
    static const struct {
        size_t off;
        uint32_t value;
        size_t n_bytes;
    } spoil[] = {
        {0x2c, 0x014c, 2}, {0x2c, 0x01c401c4, 4}, {0x30, '1', 2}, {0x32, ';', 2},
        {0x34, '/', 2},    {0x36, 0, 2},          {0x36, 7, 2},   {0x36, '?', 2},
        {0x31, 1, 1},      {0x264, 0, 4},         {0x264, 4, 4},  {0x268, 2, 1},
        {0x26c, 4, 4},     {0x270, 1, 4},         {0x26c, 11, 4}, {0x260, 9600, 4},
        {0x260, 0, 4},     {0x260, 0x10000, 4},
    };
    struct ps_windows_version v = {0};

    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        make_page();
        put(spoil[i].off, spoil[i].value, spoil[i].n_bytes);
        cr_assert_not(ps_kuser_probe(page, &v), "offset %#zx value %#x", spoil[i].off,
                      spoil[i].value);
        cr_assert_eq(v.build, 0, "written although the probe failed");
    }
}

Test(kuser, system_root_must_end_inside_its_field)
{
    struct ps_windows_version v;

    for (size_t i = 0; i < 260; i++)
        put(0x30 + 2 * i, 'W', 2);
    put(0x32, ':', 2);
    put(0x34, '\\', 2);
    cr_assert_not(ps_kuser_probe(page, &v));
    put(0x30 + 2 * 259, 0, 2);
    cr_assert(ps_kuser_probe(page, &v));
}

Test(kuser, empty_and_full_pages)
{
    struct ps_windows_version v;

    memset(page, 0, sizeof page);
    cr_assert_not(ps_kuser_probe(page, &v));
    memset(page, 0xff, sizeof page);
    cr_assert_not(ps_kuser_probe(page, &v));
}
