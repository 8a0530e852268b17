/* Hibernation files of Windows XP to 7: tables of page numbers and the blocks behind them. */
#include "host/image/containers/reader.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/expect_container.h"
#include "tests/support/made_hiber.h"
#include "tests/support/open_container.h"

#define PAGE 4096u

static struct made_hiber h;
static struct ps_memory_bytes m;
static struct ps_open_container o;

/* The tables of pool-internals.md 9.6, and the headers of docs/IMAGES.md. */
struct ranges {
    const char *name;
    int is_x86;
    unsigned next_at, count_at, first_at, stride, start_at, end_at;
};
static const struct ranges all_ranges[] = {
    {"Windows XP to Vista SP1, x86", 1, 4, 0xc, 0x10, 0x10, 4, 8},
    {"Windows Vista SP2, x86", 1, 4, 8, 0xc, 8, 0, 4},
    {"Windows 7, x86", 1, 0, 4, 8, 8, 0, 4},
    {"Windows XP to Vista SP1, x64", 0, 8, 0x14, 0x20, 0x20, 8, 0x10},
    {"Windows Vista SP2, x64", 0, 8, 0x10, 0x18, 0x10, 0, 8},
    {"Windows 7, x64", 0, 0, 8, 0x10, 0x10, 0, 8},
};
#define N_RANGES (sizeof all_ranges / sizeof *all_ranges)

struct version {
    const char *signature;
    uint32_t length_self;
    unsigned ranges, first_table_at, time_at, processor_page;
};
static const struct version versions[] = {
    {"hibr", 0xa8, 0, 0x58, 0x20, 2},  {"HIBR", 0xe0, 0, 0x50, 0x18, 4},
    {"HIBR", 0xf0, 0, 0x50, 0x18, 1},  {"HIBR", 0xf0, 1, 0x50, 0x18, 1},
    {"HIBR", 0xe0, 2, 0x4c, 0x18, 1},  {"hibr", 0xc0, 3, 0x68, 0x20, 2},
    {"HIBR", 0x128, 3, 0x68, 0x20, 4}, {"HIBR", 0x140, 3, 0x68, 0x20, 1},
    {"HIBR", 0x138, 4, 0x68, 0x20, 1}, {"HIBR", 0x128, 5, 0x60, 0x20, 1},
};
#define N_VERSIONS (sizeof versions / sizeof *versions)

static void open_it(void)
{
    ps_memory_bytes_init(&m, h.bytes, h.n_bytes);
    cr_assert_eq(ps_open_container(&o, &ps_reader_hiber, &m, "x"), 1, "%s", o.err.msg);
}

/* Pages of state, before a table at page 6. */
#define FIRST_TABLE 6u
#define TIME        0x01ca000000000001u

static void begin(const struct version *v)
{
    const struct ranges *r = &all_ranges[v->ranges];
    const unsigned cr3_at = v->processor_page * PAGE + (r->is_x86 ? 0x2d4 : 0x10);

    made_hiber_init(&h);
    made_hiber_add(&h, v->signature, 4);
    made_hiber_put(&h, 0xc, v->length_self, 4);
    made_hiber_put(&h, v->first_table_at, FIRST_TABLE, r->is_x86 ? 4 : 8);
    made_hiber_put(&h, v->time_at, TIME, 8);
    made_hiber_put(&h, cr3_at, 0x187000 | 0x20, r->is_x86 ? 4 : 8);
    made_hiber_align(&h, FIRST_TABLE * PAGE);
}

static unsigned n_most(const struct ranges *r)
{
    return (PAGE - r->first_at) / r->stride;
}

/* Ranges i = 0, 1 ...: pages first + 3 i, and two of them in every fifth. */
static unsigned range_pages(unsigned i)
{
    return i % 5 == 4 ? 2 : 1;
}

/* A table of n ranges and its blocks, at the next page; returns its page. 'shown' overrides the
 * count. */
