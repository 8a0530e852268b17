/* Random findings, hostile in every byte, read back by parsers that this project did not write
 * (jansson) or that share no code with the writers (the CSV reader below). */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host/output/output.h"
#include "tests/support/output_run.h"
#include "tests/support/random_findings.h"

#define N_FIELDS   27
#define N_FINDINGS 3000u

/* Read text of \xNN escapes back into bytes. Returns how many. */
static size_t unescape(const char *text, unsigned char *bytes, size_t max)
{
    size_t n = 0;

    while (*text && n < max) {
        if (text[0] == '\\') {
            char digits[3] = {text[2], text[3], 0};

            cr_assert_eq(text[1], 'x', "%s", text);
            bytes[n++] = (unsigned char)strtoul(digits, NULL, 16);
            text += 4;
        } else {
            bytes[n++] = (unsigned char)*text++;
        }
    }
    return n;
}

static const char *string_of(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    cr_assert_not_null(s, "%s is no string", name);
    return s;
}

static uint64_t number_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    cr_assert(json_is_integer(value), "%s is no integer", name);
    return (uint64_t)json_integer_value(value);
}

static void check_tag(const json_t *o, uint32_t want)
{
    unsigned char b[8];

    cr_assert_eq(unescape(string_of(o, "Tag"), b, sizeof b), 4);
    cr_assert_eq(TAG(b[0], b[1], b[2], b[3]), want);
    cr_assert_eq(strtoull(string_of(o, "TagRaw"), NULL, 16), want);
}

static void check_header(const json_t *o, const struct ps_finding *f, enum ps_arch arch)
{
    uint32_t w = f->word0;
    uint32_t bits = arch == PS_ARCH_X86 ? 9 : 8; /* of both sizes; the rest is 16 less that */

    cr_assert_eq(number_of(o, "PreviousSize"), w % (1u << bits));
    cr_assert_eq(number_of(o, "PoolIndex"), w % 65536u / (1u << bits));
    cr_assert_eq(number_of(o, "BlockSize"), w / 65536u % (1u << bits));
    cr_assert_eq(number_of(o, "PoolTypeRaw"), w / 65536u / (1u << bits));
}

static void check_big(const json_t *o, const struct ps_finding *f)
{
    cr_assert_str_eq(string_of(o, "Source"), "bigpool");
    cr_assert(json_is_null(json_object_get(o, "PreviousSize")));
    cr_assert(json_is_null(json_object_get(o, "PoolIndex")));
    cr_assert(json_is_null(json_object_get(o, "BlockSize")));
    cr_assert_eq(json_is_null(json_object_get(o, "PoolType")), f->big_type == 0);
    if (f->big_type == 0)
        cr_assert(json_is_null(json_object_get(o, "PoolTypeRaw")));
    else
        cr_assert_eq(number_of(o, "PoolTypeRaw"), f->word0);
}

static void check_address(const json_t *o, const char *name, uint64_t want, uint64_t none)
{
    if (want == none)
        cr_assert(json_is_null(json_object_get(o, name)), "%s", name);
    else
        cr_assert_eq(strtoull(string_of(o, name), NULL, 16), want, "%s", name);
}

static void check_mapping(const json_t *o, const struct ps_finding *f)
{
    static const char *const pools[] = {NULL, "Paged", "NonPaged", "NonPagedNx"};
    const json_t *mapped = json_object_get(o, "Mapped");

    if (f->mapped == 0)
        cr_assert(json_is_null(mapped));
    else
        cr_assert_eq(json_is_true(mapped), f->mapped == 2);
    if (f->pool == 0)
        cr_assert(json_is_null(json_object_get(o, "Pool")));
    else
        cr_assert_str_eq(string_of(o, "Pool"), pools[f->pool]);
}

static void check_evidence(const json_t *o, uint32_t want)
{
    const json_t *list = json_object_get(o, "Evidence");
    uint32_t got = 0;

    cr_assert(json_is_array(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        unsigned bit = 0;

        cr_assert_not_null(name);
        while (bit < PS_N_EVIDENCE && strcmp(ps_evidence_name(bit), name) != 0)
            bit++;
        got |= 1u << bit;
    }
    cr_assert_eq(got, want);
    cr_assert_eq(json_array_size(list), (size_t)__builtin_popcount(want));
}

static void check_process_name(const json_t *o, const struct ps_finding *f)
{
    for (size_t i = 0; i < 2; i++)
        if (f->process == random_processes.process[i].va) {
            cr_assert_str_eq(string_of(o, "ProcessName"), random_processes.process[i].name);
            return;
        }
    cr_assert(json_is_null(json_object_get(o, "ProcessName")));
}

static void check_object(const json_t *o, const struct ps_finding *f,
                         const struct ps_output_image *image)
{
    unsigned char path[256];
    size_t n;

    cr_assert(json_is_object(o));
    cr_assert_eq(json_object_size(o), N_FIELDS);
    check_address(o, "Offset", f->phys, PS_NOWHERE);
    check_address(o, "FileOffset", f->file_off, PS_NOWHERE);
    check_address(o, "Allocation", f->va, 0);
    check_address(o, "InBigPool", f->in_big, 0);
    check_address(o, "Process", f->process, 0);
    check_process_name(o, f);
    check_mapping(o, f);
    cr_assert_eq(number_of(o, "NumberOfBytes"), f->n_bytes);
    cr_assert_eq(number_of(o, "Confidence"), f->confidence);
    check_tag(o, f->tag);
    if (f->source == PS_SOURCE_BIGPOOL)
        check_big(o, f);
    else
        check_header(o, f, image->era->arch);
    check_evidence(o, f->evidence);
    n = unescape(string_of(o, "Image"), path, sizeof path);
    cr_assert_eq(n, strlen(image->path));
    cr_assert_eq(memcmp(path, image->path, n), 0);
}

static void check_lines(char *text, const struct ps_finding *f, size_t n,
                        const struct ps_output_image *image)
{
    for (size_t i = 0; i < n; i++) {
        char *end = strchr(text, '\n');
        json_error_t error;
        json_t *o;

        cr_assert_not_null(end, "line %zu", i);
        o = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, &error);
        cr_assert_not_null(o, "line %zu: %s: %s", i, error.text, text);
        check_object(o, &f[i], image);
        json_decref(o);
        text = end + 1;
    }
    cr_assert_eq(*text, '\0');
}

