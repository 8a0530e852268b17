/* VMware saved states built by hand from docs/IMAGES.md: magic, groups of 80 bytes from byte 12 on,
 * tags. */
#include "host/image/image.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/tmpdir.h"

#define PAGE 4096u

static struct ps_tmpdir dir;

static void set_up(void)
{
    ps_tmpdir_make(&dir);
}

static void tear_down(void)
{
    ps_tmpdir_remove(&dir);
}

TestSuite(vmware, .init = set_up, .fini = tear_down);

/* A file in the making. */
struct made {
    uint8_t bytes[64 * PAGE];
    size_t n;
    int is_wide;
};

static struct made m;

static void put(uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        m.bytes[m.n++] = i < 8 ? (uint8_t)(value >> 8 * i) : 0;
}

static void put_at(size_t at, uint64_t value, size_t n)
{
    const size_t end = m.n;

    m.n = at;
    put(value, n);
    m.n = end;
}

static void put_text(const char *text, size_t n)
{
    memcpy(m.bytes + m.n, text, strlen(text));
    m.n += n;
}

/* The header, and the two groups that matter behind one that does not. */
static void begin(uint32_t magic)
{
    memset(&m, 0, sizeof m);
    m.is_wide = (magic & 0xf) != 0;
    put(magic, 4);
    put(8, 4);
    put(3, 4);
    put_text("Checkpoint", 64);
    put(0, 16);
    put_text("cpu", 64);
    put(0, 16);
    put_text("memory", 64);
    put(0, 16);
}

/* What follows belongs to group i. */
static void begin_group(size_t i)
{
    put_at(12 + 80 * i + 64, m.n, 8);
}

static void end_group(size_t i)
{
    put(0, 2);
    put_at(12 + 80 * i + 72, m.n, 8);
}

static void tag_head(const char *name, unsigned size, unsigned n_indices, uint32_t i, uint32_t k)
{
    put(n_indices << 6 | size, 1);
    put(strlen(name), 1);
    put_text(name, strlen(name));
    if (n_indices > 0)
        put(i, 4);
    if (n_indices > 1)
        put(k, 4);
}

static void tag32(const char *name, uint32_t value)
{
    tag_head(name, 4, 0, 0, 0);
    put(value, 4);
}

static void tag32_of(const char *name, uint32_t i, uint32_t value)
{
    tag_head(name, 4, 1, i, 0);
    put(value, 4);
}

/* A block: both sizes, as many bytes of padding as align its data to 'align'. */
static void block_head(const char *name, unsigned code, unsigned n_indices, uint64_t n_stored,
                       uint64_t n_in_memory, size_t align)
{
    const size_t n_size = m.is_wide ? 8 : 4;
    size_t pad;

    tag_head(name, code, n_indices, 0, 0);
    put(n_stored, n_size);
    put(n_in_memory, n_size);
    pad = (align - (m.n + 2) % align) % align;
    put(pad, 2);
    for (size_t i = 0; i < pad; i++)
        put(0xee, 1);
}

struct region {
    uint32_t ppn, page, n_pages;
};

static void regions(const struct region *r, uint32_t n)
{
    tag32("regionsCount", n);
    for (uint32_t i = 0; i < n; i++) {
        tag32_of("regionPPN", i, r[i].ppn);
        tag32_of("regionPageNum", i, r[i].page);
        tag32_of("regionSize", i, r[i].n_pages);
    }
}

static void cpus(void)
{
    begin_group(1);
    tag32("cpu:numVCPUs", 3);
    tag_head("CR64", 8, 2, 0, 3);
    put(0x1ad002, 8);
    tag_head("CR64", 8, 2, 0, 4);
    put(0x6f8000, 8);
    block_head("CR64", 63, 1, 72, 72, 1);
    for (unsigned i = 0; i < 9; i++)
        put(i == 3 ? 0x1aa000 : 0x777000, 8);
    tag_head("CR", 4, 2, 2, 3);
    put(0x39000, 4);
    end_group(1);
}

/* Every page begins with its number in the file of the memory. */
static void put_pages(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(0xa0000 + i, 8);
        m.n += PAGE - 8;
    }
}

