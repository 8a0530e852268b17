/* Every OpenCL device against the oracle, on the inputs of test_kernels.c. Devices are asked for
 * inside the tests only: a process that has called OpenCL must not fork, and Criterion's runs each
 * test in a fresh program. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/opencl/opencl.h"
#include "scan/pool/era.h"
#include "tests/support/kernel_cases.h"
#include "tests/support/tmpdir.h"

#define MAX_PAGES ((size_t)64)

static const size_t page_counts[] = {0, 1, 2, 3, 7, MAX_PAGES};

#define N_PAGE_COUNTS (sizeof page_counts / sizeof *page_counts)

struct devices {
    struct ps_cl_device *list;
    size_t n;
};

/* The usable devices; a test without one is skipped, or fails where one is promised. */
static struct devices usable_devices(void)
{
    struct devices d = {NULL, 0};
    struct ps_err err = {0};
    size_t n = 0;

    if (ps_cl_devices(&d.list, &n, &err) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (d.list[i].usable)
            d.list[d.n++] = d.list[i];
    if (d.n == 0 && getenv("PS_REQUIRE_DEVICE"))
        cr_assert_fail("PS_REQUIRE_DEVICE is set and there is no OpenCL device: %s", err.msg);
    if (d.n == 0)
        fprintf(stderr, "SKIPPED: no OpenCL device: %s\n", err.msg);
    return d;
}

#define SKIP_WITHOUT(devices)                                                                      \
    do {                                                                                           \
        if ((devices).n == 0) {                                                                    \
            free((devices).list);                                                                  \
            cr_skip_test("no OpenCL device");                                                      \
        }                                                                                          \
    } while (0)

static struct ps_backend *must_open(const struct kernel_case *c, unsigned number, size_t max_pages)
{
    struct ps_backend *b = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_backend_opencl_open(&b, c->plan, number, max_pages, &err), 0, "device %u: %s",
                 number, err.msg);
    return b;
}

static struct ps_chunk must_init(struct ps_backend *b, size_t max_pages)
{
    struct ps_chunk chunk = {.max_pages = max_pages};
    struct ps_err err = {0};

    cr_assert_eq(b->ops->chunk_init(b, &chunk, &err), 0, "%s: %s", b->name, err.msg);
    cr_assert_not_null(chunk.buffer);
    return chunk;
}

static void must_submit(struct ps_backend *b, struct ps_chunk *chunk, size_t n_pages)
{
    struct ps_err err = {0};

    chunk->pages = chunk->buffer;
    chunk->n_pages = n_pages;
    cr_assert_eq(b->ops->submit(b, chunk, &err), 0, "%s: %s", b->name, err.msg);
}

static void must_wait(struct ps_backend *b, struct ps_chunk *chunk)
{
    struct ps_err err = {0};

    cr_assert_eq(b->ops->wait(b, chunk, &err), 0, "%s: %s", b->name, err.msg);
}

static void fini(struct ps_backend *b, struct ps_chunk *chunk)
{
    b->ops->chunk_fini(b, chunk);
    free(chunk->hits.hit);
}

/* The hits of a finished chunk against the oracle; returns how many there are. */
static size_t check_chunk(const struct ps_backend *b, const struct ps_chunk *chunk,
                          const struct kernel_case *c, const char *fill, uint64_t seed)
{
    struct oracle_hit *want;
    size_t n = oracle_scan(&c->era, c->rules, c->n_rules, chunk->buffer, chunk->n_pages, &want);
    char why[160] = "";

    cr_assert(same_hits(chunk->hits.hit, chunk->hits.n, want, n, why, sizeof why),
              "%s: %s, %s, %zu pages: %s, seed %#lx", b->name, c->name, fill, chunk->n_pages, why,
              seed);
    free(want);
    return n;
}

/* All chunks of the backend's depth in flight at once, each with other pages. */
static void check_fill(struct ps_backend *b, struct ps_chunk *chunks, const struct kernel_case *c,
                       const struct page_fill *fill, struct rng *r, uint64_t seed)
{
    unsigned depth = b->ops->depth;
    size_t n_counts = N_PAGE_COUNTS;
    size_t n_hits = 0;

    while (oracle_is_slow(c, fill, page_counts[n_counts - 1]))
        n_counts--;
    for (size_t i = 0; i < n_counts; i += depth) {
        for (size_t k = i; k < i + depth && k < n_counts; k++) {
            fill->fill(c, r, chunks[k - i].buffer, page_counts[k]);
            must_submit(b, &chunks[k - i], page_counts[k]);
        }
        for (size_t k = i; k < i + depth && k < n_counts; k++) {
            must_wait(b, &chunks[k - i]);
            n_hits += check_chunk(b, &chunks[k - i], c, fill->name, seed);
        }
    }
    cr_assert(n_hits > 0 || !fill->must_hit, "%s, %s: nothing to find, seed %#lx", c->name,
              fill->name, seed);
}

