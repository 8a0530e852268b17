#include "host/image/containers/hiber/search.h"

#include <stdlib.h>

#include "host/image/le.h"

/* So many sets in a row are not there by chance: a head of random bytes passes once in some
 * hundred times (x86; less than once in 2^28 on x64). A row may end with the file. */
#define ROW_SETS      8u
#define ROW_SETS_LAST 4u
#define PAGE_SEARCH   4096u /* pages */
#define BYTE_SEARCH   ((size_t)1 << 20)
#define PAGE_NUMBERS  ((uint64_t)1 << 32) /* 16 TiB */

static int has_pages(enum ps_hiber_form form, const uint8_t *head, const struct ps_hiber_set *set)
{
    if (form == PS_HIBER_SETS_X64)
        for (unsigned i = 0; i < set->n_descriptors; i++)
            if (ps_le64(head + 4 + 8 * i) >> 4 >= PAGE_NUMBERS)
                return 0;
    return 1;
}

/* Does a row of sets begin at 'off'? */
static int is_row(const struct ps_container *c, enum ps_hiber_form form, uint64_t off,
                  struct ps_err *err)
{
    uint8_t head[PS_HIBER_HEAD_BYTES];

    for (unsigned n = 0; n < ROW_SETS; n++) {
        struct ps_hiber_set set;
        const int rc = ps_hiber_read(c, off, head, sizeof head, err);

        if (rc < 0)
            return rc;
        if (rc == 0)
            return n >= ROW_SETS_LAST;
        if (!ps_hiber_head(form, head, (size_t)rc, PS_HIBER_SET_PAGES, &set) ||
            !has_pages(form, head, &set))
            return 0;
        off += (uint64_t)set.n_head + set.n_data;
        if (off > c->bytes->n_bytes)
            return 0;
    }
    return 1;
}

static int find_at_page(const struct ps_container *c, enum ps_hiber_form form, uint64_t *off,
                        struct ps_err *err)
{
    const uint64_t first = (*off + PS_HIBER_PAGE - 1) / PS_HIBER_PAGE;
    const uint64_t n_pages = ps_hiber_file_pages(c);

    for (uint64_t page = first; page < n_pages && page - first < PAGE_SEARCH; page++) {
        const int rc = is_row(c, form, page * PS_HIBER_PAGE, err);

        if (rc > 0)
            *off = page * PS_HIBER_PAGE;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The bytes are looked at once before a row is followed through the file. */
static int find_in(const struct ps_container *c, enum ps_hiber_form form, uint64_t *off,
                   const uint8_t *in, size_t n_in, struct ps_err *err)
{
    for (size_t i = 1; i < n_in; i++) {
        struct ps_hiber_set set;
        int rc;

        if (!ps_hiber_head(form, in + i, n_in - i, PS_HIBER_SET_PAGES, &set) ||
            !has_pages(form, in + i, &set))
            continue;
        rc = is_row(c, form, *off + i, err);
        if (rc > 0)
            *off += i;
        if (rc != 0)
            return rc;
    }
    return 0;
}

int ps_hiber_find_sets(const struct ps_container *c, enum ps_hiber_form form, uint64_t *off,
                       int at_any_byte, struct ps_err *err)
{
    uint8_t *in;
    int rc;

    if (!at_any_byte)
        return find_at_page(c, form, off, err);
    in = malloc(BYTE_SEARCH);
    if (!in)
        return ps_fail(err, PS_ENOMEM, *off, "out of memory for a hibernation file");
    rc = ps_hiber_read(c, *off, in, BYTE_SEARCH, err);
    if (rc > 0)
        rc = find_in(c, form, off, in, (size_t)rc, err);
    free(in);
    return rc;
}
