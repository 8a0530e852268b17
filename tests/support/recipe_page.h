/* For the tests of host/recipe: build one page of a recipe, and read it. Each test program has its
 * own page. */
#ifndef PS_TESTS_SUPPORT_RECIPE_PAGE_H
#define PS_TESTS_SUPPORT_RECIPE_PAGE_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "host/recipe/recipe.h"

static uint8_t page[PS_RECIPE_PAGE];
static struct ps_planted_page planted;

static inline struct ps_recipe *parse(const char *text)
{
    struct ps_recipe *r = NULL;
    struct ps_err err = {.msg = ""};
    int rc = ps_recipe_parse(&r, text, strlen(text), NULL, 0, &err);

    cr_assert_eq(rc, 0, "line %llu: %s", (unsigned long long)err.at, err.msg);
    return r;
}

/* Build one page of a recipe into 'page' and 'planted'. */
static inline int build(const char *text, uint64_t number)
{
    struct ps_recipe *r = parse(text);
    struct ps_err err = {.msg = ""};
    int rc = ps_recipe_page(r, number, page, &planted, &err);

    cr_assert_geq(rc, 0, "%s", err.msg);
    ps_recipe_free(r);
    return rc;
}

static inline uint32_t le16(size_t at)
{
    return page[at] | (uint32_t)page[at + 1] << 8;
}

static inline uint32_t le32(size_t at)
{
    return le16(at) | le16(at + 2) << 16;
}

static inline uint64_t le64(size_t at)
{
    return le32(at) | (uint64_t)le32(at + 4) << 32;
}

static inline void expect(size_t at, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(page[at + i], (uint8_t)bytes[i], "byte %#zx is %02x, not %02x", at + i,
                     page[at + i], (uint8_t)bytes[i]);
}

static inline int all(size_t from, size_t to, uint8_t value)
{
    for (size_t i = from; i < to; i++)
        if (page[i] != value)
            return 0;
    return 1;
}

#define EXPECT(at, text) expect(at, text, sizeof text - 1)

#endif
