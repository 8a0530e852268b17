/* Progress with a clock that the test turns; the summary line. */
#include "host/report/progress.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host/report/summary.h"
#include "host/report/units.h"

#define MS  UINT64_C(1000000)
#define GIB (UINT64_C(1) << 30)

static uint64_t clock_ns;

static uint64_t test_clock(void)
{
    return clock_ns;
}

static char *text;
static size_t n_text;
static FILE *stream;

static struct ps_progress_config make_config(void)
{
    struct ps_progress_config c = {
        .target = "a.raw",
        .total_bytes = 4 * GIB,
        .now_ns = test_clock,
        .wall_start = 1700000000,
        .width = 100,
    };

    clock_ns = 5000 * MS;
    stream = open_memstream(&text, &n_text);
    cr_assert_not_null(stream);
    c.out = stream;
    return c;
}

static void release(void)
{
    fclose(stream);
    free(text);
}

static size_t count_char(const char *s, char c)
{
    size_t n = 0;

    for (; *s; s++)
        n += *s == c;
    return n;
}

Test(progress, bar_after_one_second)
{
    struct ps_progress_config c = make_config();
    struct ps_progress p;

    c.bar = 1;
    ps_progress_start(&p, &c);
    clock_ns += 1000 * MS;
    ps_progress_update(&p, GIB, 1234);
    cr_assert_str_eq(text, "\r 25.0% [========>                        ] "
                           "1.00 GiB of 4.00 GiB  1.07 GB/s  ETA 0:03  1234 findings\033[K");
    ps_progress_end(&p);
    cr_assert_str_eq(text + strlen(text) - 4, "\r\033[K");
    release();
}

Test(progress, ten_times_a_second_at_most)
{
    struct ps_progress_config c = make_config();
    struct ps_progress p;

    c.bar = 1;
    ps_progress_start(&p, &c);
    for (unsigned i = 0; i < 10000; i++) { /* ten seconds */
        clock_ns += MS;
        ps_progress_update(&p, i * MS, i);
    }
    fflush(stream);
    cr_assert_leq(count_char(text, '\r'), 100);
    cr_assert_geq(count_char(text, '\r'), 90);
    ps_progress_end(&p);
    release();
}

Test(progress, narrow_terminal_and_unknown_end)
{
    struct ps_progress_config c = make_config();
    struct ps_progress p;

    c.bar = 1;
    c.width = 40;
    ps_progress_start(&p, &c);
    clock_ns += 1000 * MS;
    ps_progress_update(&p, GIB, 1);
    cr_assert_str_eq(text, "\r 25.0% 1.00 GiB of 4.00 GiB  1.07 GB/s \033[K");
    release();

    c = make_config();
    c.bar = 1;
    c.total_bytes = 0;
    ps_progress_start(&p, &c);
    clock_ns += 1000 * MS;
    ps_progress_update(&p, GIB, 1);
    cr_assert_str_eq(text, "\r1.00 GiB  1.07 GB/s  1 findings\033[K");
    release();
}

Test(progress, nothing_unless_asked)
{
    struct ps_progress_config c = make_config();
    struct ps_progress p;

    ps_progress_start(&p, &c);
    clock_ns += 5000 * MS;
    ps_progress_update(&p, GIB, 1);
    ps_progress_end(&p);
    fflush(stream);
    cr_assert_eq(n_text, 0);
    release();
}

Test(progress, request_gives_one_line)
{
    struct ps_progress_config c = make_config();
    struct ps_progress p;

    ps_progress_start(&p, &c);
    clock_ns += 1000 * MS;
    cr_assert_eq(ps_progress_tell(NULL), 1);
    ps_progress_update(&p, 2 * GIB, 7);
    cr_assert_eq(ps_progress_tell("a phase"), 1);
    ps_progress_update(&p, 2 * GIB, 7);
    cr_assert_str_eq(text, "poolscan: a.raw: 0.0%, 0 bytes of 4.00 GiB  0.0 MB/s  ETA -:--  "
                           "0 findings\n"
                           "poolscan: a.raw: a phase, 50.0%, 2.00 GiB of 4.00 GiB  2.15 GB/s  "
                           "ETA 0:01  7 findings\n");
    ps_progress_end(&p);
    cr_assert_eq(ps_progress_tell(NULL), 0);
    release();
}

