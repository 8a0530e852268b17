#include "scan/tracker/locate/locate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "scan/tracker/hash.h"
#include "tests/support/tracker_memory.h"

/* Tables have 257 slots; the largest takes six frames. */
#define N_SLOTS   256u
#define N_TAGS    150u
#define MASTER    16u
#define SECOND    24u
#define THIRD     32u
#define EXPANSION 40u
#define DECOY     48u

static struct tracker_memory t;
static struct ps_tracker_table table;
static struct ps_err err;

static struct ps_va_range data_range;

static struct ps_tracker_spec spec_of(uint32_t build)
{
    data_range = (struct ps_va_range){tracker_va(&t, TRACKER_DATA_FRAME), 4096};
    return (struct ps_tracker_spec){.arch = t.is_x64 ? PS_ARCH_X64 : PS_ARCH_X86,
                                    .build = build,
                                    .data = &data_range,
                                    .n_data = 1};
}

static int find(const struct ps_tracker_spec *spec)
{
    tracker_memory_reset(&t);
    ps_tracker_table_free(&table);
    return ps_tracker_find(&t.paging, spec, &table, &err);
}

static void begin(int shape)
{
    tracker_memory_init(&t, tracker_shapes[shape].is_x64);
    for (uint32_t i = 0; i < 64; i++)
        tracker_put_pointer(&t, 100 + i, 0x1234567 * (uint64_t)i);
}

static void expect_row(uint32_t i, const uint64_t want[6])
{
    const struct ps_tracker_row *row = ps_tracker_table_find(&table, tracker_tag(i));

    cr_assert(row, "no row for tag %u", i);
    cr_expect_eq(row->entry.nonpaged.allocs, want[0], "tag %u", i);
    cr_expect_eq(row->entry.nonpaged.frees, want[1], "tag %u", i);
    cr_expect_eq(row->entry.nonpaged.bytes, want[2], "tag %u", i);
    cr_expect_eq(row->entry.paged.allocs, want[3], "tag %u", i);
    cr_expect_eq(row->entry.paged.frees, want[4], "tag %u", i);
    cr_expect_eq(row->entry.paged.bytes, want[5], "tag %u", i);
}

/* Every tag has the sum over these processors. */
static void expect_sums(uint32_t n_cpus, uint32_t skip)
{
    cr_assert_eq(table.n_rows, N_TAGS);
    for (uint32_t i = 0; i < N_TAGS; i++) {
        uint64_t want[6] = {0};

        for (uint32_t cpu = 0; cpu < n_cpus; cpu++)
            for (unsigned k = 0; k < 6; k++)
                if (skip == 0 || cpu == 0 || (i + cpu) % skip != 0)
                    want[k] += tracker_count(i, cpu, k);
        expect_row(i, want);
    }
}

static void forget(void)
{
    ps_tracker_table_free(&table);
}

TestSuite(tracker, .fini = forget);

Test(tracker, hash_vectors)
{
    static const struct {
        const char *tag;
        uint32_t small, large;
    } rows[] = {{"Proc", 0x633, 0x633},
                {"File", 0x244, 0xa44},
                {"MmSt", 0x265, 0x265},
                {"Ntfs", 0x396, 0xb96},
                {"Pool", 0x5a5, 0xda5}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t tag = (uint32_t)(rows[i].tag[0] | rows[i].tag[1] << 8 | rows[i].tag[2] << 16 |
                                  rows[i].tag[3] << 24);

        cr_expect_eq(ps_tracker_home(tag, 0x7ff), rows[i].small, "%s", rows[i].tag);
        cr_expect_eq(ps_tracker_home(tag, 0xfff), rows[i].large, "%s", rows[i].tag);
        cr_expect(ps_tracker_is_near(tag, rows[i].small + PS_TRACKER_NEAR, 0x7ff));
        cr_expect_not(ps_tracker_is_near(tag, rows[i].small + PS_TRACKER_NEAR + 1, 0x7ff));
    }
}

