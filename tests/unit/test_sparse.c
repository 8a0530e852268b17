#include "host/image/bytes/sparse.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/image/image.h"
#include "tests/support/tmpdir.h"

#define PAGE 4096u
#define MIB  1048576u

static struct ps_tmpdir dir;

static void set_up(void)
{
    ps_tmpdir_make(&dir);
}

static void tear_down(void)
{
    ps_tmpdir_remove(&dir);
}

TestSuite(sparse, .init = set_up, .fini = tear_down);

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Make the hole file 'name'; returns a descriptor to write into it. */
static int make_hole(const char *name, off_t n_bytes)
{
    int fd = open(ps_tmpdir_file(&dir, name), O_RDWR | O_CREAT | O_TRUNC, 0600);

    cr_assert(fd >= 0 && !ftruncate(fd, n_bytes));
    return fd;
}

/* Does the file system keep holes at all? Then fewer bytes are stored than the file has. */
static int keeps_holes(int fd)
{
    struct stat st;

    return !fstat(fd, &st) && st.st_blocks * 512 < st.st_size / 2;
}

/* Are extents ascending, apart, made of whole pages and inside? Returns their sum. */
static uint64_t sum_of_sound(const struct ps_extent *extent, size_t n, uint64_t file_bytes)
{
    uint64_t sum = 0;
    uint64_t end = 0;

    for (size_t i = 0; i < n; i++) {
        cr_assert(extent[i].phys % PAGE == 0 && extent[i].phys == extent[i].file_off);
        cr_assert(!i || extent[i].phys > end);
        cr_assert(extent[i].n_bytes && extent[i].n_bytes <= file_bytes - extent[i].phys);
        end = extent[i].phys + extent[i].n_bytes;
        cr_assert(end % PAGE == 0 || end == file_bytes);
        sum += extent[i].n_bytes;
    }
    return sum;
}

static int covers(const struct ps_extent *extent, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++) {
        if (at - extent[i].phys < extent[i].n_bytes)
            return 1;
    }
    return 0;
}

/* Data at random places: whatever is not zero is in an extent, and large holes are in none. */
Test(sparse, random_data)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const uint64_t n_bytes = 64 * MIB + (seed % 2 ? 1234 : 0);
        int fd = make_hole("mem.raw", (off_t)n_bytes);
        uint64_t state = seed;
        uint64_t at[40];
        struct ps_image *image = NULL;
        struct ps_err err = {0};
        const struct ps_extent *extent;
        uint64_t sum;
        size_t n;

        for (size_t i = 0; i < 40; i++) {
            at[i] = i ? next_random(&state) % n_bytes : n_bytes - 1;
            cr_assert_eq(pwrite(fd, "x", 1, (off_t)at[i]), 1);
        }
        cr_assert_eq(ps_image_open(&image, dir.file, NULL, &err), 0, "%s", err.msg);
        extent = ps_image_extents(image, &n);
        sum = sum_of_sound(extent, n, n_bytes);
        for (size_t i = 0; i < 40; i++)
            cr_assert(covers(extent, n, at[i]), "seed %d: 0x%llx", (int)seed,
                      (unsigned long long)at[i]);
        if (keeps_holes(fd))
            cr_assert_leq(sum, 40 * (64 * 1024 + 2 * PAGE), "seed %d", (int)seed);
        else
            cr_log_warn("the file system keeps no holes: the sum is not tested");
        ps_image_close(image);
        close(fd);
    }
}

Test(sparse, one_hole)
{
    int fd = make_hole("mem.raw", 16 * MIB);
    struct ps_image *image = NULL;
    struct ps_err err = {0};
    size_t n;

    cr_assert_eq(ps_image_open(&image, dir.file, NULL, &err), 0, "%s", err.msg);
    ps_image_extents(image, &n);
    if (keeps_holes(fd))
        cr_assert_eq(n, 0);
    cr_assert_eq(ps_image_file_bytes(image), 16 * MIB);
    cr_assert_eq(ps_image_torn_bytes(image), 0);
    ps_image_close(image);
    close(fd);
}

