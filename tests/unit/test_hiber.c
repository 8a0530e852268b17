/* Hibernation files of Windows 8 to 11: restore sets, whole and damaged. */
#include "host/image/containers/reader.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/expect_container.h"
#include "tests/support/made_hiber.h"
#include "tests/support/open_container.h"

#define PAGE 4096u

static struct made_hiber h;
static struct ps_memory_bytes m;
static struct ps_open_container o;

static void open_it(void)
{
    ps_memory_bytes_init(&m, h.bytes, h.n_bytes);
    cr_assert_eq(ps_open_container(&o, &ps_reader_hiber, &m, "x"), 1, "%s", o.err.msg);
}

static void expect_refused(const char *words)
{
    ps_memory_bytes_init(&m, h.bytes, h.n_bytes);
    cr_assert_eq(ps_open_container(&o, &ps_reader_hiber, &m, "x"), -PS_EFORMAT);
    cr_assert(strstr(o.err.msg, words), "%s", o.err.msg);
    ps_open_container_close(&o);
}

static int has_page(uint64_t page)
{
    return ps_layout_find(&o.layout, page * PAGE) != NULL;
}

static void expect_pages(uint64_t first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        expect_page(&o, first + i, made_hiber_fill(first + i));
}

/* The table of pool-internals.md 9.6. */
static const struct version {
    uint32_t length_self;
    int is_x86;
    uint32_t boot_at, kernel_at, kernel_pages_at;
} versions[] = {
    {0x360, 0, 0x60, 0x68, 0x1c8}, {0x3b0, 0, 0x68, 0x70, 0x218}, {0x3c8, 0, 0x68, 0x70, 0x220},
    {0x3d8, 0, 0x68, 0x70, 0x230}, {0x3e0, 0, 0x68, 0x70, 0x230}, {0x448, 0, 0x68, 0x70, 0x230},
    {0x4d8, 0, 0x68, 0x70, 0x238}, {0x2c8, 1, 0x50, 0x54, 0x1b0}, {0x310, 1, 0x50, 0x54, 0x1f8},
    {0x328, 1, 0x50, 0x54, 0x200}, {0x338, 1, 0x50, 0x54, 0x210}, {0x340, 1, 0x50, 0x54, 0x210},
};
#define N_VERSIONS (sizeof versions / sizeof *versions)
static const struct version *const usual = &versions[4];

static void begin(const struct version *v)
{
    made_hiber_init(&h);
    made_hiber_add(&h, "HIBR", 4);
    made_hiber_put(&h, 0x0c, v->length_self, 4);
    made_hiber_put(&h, v->is_x86 ? 0x14 : 0x18, PAGE, 4);
    made_hiber_put(&h, v->is_x86 ? 0x18 : 0x20, 0x01d7000000000001u, 8);
    made_hiber_align(&h, PAGE);
}

static size_t width(const struct version *v)
{
    return v->is_x86 ? 4 : 8;
}

static void boot_here(const struct version *v, uint64_t n_pages)
{
    made_hiber_align(&h, PAGE);
    made_hiber_put(&h, v->is_x86 ? 0x48 : 0x58, n_pages, 8);
    made_hiber_put(&h, v->boot_at, h.n_bytes / PAGE, width(v));
}

static void kernel_here(const struct version *v, uint64_t n_pages)
{
    made_hiber_align(&h, PAGE);
    made_hiber_put(&h, v->kernel_at, h.n_bytes / PAGE, width(v));
    made_hiber_put(&h, v->kernel_pages_at, n_pages, 8);
}

static size_t set(const struct version *v, uint64_t first, unsigned n, enum made_method method)
{
    const struct made_range range = {first, n};

    return made_hiber_set(&h, v->is_x86, &range, 1, method);
}

Test(hiber, every_version)
{
    for (size_t i = 0; i < N_VERSIONS; i++) {
        const struct version *v = &versions[i];
        const struct made_range two[] = {{0x20, 3}, {0x10, 2}};

        begin(v);
        boot_here(v, 21);
        set(v, 0x100, 16, MADE_XPRESS);
        made_hiber_set(&h, v->is_x86, two, 2, MADE_HUFFMAN);
        kernel_here(v, 18);
        set(v, 0x200, 16, MADE_HUFFMAN);
        set(v, 0x300, 1, MADE_STORED);
        set(v, 0x301, 1, MADE_XPRESS);
        open_it();
        cr_assert_eq(n_present(&o), 39);
        expect_pages(0x100, 16);
        expect_pages(0x20, 3);
        expect_pages(0x10, 2);
        expect_pages(0x200, 16);
        expect_pages(0x300, 2);
        cr_assert_str_eq(o.c.name, v->is_x86 ? "hibernation file (Windows 8+, x86)"
                                             : "hibernation file (Windows 8+, x64)");
        cr_assert_eq(o.c.facts.machine, v->is_x86 ? PS_MACHINE_X86 : PS_MACHINE_X64);
        cr_assert_eq(o.c.facts.system_time, 0x01d7000000000001u);
        cr_assert_eq(o.c.facts.n_pages, 0);
        cr_assert(o.c.has_no_offsets);
        cr_assert_eq(o.c.notes.n, 0);
        ps_open_container_close(&o);
        cr_assert_eq(m.n_closed, 0);
    }
}

