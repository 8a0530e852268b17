/* Crash dumps made by hand: the extents are figures, not what other code computes. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/made_dump.h"
#include "tests/support/open_container.h"
#include "tests/support/rng.h"
#include "tests/support/tmpdir.h"

#define PAGE     4096u
#define NO_LIMIT UINT64_MAX

static struct made_dump d;
static struct ps_memory_bytes m;
static struct ps_open_container o;

struct want {
    uint64_t phys;
    uint64_t n_bytes;
    uint64_t file_off;
};

/* Open the dump as a file of file_bytes, or as large as it was made. */
static int open_dump(uint64_t file_bytes)
{
    ps_memory_bytes_init(&m, d.bytes, d.n_bytes);
    if (file_bytes != NO_LIMIT)
        ps_memory_bytes_grow(&m, file_bytes);
    return ps_open_container(&o, &ps_reader_crash_dump, &m, "test");
}

static void close_dump(void)
{
    ps_open_container_close(&o);
}

static int has_note(const char *word)
{
    for (unsigned i = 0; i < o.c.notes.n; i++)
        if (strstr(o.c.notes.note[i].text, word))
            return 1;
    return 0;
}

/* n_notes: how many the reader may give, so that none comes unseen. */
static void expect(const char *name, unsigned n_notes, const struct want *want, size_t n)
{
    cr_assert_str_eq(o.c.name, name);
    cr_assert_eq(o.c.notes.n, n_notes, "%u notes: %s", o.c.notes.n, o.c.notes.note[0].text);
    cr_assert_eq(o.layout.n, n, "%zu extents", o.layout.n);
    for (size_t i = 0; i < n; i++) {
        const struct ps_extent *e = &o.layout.extent[i];

        cr_assert_eq(e->phys, want[i].phys, "extent %zu at 0x%llx", i, (unsigned long long)e->phys);
        cr_assert_eq(e->n_bytes, want[i].n_bytes, "extent %zu has 0x%llx", i,
                     (unsigned long long)e->n_bytes);
        cr_assert_eq(e->file_off, want[i].file_off, "extent %zu from 0x%llx", i,
                     (unsigned long long)e->file_off);
    }
}

static void opens(uint64_t file_bytes)
{
    cr_assert_eq(open_dump(file_bytes), 1, "%s", o.err.msg);
}

static void refuses(uint64_t at, const char *word)
{
    cr_assert_eq(open_dump(NO_LIMIT), -PS_EFORMAT);
    cr_assert_eq(o.err.at, at, "at 0x%llx", (unsigned long long)o.err.at);
    cr_assert(strstr(o.err.msg, word), "%s", o.err.msg);
    cr_assert(strstr(o.err.msg, d.is_64 ? "crash dump (64-bit)" : "crash dump (32-bit)"));
    close_dump();
}

/* The bytes of PhysicalMemoryBlock and the offsets that go with them are those of a real dump of a
 * machine with 64 GiB (spec 9.2). */
Test(crashdump, full_64)
{
    static const uint8_t block[] = {
        0x07, 0,    0, 0, 0x50, 0x41, 0x47, 0x45, 0xcb, 0xc0, 0xff, 0, 0, 0, 0, 0,
        0x10, 0,    0, 0, 0,    0,    0,    0,    0x90, 0,    0,    0, 0, 0, 0, 0,
        0,    0x01, 0, 0, 0,    0,    0,    0,    0xfe, 0x63, 0x0b, 0, 0, 0, 0, 0,
    };
    static const struct want want[] = {
        {0x10000, 0x90000, 0x2000},
        {0x100000, 0xb63fe000, 0x92000},
        {0xb68fe000, 0x28b000, 0xb6490000},
        {0xb6d8a000, 0x1936000, 0xb671b000},
        {0xb8a44000, 0x4044000, 0xb8051000},
        {0xbcab8000, 0x38000, 0xbc095000},
        {0x100000000, 0xf40000000, 0xbc0cd000},
    };

    made_dump_init(&d, 1, 1);
    made_dump_facts(&d);
    memcpy(d.bytes + 0x88, block, sizeof block);
    made_dump_run(&d, 2, 0xb68fe, 0x28b);
    made_dump_run(&d, 3, 0xb6d8a, 0x1936);
    made_dump_run(&d, 4, 0xb8a44, 0x4044);
    made_dump_run(&d, 5, 0xbcab8, 0x38);
    made_dump_run(&d, 6, 0x100000, 0xf40000);
    opens(0x2000 + UINT64_C(0xffc0cb) * PAGE);
    expect("crash dump (64-bit, full)", 0, want, 7);
    cr_assert_eq(o.layout.n_missing, 0);
    cr_assert_eq(o.c.facts.n_pages, 0xffc0cb);
    cr_assert_eq(o.c.facts.is_partial, 0);
    close_dump();
}

