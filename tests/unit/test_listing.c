/* The one writer of lists: kinds of columns, unknown cells, text that no format takes as it is. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/output/listing.h"
#include "tests/support/output_run.h"
#include "tests/support/tmpdir.h"

static const struct ps_column columns[] = {
    {"Name", "NAME", PS_COLUMN_TEXT, 0},
    {"Count", NULL, PS_COLUMN_LITERAL, 0},
    {"Bytes", "SIZE", PS_COLUMN_BYTES, 0},
};

static const char *const cells[] = {
    "a,b \"c\"", "7", "2048", "\xff\xfe", NULL, NULL,
};

static void check_listing(const struct ps_listing *l, const char *format, const char *want)
{
    struct ps_err err = {0};
    struct ps_tmpdir dir;
    char *text;

    ps_tmpdir_make(&dir);
    cr_assert_eq(ps_listing_write(l, format, ps_tmpdir_file(&dir, "out"), &err), 0, "%s", err.msg);
    text = read_file(ps_tmpdir_file(&dir, "out"), NULL);
    cr_assert_not_null(text);
    cr_assert_str_eq(text, want, "%s: %s", format, text);
    free(text);
    ps_tmpdir_remove(&dir);
}

static void check(const char *format, size_t n_rows, const char *want)
{
    check_listing(
        &(struct ps_listing){.column = columns, .n_columns = 3, .cell = cells, .n_rows = n_rows},
        format, want);
}

Test(listing, json)
{
    const char *first = "{\"Name\":\"a,b \\\"c\\\"\",\"Count\":7,\"Bytes\":2048}";
    const char *second = "{\"Name\":\"\\\\xff\\\\xfe\",\"Count\":null,\"Bytes\":null}";
    char want[256];

    snprintf(want, sizeof want, "%s\n%s\n", first, second);
    check("jsonl", 2, want);
    /* A file is no terminal. */
    check("auto", 2, want);
    check(NULL, 2, want);
    snprintf(want, sizeof want, "[\n%s,\n%s\n]\n", first, second);
    check("json", 2, want);
}

Test(listing, csv)
{
    check("csv", 2, "Name,Count,Bytes\r\n\"a,b \"\"c\"\"\",7,2048\r\n\\xff\\xfe,,\r\n");
}

/* A hexadecimal number, a mark, a list of words; the table shows backslashes as they are. */
Test(listing, kinds_for_addresses)
{
    static const struct ps_column some[] = {
        {"Owner", "*", PS_COLUMN_MARK, 0},
        {"Bytes", "SIZE", PS_COLUMN_HEX, 0},
        {"Why", "WHY", PS_COLUMN_LIST, 0},
        {"Tag", "TAG", PS_COLUMN_TEXT, 0},
    };
    static const char *const row[] = {"true", "4096", "a|bc", "Pro\\xe3", "false", NULL, "", NULL};
    const struct ps_listing l = {.column = some, .n_columns = 4, .cell = row, .n_rows = 2};

    check_listing(&l, "table", "*   SIZE WHY  TAG\n* 0x1000 a|bc Pro\\xe3\n       -      -\n");
    check_listing(&l, "jsonl",
                  "{\"Owner\":true,\"Bytes\":4096,\"Why\":[\"a\",\"bc\"],\"Tag\":\"Pro\\\\xe3\"}\n"
                  "{\"Owner\":false,\"Bytes\":null,\"Why\":[],\"Tag\":null}\n");
    check_listing(&l, "csv", "Owner,Bytes,Why,Tag\r\ntrue,4096,a|bc,Pro\\xe3\r\nfalse,,,\r\n");
}

Test(listing, nothing)
{
    check("none", 2, "");
    check("table", 0, "");
    check("jsonl", 0, "");
    check("json", 0, "[\n]\n");
}

Test(listing, table)
{
    check("table", 1, "NAME        SIZE\na,b \"c\" 2.00 KiB\n");
}

Test(listing, unknown_format)
{
    const struct ps_listing l = {.column = columns, .n_columns = 3, .cell = cells, .n_rows = 2};
    struct ps_err err = {0};

    cr_assert_eq(ps_listing_write(&l, "xml", NULL, &err), -PS_EARG);
    cr_assert_not_null(strstr(err.msg, "xml"));
}