/* Word, descriptor and page as pool-internals.md has them. */
Test(hiber, known_set)
{
    static const uint8_t known[12] = {0x01, 0x00, 0x10, 0x00, 0x70, 0x1a};

    begin(usual);
    kernel_here(usual, 1);
    made_hiber_add(&h, known, sizeof known);
    for (unsigned i = 0; i < PAGE; i++)
        made_hiber_add(&h, "\xa5", 1);
    open_it();
    cr_assert_eq(o.layout.n, 1);
    cr_assert_eq(o.layout.extent[0].phys, 0x1a7000);
    expect_page(&o, 0x1a7, 0xa5);
    ps_open_container_close(&o);
}

/* More sets than one block holds, in no order of pages. */
Test(hiber, many_sets)
{
    begin(usual);
    kernel_here(usual, 40 * 16);
    for (unsigned i = 0; i < 40; i++)
        set(usual, 0x1000 + 16 * (i * 7 % 40), 16, i % 3 == 0 ? MADE_HUFFMAN : MADE_XPRESS);
    open_it();
    cr_assert_eq(n_present(&o), 40 * 16);
    expect_pages(0x1000, 40 * 16);
    cr_assert_eq(o.c.notes.n, 0);
    ps_open_container_close(&o);
}

/* What the Windows kernel restores last is what memory then holds. */
Test(hiber, a_page_in_both_sets)
{
    const struct made_range boot = {0x50, 4};

    begin(usual);
    boot_here(usual, 4);
    made_hiber_set(&h, 0, &boot, 1, MADE_XPRESS);
    kernel_here(usual, 3);
    made_hiber_put(&h, h.n_bytes, 2 | 2 * PAGE << 8, 4);
    made_hiber_put(&h, h.n_bytes, 0x51u << 4, 8);
    made_hiber_put(&h, h.n_bytes, 0x52u << 4, 8);
    for (unsigned i = 0; i < 2 * PAGE; i++)
        made_hiber_add(&h, "\xee", 1);
    made_hiber_put(&h, h.n_bytes, 1 | PAGE << 8, 4);
    made_hiber_put(&h, h.n_bytes, 0x52u << 4, 8);
    for (unsigned i = 0; i < PAGE; i++)
        made_hiber_add(&h, "\xdd", 1);
    open_it();
    expect_pages(0x50, 1);
    expect_page(&o, 0x51, 0xee);
    expect_page(&o, 0x52, 0xdd);
    expect_pages(0x53, 1);
    ps_open_container_close(&o);
}

Test(hiber, damaged_data_cost_themselves)
{
    size_t at;

    begin(usual);
    kernel_here(usual, 48);
    set(usual, 0x100, 16, MADE_XPRESS);
    at = set(usual, 0x200, 16, MADE_HUFFMAN);
    set(usual, 0x300, 16, MADE_XPRESS);
    memset(h.bytes + at + 12, 0x11, 256); /* a table with too many codes */
    open_it();
    cr_assert_eq(n_present(&o), 48);
    expect_pages(0x100, 16);
    for (unsigned i = 0; i < 16; i++)
        expect_page(&o, 0x200 + i, 0);
    expect_pages(0x300, 16);
    ps_open_container_close(&o);
}

static void many(unsigned n, uint64_t first)
{
    for (unsigned i = 0; i < n; i++)
        set(usual, first + 16 * i, 16, MADE_XPRESS);
}

Test(hiber, a_damaged_head_costs_its_set)
{
    size_t at;

    begin(usual);
    boot_here(usual, 64 * 16);
    many(20, 0x1000);
    at = set(usual, 0x2000, 16, MADE_XPRESS);
    many(43, 0x3000);
    kernel_here(usual, 16 * 16);
    many(16, 0x8000);
    h.bytes[at] = 77;
    open_it();
    expect_pages(0x1000, 20 * 16);
    cr_assert_not(has_page(0x2000));
    expect_pages(0x3000, 43 * 16);
    expect_pages(0x8000, 16 * 16);
    cr_assert_eq(n_present(&o), 79 * 16);
    expect_note(&o, "of the 1024 pages that the boot loader restores, 16 ");
    ps_open_container_close(&o);
}