Test(tracker, every_build_has_a_layout)
{
    for (int i = 0; i < N_TRACKER_SHAPES; i++) {
        const struct tracker_shape *s = &tracker_shapes[i];
        const struct ps_tracker_layout *l =
            ps_tracker_layout_pick(s->is_x64 ? PS_ARCH_X64 : PS_ARCH_X86, s->build);

        cr_assert(l && strcmp(l->name, s->name) == 0, "%s", s->name);
        cr_expect_eq(l->entry_bytes, s->entry_bytes);
    }
    cr_assert_str_eq(ps_tracker_layout_pick(PS_ARCH_X64, 16298)->name, "nt5-x64");
    cr_assert_str_eq(ps_tracker_layout_pick(PS_ARCH_X64, 16299)->name, "1709-x64");
    cr_assert_str_eq(ps_tracker_layout_pick(PS_ARCH_X64, 20348)->name, "2022-x64");
    cr_assert_null(ps_tracker_layout_pick(PS_ARCH_X64, 0));
}

/* With the build, without, and with a wrong one. */
Test(tracker, each_layout_is_found_and_read)
{
    for (int shape = 0; shape < N_TRACKER_SHAPES; shape++) {
        const uint32_t builds[] = {tracker_shapes[shape].build, 0, 6001, 26100};

        begin(shape);
        tracker_put_table(&t, shape, MASTER, N_SLOTS, N_TAGS, 0, 0);
        tracker_put_pointer(&t, 77, tracker_va(&t, MASTER));
        for (size_t b = 0; b < sizeof builds / sizeof *builds; b++) {
            struct ps_tracker_spec spec = spec_of(builds[b]);

            cr_assert_eq(find(&spec), 1, "%s, build %u", tracker_shapes[shape].name, builds[b]);
            cr_assert_str_eq(table.layout->name, tracker_shapes[shape].name);
            cr_expect_eq(table.method, PS_TRACKER_HASH);
            cr_expect_eq(table.va, tracker_va(&t, MASTER));
            cr_expect_eq(table.pointer_va, data_range.va + 77 * (t.is_x64 ? 8 : 4));
            cr_expect_eq(table.n_slots, N_SLOTS + 1);
            cr_expect_eq(table.n_keys, N_TAGS);
            cr_expect_eq(table.n_obey, N_TAGS);
            cr_expect_eq(table.n_tables, 1);
            cr_expect_eq(table.cpus_va, 0);
            expect_sums(1, 0);
        }
    }
}

/* The processors' tables lack tags that they did not use; the array begins with the first table. */
Test(tracker, processors_are_summed)
{
    for (int shape = 0; shape < N_TRACKER_SHAPES; shape++) {
        struct ps_tracker_spec spec;

        begin(shape);
        tracker_put_table(&t, shape, MASTER, N_SLOTS, N_TAGS, 0, 0);
        tracker_put_table(&t, shape, SECOND, N_SLOTS, N_TAGS, 1, 3);
        tracker_put_table(&t, shape, THIRD, N_SLOTS, N_TAGS, 2, 3);
        tracker_put_pointer(&t, 7, tracker_va(&t, MASTER));
        tracker_put_pointer(&t, 40, tracker_va(&t, MASTER));
        tracker_put_pointer(&t, 41, tracker_va(&t, SECOND));
        tracker_put_pointer(&t, 42, tracker_va(&t, THIRD));
        for (uint32_t n_cpus = 0; n_cpus < 6; n_cpus += 3) {
            spec = spec_of(0);
            spec.n_cpus = n_cpus;
            cr_assert_eq(find(&spec), 1);
            cr_expect_eq(table.n_tables, 3);
            cr_expect_eq(table.cpus_va, data_range.va + 40 * (t.is_x64 ? 8 : 4));
            cr_expect_eq(table.va, tracker_va(&t, MASTER));
            cr_expect_eq(table.pointer_va, data_range.va + 7 * (t.is_x64 ? 8 : 4));
            expect_sums(3, 3);
        }
        spec = spec_of(6002);
        cr_assert_eq(find(&spec), 1);
        cr_expect_eq(table.n_tables, 1, "Vista has no tables of processors");
    }
}

/* All processors have used all tags, and the second one most: PoolTrackTable is the table that
 * has a pointer of its own. */
