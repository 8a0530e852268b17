/* The summary table. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/output/output.h"
#include "host/output/writer.h"
#include "tests/support/output_run.h"

#define ID       "00112233445566778899aabbccddeeff"

#define NONPAGED 0x02000000u
#define PAGED    0x03000000u

static struct ps_finding block(uint32_t tag, uint32_t type, uint32_t n_bytes, enum ps_status status,
                               uint8_t confidence)
{
    struct ps_finding f = {
        .tag = tag,
        .word0 = type,
        .info = PS_TAG_UNKNOWN,
        .n_bytes = n_bytes,
        .confidence = confidence,
        .status = (uint8_t)status,
        .pool = type == 0       ? PS_POOL_UNKNOWN
                : type == PAGED ? PS_POOL_PAGED
                                : PS_POOL_NONPAGED,
    };

    return f;
}

static struct output_case make_case(const struct ps_finding *f, size_t n, uint32_t build)
{
    struct output_case c = {
        .image = {"a.raw", ID, ps_era_pick(PS_ARCH_X64, build), NULL},
        .finding = f,
        .n = n,
    };

    return c;
}

/* libsmartcols pads the last column or not by its version: blanks at the end of a line are none of
 * our business. */
static void strip_line_ends(char *text)
{
    char *to = text;

    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            while (to > text && to[-1] == ' ')
                to--;
        *to++ = *p;
    }
    *to = '\0';
}

static void check(const struct output_case *c, size_t n, const char *want)
{
    char *text = output_run("table", NULL, c, n, NULL);

    strip_line_ends(text);
    cr_assert_str_eq(text, want, "got:\n%swanted:\n%s", text, want);
    free(text);
}

Test(output_table, most_bytes_first_then_by_spelling)
{
    const struct ps_finding f[] = {
        block(TAG('B', 'b', 'b', 'b'), PAGED, 64, PS_STATUS_ALLOCATED, 30),
        block(TAG('P', 'r', 'o', 'c'), NONPAGED, 2048, PS_STATUS_ALLOCATED, 90),
        block(TAG('A', 'z', 'z', 'z'), PAGED, 64, PS_STATUS_UNKNOWN, 50),
        block(TAG('P', 'r', 'o', 'c'), NONPAGED, 1024, PS_STATUS_STALE, 95),
        block(TAG('P', 'r', 'o', 'c'), 0, 16, PS_STATUS_FREE, 10),
    };
    struct output_case c = make_case(f, 5, 19041);

    check(&c, 1,
          "Tag   Blocks Bytes Big Paged NonPaged Free Stale Best Component Description\n"
          "Proc       3  3088   0     0        2    1     1   95\n"
          "Azzz       1    64   0     1        0    0     0   50\n"
          "Bbbb       1    64   0     1        0    0     0   30\n"
          "total      5  3216   0     2        2    1     1   95\n");
}

Test(output_table, nothing_found)
{
    struct output_case c = make_case(NULL, 0, 19041);
    const char *want =
        "Tag   Blocks Bytes Big Paged NonPaged Free Stale Best Component Description\n"
        "total      0     0   0     0        0    0     0    0\n";

    check(&c, 0, want);
    check(&c, 1, want);
}

Test(output_table, protected_tags_count_with_their_own)
{
    const struct ps_finding f[] = {
        block(TAG('P', 'r', 'o', 'c'), NONPAGED | 0x00100000u, 256, PS_STATUS_ALLOCATED, 60),
        block(TAG('P', 'r', 'o', 0xe3), NONPAGED | 0x00100000u, 256, PS_STATUS_ALLOCATED, 60),
    };
    struct output_case c = make_case(f, 2, 7601);
    char *text = output_run("table", NULL, &c, 1, NULL);

    cr_assert(strstr(text, "Proc       2   512"), "%s", text);
    cr_assert_not(strstr(text, "\\xe3"), "%s", text);
    free(text);

    c = make_case(f, 2, 19041);
    text = output_run("table", NULL, &c, 1, NULL);
    cr_assert(strstr(text, "Pro\\xe3"), "%s", text);
    free(text);
}