Test(crashdump, facts)
{
    const struct ps_image_facts *f = &o.c.facts;

    made_dump_init(&d, 1, 1);
    made_dump_facts(&d);
    made_dump_counts(&d, 1, 2);
    made_dump_run(&d, 0, 1, 2);
    made_dump_size(&d, 0x4000);
    opens(NO_LIMIT);
    cr_assert_str_eq(f->source, "crash dump header");
    cr_assert(f->machine == PS_MACHINE_X64 && f->build == 19041 && f->n_processors == 4);
    cr_assert(f->n_cr3 == 1 && f->cr3[0] == 0x1aa000);
    cr_assert_eq(f->kdbg, 0xfffff8047e200b20);
    cr_assert_eq(f->ps_loaded_module_list, 0xfffff8047e23a450);
    cr_assert_eq(f->ps_active_process_head, 0xfffff8047e22e0c0);
    cr_assert_eq(f->pfn_database, 0xfffff8047e2fb010);
    cr_assert(f->has_bugcheck && f->bugcheck == 0x161);
    close_dump();
    made_dump_put32(&d, 0x30, 0xaa64);
    opens(NO_LIMIT);
    cr_assert_eq(f->machine, PS_MACHINE_ARM64);
    close_dump();
}

/* The text PAGE is no number. */
Test(crashdump, facts_never_filled)
{
    for (int is_64 = 0; is_64 < 2; is_64++) {
        const struct ps_image_facts *f = &o.c.facts;

        made_dump_init(&d, is_64, 1);
        made_dump_counts(&d, 1, 1);
        made_dump_run(&d, 0, 1, 1);
        made_dump_size(&d, d.header_bytes + PAGE);
        opens(NO_LIMIT);
        cr_assert(f->machine == PS_MACHINE_UNKNOWN && !f->build && !f->n_processors);
        cr_assert(!f->n_cr3 && !f->kdbg && !f->ps_loaded_module_list && !f->pfn_database);
        cr_assert(!f->ps_active_process_head && !f->has_bugcheck && !f->bugcheck);
        cr_assert_eq(f->n_pages, 1);
        cr_assert_str_eq(o.c.name,
                         is_64 ? "crash dump (64-bit, full)" : "crash dump (32-bit, full)");
        close_dump();
    }
}

Test(crashdump, full_32)
{
    static const struct want want[] = {
        {0x1000, 0x9e000, 0x1000}, {0x100000, 0x2000, 0x9f000}, {0xfffff000, 0x1000, 0xa1000}};
    const struct ps_image_facts *f = &o.c.facts;

    made_dump_init(&d, 0, 1);
    made_dump_facts(&d);
    made_dump_put(&d, 0x5c, 1, 1);
    made_dump_counts(&d, 3, 0xa1);
    made_dump_run(&d, 0, 1, 0x9e);
    made_dump_run(&d, 1, 0x100, 2);
    made_dump_run(&d, 2, 0xfffff, 1);
    opens(0x1000 + 0xa1 * PAGE);
    expect("crash dump (32-bit PAE, full)", 0, want, 3);
    cr_assert(f->machine == PS_MACHINE_X86 && f->build == 2600 && f->n_processors == 2);
    cr_assert(f->n_cr3 == 1 && f->cr3[0] == 0x319000);
    cr_assert(f->kdbg == 0x80545ae0 && f->ps_loaded_module_list == 0x805531a0);
    cr_assert(f->ps_active_process_head == 0x805595d8 && f->pfn_database == 0x81000000);
    cr_assert(f->has_bugcheck && f->bugcheck == 0xe2 && f->n_pages == 0xa1);
    close_dump();
    made_dump_put(&d, 0x5c, 0, 1);
    opens(NO_LIMIT);
    cr_assert_str_eq(o.c.name, "crash dump (32-bit, full)");
    close_dump();
}