Test(tracker, tables_that_are_alike)
{
    struct ps_tracker_spec spec;

    begin(NT5_X64);
    tracker_put_table(&t, NT5_X64, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_table(&t, NT5_X64, SECOND, N_SLOTS, N_TAGS, 2, 0);
    tracker_put_table(&t, NT5_X64, THIRD, N_SLOTS, N_TAGS, 1, 0);
    tracker_put_pointer(&t, 40, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 41, tracker_va(&t, SECOND));
    tracker_put_pointer(&t, 42, tracker_va(&t, THIRD));
    tracker_put_pointer(&t, 90, tracker_va(&t, MASTER));
    spec = spec_of(7601);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.n_tables, 3);
    cr_expect_eq(table.va, tracker_va(&t, MASTER));
    cr_expect_eq(table.pointer_va, data_range.va + 90 * 8);
    expect_sums(3, 0);
}

/* PoolTrackTable with the keys only, and a neighbour of the array that is a copy. */
Test(tracker, keys_without_counters)
{
    struct ps_tracker_spec spec;
    struct tracker_planted p = {0};

    begin(V1709_X64);
    tracker_put_table(&t, V1709_X64, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_table(&t, V1709_X64, SECOND, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_table(&t, V1709_X64, THIRD, N_SLOTS, N_TAGS, 1, 0);
    tracker_put_table(&t, V1709_X64, DECOY, N_SLOTS, N_TAGS, 0, 0);
    for (uint32_t i = 0; i < N_SLOTS; i++) {
        uint64_t at = MASTER * UINT64_C(4096) + i * 0x38;

        memcpy(&p.tag, t.m.bytes + at, 4);
        tracker_put_slot(&t, V1709_X64, MASTER, i, &p);
    }
    tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 10, tracker_va(&t, SECOND));
    tracker_put_pointer(&t, 11, tracker_va(&t, THIRD));
    tracker_put_pointer(&t, 30, tracker_va(&t, DECOY));
    spec = spec_of(19041);
    spec.n_cpus = 2;
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.n_tables, 3);
    expect_sums(2, 0);
}

/* One processor freed more than it allocated; the bytes wrap in the width of the layout. */
Test(tracker, a_processor_may_free_more)
{
    for (int shape = 0; shape < N_TRACKER_SHAPES; shape++) {
        const uint64_t wide[6] = {3, 10, (uint64_t)-7 * 64, 0, 0, 0};
        struct tracker_planted p = {.tag = tracker_tag(1)};
        const struct ps_tracker_row *row;
        struct ps_tracker_spec spec;

        begin(shape);
        tracker_put_table(&t, shape, MASTER, N_SLOTS, N_TAGS, 0, 0);
        memcpy(p.count, wide, sizeof wide);
        tracker_put_slot(&t, shape, SECOND, tracker_home(p.tag, N_SLOTS), &p);
        tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
        tracker_put_pointer(&t, 10, tracker_va(&t, SECOND));
        spec = spec_of(tracker_shapes[shape].build);
        cr_assert_eq(find(&spec), 1);
        cr_assert_eq(table.n_tables, 2);
        row = ps_tracker_table_find(&table, p.tag);
        cr_assert(row);
        cr_expect_eq(row->entry.nonpaged.allocs, tracker_count(1, 0, 0) + 3);
        cr_expect_eq(row->entry.nonpaged.frees, tracker_count(1, 0, 1) + 10);
        cr_expect_eq(row->entry.nonpaged.bytes, tracker_count(1, 0, 2) - 7 * 64);
        cr_expect_eq(ps_tracker_diff(table.layout, &row->entry.nonpaged),
                     (int64_t)(tracker_count(1, 0, 0) - tracker_count(1, 0, 1)) - 7);
    }
}

Test(tracker, diff_survives_a_wrapped_counter)
{
    const struct ps_tracker_counts wrapped = {.allocs = 5, .frees = 0xfffffffe};
    const struct ps_tracker_counts less = {.allocs = 5, .frees = 6};

    cr_assert_eq(ps_tracker_diff(&ps_tracker_layouts[0], &wrapped), 7);
    cr_assert_eq(ps_tracker_diff(&ps_tracker_layouts[0], &less), -1);
    cr_assert_eq(ps_tracker_diff(&ps_tracker_layouts[3], &less), -1);
}

