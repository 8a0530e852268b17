#include "tests/real/truth.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what)
{
    fprintf(stderr, "truth file: %s\n", what);
    exit(1);
}

static json_t *member(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    if (!value)
        die(name);
    return value;
}

static uint64_t number(const json_t *object, const char *name)
{
    const json_t *value = member(object, name);

    if (json_is_integer(value))
        return (uint64_t)json_integer_value(value);
    if (!json_is_string(value))
        die(name);
    return strtoull(json_string_value(value), NULL, 16);
}

/* Four characters up to U+00FF, written as UTF-8: one byte of the tag each. */
static uint32_t tag_of(const json_t *object)
{
    const json_t *value = member(object, "tag");
    const unsigned char *text = (const unsigned char *)json_string_value(value);
    size_t n = json_string_length(value);
    uint32_t tag = 0;
    unsigned shift = 0;

    for (size_t i = 0; i < n; shift += 8) {
        uint32_t byte = text[i++];

        if (byte >= 0xc0 && i < n)
            byte = (byte & 3u) << 6 | (text[i++] & 0x3fu);
        if (shift == 32)
            die("a tag of more than four bytes");
        tag |= byte << shift;
    }
    if (shift != 32)
        die("a tag of less than four bytes");
    return tag & 0x7fffffffu;
}

static int by_tag(const void *a, const void *b)
{
    uint32_t x = ((const struct truth_tag *)a)->tag;
    uint32_t y = ((const struct truth_tag *)b)->tag;

    return x < y ? -1 : x > y;
}

static void load_tags(struct truth *truth, const json_t *list)
{
    const json_t *row;
    size_t i;

    truth->n_tags = json_array_size(list);
    truth->tags = calloc(truth->n_tags + 1, sizeof *truth->tags);
    if (!truth->tags)
        die("no memory");
    json_array_foreach(list, i, row)
    {
        truth->tags[i].tag = tag_of(row);
        truth->tags[i].live = (int64_t)(number(row, "np_allocs") - number(row, "np_frees") +
                                        number(row, "p_allocs") - number(row, "p_frees"));
    }
    qsort(truth->tags, truth->n_tags, sizeof *truth->tags, by_tag);
}

static void load_big(struct truth *truth, const json_t *list, const uint64_t table_va[2])
{
    const json_t *row;
    size_t i;

    truth->n_big = json_array_size(list);
    truth->n_boot_tables = 2;
    json_array_foreach(list, i, row)
    {
        struct truth_tag *tag = truth_find(truth, tag_of(row));
        uint64_t va = number(row, "va");

        if (!tag)
            die("a big page with a tag that the tracker does not know");
        tag->n_big++;
        truth->n_boot_tables -= va == table_va[0] || va == table_va[1];
    }
}

void truth_load(struct truth *truth, const char *path)
{
    json_error_t why;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &why);
    uint64_t table_va[2];

    if (!root)
        die(why.text);
    memset(truth, 0, sizeof *truth);
    truth->cr3 = number(root, "cr3");
    table_va[0] = number(root, "PoolTrackTable");
    table_va[1] = number(root, "PoolBigPageTable");
    load_tags(truth, member(root, "tags"));
    load_big(truth, member(root, "big_pages"), table_va);
    json_decref(root);
}

void truth_free(struct truth *truth)
{
    free(truth->tags);
}

struct truth_tag *truth_find(const struct truth *truth, uint32_t tag)
{
    struct truth_tag key = {.tag = tag & 0x7fffffffu};

    return bsearch(&key, truth->tags, truth->n_tags, sizeof *truth->tags, by_tag);
}
