#include "tests/support/output_run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ps_tagdb *output_test_tags(void)
{
    static const char text[] = "Proc - nt!ps - Process objects\n"
                               "Quot - a,b.sys - say \"no\", twice: C:\\x\n"
                               "Bare -\n";
    struct ps_tagdb *db = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_new(&db, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_tagdb_add_pooltag(db, "test", text, sizeof text - 1, NULL, &err), 0, "%s",
                 err.msg);
    cr_assert_neq(ps_tagdb_find(db, TAG('Q', 'u', 'o', 't')), PS_TAG_UNKNOWN);
    return db;
}

char *read_file(const char *path, size_t *n_bytes)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t n = 0;
    size_t cap = 0;

    if (!f)
        return NULL;
    do {
        cap = cap ? cap * 2 : 65536;
        text = realloc(text, cap + 1);
        cr_assert_not_null(text);
        n += fread(text + n, 1, cap - n, f);
    } while (n == cap);
    fclose(f);
    text[n] = '\0';
    if (n_bytes)
        *n_bytes = n;
    return text;
}

char *output_run(const char *format, const struct ps_tagdb *tags, const struct output_case *c,
                 size_t n_cases, size_t *n_bytes)
{
    char path[] = "/tmp/ps_output_XXXXXX";
    int fd = mkstemp(path);
    struct ps_output_spec spec = {.format = format, .path = path, .tags = tags};
    struct ps_output *o = NULL;
    struct ps_err err = {0};
    char *text;

    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(ps_output_open(&o, &spec, &err), 0, "%s", err.msg);
    for (size_t i = 0; i < n_cases; i++) {
        cr_assert_eq(ps_output_begin_image(o, &c[i].image, &err), 0, "%s", err.msg);
        /* In two batches, for batches are the pipeline's business and not the text's. */
        cr_assert_eq(ps_output_findings(o, c[i].finding, c[i].n / 2, &err), 0, "%s", err.msg);
        cr_assert_eq(ps_output_findings(o, c[i].finding + c[i].n / 2, c[i].n - c[i].n / 2, &err), 0,
                     "%s", err.msg);
        cr_assert_eq(ps_output_end_image(o, &err), 0, "%s", err.msg);
    }
    cr_assert_eq(ps_output_close(o, 1, &err), 0, "%s", err.msg);
    text = read_file(path, n_bytes);
    cr_assert_not_null(text);
    unlink(path);
    return text;
}
