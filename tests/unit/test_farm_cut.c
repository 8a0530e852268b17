/* Images into ranges: all of the memory, once, in equal parts; and which task a process is. */
#include "host/farm/plan/cut.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/option_table.h"
#include "host/farm/plan/task_number.h"
#include "tests/support/rng.h"
#include "tests/support/tmpdir.h"

#define PAGE    UINT64_C(4096)
#define N_PAGES 300u

/* A file of which only some pages are there; where the file system knows no holes all are. */
static void make_sparse(const char *path, struct rng *r, uint64_t n_bytes)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char page[4096];

    cr_assert_geq(fd, 0);
    memset(page, 'x', sizeof page);
    cr_assert_eq(ftruncate(fd, (off_t)n_bytes), 0);
    for (uint64_t i = 0; i < N_PAGES; i++)
        if (rng_below(r, 3) == 0 && (i + 1) * PAGE <= n_bytes)
            cr_assert_eq(pwrite(fd, page, PAGE, (off_t)(i * PAGE)), (ssize_t)PAGE);
    close(fd);
}

/* Present bytes of [start, end), page by page. */
static uint64_t count_present(const struct ps_image *image, uint64_t start, uint64_t end)
{
    uint64_t n = 0;

    for (uint64_t at = start; at < end && at < N_PAGES * PAGE; at += PAGE)
        n += ps_image_has(image, at) ? PAGE : 0;
    return n;
}

static void check_ranges(const struct ps_farm_plan *p, const struct ps_image *image,
                         const struct ps_farm_span *span, uint64_t task_bytes, uint64_t seed)
{
    uint64_t at = span->start, least = UINT64_MAX, most = 0;
    size_t n = p->n_tasks;

    cr_assert_geq(n, 1);
    if (n > 1) {
        cr_assert_eq(p->task[--n].part, PS_FARM_VIRTUAL);
        cr_assert_eq(p->task[n].start, span->start);
        cr_assert_eq(p->task[n].end, span->end);
    }
    for (size_t i = 0; i < n; i++) {
        const struct ps_farm_task *t = &p->task[i];
        uint64_t present = count_present(image, t->start, t->end);

        cr_assert_eq(t->part, n > 1 ? PS_FARM_RANGE : PS_FARM_WHOLE);
        cr_assert_eq(t->start, at, "seed %#" PRIx64, seed);
        cr_assert_lt(t->start, t->end);
        cr_assert_leq(present, task_bytes, "seed %#" PRIx64, seed);
        least = present < least ? present : least;
        most = present > most ? present : most;
        at = t->end;
    }
    cr_assert_eq(at, span->end);
    cr_assert(most - least <= PAGE, "seed %#" PRIx64 ": %" PRIu64 " to %" PRIu64, seed, least,
              most);
}

Test(farm_cut, ranges_are_all_of_it_in_equal_parts)
{
    const uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct ps_tmpdir dir;

    ps_tmpdir_make(&dir);
    for (unsigned round = 0; round < 60; round++) {
        const char *path = ps_tmpdir_file(&dir, "image");
        struct ps_options opt = ps_option_defaults;
        struct ps_farm_plan plan = {0};
        struct ps_farm_span span;
        struct ps_image *image = NULL;
        struct ps_err err = {0};

        make_sparse(path, &r, N_PAGES * PAGE);
        cr_assert_eq(ps_image_open(&image, path, NULL, &err), 0, "%s", err.msg);
        opt.task_bytes = (1 + rng_below(&r, 40)) * PAGE;
        opt.physical_only = (int)rng_below(&r, 2);
        opt.has_range = (int)rng_below(&r, 2);
        opt.range_start = rng_below(&r, 100) * PAGE;
        opt.range_end = opt.range_start + (1 + rng_below(&r, 300)) * PAGE;
        cr_assert_eq(ps_farm_span(image, &opt, &span, &err), 0);
        cr_assert_eq(span.present, count_present(image, span.start, span.end), "seed %#" PRIx64,
                     seed);
        cr_assert_eq(ps_farm_cut(&plan, image, "/image", &span, &err), 0, "%s", err.msg);
        check_ranges(&plan, image, &span, opt.task_bytes, seed);
        ps_farm_plan_free(&plan);
        ps_image_close(image);
    }
    ps_tmpdir_remove(&dir);
}

