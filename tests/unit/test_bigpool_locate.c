/* The big-pool table through page tables: tables of every layout and hash that Windows has had, and
 * what must not be taken for the table. */
#include "scan/bigpool/locate/locate.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "scan/bigpool/locate/finder.h"
#include "scan/hash.h"
#include "tests/support/bigpool_memory.h"

#define FRAME  8u
#define COPY   33u
#define OTHER  200u                         /* page of the window where decoys are */
#define FACTOR UINT64_C(0xd1342543de82ef95) /* any odd one */

static struct small_memory m;
static struct made_table t, old;
static struct ps_paging paging;
static struct ps_bigpool_table got;

/* Returns what ps_bigpool_locate does; the data page is searched when with_data is set. */
static int locate(int with_data)
{
    const struct ps_va_range data = {made_va(t.is_x64, MADE_DATA_PAGE), 4096};
    const enum ps_paging_mode mode = t.is_x64 ? PS_PAGING_X64 : PS_PAGING_X86;
    struct ps_bigpool_source source = {.paging = &paging,
                                       .arch = t.is_x64 ? PS_ARCH_X64 : PS_ARCH_X86,
                                       .data = &data,
                                       .n_data = with_data ? 1 : 0,
                                       .factor = FACTOR};
    struct ps_inverse_map *map = NULL;
    struct ps_err err;
    int rc;

    ps_paging_init(&paging, &m.mem, ps_pte_format_of(mode, 0), MADE_ROOT);
    cr_assert_eq(ps_inverse_map_build(&map, &m.mem, mode, MADE_ROOT, &err), 0);
    source.map = map;
    rc = ps_bigpool_locate(&source, &got, &err);
    ps_inverse_map_free(map);
    return rc;
}

static const struct made_row *planted(uint32_t slot)
{
    for (uint32_t i = 0; i < t.n_rows; i++)
        if (t.row[i].slot == slot)
            return &t.row[i];
    return NULL;
}

/* Each row is a planted one; whole: and each planted one is there. */
static void compare(int whole, uint64_t seed)
{
    cr_assert_eq(got.va, t.va, "%#" PRIx64 " by %s, seed %#" PRIx64, got.va,
                 ps_bigpool_method_name(got.method), seed);
    cr_assert_eq(got.n_slots, t.n_slots, "%u slots, seed %#" PRIx64, got.n_slots, seed);
    cr_assert_eq((int)got.hash, t.hash);
    for (size_t i = 0; i < got.n_rows; i++) {
        const struct ps_bigpool_entry *e = &got.row[i].entry;
        const struct made_row *want = planted(got.row[i].slot);

        cr_assert(want && e->va == want->va && e->n_bytes == want->n_bytes && e->tag == want->tag &&
                      (e->state == PS_BIGPOOL_FREED) == want->is_free,
                  "slot %u, seed %#" PRIx64, got.row[i].slot, seed);
    }
    cr_assert_eq(got.n_obey, got.n_rows, "seed %#" PRIx64, seed);
    if (whole)
        cr_assert_eq(got.n_rows, t.n_rows, "%zu rows, seed %#" PRIx64, got.n_rows, seed);
}

static void make(uint64_t seed, uint32_t n_rows, int with_self)
{
    struct rng rng = rng_make(seed);

    made_memory(&m, t.is_x64);
    made_table(&t, &rng, MADE_TABLE_PAGE, n_rows, with_self);
    made_put(&m, &t, MADE_TABLE_PAGE, FRAME);
}

static void use_windows_10(void)
{
    t = (struct made_table){1, 0x18, MADE_PACKED, MADE_MUL32, 2048, 0, {{0}}, 0, {0}};
}

TestSuite(bigpool_locate, .init = use_windows_10);

