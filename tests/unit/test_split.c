#include "host/image/bytes/split.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/image/image.h"
#include "tests/support/tmpdir.h"

#define PAGE 4096u

static struct ps_tmpdir dir;

static void set_up(void)
{
    ps_tmpdir_make(&dir);
}

static void tear_down(void)
{
    ps_tmpdir_remove(&dir);
}

TestSuite(split, .init = set_up, .fini = tear_down);

static uint8_t *pattern(size_t n_bytes)
{
    uint8_t *data = malloc(n_bytes);

    for (size_t i = 0; i < n_bytes; i++)
        data[i] = (uint8_t)((i * 0x9e3779b97f4a7c15u) >> 56);
    return data;
}

/* Cut 'data' into parts of 'step' bytes: mem.FIRST ..., with 'width' digits. Returns how many. */
static unsigned cut(const uint8_t *data, size_t n_bytes, size_t step, unsigned first,
                    unsigned width)
{
    unsigned n = 0;

    for (size_t at = 0; at < n_bytes; at += step) {
        char name[64];

        snprintf(name, sizeof name, "mem.%0*u", (int)width, first + n++);
        ps_tmpdir_write(&dir, name, data + at, step < n_bytes - at ? step : n_bytes - at);
    }
    return n;
}

static struct ps_image *open_image(const char *name)
{
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, ps_tmpdir_file(&dir, name), NULL, &err), 0, "%s: %s", name,
                 err.msg);
    return image;
}

/* Every range of pages reads as in 'data', and is mapped just where it lies in one part at an
 * address that is a multiple of 8. */
static void same_as(struct ps_image *image, const uint8_t *data, size_t n_bytes, size_t step)
{
    size_t n_pages = (n_bytes + PAGE - 1) / PAGE;
    uint8_t *got = malloc(n_pages * PAGE);
    struct ps_err err = {0};

    for (size_t from = 0; from < n_pages; from++) {
        for (size_t to = from + 1; to <= n_pages; to++) {
            size_t at = from * PAGE;
            size_t n = (to - from) * PAGE;
            size_t stored = n < n_bytes - at ? n : n_bytes - at;
            const uint8_t *mem = ps_image_map(image, at, n);
            int in_one = at / step == (at + n - 1) / step && stored == n && at % step % 8 == 0;

            cr_assert_eq(!!mem, in_one, "pages %zu to %zu, parts of %zu", from, to, step);
            if (mem)
                cr_assert_arr_eq(mem, data + at, n);
            memset(got, 0xaa, n);
            cr_assert_eq(ps_image_read(image, at, got, n, &err), 0, "%s", err.msg);
            cr_assert_arr_eq(got, data + at, stored, "pages %zu to %zu, parts of %zu", from, to,
                             step);
            for (size_t i = stored; i < n; i++)
                cr_assert_eq(got[i], 0);
        }
    }
    free(got);
}

Test(split, parts_of_any_size)
{
    static const size_t steps[] = {
        8 * PAGE, 5 * PAGE, PAGE, 10000, 10001, 2 * PAGE + 8, 7 * PAGE - 1, 777,
    };
    const size_t n_bytes = 24 * PAGE + 1000;
    uint8_t *data = pattern(n_bytes);

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        unsigned n = cut(data, n_bytes, steps[i], 1, 3);
        struct ps_image *image = open_image("mem.001");
        const struct ps_extent *extent;
        size_t n_extents;

        cr_assert_str_eq(ps_image_format(image), "split raw");
        cr_assert_eq(ps_image_file_bytes(image), n_bytes);
        cr_assert_eq(ps_image_torn_bytes(image), 1000);
        extent = ps_image_extents(image, &n_extents);
        cr_assert_eq(n_extents, 1);
        cr_assert(!extent->phys && !extent->file_off && extent->n_bytes == n_bytes);
        same_as(image, data, n_bytes, steps[i]);
        ps_image_close(image);
        for (unsigned k = 1; k <= n; k++) {
            char name[64];

            snprintf(name, sizeof name, "mem.%03u", k);
            unlink(ps_tmpdir_file(&dir, name));
        }
    }
    free(data);
}

Test(split, ways_to_number)
{
    static const struct {
        unsigned first;
        unsigned width;
        const char *name;
    } ways[] = {
        {0, 3, "mem.000"},  {0, 2, "mem.00"},    {1, 2, "mem.01"},
        {1, 4, "mem.0001"}, {0, 5, "mem.00000"},
    };
    const size_t n_bytes = 120 * PAGE; /* more parts than two digits can number */
    uint8_t *data = pattern(n_bytes);

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct ps_image *image;
        struct ps_err err = {0};
        uint8_t *got = malloc(n_bytes);

        cut(data, n_bytes, PAGE, ways[i].first, ways[i].width);
        image = open_image(ways[i].name);
        cr_assert_eq(ps_image_file_bytes(image), n_bytes, "%s", ways[i].name);
        cr_assert_eq(ps_image_read(image, 0, got, n_bytes, &err), 0);
        cr_assert_arr_eq(got, data, n_bytes);
        ps_image_close(image);
        free(got);
        ps_tmpdir_remove(&dir);
        ps_tmpdir_make(&dir);
    }
    free(data);
}