/* A hole that page tables may still show moves addresses up: the last range is open for them. */
Test(farm_cut, the_end_leaves_room_for_a_hole)
{
    struct ps_tmpdir dir;
    struct ps_options opt = ps_option_defaults;
    struct ps_farm_span span;
    struct ps_image *image = NULL;
    struct ps_err err = {0};
    char bytes[3 * 4096 + 5];

    memset(bytes, 1, sizeof bytes);
    ps_tmpdir_make(&dir);
    cr_assert_eq(ps_image_open(&image, ps_tmpdir_write(&dir, "i", bytes, sizeof bytes), NULL, &err),
                 0);
    cr_assert_eq(ps_farm_span(image, &opt, &span, &err), 0);
    cr_assert_eq(span.present, sizeof bytes);
    cr_assert_eq(span.end, 4 * PAGE + (UINT64_C(4) << 30));
    opt.pci_hole = PS_PCI_HOLE_NONE;
    cr_assert_eq(ps_farm_span(image, &opt, &span, &err), 0);
    cr_assert_eq(span.end, 4 * PAGE);
    opt.pci_hole = PS_PCI_HOLE_AUTO;
    opt.physical_only = 1;
    cr_assert_eq(ps_farm_span(image, &opt, &span, &err), 0);
    cr_assert_eq(span.end, 4 * PAGE);
    opt.has_range = 1;
    opt.range_start = UINT64_C(1) << 52;
    opt.range_end = UINT64_C(1) << 53;
    cr_assert_eq(ps_farm_span(image, &opt, &span, &err), -PS_EARG);
    ps_image_close(image);
    ps_tmpdir_remove(&dir);
}

static const char *const names[] = {
    "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX",      "PBS_ARRAY_INDEX", "SGE_TASK_ID",
    "LSB_JOBINDEX",        "AWS_BATCH_JOB_ARRAY_INDEX", "PARALLEL_SEQ",    "SLURM_PROCID"};
static const char from_one[] = "\0\0\0\1\1\0\1";

static void no_engine(void)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

Test(task_number, each_engine)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint32_t k = 99;
        struct ps_err err = {0};

        no_engine();
        setenv(names[i], "7", 1);
        cr_assert_eq(ps_farm_task_number("auto", 7, &k, &err), from_one[i] ? 0 : -PS_EARG, "%s",
                     names[i]);
        cr_assert_eq(ps_farm_task_number("auto", 8, &k, &err), 0);
        cr_assert_eq(k, from_one[i] ? 6 : 7, "%s", names[i]);
        cr_assert_eq(ps_farm_task_number("3", 8, &k, &err), 0);
        cr_assert_eq(k, 3);
    }
}

Test(task_number, nobody_or_two_say_it)
{
    uint32_t k = 99;
    struct ps_err err = {0};

    no_engine();
    cr_assert_eq(ps_farm_task_number("auto", 8, &k, &err), -PS_EARG);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(strstr(err.msg, names[i]), "%s is not in: %s", names[i], err.msg);
    setenv("SGE_TASK_ID", "undefined", 1);
    setenv("LSB_JOBINDEX", "0", 1);
    cr_assert_eq(ps_farm_task_number("auto", 8, &k, &err), -PS_EARG);
    setenv("SLURM_PROCID", "0", 1);
    setenv("PARALLEL_SEQ", "3", 1);
    cr_assert_eq(ps_farm_task_number("auto", 8, &k, &err), 0, "%s", err.msg);
    cr_assert_eq(k, 2);
    setenv("SLURM_ARRAY_TASK_ID", "2", 1);
    cr_assert_eq(ps_farm_task_number("auto", 8, &k, &err), -PS_EARG);
    cr_assert(strstr(err.msg, "SLURM_ARRAY_TASK_ID") && strstr(err.msg, "PARALLEL_SEQ"));
}

Test(task_number, no_numbers)
{
    static const char *const bad[] = {"",    "-1", "8",           "1x",
                                      "0x1", " 1", "99999999999", "4294967296"};
    uint32_t k = 99;
    struct ps_err err = {0};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(ps_farm_task_number(bad[i], 8, &k, &err), -PS_EARG, "%s", bad[i]);
    cr_assert_eq(k, 99);
}