Test(output_table, owner_of_a_tag)
{
    struct ps_tagdb *db = output_test_tags();
    struct ps_finding f = block(TAG('P', 'r', 'o', 'c'), NONPAGED, 256, PS_STATUS_ALLOCATED, 60);
    struct output_case c = make_case(&f, 1, 19041);
    char *text;

    f.info = ps_tagdb_find(db, f.tag);
    text = output_run("table", db, &c, 1, NULL);
    cr_assert(strstr(text, " nt!ps     Process objects"), "%s", text);
    free(text);
    ps_tagdb_free(db);
}

/* More tags than the table keeps apart: the counts stay complete. */
Test(output_table, tags_beyond_the_bound_are_summed)
{
    enum { N = 150000 };
    struct ps_finding *f = calloc(N, sizeof *f);
    struct output_case c = make_case(f, N, 19041);
    size_t n_lines = 0;
    char *text;

    cr_assert_not_null(f);
    for (uint32_t i = 0; i < N; i++)
        f[i] = block(0x41414141u + i, NONPAGED, 32, PS_STATUS_ALLOCATED, 50);
    text = output_run("table", NULL, &c, 1, NULL);
    for (const char *p = strchr(text, '\n'); p; p = strchr(p + 1, '\n'))
        n_lines++;
    cr_assert_eq(n_lines, 1 + 10000 + 2);
    strip_line_ends(text);
    cr_assert(strstr(text, "\n(other)"), "no row for the rest");
    cr_assert(strstr(text, " 140000 4480000 "), "the rest is 150000 - 10000 blocks");
    cr_assert(strstr(text, " 150000 4800000 "), "the total is complete");
    free(text);
    free(f);
}

static char *run_writer(const struct ps_finding *f, unsigned width, int color)
{
    char path[] = "/tmp/ps_table_XXXXXX";
    struct ps_output_image image = {"a.raw", ID, ps_era_pick(PS_ARCH_X64, 19041), NULL};
    struct ps_tagdb *db = output_test_tags();
    struct ps_writer w = {.tags = db, .color = color, .width = width};
    struct ps_finding known = *f;
    struct ps_err err = {0};
    char *text;

    known.info = ps_tagdb_find(db, known.tag);
    close(mkstemp(path));
    cr_assert_eq(ps_sink_open(&w.sink, path, &err), 0);
    cr_assert_eq(ps_writer_table.open(&w, &err), 0);
    cr_assert_eq(ps_writer_table.begin_image(&w, &image, &err), 0);
    cr_assert_eq(ps_writer_table.findings(&w, &known, 1, &err), 0);
    cr_assert_eq(ps_writer_table.finish(&w, &err), 0);
    ps_writer_table.close(&w);
    cr_assert_eq(ps_sink_close(w.sink, 1, &err), 0);
    ps_tagdb_free(db);
    text = read_file(path, NULL);
    cr_assert_not_null(text);
    unlink(path);
    return text;
}

Test(output_table, fits_the_terminal)
{
    struct ps_finding f = block(TAG('P', 'r', 'o', 'c'), NONPAGED, 256, PS_STATUS_ALLOCATED, 60);
    char *wide = run_writer(&f, 130, 0);
    char *narrow = run_writer(&f, 76, 0);

    cr_assert(strstr(wide, "Process objects"), "%s", wide);
    cr_assert(strstr(narrow, "Proc"), "%s", narrow);
    cr_assert_not(strstr(narrow, "Process objects"), "%s", narrow);
    for (const char *p = narrow; *p; p = strchr(p, '\n') + 1)
        cr_assert_leq(strcspn(p, "\n"), 76, "%s", narrow);
    free(wide);
    free(narrow);
}

Test(output_table, color_only_when_asked)
{
    struct ps_finding f = block(TAG('P', 'r', 'o', 'c'), NONPAGED, 256, PS_STATUS_ALLOCATED, 90);
    char *plain = run_writer(&f, 100, 0);
    char *color = run_writer(&f, 100, 1);

    cr_assert_null(strchr(plain, '\033'), "%s", plain);
    cr_assert_not_null(strchr(color, '\033'), "%s", color);
    free(plain);
    free(color);
}