/* The same bytes have the same identity, however they are cut. */
Test(split, identity_is_of_the_whole)
{
    const size_t n_bytes = 700 * PAGE;
    uint8_t *data = pattern(n_bytes);
    struct ps_image *whole;
    struct ps_image *parts;

    ps_tmpdir_write(&dir, "whole.raw", data, n_bytes);
    cut(data, n_bytes, 300001, 1, 3);
    whole = open_image("whole.raw");
    parts = open_image("mem.001");
    cr_assert_str_eq(ps_image_id(whole), ps_image_id(parts));
    ps_image_close(whole);
    ps_image_close(parts);
    free(data);
}

/* A container inside the parts is seen, though its parts look raw. */
Test(split, containers_are_seen_through)
{
    uint8_t page[PAGE] = "EMiL";
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    ps_tmpdir_write(&dir, "mem.001", page, 3);
    ps_tmpdir_write(&dir, "mem.002", page + 3, PAGE - 3);
    cr_assert_eq(ps_image_open(&image, ps_tmpdir_file(&dir, "mem.001"), NULL, &err), -PS_EFORMAT);
    cr_assert(strstr(err.msg, "LiME"), "%s", err.msg);
}

static void refuses(const char *name, int code, const char *word)
{
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, ps_tmpdir_file(&dir, name), NULL, &err), -code, "%s: %d: %s",
                 name, err.code, err.msg);
    cr_assert(strstr(err.msg, word), "'%s' does not say '%s'", err.msg, word);
    cr_assert_null(image);
}

static void touch(const char *name)
{
    uint8_t page[PAGE] = {1};

    ps_tmpdir_write(&dir, name, page, sizeof page);
}

Test(split, missing_part)
{
    touch("mem.001");
    touch("mem.002");
    touch("mem.004");
    refuses("mem.001", PS_ENOENT, "mem.003");
    touch("mem.003");
    ps_image_close(open_image("mem.001"));
    touch("other.000");
    touch("other.002");
    refuses("other.000", PS_ENOENT, "other.001");
}

Test(split, not_the_first_part)
{
    touch("mem.001");
    touch("mem.002");
    refuses("mem.002", PS_EFORMAT, "mem.001");
    refuses("mem.003", PS_ENOENT, "no such file");
    touch("zero.000");
    touch("zero.001");
    refuses("zero.001", PS_EFORMAT, "zero.000");
    touch("lost.05");
    refuses("lost.05", PS_ENOENT, "part 5");
    touch("many.100");
    refuses("many.100", PS_ENOENT, "part 100");
}

Test(split, unusable_part)
{
    touch("mem.001");
    ps_tmpdir_write(&dir, "mem.002", NULL, 0);
    refuses("mem.001", PS_EFORMAT, "mem.002");
    unlink(ps_tmpdir_file(&dir, "mem.002"));
    cr_assert_eq(mkdir(ps_tmpdir_file(&dir, "mem.002"), 0700), 0);
    refuses("mem.001", PS_EFORMAT, "mem.002");
}

/* Names that are no part of anything, and a first part that is alone. */
Test(split, whole_files)
{
    static const char *const names[] = {
        "mem.001", "dump.2", "dump.2024", "dump.20240131", "mem.raw", ".12", "a.0x1",
        "b.12",    "c.1",    "d.",        "e.001x",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ps_image *image;

        touch(names[i]);
        image = open_image(names[i]);
        cr_assert_str_eq(ps_image_format(image), "raw", "%s", names[i]);
        cr_assert_eq(ps_image_file_bytes(image), PAGE, "%s", names[i]);
        ps_image_close(image);
    }
}

/* What begins like a part and is none does not join the image. */
Test(split, neighbours_stay_out)
{
    struct ps_image *image;

    touch("mem.001");
    touch("mem.002");
    touch("mem.03");
    touch("mem.0003");
    touch("mem.003.txt");
    touch("mem.00x");
    touch("xmem.003");
    touch("mem.4294967299");
    image = open_image("mem.001");
    cr_assert_eq(ps_image_file_bytes(image), 2 * PAGE);
    ps_image_close(image);
}

Test(split, too_many_parts)
{
    touch("mem.001");
    touch("mem.99999999");
    refuses("mem.001", PS_EFORMAT, "99999999");
}

/* By a name without a directory, and from a directory that can be entered but not listed. */
Test(split, found_without_listing)
{
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    touch("mem.001");
    touch("mem.002");
    cr_assert_eq(chdir(dir.path), 0);
    cr_assert_eq(ps_image_open(&image, "mem.001", NULL, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_image_file_bytes(image), 2 * PAGE);
    ps_image_close(image);
    cr_assert_eq(chmod(dir.path, 0711), 0);
    if (!geteuid())
        cr_assert_eq(seteuid(65534), 0);
    image = open_image("mem.001");
    cr_assert_eq(ps_image_file_bytes(image), 2 * PAGE);
    ps_image_close(image);
    if (!getuid())
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(dir.path, 0700), 0);
}