Test(bigpool_locate, every_layout_and_hash)
{
    static const struct {
        int is_x64;
        uint32_t entry_bytes;
        int word, hash;
    } eras[] = {
        {0, 0x0c, MADE_PAGES, MADE_FOLD},   {0, 0x10, MADE_PAGES, MADE_FOLD},
        {1, 0x18, MADE_PAGES, MADE_FOLD},   {0, 0x10, MADE_TYPE, MADE_FOLD},
        {1, 0x18, MADE_TYPE, MADE_FOLD},    {1, 0x18, MADE_TYPE, MADE_MUL32},
        {0, 0x10, MADE_PACKED, MADE_MUL32}, {1, 0x18, MADE_PACKED, MADE_MUL32},
        {0, 0x14, MADE_PACKED, MADE_MUL32}, {1, 0x20, MADE_PACKED, MADE_MUL32},
        {1, 0x20, MADE_PACKED, MADE_MUL64},
    };
    const uint64_t seed = rng_seed();

    for (size_t i = 0; i < sizeof eras / sizeof *eras; i++) {
        t.is_x64 = eras[i].is_x64;
        t.entry_bytes = eras[i].entry_bytes;
        t.word = eras[i].word;
        t.hash = eras[i].hash;
        make(seed + i, 200, 1);
        made_pointer(&m, t.is_x64, 0x120, t.va);
        cr_assert_eq(locate(1), 1, "era %zu, seed %#" PRIx64, i, seed);
        cr_expect_eq(got.method, PS_BIGPOOL_BY_POINTER);
        cr_expect_eq(got.pointer_va, made_va(t.is_x64, MADE_DATA_PAGE) + 0x120);
        cr_expect_eq((int)got.layout->word, t.word);
        compare(1, seed + i);
        ps_bigpool_table_free(&got);
        cr_assert_eq(locate(0), 1, "era %zu, seed %#" PRIx64, i, seed);
        compare(1, seed + i);
        ps_bigpool_table_free(&got);
    }
}

/* Mapped side by side, with a pointer in front of the table's own. */
static void copy_is_not_taken(int with_data, int with_self, enum ps_bigpool_method method)
{
    const uint64_t seed = rng_seed();

    make(seed, 200, with_self);
    made_put(&m, &t, OTHER, COPY);
    if (!with_self)
        for (uint32_t i = 0; i < made_pages(&t); i++)
            made_unmap(&m, t.is_x64, OTHER + i);
    made_pointer(&m, t.is_x64, 0x40, made_va(t.is_x64, OTHER));
    made_pointer(&m, t.is_x64, 0x80, t.va);
    cr_assert_eq(locate(with_data), 1);
    cr_expect_eq(got.method, method, "by %s, seed %#" PRIx64, ps_bigpool_method_name(got.method),
                 seed);
    compare(1, seed);
    ps_bigpool_table_free(&got);
}

Test(bigpool_locate, copy_with_a_pointer)
{
    copy_is_not_taken(1, 1, PS_BIGPOOL_BY_POINTER);
}

Test(bigpool_locate, copy_without_a_pointer)
{
    copy_is_not_taken(0, 1, PS_BIGPOOL_BY_SELF_ENTRY);
}

Test(bigpool_locate, copy_that_nothing_maps)
{
    copy_is_not_taken(0, 0, PS_BIGPOOL_BY_MAPPING);
}

Test(bigpool_locate, older_half_is_not_taken)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed + 1);

    make(seed, 150, 1);
    old = t;
    old.n_slots = 1024;
    made_table(&old, &rng, OTHER, 200, 1);
    made_put(&m, &old, OTHER, COPY);
    made_pointer(&m, t.is_x64, 0x40, old.va);
    made_pointer(&m, t.is_x64, 0x80, t.va);
    for (int with_data = 0; with_data < 2; with_data++) {
        cr_assert_eq(locate(with_data), 1);
        compare(1, seed);
        ps_bigpool_table_free(&got);
    }
}

Test(bigpool_locate, missing_page_costs_its_entries)
{
    const uint64_t seed = rng_seed();

    for (uint32_t gone = 0; gone < 12; gone++) {
        uint32_t n_touched = 0;

        make(seed + gone, 200, 1);
        made_pointer(&m, t.is_x64, 0x80, t.va);
        made_unmap(&m, t.is_x64, MADE_TABLE_PAGE + gone);
        for (uint32_t i = 0; i < t.n_rows; i++)
            n_touched += t.row[i].slot * 0x18 < (gone + 1) * 4096 &&
                         t.row[i].slot * 0x18 + 0x18 > gone * 4096;
        cr_assert_eq(locate(1), 1, "page %u, seed %#" PRIx64, gone, seed);
        compare(0, seed + gone);
        cr_expect_eq(got.n_pages_missing, 1);
        cr_expect_eq(got.n_rows, t.n_rows - n_touched, "page %u, seed %#" PRIx64, gone, seed);
        ps_bigpool_table_free(&got);
    }
}

