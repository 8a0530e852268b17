/* LiME: ranges of any size and place, with damage at every place of the list. */
#include "host/image/containers/reader.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/expect_container.h"
#include "tests/support/open_container.h"

#define PAGE   4096u
#define HEADER 32u

static _Alignas(16) uint8_t file[1 << 16];
static size_t n_file;
static struct ps_memory_bytes m;
static struct ps_open_container o;

static void put(uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[n_file++] = (uint8_t)(value >> 8 * i);
}

static void put_header(uint64_t start, uint64_t end)
{
    memcpy(file + n_file, "EMiL", 4);
    n_file += 4;
    put(1, 4);
    put(start, 8);
    put(end, 8);
    put(0, 8);
}

static void put_data(uint8_t byte, size_t n)
{
    memset(file + n_file, byte, n);
    n_file += n;
}

static void put_range(uint64_t start, size_t n)
{
    put_header(start, start + n - 1);
    put_data((uint8_t)(start >> 12 | 1), n);
}

static int open_it(void)
{
    ps_memory_bytes_init(&m, file, n_file);
    return ps_open_container(&o, &ps_reader_lime, &m, "x");
}

/* The bytes of pool-internals.md 9.3: 0x1000..0x9FBFF, the next header at 0x20 + 0x9EC00. */
Test(lime, known_header)
{
    static const uint8_t known[HEADER] = {0x45, 0x4d, 0x69, 0x4c, 1, 0, 0,    0,    0x00, 0x10,
                                          0,    0,    0,    0,    0, 0, 0xff, 0xfb, 0x09, 0x00};
    static uint8_t big[HEADER + 0x9ec00 + HEADER + PAGE];

    memcpy(big, known, sizeof known);
    memcpy(big + HEADER + 0x9ec00, "EMiL\1\0\0\0\0\0\x10\0\0\0\0\0\xff\x0f\x10", 19);
    ps_memory_bytes_init(&m, big, sizeof big);
    cr_assert_eq(ps_open_container(&o, &ps_reader_lime, &m, "x"), 1, "%s", o.err.msg);
    cr_assert_str_eq(o.c.name, "LiME");
    cr_assert_eq(o.layout.n, 3);
    expect_extent(&o, 0, 0x1000, 0x9e000, HEADER);
    cr_assert_eq(o.layout.extent[1].kind, PS_EXTENT_PIECES);
    cr_assert_eq(o.layout.extent[1].phys, 0x9f000);
    cr_assert_eq(o.layout.n_torn, 0xc00);
    expect_extent(&o, 2, 0x100000, PAGE, 2 * HEADER + 0x9ec00);
    cr_assert_eq(o.c.notes.n, 0);
    cr_assert_eq(o.layout.n_covered, 0x9ec00 + PAGE);
    ps_open_container_close(&o);
}

Test(lime, ranges_of_any_place_and_size)
{
    put_range(0x5000, 2 * PAGE);
    put_range(0x123, 7);
    put_range(0x12a, 0x1000);
    put_range(0x1000000000, PAGE);
    put_range(0x3000, 1);
    cr_assert_eq(open_it(), 1, "%s", o.err.msg);
    cr_assert_eq(o.layout.n, 5);
    cr_assert_eq(o.layout.extent[0].phys, 0);
    cr_assert_eq(o.layout.extent[1].phys, 0x1000);
    cr_assert_eq(o.layout.extent[2].phys, 0x3000);
    expect_extent(&o, 3, 0x5000, 2 * PAGE, HEADER);
    cr_assert_eq(o.layout.extent[4].phys, 0x1000000000);
    cr_assert_eq(o.layout.n_torn, 7 + 0x1000 + 1);
    cr_assert_eq(o.c.notes.n, 0);
    ps_open_container_close(&o);
}

Test(lime, cut_file)
{
    put_range(0x1000, PAGE);
    put_range(0x10000, 3 * PAGE);
    n_file -= PAGE + 100;
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n_missing, PAGE + 100);
    expect_extent(&o, 1, 0x10000, 2 * PAGE - 100, PAGE + 2 * HEADER);
    ps_open_container_close(&o);
    n_file = PAGE + HEADER + 20;
    memset(file + n_file, 0, sizeof file - n_file);
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n, 1);
    expect_note(&o, "0x1020");
    ps_open_container_close(&o);
}

