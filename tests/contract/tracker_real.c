/* The tracker tables of the real images against their truth files: every tag with all six counters,
 * the address of the table and its size. Without the images (PS_SHARED, else ../shared beside the
 * source) the test is skipped, loudly. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/options.h"
#include "host/virtual/pool/tracker.h"
#include "host/virtual/windows_kernel.h"
#include "tests/real/each_image.h"

static const struct real_image {
    const char *name;
    const char *layout;
    size_t n_tags;
    uint64_t n_lost; /* at most: the last slot, empty, has a page of zeros, which a file may lack */
} images[] = {
    {"reactos-0.4.13-x86-desktop", "nt5-x86", 268, 1},
    {"reactos-0.4.16-x64-pools", "nt5-x64", 279, 0},
};

static int failures;

#define check(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("FAILED %s:%d: ", __FILE__, __LINE__);                                          \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static uint64_t count_of(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);

    if (!json_is_integer(value)) {
        printf("truth file: no %s\n", name);
        exit(1);
    }
    return (uint64_t)json_integer_value(value);
}

static uint64_t address_of(const json_t *truth, const char *name)
{
    const char *text = json_string_value(json_object_get(truth, name));

    if (!text) {
        printf("truth file: no %s\n", name);
        exit(1);
    }
    return strtoull(text, NULL, 16);
}

/* Characters of the truth are code points up to ff, written in UTF-8. */
static uint32_t tag_of(const json_t *row)
{
    const unsigned char *s = (const unsigned char *)json_string_value(json_object_get(row, "tag"));
    uint32_t tag = 0;

    if (!s)
        exit(1);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t c = *s++;

        if (c >= 0x80)
            c = (c & 3) << 6 | (*s++ & 0x3f);
        tag |= c << 8 * i;
    }
    return tag;
}

static void compare_counts(const json_t *want, const char *kind, uint32_t tag,
                           const struct ps_tracker_counts *got)
{
    char name[16];

    snprintf(name, sizeof name, "%s_allocs", kind);
    check(got->allocs == count_of(want, name), "tag %#x: %s", tag, name);
    snprintf(name, sizeof name, "%s_frees", kind);
    check(got->frees == count_of(want, name), "tag %#x: %s", tag, name);
    snprintf(name, sizeof name, "%s_bytes", kind);
    check(got->bytes == count_of(want, name), "tag %#x: %s", tag, name);
}

static void compare(const struct real_image *image, const struct ps_tracker_table *t,
                    const json_t *truth)
{
    const json_t *rows = json_object_get(truth, "tags"), *row;
    size_t i;

    check(t->layout && strcmp(t->layout->name, image->layout) == 0, "another layout");
    check(t->va == address_of(truth, "PoolTrackTable"), "table at %#llx",
          (unsigned long long)t->va);
    check(t->n_slots == count_of(truth, "PoolTrackTableSize"), "%u slots", t->n_slots);
    check(json_array_size(rows) == image->n_tags, "the truth has %zu tags", json_array_size(rows));
    check(t->n_rows == image->n_tags, "%zu rows", t->n_rows);
    check(t->n_keys == image->n_tags && t->n_obey == image->n_tags, "%u of %u obey", t->n_obey,
          t->n_keys);
    check(t->n_slots_lost <= image->n_lost, "%llu slots lost", (unsigned long long)t->n_slots_lost);
    check(t->n_tables == 1 && t->n_nameless == 0, "%u tables", t->n_tables);
    json_array_foreach(rows, i, row)
    {
        const uint32_t tag = tag_of(row);
        const struct ps_tracker_row *got = ps_tracker_table_find(t, tag);

        check(got, "tag %#x is missing", tag);
        if (!got)
            continue;
        compare_counts(row, "np", tag, &got->entry.nonpaged);
        compare_counts(row, "p", tag, &got->entry.paged);
    }
}

/* With what symbols there are, or by the data alone. */
static void check_table(const struct real_image *image, struct ps_address_space *as,
                        const struct ps_options *opt, int with_symbols, const json_t *truth)
{
    struct ps_tracker_table table;
    struct ps_err err;
    int rc = ps_address_space_kernel(as, opt, &err);

    check(rc == 0, "%s: %s", image->name, err.msg);
    if (!with_symbols)
        as->symbols = (struct ps_symbols){.source = PS_SYMBOLS_NONE};
    rc = ps_address_space_tracker(as, opt, &table, &err);
    check(rc > 0, "%s: no table found", image->name);
    if (rc > 0) {
        printf("%s: %s, table at 0x%llx by %s, pointer at 0x%llx, %zu tags\n", image->name,
               table.layout->name, (unsigned long long)table.va,
               ps_tracker_method_name(table.method), (unsigned long long)table.pointer_va,
               table.n_rows);
        check(with_symbols || table.method == PS_TRACKER_HASH, "not by the hash");
        compare(image, &table, truth);
    }
    ps_tracker_table_free(&table);
}

static void check_image(const struct real_image *image, const char *raw, const json_t *truth)
{
    const struct ps_options opt = {.arch = "auto"};
    struct ps_address_space as;
    struct ps_err err;

    if (ps_address_space_open(&as, &opt, raw, &err) < 0) {
        check(0, "%s: %s", image->name, err.msg);
    } else {
        check_table(image, &as, &opt, 1, truth);
        check_table(image, &as, &opt, 0, truth);
    }
    ps_address_space_close(&as);
}

static void check_one(size_t i, const char *raw, const json_t *truth)
{
    check_image(&images[i], raw, truth);
}

int main(void)
{
    const char *const names[] = {images[0].name, images[1].name};

    if (real_each_image(names, sizeof names / sizeof *names, check_one) == 0)
        return 77;
    printf("%d failures\n", failures);
    return failures != 0;
}