Test(output_parsers, json_lines)
{
    static struct ps_finding f[N_FINDINGS];
    struct ps_tagdb *db = output_test_tags();
    uint64_t seed = seed_random();

    fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    for (size_t i = 0; i < 2; i++) {
        struct output_case c = random_case(f, N_FINDINGS, i, db);
        char *text = output_run("jsonl", db, &c, 1, NULL);

        check_lines(text, f, N_FINDINGS, &c.image);
        free(text);
    }
    ps_tagdb_free(db);
}

Test(output_parsers, json_array)
{
    static struct ps_finding f[2][N_FINDINGS];
    struct ps_tagdb *db = output_test_tags();
    uint64_t seed = seed_random();
    struct output_case c[2] = {random_case(f[0], N_FINDINGS, 0, db),
                               random_case(f[1], N_FINDINGS, 1, db)};
    char *text = output_run("json", db, c, 2, NULL);
    json_error_t error;
    json_t *array = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    cr_assert_not_null(array, "%s", error.text);
    cr_assert_eq(json_array_size(array), 2 * N_FINDINGS);
    for (size_t i = 0; i < 2 * N_FINDINGS; i++)
        check_object(json_array_get(array, i), &f[i / N_FINDINGS][i % N_FINDINGS],
                     &c[i / N_FINDINGS].image);
    json_decref(array);
    free(text);
    ps_tagdb_free(db);
}

/* One field of RFC 4180 into 'field'; returns what follows it: at ',' or CR LF. */
static const char *read_field(const char *p, char *field, size_t max)
{
    size_t n = 0;

    if (*p != '"') {
        while (*p && *p != ',' && *p != '\r' && n + 1 < max) {
            cr_assert(*p != '"' && *p != '\n', "bare %d in a field", *p);
            field[n++] = *p++;
        }
        field[n] = '\0';
        return p;
    }
    for (p++; *p && n + 1 < max; p++) {
        if (*p == '"' && *++p != '"')
            break;
        field[n++] = *p;
    }
    field[n] = '\0';
    return p;
}

static void value_text(const json_t *value, char *text, size_t n)
{
    text[0] = '\0';
    if (json_is_string(value))
        snprintf(text, n, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, n, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        snprintf(text, n, "%s", json_is_true(value) ? "true" : "false");
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        strcat(text, i ? "|" : "");
        strcat(text, json_string_value(json_array_get(value, i)));
    }
}

/* Both forms of a row say the same in each field; the names come from the header row. */
static const char *check_row(const char *csv, char name[][32], const json_t *o, size_t row)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        char field[1024];
        char want[1024];

        csv = read_field(csv, field, sizeof field);
        value_text(json_object_get(o, name[i]), want, sizeof want);
        cr_assert_str_eq(field, want, "row %zu, %s", row, name[i]);
        cr_assert_eq(*csv, i < N_FIELDS - 1 ? ',' : '\r', "row %zu, after %s", row, name[i]);
        csv++;
    }
    cr_assert_eq(*csv, '\n');
    return csv + 1;
}

static const char *read_names(const char *csv, char name[][32])
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        csv = read_field(csv, name[i], 32);
        cr_assert_eq(*csv, i < N_FIELDS - 1 ? ',' : '\r');
        csv++;
    }
    cr_assert_eq(*csv, '\n');
    return csv + 1;
}

Test(output_parsers, csv_says_what_json_says)
{
    static struct ps_finding f[N_FINDINGS];
    struct ps_tagdb *db = output_test_tags();
    uint64_t seed = seed_random();

    fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    for (size_t i = 0; i < 2; i++) {
        struct output_case c = random_case(f, N_FINDINGS, i, db);
        char *json = output_run("json", db, &c, 1, NULL);
        char *csv = output_run("csv", db, &c, 1, NULL);
        json_t *array = json_loads(json, 0, NULL);
        char name[N_FIELDS][32];
        const char *p = read_names(csv, name);

        cr_assert_eq(json_array_size(array), N_FINDINGS);
        for (size_t k = 0; k < N_FINDINGS; k++)
            p = check_row(p, name, json_array_get(array, k), k);
        cr_assert_eq(*p, '\0');
        json_decref(array);
        free(csv);
        free(json);
    }
    ps_tagdb_free(db);
}