static void check_case(unsigned number, const struct kernel_case *c, struct rng *r, uint64_t seed)
{
    struct ps_backend *b = must_open(c, number, MAX_PAGES);
    struct ps_chunk chunks[8];

    cr_assert(b->ops->depth >= 1 && b->ops->depth <= sizeof chunks / sizeof *chunks);
    for (unsigned i = 0; i < b->ops->depth; i++)
        chunks[i] = must_init(b, MAX_PAGES);
    for (size_t f = 0; f < n_page_fills; f++)
        check_fill(b, chunks, c, &page_fills[f], r, seed);
    for (unsigned i = 0; i < b->ops->depth; i++)
        fini(b, &chunks[i]);
    ps_backend_close(b);
}

static void check_devices(void)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct devices d = usable_devices();

    SKIP_WITHOUT(d);
    for (size_t i = 0; i < d.n; i++) {
        struct ps_backend *keep = NULL;
        struct kernel_case c;

        for (size_t era = 0; era < ps_n_eras; era++) {
            for (int rules = 0; rules < N_KERNEL_RULES; rules++) {
                kernel_case_make(&c, era, (enum kernel_rules)rules, (int)rng_below(&r, 2), &r);
                /* One backend stays open so that the program is not built anew each time. */
                if (!keep)
                    keep = must_open(&c, d.list[i].number, 1);
                check_case(d.list[i].number, &c, &r, seed);
                kernel_case_free(&c);
            }
        }
        ps_backend_close(keep);
    }
    free(d.list);
}

Test(opencl, equals_the_oracle)
{
    check_devices();
}

Test(opencl, equals_the_oracle_when_run_as_a_gpu)
{
    setenv("PS_CL_AS_GPU", "1", 1);
    check_devices();
}

/* More hits than the device buffer first holds, then few, then many again. */
static void check_growth(void)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct devices d = usable_devices();
    const size_t sizes[] = {300, 1, 400, 300};
    struct kernel_case c;

    SKIP_WITHOUT(d);
    kernel_case_make(&c, 0, RULES_15, 1, &r);
    cr_assert(c.era.x86 && c.era.with_free);
    for (size_t i = 0; i < d.n; i++) {
        struct ps_backend *b = must_open(&c, d.list[i].number, 400);
        struct ps_chunk chunk = must_init(b, 400);

        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            for (size_t f = 0; f < n_page_fills; f++)
                if (strcmp(page_fills[f].name, "dense") == 0)
                    page_fills[f].fill(&c, &r, chunk.buffer, sizes[k]);
            must_submit(b, &chunk, sizes[k]);
            must_wait(b, &chunk);
            cr_assert_eq(check_chunk(b, &chunk, &c, "dense", seed), sizes[k] * 512);
        }
        fini(b, &chunk);
        ps_backend_close(b);
    }
    kernel_case_free(&c);
    free(d.list);
}

Test(opencl, a_full_hit_buffer_grows)
{
    check_growth();
}

Test(opencl, a_full_hit_buffer_grows_when_run_as_a_gpu)
{
    setenv("PS_CL_AS_GPU", "1", 1);
    check_growth();
}

Test(opencl, passes_the_self_test)
{
    struct rng r = rng_make(rng_seed());
    struct devices d = usable_devices();
    struct kernel_case c;

    SKIP_WITHOUT(d);
    kernel_case_make(&c, 11, RULES_500, 0, &r);
    for (size_t i = 0; i < d.n; i++) {
        struct ps_backend *b = must_open(&c, d.list[i].number, 64);
        struct ps_err err = {0};

        cr_assert_eq(ps_backend_self_test(b, c.plan, &err), 0, "%s", err.msg);
        cr_assert_eq(strncmp(b->name, "opencl/", 7), 0);
        ps_backend_close(b);
    }
    kernel_case_free(&c);
    free(d.list);
}

Test(opencl, a_chunk_in_flight_can_be_dropped)
{
    struct rng r = rng_make(rng_seed());
    struct devices d = usable_devices();
    struct kernel_case c;

    SKIP_WITHOUT(d);
    kernel_case_make(&c, 11, RULES_15, 0, &r);
    for (size_t i = 0; i < d.n; i++) {
        struct ps_backend *b = must_open(&c, d.list[i].number, 256);
        struct ps_chunk chunk = must_init(b, 256);

        rng_fill(&r, chunk.buffer, 256 * 4096);
        must_submit(b, &chunk, 256);
        fini(b, &chunk);
        ps_backend_close(b);
    }
    kernel_case_free(&c);
    free(d.list);
}

