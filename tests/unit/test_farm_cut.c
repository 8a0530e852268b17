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

/* One task: its number; -1: it is refused; -2: it is several. */
static int64_t one_task(const char *text, uint64_t n_tasks, struct ps_err *err)
{
    struct ps_farm_task_range r = {99, 98};
    const int rc = ps_farm_task_range(text, 1, n_tasks, &r, err);

    cr_assert(rc == 0 || rc == -PS_EARG);
    if (rc < 0) {
        cr_assert_eq(r.first, 99);
        cr_assert_eq(r.last, 98);
        return -1;
    }
    return r.first == r.last ? (int64_t)r.first : -2;
}

Test(task_number, each_engine)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ps_err err = {0};

        no_engine();
        setenv(names[i], "7", 1);
        cr_assert_eq(one_task("auto", 7, &err), from_one[i] ? 6 : -1, "%s", names[i]);
        cr_assert_eq(one_task("auto", 8, &err), from_one[i] ? 6 : 7, "%s", names[i]);
        cr_assert_eq(one_task("3", 8, &err), 3);
    }
}

/* Element E is to do tasks E * N to E * N + N - 1, as far as there are such. */
Test(task_number, groups_of_each_engine)
{
    static const uint64_t n_tasks[] = {1, 2, 7, 8, 9, 1u << 24};
    static const uint32_t each[] = {2, 3, 4, 8, 100, 1u << 24};

    for (size_t k = 0; k < 8 * 6 * 6; k++) {
        const size_t i = k % 8;
        const uint64_t n = n_tasks[k / 8 % 6];
        const uint32_t e = each[k / 48];
        const unsigned shift = i < 7 && from_one[i];
        uint64_t next = 0;
        unsigned element = 0;
        struct ps_farm_task_range r;
        struct ps_farm_task_range by_number;
        struct ps_err err = {0};
        char text[16];

        no_engine();
        for (; element < 20 && next < n; element++) {
            snprintf(text, sizeof text, "%u", element + shift);
            setenv(names[i], text, 1);
            cr_assert_eq(ps_farm_task_range("auto", e, n, &r, &err), 0, "%s", err.msg);
            cr_assert_eq(r.first, next);
            cr_assert_eq(r.last, (n - next < e ? n - next : e) + next - 1);
            next = r.last + UINT64_C(1);
            snprintf(text, sizeof text, "%u", element);
            cr_assert_eq(ps_farm_task_range(text, e, n, &by_number, &err), 0, "%s", err.msg);
            cr_assert_eq(by_number.first, r.first);
            cr_assert_eq(by_number.last, r.last);
        }
        snprintf(text, sizeof text, "%u", element + shift);
        setenv(names[i], text, 1);
        cr_assert_eq(ps_farm_task_range("auto", e, n, &r, &err), next < n ? 0 : -PS_EARG);
    }
}

Test(task_number, ranges)
{
    struct ps_farm_task_range r;
    struct ps_err err = {0};

    cr_assert_eq(ps_farm_task_range("all", 1, 8, &r, &err), 0);
    cr_assert(r.first == 0 && r.last == 7);
    cr_assert_eq(ps_farm_task_range("all", 1, 1, &r, &err), 0);
    cr_assert(r.first == 0 && r.last == 0);
    cr_assert_eq(ps_farm_task_range("2-6", 1, 8, &r, &err), 0);
    cr_assert(r.first == 2 && r.last == 6);
    cr_assert_eq(ps_farm_task_range("7-7", 1, 8, &r, &err), 0);
    cr_assert(r.first == 7 && r.last == 7);
    cr_assert_eq(ps_farm_task_range("2-6", 2, 8, &r, &err), -PS_EARG);
    cr_assert_eq(ps_farm_task_range("all", 2, 8, &r, &err), -PS_EARG);
}

Test(task_number, nobody_or_two_say_it)
{
    struct ps_err err = {0};

    no_engine();
    cr_assert_eq(one_task("auto", 8, &err), -1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(strstr(err.msg, names[i]), "%s is not in: %s", names[i], err.msg);
    setenv("SGE_TASK_ID", "undefined", 1);
    setenv("LSB_JOBINDEX", "0", 1);
    cr_assert_eq(one_task("auto", 8, &err), -1);
    setenv("SLURM_PROCID", "0", 1);
    setenv("PARALLEL_SEQ", "3", 1);
    cr_assert_eq(one_task("auto", 8, &err), 2, "%s", err.msg);
    setenv("SLURM_ARRAY_TASK_ID", "2", 1);
    cr_assert_eq(one_task("auto", 8, &err), -1);
    cr_assert(strstr(err.msg, "SLURM_ARRAY_TASK_ID") && strstr(err.msg, "PARALLEL_SEQ"));
}

Test(task_number, no_numbers)
{
    static const char *const bad[] = {
        "",    "-1",  "8",    "1x",   "0x1",  " 1",  "99999999999",   "4294967296",
        "3-1", "a-b", "-",    "0-",   "0-8",  "8-9", "0-99999999999", "0-4294967296",
        "1-x", "1 -2", "1- 2", "1--2", "1-2-3", "0,1", "all-3",       "ALL"};
    struct ps_err err = {0};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(one_task(bad[i], 8, &err), -1, "%s", bad[i]);
}
