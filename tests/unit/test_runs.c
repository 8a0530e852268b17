/* Runs of any order, size and overlap against a map that knows each byte. */
#include "host/image/runs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/bytes/files.h"
#include "tests/support/rng.h"
#include "tests/support/tmpdir.h"

#define PAGE       4096u
#define FILE_BYTES (20 * PAGE + 700)
#define PHYS_BYTES (64 * PAGE)
#define NONE       UINT64_MAX

static struct ps_tmpdir dir;
static struct ps_bytes *bytes;

static void set_up(void)
{
    static uint8_t data[FILE_BYTES];
    char *path;
    struct ps_err err;

    ps_tmpdir_make(&dir);
    memset(data, 1, sizeof data);
    path = strdup(ps_tmpdir_write(&dir, "runs", data, sizeof data));
    cr_assert_eq(ps_files_open(&bytes, &path, 1, &err), 0);
    free(path);
}

static void tear_down(void)
{
    bytes->ops->close(bytes);
    ps_tmpdir_remove(&dir);
}

TestSuite(runs, .init = set_up, .fini = tear_down);

static void add(struct ps_runs *runs, uint64_t phys, uint64_t n_bytes, uint64_t file_off)
{
    struct ps_err err;

    cr_assert_eq(ps_runs_add(runs, phys, n_bytes, file_off, &err), 0);
}

static struct ps_layout lay_out(struct ps_runs *runs)
{
    struct ps_layout layout;
    struct ps_err err;

    cr_assert_eq(ps_runs_extents(runs, bytes, &layout, &err), 0, "%s", err.msg);
    return layout;
}

/* Where the layout has the byte at 'phys'; *in_extent: an extent covers it. */
static uint64_t where(const struct ps_layout *l, uint64_t phys, int *in_extent)
{
    const struct ps_extent *e = ps_layout_find(l, phys);

    *in_extent = e != NULL;
    if (!e)
        return NONE;
    if (e->kind == PS_EXTENT_STORED)
        return e->file_off + (phys - e->phys);
    for (size_t i = 0; i < l->n_pieces; i++)
        if (phys >= l->piece[i].phys && phys - l->piece[i].phys < l->piece[i].n_bytes)
            return l->piece[i].file_off + (phys - l->piece[i].phys);
    return NONE;
}

static void check(const struct ps_layout *l, const uint64_t *want, uint64_t seed)
{
    uint64_t end = 0;

    for (size_t i = 0; i < l->n; i++) {
        cr_assert(l->extent[i].phys >= end && l->extent[i].phys % PAGE == 0);
        cr_assert(l->extent[i].n_bytes % PAGE == 0 || i + 1 == l->n);
        end = l->extent[i].phys + l->extent[i].n_bytes;
    }
    for (uint64_t phys = 0; phys < PHYS_BYTES; phys++) {
        int in_extent;

        cr_assert_eq(where(l, phys, &in_extent), want[phys], "seed %#llx, byte %#llx",
                     (unsigned long long)seed, (unsigned long long)phys);
        cr_assert(in_extent || want[phys] == NONE);
    }
}

/* Mostly pages, now and then any byte, so that both ways through are taken. */
static uint64_t pick(struct rng *rng, uint64_t limit)
{
    const uint64_t n = rng_below(rng, (uint32_t)limit);

    return rng_below(rng, 3) ? n - n % PAGE : n;
}

Test(runs, any_list_of_runs)
{
    uint64_t *want = malloc(PHYS_BYTES * sizeof *want);

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rng rng = rng_make(seed);
        struct ps_runs runs = {0};
        struct ps_layout l;
        uint64_t n_bytes_all = 0, n_present = 0;

        for (uint64_t i = 0; i < PHYS_BYTES; i++)
            want[i] = NONE;
        for (uint64_t n = rng_below(&rng, 12); n > 0; n--) {
            const uint64_t phys = pick(&rng, PHYS_BYTES - 12 * PAGE);
            const uint64_t size = pick(&rng, 12 * PAGE);
            const uint64_t off = pick(&rng, FILE_BYTES + PAGE);

            add(&runs, phys, size, off);
            n_bytes_all += size;
            for (uint64_t i = 0; i < size && off + i < FILE_BYTES; i++)
                if (want[phys + i] == NONE)
                    want[phys + i] = off + i;
        }
        for (uint64_t i = 0; i < PHYS_BYTES; i++)
            n_present += want[i] != NONE;
        l = lay_out(&runs);
        check(&l, want, seed);
        cr_assert_eq(l.n_missing + l.n_overlaps + n_present, n_bytes_all);
        ps_layout_free(&l);
        ps_runs_free(&runs);
    }
    free(want);
}

Test(runs, what_continues_becomes_one)
{
    struct ps_runs runs = {0};
    struct ps_layout l;

    add(&runs, 9 * PAGE, PAGE, 9 * PAGE);
    add(&runs, PAGE, PAGE, 0);
    add(&runs, 2 * PAGE, 3 * PAGE, PAGE);
    cr_assert_eq(runs.n, 2);
    add(&runs, 5 * PAGE, PAGE, 4 * PAGE);
    l = lay_out(&runs);
    cr_assert_eq(l.n, 2);
    cr_assert_eq(l.extent[0].phys, PAGE);
    cr_assert_eq(l.extent[0].n_bytes, 5 * PAGE);
    cr_assert_null(ps_layout_find(&l, 0));
    cr_assert_eq(ps_layout_find(&l, 6 * PAGE - 1), &l.extent[0]);
    cr_assert_null(ps_layout_find(&l, 6 * PAGE));
    cr_assert_eq(ps_layout_find(&l, 9 * PAGE), &l.extent[1]);
    ps_layout_free(&l);
    ps_runs_free(&runs);
}

/* What a hostile header could ask for. */
Test(runs, ends_of_numbers)
{
    struct ps_runs runs = {0};
    struct ps_layout l;

    add(&runs, 0, PAGE, UINT64_MAX - 5);
    add(&runs, UINT64_MAX - 2 * PAGE + 1, 3 * PAGE, 0);
    add(&runs, 2 * PAGE, UINT64_MAX - 4095, 0);
    add(&runs, PS_PHYS_END - PAGE, 2 * PAGE, 0);
    add(&runs, 0, 0, 0);
    l = lay_out(&runs);
    cr_assert_eq(l.n, 3);
    cr_assert_eq(l.extent[0].phys, 2 * PAGE);
    cr_assert_eq(l.extent[0].n_bytes, 20 * PAGE);
    cr_assert_eq(l.extent[1].kind, PS_EXTENT_PIECES, "the end of the file is in a page of its own");
    cr_assert_eq(l.extent[2].phys, PS_PHYS_END - PAGE);
    cr_assert_eq(l.extent[2].n_bytes, PAGE);
    ps_layout_free(&l);
    ps_runs_free(&runs);
}

/* Several runs of all memory each must not take the square of their number. */
Test(runs, many_that_overlap)
{
    struct ps_runs runs = {0};
    struct ps_layout l;
    uint64_t n_bytes = 0;

    for (uint64_t i = 0; i < 200000; i++)
        add(&runs, (200000 - i) * PAGE, (uint64_t)1 << 40, i % 7 * PAGE);
    l = lay_out(&runs);
    for (size_t i = 0; i < l.n; i++)
        n_bytes += l.extent[i].n_bytes;
    cr_assert_geq(n_bytes, (uint64_t)199999 * PAGE);
    ps_layout_free(&l);
    ps_runs_free(&runs);
}
