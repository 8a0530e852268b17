/* Pages that are in a page file: read through entries and prototype entries, listed by the kernel
 * walk, and the vote on the form of the entries. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/virtual/pagefile.h"
#include "scan/windows/paging/kernel_walk.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/paging/pte_vote.h"
#include "tests/support/small_memory.h"
#include "tests/support/tmpdir.h"

/* Frames: 1 root, 2 to 4 the tables below it, 5 data, 8 page of prototype entries. */
#define VA         UINT64_C(0xffffb58593e6f000)
#define IDX(l)     ((VA >> (12 + 9 * ((l)-1))) & 511)
#define FRAME(n)   (UINT64_C(4096) * (n))
#define VALID      0x63

#define FILE_PAGES 32u

/* Software entries as page file 2 has them, in both forms: swizzle bit set, so as it stands. */
#define OLD(page)      ((uint64_t)(page) << 32 | 2 << 1 | 0x80)
#define SWIZZLED(page) ((uint64_t)(page) << 32 | 2 << 12 | 0x10 | 0x80)

static struct small_memory m;
static struct ps_paging p;
static uint8_t file_bytes[FILE_PAGES * 4096];
static struct ps_err err;

static size_t read_file(void *arg, unsigned file, uint64_t off, void *buf, size_t n_bytes)
{
    (void)arg;
    if (file != 2 || off >= sizeof file_bytes)
        return 0;
    if (n_bytes > sizeof file_bytes - off)
        n_bytes = sizeof file_bytes - off;
    memcpy(buf, file_bytes + off, n_bytes);
    return n_bytes;
}

static const struct ps_pagefiles files = {.read = read_file, .n_pages = {[2] = FILE_PAGES}};

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, entry);
}

static void use(uint32_t build)
{
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64, build), FRAME(1));
    ps_paging_use_pagefiles(&p, &files);
}

static void init(void)
{
    small_memory_init(&m);
    put(1, IDX(4), FRAME(2) | VALID);
    put(2, IDX(3), FRAME(3) | VALID);
    put(3, IDX(2), FRAME(4) | VALID);
    put(4, IDX(1), FRAME(5) | VALID);
    memset(m.bytes + FRAME(5), 0x55, 4096);
    for (size_t i = 0; i < sizeof file_bytes; i++)
        file_bytes[i] = (uint8_t)(i / 4096 ^ i);
    use(19041);
}

TestSuite(pagefile, .init = init);

Test(pagefile, read_goes_on_in_the_page_file)
{
    uint8_t got[3 * 4096];
    struct ps_walk w;

    put(4, IDX(1) + 1, SWIZZLED(7));
    put(4, IDX(1) + 2, SWIZZLED(FILE_PAGES)); /* behind its end */
    use(19041);
    cr_assert_eq(ps_paging_read(&p, VA + 0xff0, got, sizeof got), 0x10 + 4096);
    cr_assert_eq(got[0xf], 0x55);
    cr_assert_arr_eq(got + 0x10, file_bytes + 7 * 4096, 4096);
    cr_assert_eq(ps_paging_read(&p, VA + 0x1123, got, 5), 5);
    cr_assert_arr_eq(got, file_bytes + 7 * 4096 + 0x123, 5);
    cr_assert_eq(ps_paging_walk(&p, VA + 0x1123, &w), PS_WALK_PAGED_OUT);
    cr_assert_eq(w.file, 2);
    cr_assert_eq(w.file_off, 7 * 4096 + 0x123);
    cr_assert_eq(ps_paging_walk(&p, VA + 0x2000, &w), PS_WALK_PAGED_OUT);
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64, 19041), FRAME(1));
    cr_assert_eq(ps_paging_read(&p, VA + 0x1123, got, 5), 0, "no page file");
}