static size_t table(const struct ranges *r, uint64_t first, unsigned n, unsigned shown)
{
    static uint64_t page[1024];
    const size_t at = (h.n_bytes + PAGE - 1) / PAGE * PAGE;
    const size_t w = r->is_x86 ? 4 : 8;
    unsigned n_pages = 0;

    made_hiber_align(&h, PAGE);
    memset(h.bytes + at, 0, PAGE);
    if (r->first_at > 2 * w) /* the pointer and the checksum that the reader must not look at */
        made_hiber_put(&h, at, r->is_x86 ? 0x81234000 : 0xfffff80081234000u, w);
    made_hiber_put(&h, at + r->count_at, shown, 4);
    for (unsigned i = 0; i < n; i++) {
        const size_t to = at + r->first_at + i * r->stride;

        made_hiber_put(&h, to + r->start_at, first + 3 * i, w);
        made_hiber_put(&h, to + r->end_at, first + 3 * i + range_pages(i), w);
        for (unsigned k = 0; k < range_pages(i); k++)
            page[n_pages++] = first + 3 * i + k;
    }
    made_hiber_align(&h, at + PAGE);
    h.n_bytes = at + PAGE;
    for (unsigned i = 0; i < n_pages; i += 16) {
        const unsigned left = n_pages - i;

        made_hiber_block(&h, page + i, left < 16 ? left : 16,
                         i % 48 == 32 ? MADE_STORED : MADE_XPRESS);
    }
    return at / PAGE;
}

static unsigned sum_pages(unsigned n)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += range_pages(i);
    return sum;
}

static void expect_table(uint64_t first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < range_pages(i); k++)
            expect_page(&o, first + 3 * i + k, made_hiber_fill(first + 3 * i + k));
}

/* Two tables, of which the first is full. */
static void two_tables(const struct ranges *r)
{
    const size_t one = table(r, 0x100, n_most(r), n_most(r));
    const size_t two = table(r, 0x4000, 7, 7);

    made_hiber_put(&h, one * PAGE + r->next_at, two, r->is_x86 ? 4 : 8);
}

Test(hiber_tables, every_version)
{
    for (size_t i = 0; i < N_VERSIONS; i++) {
        const struct version *v = &versions[i];
        const struct ranges *r = &all_ranges[v->ranges];
        char name[80];

        begin(v);
        two_tables(r);
        open_it();
        snprintf(name, sizeof name, "hibernation file (%s)", r->name);
        cr_assert_str_eq(o.c.name, name);
        cr_assert_eq(n_present(&o), sum_pages(n_most(r)) + sum_pages(7));
        expect_table(0x100, n_most(r));
        expect_table(0x4000, 7);
        cr_assert_eq(o.c.notes.n, 0);
        cr_assert_eq(o.c.facts.n_cr3, 1, "%s", v->signature);
        cr_assert_eq(o.c.facts.cr3[0], 0x187000);
        cr_assert_eq(o.c.facts.system_time, TIME);
        cr_assert_eq(o.c.facts.machine, r->is_x86 ? PS_MACHINE_X86 : PS_MACHINE_X64);
        cr_assert(o.c.has_no_offsets);
        ps_open_container_close(&o);
        cr_assert_eq(m.n_closed, 0);
    }
}

/* The whole header is zero, or only its signature is left: the tables tell which version. */
Test(hiber_tables, wiped_header)
{
    for (size_t i = 0; i < N_RANGES; i++) {
        for (unsigned n = 1; n < 40; n += 6) {
            const struct ranges *r = &all_ranges[i];
            char name[80];

            made_hiber_init(&h);
            if (n % 4 == 1)
                made_hiber_add(&h, n % 8 == 1 ? "wake" : "WAKE", 4);
            made_hiber_put(&h, FIRST_TABLE * PAGE - 1, 0, 1);
            table(r, 1, n, n);
            open_it();
            snprintf(name, sizeof name, "hibernation file (%s)", r->name);
            cr_assert_str_eq(o.c.name, name, "%s, %u ranges", o.c.name, n);
            cr_assert_eq(n_present(&o), sum_pages(n));
            expect_table(1, n);
            expect_note(&o, "resumed");
            cr_assert_eq(o.c.facts.system_time, 0);
            ps_open_container_close(&o);
        }
    }
}

static const struct version *const seven = &versions[9];