/* Holes and parts: offsets count over all parts, also when a part begins inside a page. */
Test(sparse, split)
{
    const uint64_t base = 8 * MIB + 1000;
    int first = make_hole("mem.001", (off_t)base);
    int second = make_hole("mem.002", 8 * MIB);
    struct ps_image *image = NULL;
    struct ps_err err = {0};
    const struct ps_extent *extent;
    uint8_t page[PAGE];
    size_t n;

    cr_assert_eq(pwrite(first, "Proc", 4, MIB), 4);
    cr_assert_eq(pwrite(second, "Thre", 4, 4 * MIB), 4);
    cr_assert_eq(ps_image_open(&image, ps_tmpdir_file(&dir, "mem.001"), NULL, &err), 0, "%s",
                 err.msg);
    extent = ps_image_extents(image, &n);
    sum_of_sound(extent, n, base + 8 * MIB);
    cr_assert(covers(extent, n, MIB));
    cr_assert(covers(extent, n, base + 4 * MIB));
    if (keeps_holes(first) && keeps_holes(second))
        cr_assert_eq(n, 2);
    cr_assert_eq(ps_image_read(image, (base + 4 * MIB) / PAGE * PAGE, page, PAGE, &err), 0);
    cr_assert_arr_eq(page + base % PAGE, "Thre", 4);
    ps_image_close(image);
    close(first);
    close(second);
}

/* What cannot tell its holes (here: what cannot seek) is one range. */
Test(sparse, no_answer_means_data)
{
    struct ps_ranges ranges = {0};
    struct ps_err err = {0};
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(ps_sparse_ranges(&ranges, ends[0], PAGE, 100 * PAGE, &err), 0);
    cr_assert_eq(ranges.n, 1);
    cr_assert(ranges.range[0].begin == PAGE && ranges.range[0].end == 101 * PAGE);
    ps_ranges_free(&ranges);
    close(ends[0]);
    close(ends[1]);
}

Test(sparse, small_holes_are_read)
{
    struct ps_ranges ranges = {0};
    struct ps_err err = {0};

    ps_ranges_add(&ranges, 100, 200, &err);
    ps_ranges_add(&ranges, 4 * PAGE + 1, 5 * PAGE, &err);
    ps_ranges_add(&ranges, 5 * PAGE + PS_RANGES_GAP - PAGE, 5 * PAGE + PS_RANGES_GAP, &err);
    cr_assert_eq(ranges.n, 1);
    cr_assert(ranges.range[0].begin == 0 && ranges.range[0].end == 5 * PAGE + PS_RANGES_GAP);
    ps_ranges_add(&ranges, 5 * PAGE + 2 * PS_RANGES_GAP, 5 * PAGE + 3 * PS_RANGES_GAP, &err);
    cr_assert_eq(ranges.n, 2);
    ps_ranges_free(&ranges);
}

/* More islands than ranges are kept: the bound holds and every island is still covered. */
Test(sparse, never_more_than_the_bound)
{
    const size_t n_islands = 5 * PS_RANGES_MAX;
    struct ps_ranges ranges = {0};
    struct ps_err err = {0};
    uint64_t state = 7;
    uint64_t *island = malloc(n_islands * sizeof *island);
    uint64_t at = 0;
    size_t k = 0;

    for (size_t i = 0; i < n_islands; i++) {
        at += PAGE + (PS_RANGES_GAP << next_random(&state) % 10); /* holes of all sizes */
        island[i] = at;
        cr_assert_eq(ps_ranges_add(&ranges, at, at + PAGE, &err), 0);
        cr_assert_leq(ranges.n, PS_RANGES_MAX);
    }
    cr_assert_gt(ranges.n, PS_RANGES_MAX / 2, "merged more than the bound needs");
    for (size_t i = 0; i < n_islands; i++) {
        while (k < ranges.n && ranges.range[k].end <= island[i] / PAGE * PAGE)
            k++;
        cr_assert(k < ranges.n && ranges.range[k].begin <= island[i] &&
                  ranges.range[k].end >= island[i] + PAGE);
    }
    for (size_t i = 1; i < ranges.n; i++)
        cr_assert_gt(ranges.range[i].begin, ranges.range[i - 1].end);
    ps_ranges_free(&ranges);
    free(island);
}