/* As many runs as have room are all read: up to the CONTEXT behind them. */
Test(crashdump, most_runs)
{
    static const uint32_t n_runs[] = {86, 43};

    for (int is_64 = 0; is_64 < 2; is_64++) {
        made_dump_init(&d, is_64, 1);
        made_dump_counts(&d, n_runs[is_64], n_runs[is_64]);
        for (uint32_t i = 0; i < n_runs[is_64]; i++)
            made_dump_run(&d, i, 2 + 2 * i, 1);
        opens(d.header_bytes + n_runs[is_64] * PAGE);
        cr_assert_eq(o.layout.n, n_runs[is_64]);
        cr_assert_eq(o.c.notes.n, 0);
        close_dump();
        made_dump_counts(&d, n_runs[is_64] + 1, n_runs[is_64]);
        opens(d.header_bytes + n_runs[is_64] * PAGE);
        cr_assert_eq(o.layout.n, n_runs[is_64], "a run too many does not cost the others");
        cr_assert(o.c.notes.n == 1 && has_note("has room for"));
        close_dump();
    }
}

Test(crashdump, runs_that_lie)
{
    static const struct want two[] = {{0x1000, 0x2000, 0x2000}, {0x8000, 0x1000, 0x4000}};

    made_dump_init(&d, 1, 1);
    made_dump_counts(&d, UINT32_MAX, 3);
    made_dump_run(&d, 0, 1, 2);
    made_dump_run(&d, 1, 8, 1);
    made_dump_run(&d, 2, 0x100, 1);
    made_dump_size(&d, 0x6000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full)", 1, two, 2);
    close_dump();
    made_dump_counts(&d, 3, 4);
    made_dump_run(&d, 2, UINT64_C(1) << 39, UINT64_C(1) << 40);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full)", 2, two, 2);
    cr_assert(has_note("run 3 of 3") && has_note("hold 3 pages, and its header counts 4"));
    cr_assert_eq(o.c.facts.n_pages, 3);
    close_dump();
    made_dump_counts(&d, 2, UINT64_C(0x4547415045474150));
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full)", 0, two, 2);
    close_dump();
    made_dump_counts(&d, 0, 0);
    refuses(0x88, "list of memory runs");
    made_dump_counts(&d, 1, 2);
    made_dump_run(&d, 0, UINT64_MAX, 2);
    refuses(0x88, "list of memory runs");
    made_dump_init(&d, 0, 1);
    refuses(0x64, "list of memory runs");
}

/* The first of two runs for the same memory counts; the others keep their place in the file. */
Test(crashdump, runs_overlap)
{
    static const struct want want[] = {
        {0x4000, 0x1000, 0x5000}, {0x5000, 0x3000, 0x2000}, {0x8000, 0x1000, 0x9000}};

    made_dump_init(&d, 1, 1);
    made_dump_counts(&d, 2, 8);
    made_dump_run(&d, 0, 5, 3);
    made_dump_run(&d, 1, 4, 5);
    made_dump_size(&d, 0xa000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full)", 1, want, 3);
    cr_assert(has_note("overlap"));
    close_dump();
}

Test(crashdump, cut_short)
{
    static const struct want want[] = {{0x1000, 0x1800, 0x2000}};

    made_dump_init(&d, 1, 1);
    made_dump_counts(&d, 2, 6);
    made_dump_run(&d, 0, 1, 3);
    made_dump_run(&d, 1, 0x10, 3);
    made_dump_size(&d, 0x3800);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full)", 0, want, 1);
    cr_assert_eq(o.layout.n_missing, 0x4800, "%llx", (unsigned long long)o.layout.n_missing);
    close_dump();
    made_dump_size(&d, 0x1fff);
    refuses(0x1fff, "ends within its header");
    made_dump_size(&d, 8);
    refuses(8, "ends within its header");
    made_dump_size(&d, 7);
    cr_assert_eq(open_dump(NO_LIMIT), 0, "no signature is no dump");
    close_dump();
}

Test(crashdump, type_never_filled)
{
    static const struct want want[] = {{0x1000, 0x2000, 0x2000}, {0x8000, 0x1000, 0x4000}};

    made_dump_init(&d, 1, 0x45474150);
    refuses(0xf98, "never filled");
    made_dump_counts(&d, 2, 3);
    made_dump_run(&d, 0, 1, 2);
    made_dump_run(&d, 1, 8, 1);
    made_dump_size(&d, 0x5000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full)", 0, want, 2);
    close_dump();
    made_dump_counts(&d, 2, 4);
    refuses(0xf98, "never filled");
    made_dump_counts(&d, 2, 3);
    made_dump_run(&d, 1, 2, 1);
    refuses(0xf98, "never filled");
    made_dump_init(&d, 0, 0x45474150);
    refuses(0xf88, "never filled");
}