Test(tracker, symbols_and_expansion)
{
    const struct tracker_planted extra[] = {{tracker_tag(5), {1, 0, 32, 2, 1, 16}},
                                            {tracker_tag(1000), {7, 3, 400, 0, 0, 0}}};
    struct ps_tracker_spec spec;
    const struct ps_tracker_row *row;

    begin(V2022_X64);
    tracker_put_table(&t, V2022_X64, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_table(&t, V2022_X64, SECOND, N_SLOTS, N_TAGS, 1, 0);
    for (uint32_t i = 0; i < 2; i++)
        tracker_put_slot(&t, V2022_X64, EXPANSION, 3 * i, &extra[i]);
    tracker_put_pointer(&t, 0, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 1, N_SLOTS + 1);
    tracker_put_pointer(&t, 20, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 21, tracker_va(&t, SECOND));
    tracker_put_pointer(&t, 50, tracker_va(&t, EXPANSION));
    tracker_put_pointer(&t, 51, 60);
    spec = spec_of(22000);
    spec.n_data = 0;
    spec.symbols = (struct ps_tracker_symbols){.table = data_range.va,
                                               .size = data_range.va + 8,
                                               .cpus = data_range.va + 160,
                                               .expansion = data_range.va + 400,
                                               .expansion_size = data_range.va + 408};
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.method, PS_TRACKER_SYMBOLS);
    cr_expect_eq(table.n_tables, 2);
    cr_expect_eq(table.n_expansion, 2);
    cr_expect_eq(table.n_rows, N_TAGS + 1);
    row = ps_tracker_table_find(&table, tracker_tag(5));
    cr_assert(row);
    cr_expect_eq(row->entry.nonpaged.allocs, tracker_count(5, 0, 0) + tracker_count(5, 1, 0) + 1);
    cr_expect_eq(row->entry.paged.bytes, tracker_count(5, 0, 5) + tracker_count(5, 1, 5) + 16);
    row = ps_tracker_table_find(&table, tracker_tag(1000));
    cr_assert(row && row->entry.nonpaged.bytes == 400);
    tracker_put_pointer(&t, 51, UINT64_MAX);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.n_expansion, 0, "a size that no table has");
}

/* The slots on a missing page of one processor are lost, all others are exact. */
Test(tracker, a_missing_page_costs_its_slots)
{
    struct ps_tracker_spec spec;
    uint64_t n_bytes = 0;

    begin(V1709_X64);
    tracker_put_table(&t, V1709_X64, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_table(&t, V1709_X64, SECOND, N_SLOTS, N_TAGS, 1, 0);
    tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 10, tracker_va(&t, SECOND));
    small_memory_hole(&t.m, SECOND + 1, SECOND + 2);
    spec = spec_of(19041);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.n_tables, 2);
    for (uint32_t i = 0; i <= N_SLOTS; i++)
        n_bytes += i * 0x38 + 0x38 > 4096 && i * 0x38 < 8192;
    cr_expect_eq(table.n_slots_lost, n_bytes);
    cr_assert_eq(table.n_rows, N_TAGS);
    for (uint32_t i = 0, n_both = 0; i < N_TAGS; i++) {
        const struct ps_tracker_row *row = ps_tracker_table_find(&table, tracker_tag(i));
        const uint64_t one = tracker_count(i, 0, 0), both = one + tracker_count(i, 1, 0);

        n_both += row->entry.nonpaged.allocs == both;
        cr_expect(row->entry.nonpaged.allocs == one || row->entry.nonpaged.allocs == both);
        cr_expect(i + 1 < N_TAGS || (n_both > N_TAGS / 2 && n_both < N_TAGS));
    }
}

/* The first page of the only table is missing: the others prove it, and its size. */
Test(tracker, a_table_without_its_first_page)
{
    struct ps_tracker_spec spec;

    begin(V2022_X64);
    tracker_put_table(&t, V2022_X64, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
    small_memory_hole(&t.m, MASTER, MASTER + 1);
    spec = spec_of(0);
    cr_assert_eq(find(&spec), 1);
    cr_expect_str_eq(table.layout->name, "2022-x64");
    cr_expect_eq(table.n_slots, N_SLOTS + 1);
    cr_expect_eq(table.n_slots_lost, 4096 / 0x50 + 1);
    cr_expect(table.n_rows < N_TAGS && table.n_rows > N_TAGS / 2);
    for (size_t i = 1; i < table.n_rows; i++)
        cr_expect(table.row[i - 1].entry.tag < table.row[i].entry.tag);
}

Test(tracker, a_processor_without_any_page)
{
    struct ps_tracker_spec spec;

    begin(V1709_X64);
    tracker_put_table(&t, V1709_X64, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_table(&t, V1709_X64, THIRD, N_SLOTS, N_TAGS, 1, 0);
    tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 10, tracker_va(&t, SECOND));
    tracker_put_pointer(&t, 11, tracker_va(&t, THIRD));
    small_memory_hole(&t.m, SECOND, SECOND + 4);
    spec = spec_of(0);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.n_tables, 3);
    cr_expect_eq(table.n_tables_missing, 1);
    expect_sums(2, 0);
}