/* The entry at VA is a prototype whose own entry stands at VA + 0x1010. */
Test(pagefile, through_a_prototype_entry)
{
    uint8_t got[8];
    struct ps_walk w;

    put(4, IDX(1), (VA + 0x1010) << 16 | 0x400);
    put(4, IDX(1) + 1, FRAME(8) | VALID);
    small_memory_put64(&m, FRAME(8) + 0x10, SWIZZLED(9));
    use(19041);
    cr_assert_eq(ps_paging_walk(&p, VA + 5, &w), PS_WALK_PAGED_OUT);
    cr_assert_eq(w.file_off, 9 * 4096 + 5);
    cr_assert_eq(ps_paging_read(&p, VA + 5, got, 8), 8);
    cr_assert_arr_eq(got, file_bytes + 9 * 4096 + 5, 8);
    /* And that entry's page is paged out too: it leads back to memory. */
    put(4, IDX(1) + 1, SWIZZLED(11));
    for (unsigned i = 0; i < 8; i++)
        file_bytes[11 * 4096 + 0x10 + i] = (uint8_t)((FRAME(5) | VALID) >> 8 * i);
    use(19041);
    cr_assert_eq(ps_paging_walk(&p, VA + 5, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5) + 5);
    cr_assert_eq(w.step[w.n_steps - 1].at, UINT64_MAX);
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64, 19041), FRAME(1));
    cr_assert_eq(ps_paging_walk(&p, VA + 5, &w), PS_WALK_NOT_RESIDENT);
}

struct seen {
    uint64_t va[8], offset[8];
    unsigned file[8], n, n_leaves;
    uint64_t last;
};

static int on_paged_out(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct seen *s = arg;

    cr_assert_gt(leaf->va, s->last);
    s->last = leaf->va;
    s->va[s->n] = leaf->va;
    s->file[s->n] = leaf->pte.file;
    s->offset[s->n++] = leaf->pte.offset;
    return s->n == 8;
}

static int on_leaf(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct seen *s = arg;

    cr_assert_gt(leaf->va, s->last);
    s->last = leaf->va;
    s->n_leaves++;
    return 0;
}

Test(pagefile, kernel_walk_lists_them)
{
    struct seen s = {0};
    struct ps_kernel_walk walk = {.mem = &m.mem,
                                  .mode = PS_PAGING_X64,
                                  .root = FRAME(1),
                                  .generation = PS_PTE_SWIZZLED,
                                  .leaf = on_leaf,
                                  .paged_out = on_paged_out,
                                  .arg = &s};
    struct ps_kernel_counts counts;

    put(4, IDX(1) + 1, SWIZZLED(7));
    put(4, IDX(1) + 2, SWIZZLED(0x1ffffff));
    put(4, IDX(1) + 3, 0x80);                   /* demand zero */
    put(4, IDX(1) + 4, (VA + 8) << 16 | 0x400); /* prototype */
    put(4, IDX(1) + 5, FRAME(6) | 0x880);       /* transition */
    put(3, IDX(2) + 1, SWIZZLED(3));            /* a table, no page */
    cr_assert_eq(ps_kernel_walk(&walk, &counts, &err), 0);
    cr_assert_eq(counts.paged_out, 2);
    cr_assert_eq(counts.prototype, 1);
    cr_assert_eq(counts.transition, 1);
    cr_assert_eq(counts.pages, 2);
    cr_assert_eq(s.n, 2);
    cr_assert_eq(s.n_leaves, 2);
    cr_assert_eq(s.va[0], VA + 0x1000);
    cr_assert_eq(s.offset[0], 7);
    cr_assert_eq(s.file[1], 2);
    cr_assert_eq(s.offset[1], 0x1ffffff);
}

Test(pagefile, vote)
{
    struct ps_pte_vote v;

    for (unsigned i = 1; i < 9; i++)
        put(4, IDX(1) + i, OLD(i));
    cr_assert_eq(ps_pte_vote(&m.mem, PS_PAGING_X64, FRAME(1), &files, 19041, &v, &err), 0);
    cr_assert_eq(v.generation, PS_PTE_OLD);
    cr_assert(v.against_build);
    cr_assert_eq(v.n_entries, 8);
    cr_assert_eq(v.n_inside[PS_PTE_OLD], 8);
    cr_assert_eq(v.n_inside[PS_PTE_SWIZZLED], 0);
    cr_assert_eq(ps_pte_vote(&m.mem, PS_PAGING_X64, FRAME(1), &files, 7601, &v, &err), 0);
    cr_assert_eq(v.generation, PS_PTE_OLD);
    cr_assert_not(v.against_build);
    for (unsigned i = 1; i < 9; i++)
        put(4, IDX(1) + i, i < 4 ? OLD(i) : SWIZZLED(i));
    cr_assert_eq(ps_pte_vote(&m.mem, PS_PAGING_X64, FRAME(1), &files, 7601, &v, &err), 0);
    cr_assert_eq(v.generation, PS_PTE_SWIZZLED);
    cr_assert_eq(v.n_inside[PS_PTE_OLD], 3);
    cr_assert_eq(v.n_inside[PS_PTE_SWIZZLED], 5);
}

