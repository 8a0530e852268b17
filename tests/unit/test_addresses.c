/* The bounded set of addresses. */
#include <criterion/criterion.h>

#include "scan/windows/kernel/addresses.h"

static struct ps_addresses a;

static void begin(void)
{
    cr_assert_eq(ps_addresses_init(&a), 0);
}

static void end(void)
{
    ps_addresses_free(&a);
}

TestSuite(addresses, .init = begin, .fini = end);

Test(addresses, pages_in_a_row)
{
    const uint64_t base = UINT64_C(0xffffbd0a41e00000);

    for (uint64_t i = 0; i < PS_ADDRESSES_MAX; i++)
        cr_assert_eq(ps_addresses_add(&a, base + i * 4096), PS_ADDRESS_NEW, "%d", (int)i);
    cr_expect_eq(ps_addresses_add(&a, base), PS_ADDRESS_KNOWN);
    cr_expect_eq(ps_addresses_add(&a, base - 4096), PS_ADDRESS_TOO_MANY);
    cr_expect(ps_addresses_has(&a, base + 4096));
    cr_expect(!ps_addresses_has(&a, base - 4096));
}

/* Addresses whose page number times the multiplier begins with sixteen zero bits: all of them want
 * the same place. Each is the inverse of the multiplier times a small number. */
Test(addresses, forged_ones_do_not_make_it_slow)
{
    const uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t other = UINT64_C(0xffffbd0a41e00000);
    uint64_t inverse = 1, first = 0, product = 0;
    unsigned n_new = 0, n_over = 0;

    for (int i = 0; i < 6; i++)
        inverse *= 2 - multiplier * inverse;
    cr_assert_eq(inverse * multiplier, 1);
    while (n_new + n_over < 4096) {
        product += inverse;
        if (product >> 52 != 0)
            continue;
        first = first ? first : product << 12;
        if (ps_addresses_add(&a, product << 12) == PS_ADDRESS_NEW)
            n_new++;
        else
            n_over++;
    }
    cr_expect_geq(n_new, 256);
    cr_expect_leq(n_new, 1024);
    cr_expect(ps_addresses_has(&a, first));
    cr_expect_eq(ps_addresses_add(&a, first), PS_ADDRESS_KNOWN);
    cr_expect(!ps_addresses_has(&a, product << 12));
    cr_expect_eq(ps_addresses_add(&a, other), PS_ADDRESS_NEW);
    cr_expect(ps_addresses_has(&a, other));
}