/* A header in the middle is overwritten; the ranges around it are there. */
Test(lime, damaged_header)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } damage[] = {{0, 0}, {4, 2}, {15, 1}, {23, 0x80}, {18, 0}};

    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        n_file = 0;
        put_range(0x10000, PAGE);
        put_range(0x20000, PAGE);
        put_range(0x30000, PAGE);
        put_range(0x40000, PAGE);
        file[HEADER + PAGE + damage[i].at] = damage[i].byte;
        cr_assert_eq(open_it(), 1, "%zu: %s", i, o.err.msg);
        cr_assert_eq(o.layout.n, 3, "%zu: %zu extents", i, o.layout.n);
        expect_extent(&o, 0, 0x10000, PAGE, HEADER);
        expect_extent(&o, 1, 0x30000, PAGE, 2 * PAGE + 3 * HEADER);
        expect_extent(&o, 2, 0x40000, PAGE, 3 * PAGE + 4 * HEADER);
        expect_note(&o, "0x1020");
        expect_note(&o, "4128 bytes");
        ps_open_container_close(&o);
    }
}

/* Headers in the memory itself are no ranges: neither where the list is whole nor behind damage. */
Test(lime, headers_in_memory)
{
    const uint64_t decoy = 2 * HEADER + PAGE;

    put_range(0x10000, PAGE);
    put_header(0x20000, 0x20000 + 2 * PAGE - 1);
    put_header(0x50000, 0x50000 + PAGE - 1);
    put_data(1, 2 * PAGE - HEADER);
    put_range(0x30000, PAGE);
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n, 3);
    cr_assert_null(ps_layout_find(&o.layout, 0x50000));
    ps_open_container_close(&o);
    file[decoy - HEADER] = 0;
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n, 2);
    expect_extent(&o, 1, 0x30000, PAGE, 3 * PAGE + 3 * HEADER);
    ps_open_container_close(&o);
}

Test(lime, damage_to_the_end)
{
    put_range(0x10000, PAGE);
    put_data(7, 3 * PAGE);
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n, 1);
    expect_note(&o, "breaks at offset 0x1020");
    ps_open_container_close(&o);
    /* Rounded up to whole sectors. */
    n_file = HEADER + PAGE;
    put_data(0, 480);
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.c.notes.n, 0);
    ps_open_container_close(&o);
}

Test(lime, nothing_readable)
{
    put_header(0x2000, 0x1fff);
    put_data(1, PAGE);
    cr_assert_eq(open_it(), -PS_EFORMAT);
    cr_assert_eq(o.err.at, 8);
    cr_assert(strstr(o.err.msg, "0x2000") && strstr(o.err.msg, "0x1fff"), "%s", o.err.msg);
    ps_open_container_close(&o);
    n_file = 0;
    put_range(0, PAGE);
    file[4] = 3;
    cr_assert_eq(open_it(), -PS_EFORMAT);
    cr_assert_eq(o.err.at, 4);
    cr_assert(strstr(o.err.msg, "version 3"), "%s", o.err.msg);
    ps_open_container_close(&o);
    n_file = HEADER - 1;
    cr_assert_eq(open_it(), -PS_EFORMAT);
    ps_open_container_close(&o);
    n_file = HEADER;
    file[4] = 1;
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n, 0, "a header and no memory: image.c says so");
    cr_assert_eq(o.layout.n_missing, PAGE);
    ps_open_container_close(&o);
}

/* Ends past what a physical address can be. */
Test(lime, ends_of_numbers)
{
    put_range(0x1000, PAGE);
    put_header(0, UINT64_MAX);
    put_data(1, PAGE);
    put_header(UINT64_MAX - 10, UINT64_MAX);
    put_data(1, 11);
    put_range(0x3000, PAGE);
    cr_assert_eq(open_it(), 1);
    cr_assert_eq(o.layout.n, 2);
    expect_extent(&o, 1, 0x3000, PAGE, n_file - PAGE);
    ps_open_container_close(&o);
}

/* The search for the next header goes over its own windows, and stops at a bound. */
Test(lime, next_header_at_any_distance)
{
    for (size_t gap = 8170; gap < 8210; gap++) {
        n_file = 0;
        put_range(0x1000, PAGE);
        put_data(9, gap);
        put_range(0x8000, PAGE);
        cr_assert_eq(open_it(), 1);
        cr_assert_eq(o.layout.n, 2, "%zu bytes between", gap);
        ps_open_container_close(&o);
    }
    ps_memory_bytes_init(&m, file, n_file);
    ps_memory_bytes_grow(&m, UINT64_C(1) << 50);
    cr_assert_eq(ps_open_container(&o, &ps_reader_lime, &m, "x"), 1);
    expect_note(&o, "breaks at");
    ps_open_container_close(&o);
}
