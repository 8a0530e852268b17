#include "host/virtual/paged_out.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/tmpdir.h"

#define FRAME(n)   (UINT64_C(4096) * (n))
#define N_FRAMES   32u
#define FILE_PAGES 8u
#define VALID      0x63
#define PAGED(p)   ((uint64_t)(p) << 32 | 1 << 12 | 0x90) /* page p of page file 1 */

static uint8_t memory[N_FRAMES * 4096];
static struct ps_tmpdir dir;
static char image[4096], file[4200];
static struct ps_address_space as;
static struct ps_err err;

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    for (unsigned i = 0; i < 8; i++)
        memory[FRAME(frame) + 8 * index + i] = (uint8_t)(entry >> 8 * i);
}

static void write_file(const char *path, const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Frame 2 is the top table; ffffb80000000000 and on is one page in memory and three that are not.
 */
static void make(void)
{
    static uint8_t pages[FILE_PAGES * 4096];

    memset(memory, 1, sizeof memory); /* no hole of the file */
    memset(memory + FRAME(2), 0, 4 * 4096);
    put(2, 0x1ed, FRAME(2) | VALID);
    put(2, 0x170, FRAME(3) | VALID);
    put(3, 0, FRAME(4) | VALID);
    put(4, 0, FRAME(5) | VALID);
    put(5, 0, FRAME(6) | VALID);
    put(5, 1, PAGED(5));
    put(5, 7, PAGED(FILE_PAGES));
    put(5, 9, PAGED(2));
    for (size_t i = 0; i < sizeof pages; i++)
        pages[i] = (uint8_t)(i / 4096);
    ps_tmpdir_make(&dir);
    snprintf(image, sizeof image, "%s/image", dir.path);
    write_file(image, memory, sizeof memory);
    snprintf(file, sizeof file, "1=%s/page.sys", dir.path);
    write_file(file + 2, pages, sizeof pages);
}

static void unmake(void)
{
    ps_address_space_close(&as);
    ps_tmpdir_remove(&dir);
}

TestSuite(paged_out, .init = make, .fini = unmake);

struct seen {
    struct ps_paged_out page[4];
    uint8_t byte[4];
    unsigned n, stop;
};

static int on_page(void *arg, const struct ps_paged_out *page)
{
    struct seen *s = arg;

    s->page[s->n] = *page;
    s->byte[s->n++] = page->bytes[4095];
    return s->n == s->stop;
}

static void open_image(size_t n_files)
{
    static const char *item[1];
    struct ps_options opt = {.arch = "auto", .pagefiles = {item, n_files}};

    item[0] = file;
    cr_assert_eq(ps_address_space_open(&as, &opt, image, &err), 0, "%s", err.msg);
    cr_assert(as.has_dtb);
}

Test(paged_out, each_page_that_the_file_has)
{
    struct ps_paged_out_counts counts;
    struct seen s = {0};

    open_image(1);
    cr_assert_eq(ps_paged_out_each(&as, on_page, &s, &counts, &err), 0);
    cr_assert_eq(counts.n_entries, 3);
    cr_assert_eq(counts.n_read, 2);
    cr_assert_eq(counts.n_missing, 1);
    cr_assert_eq(s.n, 2);
    cr_assert_eq(s.page[0].va, UINT64_C(0xffffb80000001000));
    cr_assert_eq(s.page[0].file, 1);
    cr_assert_eq(s.page[0].file_off, FRAME(5));
    cr_assert_eq(s.byte[0], 5);
    cr_assert_eq(s.page[1].va, UINT64_C(0xffffb80000009000));
    cr_assert_eq(s.byte[1], 2);
}

Test(paged_out, ends_when_told_to)
{
    struct ps_paged_out_counts counts;
    struct seen s = {.stop = 1};

    open_image(1);
    cr_assert_eq(ps_paged_out_each(&as, on_page, &s, &counts, &err), 0);
    cr_assert_eq(s.n, 1);
}

Test(paged_out, nothing_without_a_page_file)
{
    struct ps_paged_out_counts counts;
    struct seen s = {0};

    open_image(0);
    cr_assert_eq(ps_paged_out_each(&as, on_page, &s, &counts, &err), 0);
    cr_assert_eq(counts.n_entries, 0);
    cr_assert_eq(s.n, 0);
}