Test(crashdump, types_without_memory)
{
    static const struct {
        uint32_t type;
        const char *word;
    } rows[] = {{2, "old kind"},   {3, "without any memory"}, {4, "triage"},
                {7, "DumpType 7"}, {0, "DumpType 0"},         {UINT32_MAX, "DumpType 4294967295"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        made_dump_init(&d, 1, rows[i].type);
        refuses(0xf98, rows[i].word);
        made_dump_init(&d, 0, rows[i].type);
        refuses(0xf88, rows[i].word);
    }
    made_dump_init(&d, 0, 8);
    refuses(0xf88, "DumpType 8");
}

/* 13 bits: the last byte counts in part, and what is set in the rest of it does not. */
Test(crashdump, bitmap_partial_byte)
{
    static const struct want want[] = {
        {0, 0x2000, 0x3000}, {0x7000, 0x2000, 0x5000}, {0xc000, 0x1000, 0x7000}};
    static const uint32_t frames[] = {0, 1, 7, 8, 12, 13, 15};

    made_dump_init(&d, 1, 5);
    made_dump_bitmap(&d, "FDMP", 0x3000, 5, 13);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        made_dump_bit(&d, frames[i]);
    made_dump_size(&d, 0x9000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full bitmap)", 0, want, 3);
    cr_assert_eq(o.c.facts.is_partial, 0);
    cr_assert_eq(o.c.facts.n_pages, 0);
    cr_assert_eq(o.layout.n_missing, 0);
    close_dump();
}

Test(crashdump, bitmap_kinds)
{
    static const struct want want[] = {{0x3000, 0x1000, 0x2040}};
    static const struct want want32[] = {{0x3000, 0x1000, 0x1040}};

    made_dump_init(&d, 1, 6);
    made_dump_counts(&d, 1, 77);
    made_dump_bitmap(&d, "SDMP", 0x2040, 1, 64);
    made_dump_bit(&d, 3);
    made_dump_size(&d, 0x3040);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, active bitmap)", 0, want, 1);
    cr_assert(o.c.facts.is_partial && o.c.facts.n_pages == 77);
    close_dump();
    made_dump_put32(&d, 0xf98, 5);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel bitmap)", 0, want, 1);
    cr_assert_eq(o.c.facts.is_partial, 1);
    close_dump();
    made_dump_init(&d, 0, 5);
    made_dump_bitmap(&d, "FDMP", 0x1040, 1, 64);
    made_dump_bit(&d, 3);
    made_dump_size(&d, 0x2040);
    opens(NO_LIMIT);
    expect("crash dump (32-bit, full bitmap)", 0, want32, 1);
    close_dump();
    d.bytes[0x1000] = 'X';
    refuses(0x1000, "SDMP or FDMP");
    made_dump_size(&d, 0x1037);
    refuses(0x1037, "ends within its headers");
}

/* Bits in any pattern, more of them than are read at once, against one look at each. */
Test(crashdump, bitmap_any_pattern)
{
    const uint64_t first_page = 0xa000;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_make(seed);
        const uint64_t n_bits = 130000 + rng_below(&rng, 20000);
        uint64_t n = 0, off = first_page, frame = 0;

        made_dump_init(&d, 1, 6);
        while (frame < n_bits) {
            const uint64_t any = 1 + rng_below(&rng, rng_below(&rng, 4) ? 70 : 5000);
            const uint64_t length = seed % 2 ? any : 64 * (1 + any / 64);
            const int is_set = rng_below(&rng, 2) != 0;

            for (uint64_t end = frame + length; frame < end && frame < n_bits; frame++) {
                if (is_set)
                    made_dump_bit(&d, frame);
                n += (uint64_t)is_set;
            }
        }
        made_dump_bitmap(&d, "FDMP", first_page, n, n_bits);
        made_dump_size(&d, (size_t)first_page);
        opens(first_page + n * PAGE);
        cr_assert(o.c.notes.n == 0 && o.layout.n_missing == 0 && o.layout.n > 2, "seed %llu",
                  (unsigned long long)seed);
        for (frame = 0; frame < n_bits; frame++) {
            const struct ps_extent *e = ps_layout_find(&o.layout, frame * PAGE);
            const int is_set = d.bytes[0x2038 + frame / 8] >> frame % 8 & 1;

            cr_assert_eq(e != NULL, is_set, "seed %llu, frame %llu", (unsigned long long)seed,
                         (unsigned long long)frame);
            cr_assert(!e || e->file_off + (frame * PAGE - e->phys) == off);
            off += is_set ? PAGE : 0;
        }
        close_dump();
    }
}