Test(hiber, cut_short)
{
    begin(usual);
    kernel_here(usual, 64);
    many(4, 0x1000);
    h.n_bytes -= 1;
    open_it();
    cr_assert_eq(n_present(&o), 48);
    expect_pages(0x1000, 48);
    expect_note(&o, "of the 64 pages that the Windows kernel restores, 16 ");
    ps_open_container_close(&o);
}

Test(hiber, a_restore_set_outside_of_the_file)
{
    begin(usual);
    boot_here(usual, 16);
    many(1, 0x1000);
    made_hiber_put(&h, usual->kernel_at, UINT64_MAX, 8);
    made_hiber_put(&h, usual->kernel_pages_at, UINT64_MAX - 1, 8);
    open_it();
    cr_assert_eq(n_present(&o), 16);
    expect_note(&o, "that the Windows kernel restores");
    ps_open_container_close(&o);
}

Test(hiber, pages_beyond_any_memory)
{
    begin(usual);
    kernel_here(usual, 2);
    set(usual, UINT64_C(1) << 59, 1, MADE_XPRESS);
    set(usual, 0x100, 1, MADE_XPRESS);
    open_it();
    cr_assert_eq(n_present(&o), 1);
    expect_pages(0x100, 1);
    cr_assert_eq(o.layout.n_missing, PAGE);
    ps_open_container_close(&o);
}

Test(hiber, an_unknown_version)
{
    for (unsigned is_x86 = 0; is_x86 < 2; is_x86++) {
        struct version v = is_x86 ? versions[11] : versions[6];

        v.length_self = 0x500;
        begin(&v);
        boot_here(&v, 16);
        set(&v, 0x100, 16, MADE_XPRESS);
        kernel_here(&v, 0);
        set(&v, 0x200, 16, MADE_XPRESS);
        set(&v, 0x300, 16, MADE_XPRESS);
        made_hiber_align(&h, PAGE);
        open_it();
        cr_assert_eq(n_present(&o), 48);
        expect_pages(0x300, 16);
        expect_note(&o, "0x500");
        ps_open_container_close(&o);
    }
}

Test(hiber, resumed)
{
    begin(usual);
    kernel_here(usual, 16);
    many(1, 0x1000);
    memcpy(h.bytes, "WAKE", 4);
    open_it();
    expect_pages(0x1000, 16);
    expect_note(&o, "resumed");
    ps_open_container_close(&o);
}

/* Nothing of the header is left but the signature. */
Test(hiber, wiped_header)
{
    for (unsigned is_x86 = 0; is_x86 < 2; is_x86++) {
        const struct version *v = is_x86 ? &versions[11] : usual;

        begin(v);
        made_hiber_align(&h, 3 * PAGE);
        for (unsigned i = 0; i < 10; i++)
            set(v, 0x1000 + 16 * i, 16, MADE_XPRESS);
        made_hiber_put(&h, (h.n_bytes / PAGE + 5) * PAGE - 1, 0, 1);
        for (unsigned i = 0; i < 10; i++)
            set(v, 0x2000 + 16 * i, 16, MADE_HUFFMAN);
        memset(h.bytes, 0, PAGE);
        memcpy(h.bytes, "WAKE", 4);
        open_it();
        cr_assert_eq(n_present(&o), 320);
        expect_pages(0x1000, 160);
        expect_pages(0x2000, 160);
        expect_note(&o, "wiped");
        cr_assert_eq(o.c.facts.machine, is_x86 ? PS_MACHINE_X86 : PS_MACHINE_X64);
        ps_open_container_close(&o);
    }
}

Test(hiber, nothing_in_it)
{
    begin(usual);
    expect_refused("no page of memory");
    h.n_bytes = 4;
    expect_refused("no page of memory");
    made_hiber_put(&h, 40 * PAGE, 0, 1);
    memset(h.bytes + 4, 0, PAGE);
    expect_refused("no page of memory");
}

Test(hiber, other_page_sizes)
{
    begin(usual);
    made_hiber_put(&h, 0x18, 16384, 4);
    expect_refused("16384");
    cr_assert_eq(o.err.at, 0x18);
}

/* A log of NTFS begins with RSTR too. */
Test(hiber, not_recognised)
{
    begin(usual);
    memcpy(h.bytes, "RSTR", 4);
    made_hiber_put(&h, 0x18, 512, 4);
    ps_memory_bytes_init(&m, h.bytes, h.n_bytes);
    cr_assert_eq(ps_open_container(&o, &ps_reader_hiber, &m, "x"), 0);
    memset(h.bytes, 0, PAGE);
    made_hiber_align(&h, 16 * PAGE);
    cr_assert_eq(ps_open_container(&o, &ps_reader_hiber, &m, "x"), 0);
}