static const char *write_made(const char *name)
{
    return ps_tmpdir_write(&dir, name, m.bytes, m.n);
}

static const char *write_vmem(const char *name, size_t n_pages)
{
    static uint8_t kept[sizeof m];

    memcpy(kept, &m, sizeof m);
    m.n = 0;
    memset(m.bytes, 0, sizeof m.bytes);
    put_pages(n_pages);
    write_made(name);
    memcpy(&m, kept, sizeof m);
    return dir.file;
}

static struct ps_image *open_file(const char *name)
{
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, ps_tmpdir_file(&dir, name), NULL, &err), 0, "%s: %s", name,
                 err.msg);
    return image;
}

static void page_is(struct ps_image *image, uint64_t phys, uint64_t number)
{
    struct ps_err err = {0};
    uint64_t got = 0;

    cr_assert_eq(ps_image_read(image, phys, &got, sizeof got, &err), 0, "%s", err.msg);
    cr_assert_eq(got, 0xa0000 + number, "page %llx at %llx", (unsigned long long)got,
                 (unsigned long long)phys);
}

static int note_says(const struct ps_image *image, const char *word)
{
    const struct ps_notes *notes = ps_image_notes(image);

    for (unsigned i = 0; i < notes->n; i++)
        if (strstr(notes->note[i].text, word))
            return 1;
    return 0;
}

static void refuses(const char *name, int code, const char *word)
{
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, ps_tmpdir_file(&dir, name), NULL, &err), -code, "%s: %s",
                 name, err.msg);
    cr_assert(strstr(err.msg, word), "'%s' does not say '%s'", err.msg, word);
}

/* 3 pages below the hole, 2 above it, which stand behind each other in the file. */
static const struct region split[] = {{0, 0, 3}, {0x100000, 3, 2}};

static void make_state(uint32_t magic)
{
    begin(magic);
    cpus();
    begin_group(2);
    tag_head("odd", 5, 0, 0, 0);
    put_text("abcde", 5);
    block_head("other", 63, 0, 100, 100, 64);
    m.n += 100;
    regions(split, 2);
    end_group(2);
}

static void is_split_image(struct ps_image *image, uint64_t base)
{
    size_t n;
    const struct ps_extent *e = ps_image_extents(image, &n);

    cr_assert_eq(n, 2);
    cr_assert(e[0].phys == 0 && e[0].n_bytes == 3 * PAGE && e[0].file_off == base);
    cr_assert(e[1].phys == 0x100000000 && e[1].n_bytes == 2 * PAGE &&
              e[1].file_off == base + 3 * PAGE);
    for (unsigned i = 0; i < 3; i++)
        page_is(image, i * PAGE, i);
    page_is(image, 0x100000000, 3);
    page_is(image, 0x100001000, 4);
    cr_assert_eq(ps_image_memory_bytes(image), 5 * PAGE);
    cr_assert_eq(ps_image_missing_bytes(image), 0);
}

static void has_cpus(const struct ps_image *image)
{
    const struct ps_image_facts *f = ps_image_facts(image);

    cr_assert_eq(f->n_processors, 3);
    cr_assert_eq(f->n_cr3, 2, "%u", f->n_cr3);
    cr_assert_eq(f->cr3[0], 0x1aa000, "the block of processor 0 comes last");
    cr_assert_eq(f->cr3[1], 0x39000);
}

Test(vmware, vmem_with_vmss)
{
    struct ps_image *image;

    make_state(0xbed2bed2);
    write_made("win.vmss");
    write_vmem("win.vmem", 5);
    image = open_file("win.vmem");
    cr_assert_str_eq(ps_image_format(image), "VMware vmem with vmss");
    is_split_image(image, 0);
    has_cpus(image);
    cr_assert(note_says(image, "win.vmss"));
    ps_image_close(image);
    image = open_file("win.vmss");
    cr_assert_str_eq(ps_image_format(image), "VMware vmem with vmss");
    is_split_image(image, 0);
    has_cpus(image);
    cr_assert(note_says(image, "win.vmem"));
    ps_image_close(image);
}

