/* What the tests of readers stand on: bytes in memory behave like those of a file. */
#include "tests/support/memory_bytes.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/open_container.h"

#define PAGE 4096u

static _Alignas(16) uint8_t data[3 * PAGE];

Test(memory_bytes, read_map_and_grow)
{
    struct ps_memory_bytes m;
    uint8_t got[16];
    struct ps_err err;

    memset(data, 7, sizeof data);
    ps_memory_bytes_init(&m, data, 100);
    cr_assert_eq(m.bytes.ops->map(&m.bytes, 8, 92), data + 8);
    cr_assert_null(m.bytes.ops->map(&m.bytes, 9, 8));
    ps_memory_bytes_grow(&m, UINT64_C(1) << 40);
    cr_assert_null(m.bytes.ops->map(&m.bytes, 96, 8));
    cr_assert_eq(m.bytes.ops->read(&m.bytes, 96, got, sizeof got, &err), 0);
    cr_assert_arr_eq(got, "\7\7\7\7\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    cr_assert_eq(m.bytes.ops->read(&m.bytes, UINT64_C(1) << 39, got, sizeof got, &err), 0);
    cr_assert_eq(got[3], 0);
}

Test(memory_bytes, a_container_on_it)
{
    static const struct ps_range ranges[] = {{0, PAGE}, {2 * PAGE, 3 * PAGE}};
    struct ps_memory_bytes m;
    struct ps_open_container o;

    ps_memory_bytes_init(&m, data, sizeof data);
    cr_assert_eq(ps_open_container(&o, &ps_reader_raw, &m, "x"), 1);
    cr_assert_str_eq(o.c.name, "raw");
    cr_assert_eq(o.layout.n, 1);
    cr_assert_eq(o.layout.extent[0].n_bytes, 3 * PAGE);
    ps_open_container_close(&o);
    ps_memory_bytes_ranges(&m, ranges, 2);
    cr_assert_eq(ps_open_container(&o, &ps_reader_raw, &m, "x"), 1);
    cr_assert_eq(o.layout.n, 1, "holes below 64 KiB are read");
    ps_open_container_close(&o);
    cr_assert_eq(ps_open_container(&o, &ps_reader_refused, &m, "x"), 0);
    ps_open_container_close(&o);
    ps_memory_bytes_init(&m, data, PAGE - 1);
    cr_assert_eq(ps_open_container(&o, &ps_reader_raw, &m, "x"), -PS_EFORMAT);
    ps_open_container_close(&o);
    cr_assert_eq(m.n_closed, 0);
    cr_assert_eq(ps_fuzz_container(&ps_reader_raw, data, sizeof data), 1);
    cr_assert_eq(ps_fuzz_container(&ps_reader_raw, data, 0), 0);
}
