#include "host/run/image_memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/image/fault_guard.h"
#include "tests/support/tmpdir.h"

#define N_BYTES (size_t)(64 * 4096)

static struct ps_tmpdir dir;
static char path[4096];
static struct ps_image *image;
static struct ps_image_memory m;
static struct ps_err err;

static void make(void)
{
    FILE *f;

    ps_fault_guard_init();
    ps_tmpdir_make(&dir);
    snprintf(path, sizeof path, "%s/image", dir.path);
    f = fopen(path, "wb");
    cr_assert_not_null(f);
    for (size_t i = 0; i < N_BYTES; i++)
        fputc((int)(i / 4096 + 1), f);
    fclose(f);
    cr_assert_eq(ps_image_open(&image, path, &err), 0);
    cr_assert_eq(ps_image_memory_init(&m, image, &err), 0);
}

static void unmake(void)
{
    ps_image_memory_free(&m);
    ps_image_close(image);
    ps_tmpdir_remove(&dir);
}

TestSuite(image_memory, .init = make, .fini = unmake);

static void sum_pages(void *arg, const uint8_t *bytes, size_t n_bytes)
{
    unsigned *sum = arg;

    for (size_t i = 0; i < n_bytes; i += 4096)
        *sum += *(const volatile uint8_t *)(bytes + i);
}

Test(image_memory, looks_at_what_it_reads)
{
    uint8_t page[4096];
    unsigned sum = 0;

    cr_assert_eq(m.mem.look(m.mem.arg, 2 * 4096, 5 * 4096, sum_pages, &sum), 1);
    cr_assert_eq(sum, 3 + 4 + 5 + 6 + 7);
    cr_assert_eq(m.mem.read(m.mem.arg, 2 * 4096, page, sizeof page), sizeof page);
    cr_assert_eq(page[0], 3);
}

/* The file became shorter: the look ends early and says so, the read has what is left. */
Test(image_memory, a_file_that_shrinks)
{
    uint8_t pages[4 * 4096];
    unsigned sum = 0;

    cr_assert_eq(truncate(path, 5 * 4096), 0);
    cr_assert_eq(m.mem.look(m.mem.arg, 3 * 4096, 4 * 4096, sum_pages, &sum), 0);
    cr_assert_eq(sum, 4 + 5);
    cr_assert_eq(m.mem.read(m.mem.arg, 3 * 4096, pages, sizeof pages), 2 * 4096);
    sum = 0;
    cr_assert_eq(m.mem.look(m.mem.arg, 3 * 4096, 2 * 4096, sum_pages, &sum), 1);
    cr_assert_eq(sum, 4 + 5);
}