/* A block without its magic takes the rest of its table with it: nobody knows how long it is. */
Test(hiber_tables, a_damaged_block)
{
    const struct ranges *r = &all_ranges[seven->ranges];

    begin(seven);
    two_tables(r);
    for (size_t at = (FIRST_TABLE + 1) * PAGE + 1; at + 8 < h.n_bytes; at++)
        if (!memcmp(h.bytes + at, "\x81\x81xpress", 8)) {
            h.bytes[at] = 0; /* the second block */
            break;
        }
    open_it();
    cr_assert_eq(n_present(&o), 16 + sum_pages(7));
    expect_table(0x4000, 7);
    expect_note(&o, "pages that the tables name could not be found");
    ps_open_container_close(&o);
}

Test(hiber_tables, damaged_data_cost_themselves)
{
    const struct ranges *r = &all_ranges[seven->ranges];
    const size_t block = (FIRST_TABLE + 1) * PAGE;

    begin(seven);
    two_tables(r);
    memset(h.bytes + block + 32, 0xff, 8); /* a match before anything was written */
    open_it();
    cr_assert_eq(n_present(&o), sum_pages(n_most(r)) + sum_pages(7));
    expect_page(&o, 0x100, 0);
    expect_table(0x100 + 3 * 15, 5); /* of the second block */
    ps_open_container_close(&o);
}

Test(hiber_tables, a_damaged_range)
{
    const struct ranges *r = &all_ranges[seven->ranges];

    begin(seven);
    two_tables(r);
    made_hiber_put(&h, FIRST_TABLE * PAGE + r->first_at + 20 * r->stride + r->start_at, 0xffffff,
                   8);
    open_it();
    cr_assert_eq(n_present(&o), sum_pages(20) + sum_pages(7));
    expect_table(0x100, 20);
    expect_table(0x4000, 7);
    expect_note(&o, "table of page numbers is damaged");
    ps_open_container_close(&o);
}

/* Tables that lead back, to themselves or nowhere. */
Test(hiber_tables, a_damaged_link)
{
    const struct ranges *r = &all_ranges[seven->ranges];
    static const uint64_t next[] = {FIRST_TABLE, 1, UINT64_MAX, 0xffffff, FIRST_TABLE + 1};

    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        begin(seven);
        two_tables(r);
        made_hiber_put(&h, FIRST_TABLE * PAGE + r->next_at, next[i], 8);
        open_it();
        cr_assert_eq(n_present(&o), sum_pages(n_most(r)));
        expect_table(0x100, n_most(r));
        expect_note(&o, "table of page numbers is damaged");
        ps_open_container_close(&o);
    }
}

/* What a table leads to that is not full: a left-over, unless it follows at once and is whole. */
Test(hiber_tables, a_link_of_the_last_table)
{
    const struct ranges *r = &all_ranges[seven->ranges];

    for (unsigned is_next = 0; is_next < 2; is_next++) {
        size_t next;

        begin(seven);
        table(r, 0x100, 30, 30);
        if (!is_next)
            made_hiber_align(&h, (h.n_bytes / PAGE + 2) * PAGE);
        next = table(r, 0x4000, 7, 7);
        made_hiber_put(&h, FIRST_TABLE * PAGE + r->next_at, next, 8);
        open_it();
        cr_assert_eq(n_present(&o), sum_pages(30) + (is_next ? sum_pages(7) : 0));
        expect_table(0x100, 30);
        cr_assert_eq(o.c.notes.n, 0);
        ps_open_container_close(&o);
    }
}

Test(hiber_tables, cut_short)
{
    const struct ranges *r = &all_ranges[seven->ranges];

    begin(seven);
    table(r, 0x100, 41, 41); /* 49 pages */
    h.n_bytes -= 16;
    open_it();
    cr_assert_eq(n_present(&o), 48);
    expect_table(0x100, 40);
    expect_note(&o, "1 pages that the tables name could not be found");
    ps_open_container_close(&o);
}

Test(hiber_tables, nothing_in_it)
{
    begin(seven);
    made_hiber_align(&h, 20 * PAGE);
    ps_memory_bytes_init(&m, h.bytes, h.n_bytes);
    cr_assert_eq(ps_open_container(&o, &ps_reader_hiber, &m, "x"), -PS_EFORMAT);
    cr_assert(strstr(o.err.msg, "no page of memory"), "%s", o.err.msg);
    ps_open_container_close(&o);
}
