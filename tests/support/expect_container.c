#include "tests/support/expect_container.h"

#include <criterion/criterion.h>
#include <string.h>

#define PAGE 4096u

void expect_note(const struct ps_open_container *o, const char *words)
{
    for (unsigned i = 0; i < o->c.notes.n; i++)
        if (o->c.notes.note[i].kind != PS_NOTE_INFO && strstr(o->c.notes.note[i].text, words))
            return;
    cr_assert_fail("no warning says '%s' (%u notes)", words, o->c.notes.n);
}

void expect_extent(const struct ps_open_container *o, size_t i, uint64_t phys, uint64_t n_bytes,
                   uint64_t file_off)
{
    cr_assert_lt(i, o->layout.n);
    cr_assert_eq(o->layout.extent[i].phys, phys);
    cr_assert_eq(o->layout.extent[i].n_bytes, n_bytes);
    cr_assert_eq(o->layout.extent[i].file_off, file_off);
}

void expect_page(const struct ps_open_container *o, uint64_t page, uint8_t byte)
{
    const struct ps_extent *e = ps_layout_find(&o->layout, page * PAGE);
    uint8_t expected[PAGE], got[PAGE];
    struct ps_err err;

    cr_assert(e, "page 0x%llx is absent", (unsigned long long)page);
    cr_assert_eq(
        o->c.data->ops->read(o->c.data, e->file_off + (page * PAGE - e->phys), got, PAGE, &err), 0,
        "%s", err.msg);
    memset(expected, byte, PAGE);
    cr_assert_arr_eq(got, expected, PAGE);
}

uint64_t n_present(const struct ps_open_container *o)
{
    uint64_t n = 0;

    for (size_t i = 0; i < o->layout.n; i++)
        n += o->layout.extent[i].n_bytes;
    return n / PAGE;
}