/* Files on disk. */

static struct ps_tmpdir dir;
static struct ps_pagefile_set set;

static const char *make_file(char *path, size_t cap, const char *name, size_t n_bytes)
{
    FILE *f;

    snprintf(path, cap, "%s/%s", dir.path, name);
    f = fopen(path, "wb");
    cr_assert_not_null(f);
    for (size_t i = 0; i < n_bytes; i++)
        fputc((int)(i / 4096 + 1), f);
    fclose(f);
    return path;
}

static void make_dir(void)
{
    ps_tmpdir_make(&dir);
    memset(&set, 0, sizeof set);
}

static void remove_dir(void)
{
    ps_pagefile_set_close(&set);
    ps_tmpdir_remove(&dir);
}

TestSuite(pagefile_set, .init = make_dir, .fini = remove_dir);

static int open_set(const char *a, const char *b)
{
    const char *item[] = {a, b};

    return ps_pagefile_set_open(&set, &(struct ps_strings){item, b ? 2u : 1u}, &err);
}

Test(pagefile_set, numbers_and_bounds)
{
    char first[4096], second[4096], named[4200];
    uint8_t got[3 * 4096];

    make_file(first, sizeof first, "first", 3 * 4096 + 100);
    make_file(second, sizeof second, "second", 4096);
    snprintf(named, sizeof named, "7=%s", second);
    cr_assert_eq(open_set(first, named), 0);
    cr_assert_eq(set.files.n_pages[0], 3, "the torn page is none");
    cr_assert_eq(set.files.n_pages[1], 0);
    cr_assert_eq(set.files.n_pages[7], 1);
    cr_assert_eq(set.files.read(set.files.arg, 0, 4096, got, 3 * 4096), 2 * 4096);
    cr_assert_eq(got[0], 2);
    cr_assert_eq(got[4096], 3);
    cr_assert_eq(set.files.read(set.files.arg, 7, 4095, got, 2), 1);
    cr_assert_eq(set.files.read(set.files.arg, 7, 4096, got, 2), 0);
    cr_assert_eq(set.files.read(set.files.arg, 7, UINT64_MAX, got, 2), 0);
    cr_assert_eq(set.files.read(set.files.arg, 1, 0, got, 2), 0);
    cr_assert_eq(set.files.read(set.files.arg, 99, 0, got, 2), 0);
    cr_assert_eq(truncate(first, 5000), 0);
    cr_assert_eq(set.files.read(set.files.arg, 0, 4096, got, 4096), 5000 - 4096);
    cr_assert_eq(set.files.read(set.files.arg, 0, 8192, got, 4096), 0);
}

Test(pagefile_set, what_is_refused)
{
    char path[4096], small[4096], named[4200];
    const char *wrong[] = {"16=x", "99999999999999999999=x", "3=", ""};

    make_file(path, sizeof path, "file", 4096);
    make_file(small, sizeof small, "small", 4095);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(open_set(wrong[i], NULL), -PS_EARG, "%s", wrong[i]);
        ps_pagefile_set_close(&set);
    }
    snprintf(named, sizeof named, "0=%s", path);
    cr_assert_eq(open_set(path, named), -PS_EARG);
    ps_pagefile_set_close(&set);
    cr_assert_eq(open_set("/nowhere/at/all", NULL), -PS_ENOENT);
    ps_pagefile_set_close(&set);
    cr_assert_eq(open_set(small, NULL), -PS_EFORMAT);
    ps_pagefile_set_close(&set);
    cr_assert_eq(open_set(dir.path, NULL), -PS_EFORMAT);
}