Test(tracker, overflow_slot)
{
    const struct tracker_planted over = {0x6c66764f, {90, 80, 1234, 5, 5, 0}};
    struct ps_tracker_spec spec;
    const struct ps_tracker_row *row;

    begin(NT5_X86);
    tracker_put_table(&t, NT5_X86, MASTER, N_SLOTS, N_TAGS, 0, 0);
    tracker_put_slot(&t, NT5_X86, MASTER, N_SLOTS, &over);
    tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
    spec = spec_of(3790);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.n_rows, N_TAGS + 1);
    row = ps_tracker_table_find(&table, over.tag);
    cr_assert(row && row->is_overflow);
    cr_expect_eq(row->entry.nonpaged.bytes, 1234);
    cr_expect_eq(ps_tracker_table_find(&table, tracker_tag(3))->is_overflow, 0);
}

/* An older copy, a table of another order, letters without order, and one entry again and again. */
Test(tracker, decoys)
{
    struct ps_tracker_spec spec;

    begin(NT5_X64);
    tracker_put_table(&t, NT5_X64, MASTER, N_SLOTS, N_TAGS, 1, 0);
    tracker_put_table(&t, NT5_X64, DECOY, N_SLOTS, N_TAGS, 0, 0);
    for (uint32_t i = 0; i < 200; i++) {
        struct tracker_planted p = {.tag = tracker_tag(i)};

        tracker_put_slot(&t, NT5_X64, SECOND, i, &p);
        p.tag = 0x6d614e4f;
        tracker_put_slot(&t, NT5_X64, THIRD, i, &p);
    }
    tracker_put_pointer(&t, 1, tracker_va(&t, SECOND));
    tracker_put_pointer(&t, 2, tracker_va(&t, THIRD));
    tracker_put_pointer(&t, 3, tracker_va(&t, DECOY));
    tracker_put_pointer(&t, 5, tracker_va(&t, MASTER));
    tracker_put_pointer(&t, 6, tracker_va(&t, 60));
    spec = spec_of(3790);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.va, tracker_va(&t, MASTER));
    cr_expect_eq(table.n_rows, N_TAGS);
    tracker_put_pointer(&t, 3, 0);
    tracker_put_pointer(&t, 5, 0);
    cr_assert_eq(find(&spec), 0);
    spec.build = 2600;
    cr_assert_eq(find(&spec), 0);
    cr_expect_eq(table.method, PS_TRACKER_NOT_FOUND);
    cr_expect_null(table.layout);
    cr_expect(table.n_candidates > 0);
}

/* XP has another hash: the tags stand anywhere, the counters are sound. */
Test(tracker, xp_by_its_counters)
{
    struct ps_tracker_spec spec;

    begin(NT5_X86);
    for (uint32_t i = 0; i < 120; i++) {
        struct tracker_planted p = {.tag = tracker_tag(i)};

        for (unsigned k = 0; k < 6; k++)
            p.count[k] = tracker_count(i, 0, k);
        tracker_put_slot(&t, NT5_X86, MASTER, i * 97 % N_SLOTS, &p);
    }
    tracker_put_pointer(&t, 9, tracker_va(&t, MASTER));
    spec = spec_of(2600);
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.method, PS_TRACKER_COUNTERS);
    cr_expect_eq(table.n_slots, N_SLOTS + 1);
    cr_expect_eq(table.n_rows, 120);
    spec.symbols.table = data_range.va + 36;
    cr_assert_eq(find(&spec), 1);
    cr_expect_eq(table.method, PS_TRACKER_SYMBOLS);
    cr_expect_eq(table.n_rows, 120);
}

Test(tracker, nothing_there)
{
    struct ps_tracker_spec spec;

    begin(V1709_X64);
    spec = spec_of(19041);
    cr_assert_eq(find(&spec), 0);
    spec.n_data = 0;
    spec.symbols.table = 0x1000;
    cr_assert_eq(find(&spec), 0);
}