static int open_and_fail(unsigned number, size_t max_pages, struct ps_err *err)
{
    struct rng r = rng_make(1);
    struct ps_backend *b = NULL;
    struct kernel_case c;
    int rc;

    kernel_case_make(&c, 0, RULES_15, 0, &r);
    rc = ps_backend_opencl_open(&b, c.plan, number, max_pages, err);
    cr_assert_null(b);
    kernel_case_free(&c);
    return rc;
}

Test(opencl_failure, no_such_device)
{
    struct devices d = usable_devices();
    struct ps_err err = {0};

    SKIP_WITHOUT(d);
    cr_assert_eq(open_and_fail(1000, 1, &err), -PS_EDEVICE);
    cr_assert_not_null(strstr(err.msg, "no OpenCL device 1000"), "%s", err.msg);
    cr_assert_eq(open_and_fail(0, 1, &err), -PS_EDEVICE);
    free(d.list);
}

Test(opencl_failure, a_chunk_larger_than_the_device_takes)
{
    struct devices d = usable_devices();
    struct ps_err err = {0};

    SKIP_WITHOUT(d);
    if (d.list[0].max_alloc_bytes / 4096 < PS_MAX_PAGES) {
        cr_assert_eq(open_and_fail(d.list[0].number, PS_MAX_PAGES, &err), -PS_EDEVICE);
        cr_assert_not_null(strstr(err.msg, "--chunk"), "%s", err.msg);
    }
    cr_assert_eq(open_and_fail(d.list[0].number, PS_MAX_PAGES + 1, &err), -PS_EINTERNAL);
    free(d.list);
}

static void check_build_failure(const char *options, const char *status)
{
    struct devices d = usable_devices();
    struct ps_err err = {0};

    SKIP_WITHOUT(d);
    setenv("PS_CL_BUILD_OPTIONS", options, 1);
    cr_assert_eq(open_and_fail(d.list[0].number, 1, &err), -PS_EDEVICE, "%s: %s", options, err.msg);
    cr_assert_not_null(strstr(err.msg, "clBuildProgram"), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, status), "%s", err.msg);
    cr_assert_null(strchr(err.msg, '\n'));
    unsetenv("PS_CL_BUILD_OPTIONS");
    /* A failed build is not remembered. */
    struct rng r = rng_make(2);
    struct kernel_case c;

    kernel_case_make(&c, 0, RULES_15, 0, &r);
    ps_backend_close(must_open(&c, d.list[0].number, 1));
    kernel_case_free(&c);
    free(d.list);
}

Test(opencl_failure, source_that_does_not_compile)
{
    check_build_failure("-Demit_if_ok=7", "CL_BUILD_PROGRAM_FAILURE");
}

Test(opencl_failure, build_option_that_does_not_exist)
{
    check_build_failure("--no-such-option", "CL_INVALID_BUILD_OPTIONS");
}

/* The loader reads these folders when it is first called: nothing of OpenCL before. */
Test(opencl_failure, no_vendor_file)
{
    struct ps_tmpdir dir;
    struct ps_cl_device *list = NULL;
    struct ps_err err = {0};
    size_t n = 0;

    ps_tmpdir_make(&dir);
    setenv("OCL_ICD_VENDORS", dir.path, 1);
    cr_assert_eq(ps_cl_devices(&list, &n, &err), -PS_EDEVICE);
    cr_assert_null(list);
    cr_assert_not_null(strstr(err.msg, dir.path), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "found none"), "%s", err.msg);
    cr_assert_eq(open_and_fail(1, 1, &err), -PS_EDEVICE);
    cr_assert_not_null(strstr(err.msg, dir.path), "%s", err.msg);
    ps_tmpdir_remove(&dir);
}

Test(opencl_failure, vendor_file_without_driver)
{
    static const char name[] = "libno-such-driver.so.1\n";
    struct ps_tmpdir dir;
    struct ps_cl_device *list = NULL;
    struct ps_err err = {0};
    size_t n = 0;

    ps_tmpdir_make(&dir);
    ps_tmpdir_write(&dir, "gone.icd", name, sizeof name - 1);
    setenv("OCL_ICD_VENDORS", dir.path, 1);
    cr_assert_eq(ps_cl_devices(&list, &n, &err), -PS_EDEVICE);
    cr_assert_not_null(strstr(err.msg, "1 vendor file"), "%s", err.msg);
    ps_tmpdir_remove(&dir);
}