/* The low digit of the magic says whether sizes have 4 or 8 bytes. */
Test(vmware, each_magic)
{
    static const uint32_t magics[] = {0xbed0bed0, 0xbed2bed0, 0xbad1bad1,
                                      0xbed2bed2, 0xbed3bed3, 0xbad2bad2};

    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        struct ps_image *image;

        make_state(magics[i]);
        write_made("vm-Snapshot1.vmsn");
        write_vmem("vm-Snapshot1.vmem", 5);
        image = open_file("vm-Snapshot1.vmem");
        cr_assert_str_eq(ps_image_format(image), "VMware vmem with vmsn");
        is_split_image(image, 0);
        has_cpus(image);
        ps_image_close(image);
    }
}

static size_t make_embedded(uint32_t magic, unsigned code, uint64_t n_in_memory, uint32_t n_regions)
{
    size_t base;

    begin(magic);
    begin_group(2);
    regions(split, n_regions);
    block_head("Memory", code, 2, 5 * PAGE, n_in_memory, 512);
    base = m.n;
    put_pages(5);
    end_group(2);
    cpus();
    return base;
}

Test(vmware, embedded_memory)
{
    static const uint32_t magics[] = {0xbed0bed0, 0xbed2bed2};

    for (size_t i = 0; i < 2; i++) {
        const size_t base = make_embedded(magics[i], 63, 5 * PAGE, 2);
        struct ps_image *image;

        write_made("Win.vmsn");
        image = open_file("Win.vmsn");
        cr_assert_str_eq(ps_image_format(image), "VMware vmsn (embedded memory)");
        is_split_image(image, base);
        has_cpus(image);
        ps_image_close(image);
    }
}

Test(vmware, embedded_without_regions)
{
    const size_t base = make_embedded(0xbed2bed2, 63, 5 * PAGE, 0);
    struct ps_image *image;
    size_t n;

    write_made("suspended.vmss");
    image = open_file("suspended.vmss");
    cr_assert_str_eq(ps_image_format(image), "VMware vmss (embedded memory)");
    cr_assert_eq(ps_image_extents(image, &n)->n_bytes, 5 * PAGE);
    cr_assert_eq(n, 1);
    cr_assert_eq(ps_image_file_off(image, 0), base);
    page_is(image, 4 * PAGE, 4);
    ps_image_close(image);
}

/* What the regions promise behind the end of the block is no memory, though the file goes on. */
Test(vmware, regions_behind_the_block)
{
    static const struct region r[] = {{0, 0, 3}, {0x100, 3, 7}, {0x200, 9, 1}};
    struct ps_image *image;
    size_t n;

    begin(0xbed2bed2);
    begin_group(2);
    regions(r, 3);
    block_head("Memory", 63, 2, 5 * PAGE, 5 * PAGE, 16);
    put_pages(5);
    end_group(2);
    m.n += 20 * PAGE;
    write_made("cut.vmss");
    image = open_file("cut.vmss");
    cr_assert_eq(ps_image_extents(image, &n)[1].n_bytes, 2 * PAGE);
    cr_assert_eq(n, 2);
    cr_assert_eq(ps_image_missing_bytes(image), 6 * PAGE);
    ps_image_close(image);
}

Test(vmware, compressed_memory)
{
    struct ps_image *image;

    make_embedded(0xbed2bed2, 62, 9 * PAGE, 2);
    write_made("z.vmsn");
    refuses("z.vmsn", PS_EFORMAT, "compressed");
    make_embedded(0xbed2bed2, 63, 9 * PAGE, 2);
    write_made("z.vmsn");
    refuses("z.vmsn", PS_EFORMAT, "compressed");
    write_vmem("z.vmem", 5);
    image = open_file("z.vmsn");
    is_split_image(image, 0);
    ps_image_close(image);
}

Test(vmware, what_is_missing_is_named)
{
    make_state(0xbed2bed2);
    write_made("alone.vmss");
    refuses("alone.vmss", PS_ENOENT, "alone.vmem");
    ps_tmpdir_write(&dir, "alone.vmem", NULL, 0);
    refuses("alone.vmss", PS_EFORMAT, "alone.vmem");
    ps_tmpdir_write(&dir, "short.vmss", "\xd2\xbe\xd2\xbe", 4);
    refuses("short.vmss", PS_EFORMAT, "VMware");
}

