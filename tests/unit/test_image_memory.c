#include "host/virtual/image_memory.h"

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
    cr_assert_eq(ps_image_open(&image, path, NULL, &err), 0);
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

/* Kilobytes of mapped files that are resident. */
static long resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, all = 0, shared = 0;

    cr_assert_not_null(f);
    cr_assert_eq(fscanf(f, "%ld %ld %ld", &size, &all, &shared), 3);
    fclose(f);
    return shared * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Reading all of a large image does not keep all of it. */
Test(image_memory, gives_back_what_it_read)
{
    const size_t n_bytes = (size_t)PS_IMAGE_MEMORY_RESIDENT + ((size_t)96 << 20);
    struct ps_image_memory large;
    struct ps_image *all;
    static uint8_t block[1 << 20];
    uint8_t page[4096];
    char name[sizeof path + 8];
    long before, most = 0;
    FILE *f;

    snprintf(name, sizeof name, "%s/large", dir.path);
    memset(block, 7, sizeof block);
    f = fopen(name, "wb");
    cr_assert_not_null(f);
    for (size_t i = 0; i < n_bytes; i += sizeof block)
        cr_assert_eq(fwrite(block, 1, sizeof block, f), sizeof block);
    fclose(f);
    cr_assert_eq(ps_image_open(&all, name, NULL, &err), 0);
    cr_assert_eq(ps_image_memory_init(&large, all, &err), 0);
    before = resident();
    for (size_t i = 0; i < n_bytes; i += sizeof page) {
        cr_assert_eq(large.mem.read(large.mem.arg, i, page, sizeof page), sizeof page);
        cr_assert_eq(page[4095], 7);
        if (i % (1 << 20) == 0 && resident() - before > most)
            most = resident() - before;
    }
    cr_assert_leq(most, (long)(PS_IMAGE_MEMORY_RESIDENT / 1024), "%ld KiB", most);
    cr_assert_gt(most, 1024, "nothing was mapped: %ld KiB", most);
    ps_image_memory_free(&large);
    ps_image_close(all);
}