Test(bigpool_locate, overwritten_page_invents_nothing)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed + 1);

    make(seed, 200, 1);
    made_pointer(&m, t.is_x64, 0x80, t.va);
    for (uint32_t off = 0; off < 4096; off += 8)
        small_memory_put64(&m, (FRAME + 4) * 4096 + off,
                           UINT64_C(0xffffa50000000000) +
                               ((uint64_t)rng_below(&rng, 1 << 20) << 12));
    cr_assert_eq(locate(1), 1);
    compare(0, seed);
    cr_expect_eq(got.n_pages_damaged, 1);
    cr_expect_gt(got.n_rows, 150);
    ps_bigpool_table_free(&got);
}

/* Legal by all its fields, and at its home. */
Test(bigpool_locate, allocation_larger_than_memory_is_none)
{
    const uint64_t seed = rng_seed();
    static const struct {
        uint64_t n_bytes;
        int is_possible;
    } sizes[] = {{UINT64_C(1) << 30, 1}, {(UINT64_C(1) << 30) + 1, 0}, {UINT64_C(1) << 43, 0}};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct made_row *row = t.row;
        uint32_t at;

        use_windows_10();
        make(seed + i, 200, 1);
        while (row->is_free)
            row++;
        row->n_bytes = sizes[i].n_bytes;
        at = row->slot * 0x18 + 0x10;
        for (uint32_t k = 0; k < 8; k++)
            t.bytes[at + k] = (uint8_t)(row->n_bytes >> 8 * k);
        made_put(&m, &t, MADE_TABLE_PAGE, FRAME);
        made_pointer(&m, t.is_x64, 0x80, t.va);
        cr_assert_eq(locate(1), 1);
        compare(sizes[i].is_possible, seed + i);
        cr_expect_eq(got.n_rows, t.n_rows - !sizes[i].is_possible, "size %zu, seed %#" PRIx64, i,
                     seed);
        cr_expect_eq(got.n_damaged, !sizes[i].is_possible);
        ps_bigpool_table_free(&got);
    }
}

Test(bigpool_locate, one_frame_is_one_page)
{
    const uint64_t seed = rng_seed();

    make(seed, 200, 1);
    made_pointer(&m, t.is_x64, 0x80, t.va);
    for (uint32_t i = 0; i < 480; i++)
        made_map(&m, t.is_x64, MADE_TABLE_PAGE + i, FRAME);
    if (locate(1) == 1) {
        cr_expect_leq(got.n_pages_found + got.n_pages_empty, 1);
        cr_expect_leq(got.n_rows, 4096 / 0x18 + 1);
    }
    ps_bigpool_table_free(&got);
}

Test(bigpool_locate, nothing_there)
{
    made_memory(&m, 1);
    for (uint32_t off = 0; off < 4096; off += 8)
        made_pointer(&m, 1, off, made_va(1, MADE_DATA_PAGE + off / 256));
    cr_assert_eq(locate(1), 0);
    cr_expect_eq(got.n_candidates, 16);
    cr_expect_null(got.row);
}

/* Pages that all want one place in a set of addresses that takes bits 32 to 48 of their number
 * times 2^64 over the golden ratio: one in 131,072 is such. */
Test(bigpool_locate, chosen_addresses_do_not_collide)
{
    const struct ps_bigpool_source source = {
        .paging = &paging, .arch = PS_ARCH_X64, .factor = FACTOR};
    const size_t mask = 2 * PS_BIGPOOL_MAX_POINTERS - 1;
    struct ps_bigpool_finder finder;
    struct ps_bigpool_candidate c;
    uint64_t page = UINT64_C(0xffff800000000), n_steps = 0;

    made_memory(&m, 1);
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X64, 0), MADE_ROOT);
    cr_assert_eq(ps_bigpool_finder_init(&finder, &source), 0);
    while (finder.n_seen < 1024) {
        page++;
        if ((page * UINT64_C(0x9e3779b97f4a7c15) >> 32 & 0x1ffff) == 0)
            ps_bigpool_finder_look(&finder, page << 12, &c);
    }
    for (size_t at = 0; at <= mask; at++)
        if (finder.seen[at] != 0)
            n_steps += ((at - ps_hash_home(finder.seen[at], FACTOR, 17)) & mask) + 1;
    cr_assert_leq(n_steps, 2 * 1024);
    ps_bigpool_finder_free(&finder);
}