Test(crashdump, bitmap_damaged)
{
    static const struct want low[] = {{0x3000, 0x1000, 0x3000}, {0x1000000, 0x1000, 0x4000}};
    static const struct want all[] = {{0x3000, 0x1000, 0x2058}, {0xff000, 0x1000, 0x3058}};

    made_dump_init(&d, 1, 5);
    made_dump_bitmap(&d, "FDMP", 0, 2, 0x1001);
    made_dump_bit(&d, 3);
    made_dump_bit(&d, 0x1000);
    made_dump_size(&d, 0x5000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full bitmap)", 1, low, 2);
    cr_assert(has_note("taken from 0x3000"));
    close_dump();
    made_dump_init(&d, 1, 5);
    made_dump_bitmap(&d, "FDMP", 0x2058, 3, UINT64_MAX);
    made_dump_bit(&d, 3);
    made_dump_bit(&d, 255);
    made_dump_size(&d, 0x5000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full bitmap)", 2, all, 2);
    cr_assert(has_note("can have 256") && has_note("has 2 pages, and its header counts 3"));
    close_dump();
    made_dump_bitmap(&d, "FDMP", 0x2058, 2, 0);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full bitmap)", 1, all, 2);
    close_dump();
    made_dump_bitmap(&d, "FDMP", 0x5000, 2, 256);
    refuses(0x2020, "behind the end of the file");
    made_dump_bitmap(&d, "FDMP", 0x2058, 0, 3);
    refuses(0x2038, "no page is there");
}

/* Pages behind the end of the file are counted and make no runs. */
Test(crashdump, bitmap_cut_short)
{
    static const struct want want[] = {{0, 0x1000, 0x3000}, {0x2000, 0x1000, 0x4000}};

    made_dump_init(&d, 1, 5);
    made_dump_bitmap(&d, "FDMP", 0x3000, 1000, 2000);
    for (uint64_t i = 0; i < 1000; i++)
        made_dump_bit(&d, 2 * i);
    made_dump_size(&d, 0x5000);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, full bitmap)", 0, want, 2);
    cr_assert_eq(o.layout.n_missing, 998 * PAGE);
    cr_assert_eq(o.c.runs.n, 3);
    close_dump();
}

static void make_rdmp(uint32_t type, uint32_t n_ranges, uint64_t n_pages)
{
    made_dump_init(&d, 1, type);
    made_dump_rdmp(&d, n_ranges, n_pages);
    made_dump_range(&d, 0, 0x10, 2);
    made_dump_range(&d, 1, 0x100, 3);
    made_dump_range(&d, 2, 0x101000, 1);
}

Test(crashdump, rdmp_stops_at_frame_0)
{
    static const struct want want[] = {
        {0x10000, 0x2000, 0x2080}, {0x100000, 0x3000, 0x4080}, {0x101000000, 0x1000, 0x7080}};

    make_rdmp(8, 5, 99);
    made_dump_range(&d, 4, 0x500, 1);
    made_dump_size(&d, 0x2080 + 7 * PAGE);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel, RDMP)", 0, want, 3);
    cr_assert_eq(o.c.facts.is_partial, 1);
    close_dump();
    made_dump_put32(&d, 0xf98, 9);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel and user, RDMP)", 0, want, 3);
    close_dump();
}