Test(progress, status_as_json)
{
    static const char *const devices[] = {"cpu/avx2", "a \"b\"\xff"};
    struct ps_progress_config c = make_config();
    struct ps_progress p;
    json_error_t error;
    json_t *o;

    c.json = 1;
    c.bar = 1;
    c.target = "x\n\xff.raw";
    c.devices = devices;
    c.n_devices = 2;
    ps_progress_start(&p, &c);
    clock_ns += 500 * MS;
    ps_progress_update(&p, GIB / 2, 3);
    fflush(stream);
    cr_assert_eq(n_text, 0);
    clock_ns += 500 * MS;
    ps_progress_update(&p, GIB, 3);
    cr_assert_eq(count_char(text, '\n'), 1);
    cr_assert_null(strchr(text, '\r'));
    o = json_loads(text, 0, &error);
    cr_assert_not_null(o, "%s: %s", error.text, text);
    cr_assert_str_eq(json_string_value(json_object_get(o, "session")), "poolscan");
    cr_assert_str_eq(json_string_value(json_object_get(o, "target")), "x\n\\xff.raw");
    cr_assert_eq(json_integer_value(json_array_get(json_object_get(o, "progress"), 0)),
                 (json_int_t)GIB);
    cr_assert_eq(json_integer_value(json_array_get(json_object_get(o, "progress"), 1)),
                 (json_int_t)(4 * GIB));
    cr_assert_eq(json_integer_value(json_object_get(o, "bytes_per_s")), (json_int_t)GIB);
    cr_assert_eq(json_integer_value(json_object_get(o, "hits")), 3);
    cr_assert_eq(json_array_size(json_object_get(o, "devices")), 2);
    cr_assert_str_eq(json_string_value(
                         json_object_get(json_array_get(json_object_get(o, "devices"), 1), "name")),
                     "a \"b\"\\xff");
    cr_assert_eq(json_integer_value(json_object_get(o, "time_start")), 1700000000);
    cr_assert_eq(json_integer_value(json_object_get(o, "estimated_stop")), 1700000004);
    json_decref(o);
    ps_progress_end(&p);
    cr_assert_eq(count_char(text, '\n'), 2);
    release();
}

Test(progress, summary_line)
{
    struct ps_summary s = {
        .n_images = 1,
        .n_bytes = 4 * GIB,
        .n_findings = 12345,
        .n_with_address = 12000,
        .n_unmapped = 300,
        .n_in_big_pool = 40,
        .n_copies_left_out = 21,
        .n_below = 9,
        .min_confidence = 10,
        .n_big = 500,
        .n_big_elsewhere = 6,
        .n_paged_out = 70,
        .n_paged_out_missing = 8,
        .n_hole_bytes = GIB / 2,
        .n_torn_bytes = 1,
        .n_missing_bytes = 2 << 20,
        .seconds = 0.5,
        .backend = "cpu/avx2, 2 threads",
        .digest = "0123456789abcdef",
    };

    make_config();
    ps_summary_print(stream, &s, 0);
    cr_assert_str_eq(text,
                     "poolscan: 1 image, 4.00 GiB in 0.500 s, 8.59 GB/s (cpu/avx2, 2 threads): "
                     "12345 findings (500 big, 6 of them not located; 12000 with a virtual "
                     "address, 300 unmapped, 40 inside big ones), 9 below confidence 10, 21 in "
                     "copied pages left out; paged-out pages 70 read, 8 missing; holes 512.00 MiB, "
                     "unreadable 0 bytes, "
                     "torn 1 byte, missing 2.00 MiB; digest 0123456789abcdef\n");
    release();

    make_config();
    s = (struct ps_summary){.n_images = 2, .n_findings = 1, .interrupted = 1};
    ps_summary_print(stream, &s, 0);
    cr_assert_str_eq(text,
                     "poolscan: interrupted: 2 images, 0 bytes in 0.000 s, 0.0 MB/s: "
                     "1 finding (0 big, 0 of them not located; 0 with a virtual address, 0 "
                     "unmapped, 0 inside big ones), 0 below confidence 0, 0 in copied pages left "
                     "out; paged-out pages 0 read, 0 missing; holes 0 bytes, unreadable 0 bytes, "
                     "torn 0 bytes, missing 0 bytes\n");
    release();
}

Test(progress, summary_as_json)
{
    struct ps_summary s = {.n_images = 3,
                           .n_bytes = GIB,
                           .seconds = 2,
                           .n_unreadable_bytes = 4096,
                           .n_missing_bytes = 8192,
                           .n_copies_left_out = 17,
                           .n_below = 5,
                           .min_confidence = 40};
    json_t *o;

    make_config();
    ps_summary_print(stream, &s, 1);
    o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(o, "%s", text);
    cr_assert_str_eq(json_string_value(json_object_get(o, "kind")), "summary");
    cr_assert_eq(json_integer_value(json_object_get(o, "images")), 3);
    cr_assert_eq(json_integer_value(json_object_get(o, "bytes")), (json_int_t)GIB);
    cr_assert_eq(json_integer_value(json_object_get(o, "bytes_per_s")), (json_int_t)GIB / 2);
    cr_assert_eq(json_integer_value(json_object_get(o, "unreadable_bytes")), 4096);
    cr_assert_eq(json_integer_value(json_object_get(o, "missing_bytes")), 8192);
    cr_assert_eq(json_integer_value(json_object_get(o, "copies_left_out")), 17);
    cr_assert_eq(json_integer_value(json_object_get(o, "below_confidence")), 5);
    cr_assert_eq(json_integer_value(json_object_get(o, "min_confidence")), 40);
    cr_assert(json_is_false(json_object_get(o, "interrupted")));
    json_decref(o);
    release();
}

Test(progress, amounts)
{
    char t[PS_UNIT_TEXT_BYTES];

    cr_assert_str_eq(ps_print_bytes(0, t), "0 bytes");
    cr_assert_str_eq(ps_print_bytes(1023, t), "1023 bytes");
    cr_assert_str_eq(ps_print_bytes(1024, t), "1.00 KiB");
    cr_assert_str_eq(ps_print_bytes(UINT64_MAX, t), "16.00 EiB");
    cr_assert_str_eq(ps_print_duration(59, t), "0:59");
    cr_assert_str_eq(ps_print_duration(3600, t), "1:00:00");
    cr_assert_str_eq(ps_print_rate(999e6, t), "999.0 MB/s");
}