/* Of two saved states the one counts whose regions are those of the memory. */
Test(vmware, the_one_that_fits)
{
    static const struct region other[] = {{0, 0, 2}};
    struct ps_image *image;

    for (int swap = 0; swap < 2; swap++) {
        make_state(0xbed2bed2);
        write_made(swap ? "a.vmsn" : "a.vmss");
        begin(0xbed2bed2);
        begin_group(2);
        regions(other, 1);
        end_group(2);
        write_made(swap ? "a.vmss" : "a.vmsn");
        write_vmem("a.vmem", 5);
        image = open_file("a.vmem");
        cr_assert_str_eq(ps_image_format(image),
                         swap ? "VMware vmem with vmsn" : "VMware vmem with vmss");
        is_split_image(image, 0);
        cr_assert(note_says(image, "fits better"));
        ps_image_close(image);
    }
}

/* Another name is believed only with the right size; a file that is no saved state never. */
Test(vmware, names)
{
    struct ps_image *image;

    make_state(0xbed2bed2);
    write_made("b.vmss");
    write_vmem("b.raw", 5);
    image = open_file("b.raw");
    is_split_image(image, 0);
    ps_image_close(image);
    write_vmem("b.raw", 6);
    image = open_file("b.raw");
    cr_assert_str_eq(ps_image_format(image), "raw");
    ps_image_close(image);
    write_vmem("b.vmem", 6);
    image = open_file("b.vmem");
    cr_assert_str_eq(ps_image_format(image), "VMware vmem with vmss");
    cr_assert(note_says(image, "0x5000"));
    ps_image_close(image);
    write_made("C.VMSN");
    write_vmem("C.VMEM", 5);
    image = open_file("C.VMEM");
    is_split_image(image, 0);
    ps_image_close(image);
    write_vmem("d.vmem", 5);
    write_vmem("d.vmss", 5);
    image = open_file("d.vmem");
    cr_assert_str_eq(ps_image_format(image), "raw");
    ps_image_close(image);
}

Test(vmware, a_vmem_that_is_short)
{
    struct ps_image *image;

    make_state(0xbed2bed2);
    write_made("e.vmss");
    write_vmem("e.vmem", 4);
    image = open_file("e.vmem");
    cr_assert_eq(ps_image_missing_bytes(image), PAGE);
    page_is(image, 0x100000000, 3);
    ps_image_close(image);
}

/* Each cut of the file: an error or an image, and what of the regions could be read. */
Test(vmware, cut_anywhere)
{
    size_t whole;

    make_state(0xbed2bed2);
    whole = m.n;
    write_vmem("f.vmem", 5);
    for (size_t n = 4; n < whole; n += 3) {
        struct ps_image *image;

        ps_tmpdir_write(&dir, "f.vmss", m.bytes, n);
        image = open_file("f.vmem");
        cr_assert(n < 12 || note_says(image, "damaged"), "cut to %zu", n);
        ps_image_close(image);
    }
}

Test(vmware, numbers_that_lie)
{
    static const struct region r[] = {{0xffffffff, 0xffffffff, 0xffffffff}, {0, 0, 0}, {1, 1, 1}};
    struct ps_image *image;

    begin(0xbed2bed2);
    put_at(8, 0xffffffff, 4);
    begin_group(2);
    regions(r, 3);
    tag32_of("regionPPN", 0xffffffff, 7);
    tag_head("regionSize", 8, 1, 4, 0);
    put(UINT64_MAX, 8);
    tag32("regionsCount", 0xffffffff);
    block_head("Memory", 63, 2, UINT64_MAX, UINT64_MAX, 16);
    put_pages(3);
    write_made("g.vmss");
    image = open_file("g.vmss");
    cr_assert(note_says(image, "damaged"));
    cr_assert_gt(ps_image_missing_bytes(image), 0);
    page_is(image, PAGE, 1);
    ps_image_close(image);
}