/* What lies behind the list is a page, even if it looks like one more range. */
Test(crashdump, rdmp_stops_at_its_size)
{
    static const struct want want[] = {
        {0x10000, 0x2000, 0x2060}, {0x100000, 0x3000, 0x4060}, {0x101000000, 0x1000, 0x7060}};
    static const struct want two[] = {{0x10000, 0x2000, 0x2060}, {0x100000, 0x3000, 0x4060}};

    make_rdmp(8, 3, 99);
    made_dump_range(&d, 3, 0x500, 1);
    made_dump_size(&d, 0x2060 + 6 * PAGE);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel, RDMP)", 0, want, 3);
    close_dump();
    made_dump_put64(&d, 0x2010, 0x30);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel, RDMP)", 1, two, 2);
    cr_assert(has_note("disagree"));
    close_dump();
    made_dump_put64(&d, 0x2010, UINT64_MAX);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel, RDMP)", 1, want, 3);
    close_dump();
    made_dump_put64(&d, 0x2010, 0x40);
    made_dump_put64(&d, 0x2018, UINT64_MAX);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel, RDMP)", 1, want, 3);
    close_dump();
    made_dump_put64(&d, 0x2010, 0x10);
    refuses(0x2018, "begin where none can be");
}

Test(crashdump, rdmp_stops_at_its_pages)
{
    static const struct want want[] = {
        {0, 0x1000, 0x2090}, {0x100000, 0x3000, 0x3090}, {0x101000000, 0x1000, 0x6090}};

    make_rdmp(10, 6, 5);
    made_dump_range(&d, 0, 0, 1);
    made_dump_range(&d, 3, 0x700, 1);
    made_dump_size(&d, 0x2090 + 6 * PAGE);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, complete, RDMP)", 0, want, 3);
    cr_assert_eq(o.c.facts.is_partial, 0);
    close_dump();
    made_dump_put64(&d, 0x2028, 4);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, complete, RDMP)", 0, want, 2);
    close_dump();
    made_dump_put64(&d, 0x2028, 3);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, complete, RDMP)", 1, want, 2);
    cr_assert(has_note("has 4 pages, and its header counts 3"));
    close_dump();
}

Test(crashdump, rdmp_damaged)
{
    static const struct want want[] = {{0x10000, 0x2000, 0x2060}};

    make_rdmp(9, 3, 0);
    made_dump_range(&d, 1, 0x100, UINT64_MAX);
    made_dump_size(&d, 0x2060 + 6 * PAGE);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel and user, RDMP)", 1, want, 1);
    cr_assert(has_note("damaged behind 2 pages"));
    close_dump();
    made_dump_range(&d, 1, 0x100, 3);
    made_dump_size(&d, 0x2060 + 2 * PAGE);
    opens(NO_LIMIT);
    expect("crash dump (64-bit, kernel and user, RDMP)", 0, want, 1);
    cr_assert_eq(o.layout.n_missing, 4 * PAGE);
    close_dump();
    made_dump_range(&d, 0, 0, 2);
    refuses(0x2030, "page list is empty");
    d.bytes[0x2004] = 'X';
    refuses(0x2000, "RDMP");
    made_dump_size(&d, 0x202f);
    refuses(0x202f, "ends within its headers");
}

/* Through the front door: offsets, memory and what is lost. */
Test(crashdump, as_an_image)
{
    struct ps_tmpdir dir;
    struct ps_image *image = NULL;
    struct ps_err err = {0};
    uint8_t page[PAGE];

    ps_tmpdir_make(&dir);
    made_dump_init(&d, 1, 1);
    made_dump_facts(&d);
    made_dump_counts(&d, 2, 5);
    made_dump_run(&d, 0, 1, 2);
    made_dump_run(&d, 1, 0x100, 3);
    made_dump_put64(&d, 0x4008, 0x1122334455667788);
    made_dump_size(&d, 0x6000);
    cr_assert_eq(ps_image_open(&image, ps_tmpdir_write(&dir, "a", d.bytes, d.n_bytes), NULL, &err),
                 0, "%s", err.msg);
    cr_assert_str_eq(ps_image_format(image), "crash dump (64-bit, full)");
    cr_assert_eq(ps_image_memory_bytes(image), 5 * PAGE);
    cr_assert_eq(ps_image_missing_bytes(image), PAGE);
    cr_assert_eq(ps_image_file_off(image, 0x100008), 0x4008);
    cr_assert_eq(ps_image_file_off(image, 0x8), PS_NO_FILE_OFF);
    cr_assert_eq(ps_image_read(image, 0x100000, page, PAGE, &err), 0);
    cr_assert_arr_eq(page + 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
    cr_assert_eq(ps_image_notes(image)->n, 1);
    cr_assert_eq(ps_image_facts(image)->build, 19041);
    ps_image_close(image);
    ps_tmpdir_remove(&dir);
}
