/* Big allocations by address, against a look at every row. */
#include "scan/bigpool/index.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "tests/support/rng.h"

#define BASE     UINT64_C(0xffffb58500000000)
#define N_ROWS   300u
#define N_ROUNDS 200u

static struct ps_bigpool_row rows[N_ROWS];
static struct ps_bigpool_table table;

static void start(void)
{
    memset(rows, 0, sizeof rows);
    table = (struct ps_bigpool_table){.row = rows};
}

static void add(uint64_t va, uint64_t n_bytes, enum ps_bigpool_state state)
{
    struct ps_bigpool_row *r = &rows[table.n_rows];

    r->slot = (uint32_t)table.n_rows++;
    r->entry.va = va;
    r->entry.n_bytes = n_bytes;
    r->entry.state = (uint8_t)state;
}

static struct ps_bigpool_index *build(void)
{
    struct ps_bigpool_index *index = NULL;
    struct ps_err err;

    cr_assert_eq(ps_bigpool_index_build(&table, &index, &err), 0);
    return index;
}

TestSuite(bigpool_index, .init = start);

Test(bigpool_index, empty_table_finds_nothing)
{
    struct ps_bigpool_index *index = build();

    cr_assert_null(ps_bigpool_index_find(index, 0));
    cr_assert_null(ps_bigpool_index_find(index, BASE));
    cr_assert_null(ps_bigpool_index_find(index, UINT64_MAX));
    cr_assert_eq(ps_bigpool_index_rows(index), 0);
    ps_bigpool_index_free(index);
    ps_bigpool_index_free(NULL);
}

Test(bigpool_index, first_and_last_byte_belong)
{
    struct ps_bigpool_index *index;

    add(BASE + 0x5000, 0x2530, PS_BIGPOOL_ALLOCATED);
    add(BASE + 0x1000, 0x1000, PS_BIGPOOL_ALLOCATED);
    index = build();
    cr_expect_null(ps_bigpool_index_find(index, BASE + 0xfff));
    cr_expect_eq(ps_bigpool_index_find(index, BASE + 0x1000), &rows[1]);
    cr_expect_eq(ps_bigpool_index_find(index, BASE + 0x1fff), &rows[1]);
    cr_expect_null(ps_bigpool_index_find(index, BASE + 0x2000));
    cr_expect_eq(ps_bigpool_index_find(index, BASE + 0x752f), &rows[0]);
    cr_expect_null(ps_bigpool_index_find(index, BASE + 0x7530));
    cr_expect_eq(ps_bigpool_index_at(index, 0), &rows[1]);
    cr_expect_eq(ps_bigpool_index_at(index, 1), &rows[0]);
    ps_bigpool_index_free(index);
}

Test(bigpool_index, freed_entries_hold_nothing)
{
    struct ps_bigpool_index *index;

    add(BASE, 0x3000, PS_BIGPOOL_FREED);
    add(BASE + 0x1000, 0x1000, PS_BIGPOOL_ALLOCATED);
    add(BASE + 0x9000, 0, PS_BIGPOOL_ALLOCATED);
    index = build();
    cr_expect_eq(ps_bigpool_index_rows(index), 1);
    cr_expect_null(ps_bigpool_index_find(index, BASE));
    cr_expect_null(ps_bigpool_index_find(index, BASE + 0x9000));
    ps_bigpool_index_free(index);
}

Test(bigpool_index, sizes_beyond_the_last_address)
{
    struct ps_bigpool_index *index;

    add(BASE, UINT64_MAX, PS_BIGPOOL_ALLOCATED);
    index = build();
    cr_expect_eq(ps_bigpool_index_find(index, UINT64_MAX), &rows[0]);
    cr_expect_eq(ps_bigpool_index_find(index, BASE), &rows[0]);
    cr_expect_null(ps_bigpool_index_find(index, BASE - 1));
    ps_bigpool_index_free(index);
}

/* The rule of the header, row by row. */
static const struct ps_bigpool_row *look_at_all(uint64_t va)
{
    const struct ps_bigpool_row *best = NULL;

    for (size_t i = 0; i < table.n_rows; i++) {
        const struct ps_bigpool_row *r = &rows[i];

        if (r->entry.state == PS_BIGPOOL_ALLOCATED && va >= r->entry.va &&
            va - r->entry.va < r->entry.n_bytes && (!best || r->entry.va > best->entry.va))
            best = r;
    }
    return best;
}

Test(bigpool_index, overlapping_rows_as_a_look_at_each)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed);
    size_t n_found = 0;

    for (uint32_t round = 0; round < N_ROUNDS; round++) {
        const uint32_t n = 1 + rng_below(&rng, N_ROWS - 1);
        struct ps_bigpool_index *index;

        start();
        for (uint32_t i = 0; i < n; i++)
            add(BASE + 4096 * (uint64_t)rng_below(&rng, 500),
                4096 * (uint64_t)(1 + rng_below(&rng, round % 2 ? 3 : 200)),
                rng_below(&rng, 5) ? PS_BIGPOOL_ALLOCATED : PS_BIGPOOL_FREED);
        index = build();
        for (uint64_t va = BASE - 4096; va < BASE + 4096 * 720; va += 2048) {
            const struct ps_bigpool_row *want = look_at_all(va);

            cr_assert_eq(ps_bigpool_index_find(index, va), want, "%#" PRIx64 ", seed %#" PRIx64, va,
                         seed);
            n_found += want != NULL;
        }
        for (size_t i = 1; i < ps_bigpool_index_rows(index); i++)
            cr_assert_leq(ps_bigpool_index_at(index, i - 1)->entry.va,
                          ps_bigpool_index_at(index, i)->entry.va);
        ps_bigpool_index_free(index);
    }
    cr_assert_gt(n_found, N_ROUNDS);
}
