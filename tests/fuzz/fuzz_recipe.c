/* Bytes -> recipe -> pages: whatever the text says, parsing ends, and each page that it builds
 * keeps the promises of host/recipe/recipe.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/recipe/recipe.h"

/* Pages built for one input; a recipe may ask for millions. */
#define MAX_PAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, uint64_t page)
{
    fprintf(stderr, "page %#llx: %s\n", (unsigned long long)page, what);
    abort();
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What is listed stands in the page, in order and without overlap. */
static void check_planted(const uint8_t *page, const struct ps_planted_page *planted, uint64_t n)
{
    uint32_t end = 0;

    if (planted->n > PS_RECIPE_PAGE_MAX_HEADERS)
        fail("too many headers", n);
    for (size_t i = 0; i < planted->n; i++) {
        const struct ps_planted *h = &planted->header[i];

        if (h->offset < end || h->offset > PS_RECIPE_PAGE - 8)
            fail("headers overlap or leave the page", n);
        if (le32(page + h->offset + 4) != h->tag)
            fail("the tag is not where the list says", n);
        if (h->n_bytes && le32(page + h->offset) != h->word0)
            fail("the header is not where the list says", n);
        end = h->offset + 8;
    }
}

static void check_page(const struct ps_recipe *r, uint64_t n)
{
    static uint8_t page[PS_RECIPE_PAGE], again[PS_RECIPE_PAGE];
    static struct ps_planted_page planted;
    struct ps_err err;
    int rc = ps_recipe_page(r, n, page, &planted, &err);

    if (rc < 0)
        return;
    check_planted(page, &planted, n);
    if (ps_recipe_page(r, n, again, NULL, &err) != rc || memcmp(page, again, sizeof page) != 0)
        fail("a page was built differently the second time", n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_recipe *r = NULL;
    struct ps_err err = {.code = 0};
    uint64_t n_pages, page = 0;
    int rc = ps_recipe_parse(&r, (const char *)data, size, NULL, 0, &err);

    if (rc < 0) {
        if (err.code != -rc || err.msg[0] == '\0')
            fail("an error that says nothing", err.at);
        return 0;
    }
    n_pages = ps_recipe_pages(r);
    for (int i = 0; i < MAX_PAGES; i++) {
        page = ps_recipe_next_page(r, page);
        if (page > n_pages)
            fail("next page lies behind the image", page);
        if (page == n_pages)
            break;
        check_page(r, page++);
    }
    ps_recipe_free(r);
    return 0;
}
