/* ELF cores made byte by byte: both classes, their odd headers, notes, and files that lie. */
#include "host/image/containers/reader.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect_container.h"
#include "tests/support/open_container.h"

#define PAGE    4096u
#define PT_LOAD 1u
#define PT_NOTE 4u

static _Alignas(16) uint8_t file[1 << 17];
static struct ps_memory_bytes m;
static struct ps_open_container o;
static int is_64 = 1;
static size_t phoff;

static void put(size_t at, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
}

static size_t word_bytes(void)
{
    return is_64 ? 8 : 4;
}

static size_t segment_bytes(void)
{
    return is_64 ? 56 : 32;
}

/* A header whose program headers begin at 'off'. */
static void put_elf(unsigned machine, unsigned n_segments, size_t off)
{
    memset(file, 0, sizeof file);
    memcpy(file, "\177ELF", 4);
    file[4] = is_64 ? 2 : 1;
    file[5] = 1;
    file[6] = 1;
    put(16, 4, 2);
    put(18, machine, 2);
    put(20, 1, 4);
    put(is_64 ? 32 : 28, off, word_bytes());
    put(is_64 ? 54 : 42, segment_bytes(), 2);
    put(is_64 ? 56 : 44, n_segments, 2);
    phoff = off;
}

static void put_segment(size_t i, uint32_t type, uint64_t off, uint64_t phys, uint64_t n_stored,
                        uint64_t n_memory)
{
    const size_t at = phoff + i * segment_bytes();
    const size_t w = word_bytes();
    const size_t from = is_64 ? 8 : 4;

    put(at, type, 4);
    put(at + from, off, w);
    put(at + from + w, 0xffffabcd00000000 + phys, w);
    put(at + from + 2 * w, phys, w);
    put(at + from + 3 * w, n_stored, w);
    put(at + from + 4 * w, n_memory, w);
}

/* Returns where its description begins. */
static size_t put_note(size_t *at, const char *name, size_t n_name, uint32_t type, size_t n_desc)
{
    const size_t desc = *at + 12 + (n_name + 3) / 4 * 4;

    put(*at, n_name, 4);
    put(*at + 4, n_desc, 4);
    put(*at + 8, type, 4);
    memcpy(file + *at + 12, name, n_name);
    *at = desc + (n_desc + 3) / 4 * 4;
    return desc;
}

static void put_qemu(size_t *at, unsigned selector, uint64_t cr0, uint64_t cr3)
{
    const size_t d = put_note(at, "QEMU", 5, 0, 440);

    put(d, 1, 4);
    put(d + 4, 440, 4);
    put(d + 152, selector, 4);
    put(d + 392, cr0, 8);
    put(d + 416, cr3, 8);
}

static int open_it(size_t n_bytes)
{
    ps_memory_bytes_init(&m, file, n_bytes);
    return ps_open_container(&o, &ps_reader_elf, &m, "x");
}

static void expect_failure(size_t n_bytes, uint64_t at, const char *words)
{
    cr_assert_eq(open_it(n_bytes), -PS_EFORMAT);
    cr_assert_eq(o.err.at, at, "%#llx: %s", (unsigned long long)o.err.at, o.err.msg);
    cr_assert(strstr(o.err.msg, words), "'%s' does not say '%s'", o.err.msg, words);
    ps_open_container_close(&o);
}

static int says(enum ps_note_kind kind, const char *words)
{
    for (unsigned i = 0; i < o.c.notes.n; i++)
        if (o.c.notes.note[i].kind == kind && strstr(o.c.notes.note[i].text, words))
            return 1;
    return 0;
}

static const struct {
    int is_64;
    unsigned machine;
    const char *name;
    enum ps_machine_type type;
} classes[] = {
    {1, 62, "ELF core (64-bit)", PS_MACHINE_X64},    {1, 3, "ELF core (64-bit)", PS_MACHINE_X86},
    {1, 183, "ELF core (64-bit)", PS_MACHINE_ARM64}, {0, 3, "ELF core (32-bit)", PS_MACHINE_X86},
    {0, 8, "ELF core (32-bit)", PS_MACHINE_UNKNOWN},
};

Test(elf, classes)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        is_64 = classes[i].is_64;
        put_elf(classes[i].machine, 3, 0x7000);
        put_segment(0, PT_LOAD, 0x2000, 0x1000, 2 * PAGE, 2 * PAGE);
        put_segment(1, 6, 0x2000, 0x50000, PAGE, PAGE);
        put_segment(2, PT_LOAD, 0x4800, 0x80000000, PAGE, 4 * PAGE);
        cr_assert_eq(open_it(0x8000), 1, "%zu: %s", i, o.err.msg);
        cr_assert_str_eq(o.c.name, classes[i].name);
        cr_assert_eq(o.c.facts.machine, classes[i].type);
        cr_assert_eq(o.layout.n, 2);
        expect_extent(&o, 0, 0x1000, 2 * PAGE, 0x2000);
        expect_extent(&o, 1, 0x80000000, PAGE, 0x4800);
        cr_assert_eq(o.c.notes.n + o.c.facts.n_cr3 + o.c.facts.n_processors, 0);
        cr_assert_eq(o.layout.n_covered, 3 * PAGE);
        ps_open_container_close(&o);
    }
}

Test(elf, version_as_written_by_virtualbox)
{
    put_elf(62, 1, 0x40);
    put_segment(0, PT_LOAD, 0x1000, 0, PAGE, PAGE);
    put(20, 0, 4);
    cr_assert_eq(open_it(0x2000), 1, "one range from 0 is memory: %s", o.err.msg);
    ps_open_container_close(&o);
    put(20, 2, 4);
    expect_failure(0x2000, 20, "version 2");
}

/* What is not in the file is absent; a p_memsz that says less, or nothing. */
Test(elf, sizes)
{
    put_elf(62, 4, 0x40);
    put_segment(0, PT_LOAD, 0x1000, 0x100000, PAGE, 16 * PAGE);
    put_segment(1, PT_LOAD, 0x2000, 0x200000, 2 * PAGE, PAGE);
    put_segment(2, PT_LOAD, 0x3000, 0x300000, PAGE, 0);
    put_segment(3, PT_LOAD, UINT64_MAX, 0xfd000000, 0, PAGE);
    cr_assert_eq(open_it(0x4000), 1);
    cr_assert_eq(o.layout.n, 3);
    expect_extent(&o, 0, 0x100000, PAGE, 0x1000);
    expect_extent(&o, 1, 0x200000, PAGE, 0x2000);
    expect_extent(&o, 2, 0x300000, PAGE, 0x3000);
    cr_assert_eq(o.layout.n_missing, 0);
    ps_open_container_close(&o);
}

/* As QEMU writes with paging=true: the same memory under several addresses. */
Test(elf, overlap)
{
    put_elf(62, 4, 0x40);
    put_segment(0, PT_LOAD, 0x2000, 0x10000, 2 * PAGE, 2 * PAGE);
    put_segment(1, PT_LOAD, 0x3000, 0x11000, 2 * PAGE, 2 * PAGE);
    put_segment(2, PT_LOAD, 0x2000, 0x10000, PAGE, PAGE);
    put_segment(3, PT_LOAD, 0x8000, 0x10000, 8 * PAGE, 8 * PAGE);
    cr_assert_eq(open_it(0x10000), 1);
    cr_assert_eq(o.layout.n, 2);
    expect_extent(&o, 0, 0x10000, 3 * PAGE, 0x2000);
    expect_extent(&o, 1, 0x13000, 5 * PAGE, 0xb000);
    cr_assert_eq(o.layout.n_overlaps, 5 * PAGE);
    cr_assert(!says(PS_NOTE_INFO, "paging"), "only QEMU's files are known to be whole between");
    ps_open_container_close(&o);
}

Test(elf, qemu_with_paging)
{
    size_t end = 0x1000;

    put_elf(62, 5, 0x40);
    put_qemu(&end, 0x10, 0x80000011, 0x1ab123);
    put_segment(0, PT_NOTE, 0x1000, 0, end - 0x1000, 0);
    put_segment(1, PT_LOAD, end + 2 * PAGE, 2 * PAGE, PAGE, PAGE);
    put_segment(2, PT_LOAD, end + 5 * PAGE, 5 * PAGE, PAGE, PAGE);
    put_segment(3, PT_LOAD, end + 2 * PAGE, 2 * PAGE, PAGE, PAGE);
    put_segment(4, PT_LOAD, end + 8 * PAGE, UINT64_C(1) << 32, PAGE, PAGE);
    cr_assert_eq(open_it(end + 9 * PAGE + 11), 1, "%s", o.err.msg);
    cr_assert_str_eq(o.c.name, "ELF core (64-bit, QEMU)");
    cr_assert_eq(o.layout.n, 2);
    expect_extent(&o, 0, 0, 6 * PAGE, end);
    expect_extent(&o, 1, UINT64_C(1) << 32, PAGE, end + 8 * PAGE);
    cr_assert(says(PS_NOTE_INFO, "16384 bytes"));
    cr_assert_eq(o.layout.n_overlaps, 0, "one memory under two addresses is not two");
    cr_assert_eq(o.layout.n_covered, 7 * PAGE);
    ps_open_container_close(&o);
}

Test(elf, qemu_processors)
{
    size_t end = 0x1000;

    put_elf(62, 2, 0x40);
    put_note(&end, "CORE", 5, 1, 0x150);
    put_note(&end, "CORE", 5, 1, 0x151);
    put_qemu(&end, 0x33, 0x80050033, 0x7000000);
    put_qemu(&end, 0x10, 0x80050033, 0x1ad002);
    put_qemu(&end, 0x10, 0x80050033, 0x1ad000);
    put_qemu(&end, 0x10, 0x60000010, 0x5000);
    put_qemu(&end, 0x10, 0x80050033, 0);
    put_qemu(&end, 0, 0x80050033, UINT64_C(1) << 53);
    put_segment(0, PT_NOTE, 0x1000, 0, end - 0x1000, 0);
    put_segment(1, PT_LOAD, 0x8000, 0, PAGE, PAGE);
    cr_assert_eq(open_it(0x9000), 1, "%s", o.err.msg);
    cr_assert_str_eq(o.c.facts.source, "ELF note QEMU");
    cr_assert_eq(o.c.facts.n_processors, 6);
    cr_assert_eq(o.c.facts.n_cr3, 2);
    cr_assert_eq(o.c.facts.cr3[0], 0x1ad000, "the one that is in the Windows kernel comes first");
    cr_assert_eq(o.c.facts.cr3[1], 0x7000000);
    ps_open_container_close(&o);
}

Test(elf, virtualbox_processors)
{
    for (int long_mode = 0; long_mode < 2; long_mode++) {
        size_t end = 0x1000;
        size_t d;

        put_elf(62, 2, 0x40);
        d = put_note(&end, "VBCORE\0", 6, 0xb00, 24);
        put(d, 0xc01ac0de, 4);
        put(d + 4, 0x10006, 4);
        put(d + 20, 2, 4);
        d = put_note(&end, "VBCPU\0", 5, 0xb01, 8792);
        put(d + 160, 8, 2);
        put(d + 288, 0x80010031, 8);
        put(d + 304, 0x185000, 8);
        put(d + 488, long_mode ? 0xd01 : 0x801, 8);
        put_note(&end, "VBCPU\0", 5, 0xb01, 8792); /* not started yet */
        put_segment(0, PT_NOTE, 0x1000, 0, end - 0x1000, 0);
        put_segment(1, PT_LOAD, 0x8000, 0, PAGE, PAGE);
        cr_assert_eq(open_it(0x9000), 1, "%s", o.err.msg);
        cr_assert_str_eq(o.c.name, "ELF core (64-bit, VirtualBox)");
        cr_assert_eq(o.c.facts.n_processors, 2);
        cr_assert_eq(o.c.facts.n_cr3, 1);
        cr_assert_eq(o.c.facts.cr3[0], 0x185000);
        cr_assert_eq(o.c.facts.machine, long_mode ? PS_MACHINE_X64 : PS_MACHINE_X86);
        ps_open_container_close(&o);
        /* An older core keeps the registers otherwise. */
        put(0x1000 + 12 + 8 + 4, 0x10000, 4);
        cr_assert_eq(open_it(0x9000), 1);
        cr_assert_str_eq(o.c.name, "ELF core (64-bit, VirtualBox)");
        cr_assert_eq(o.c.facts.n_cr3, 0);
        cr_assert_eq(o.c.facts.machine, PS_MACHINE_UNKNOWN);
        ps_open_container_close(&o);
    }
}

/* Notes whose sizes are lies end the notes and nothing else. */
Test(elf, hostile_notes)
{
    static const uint32_t sizes[] = {UINT32_MAX, UINT32_MAX - 3, 0x80000000, 0x7000, 0};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t field = 0; field < 2; field++) {
            size_t end = 0x1000;

            put_elf(62, 3, 0x40);
            put_qemu(&end, 0x10, 0x80050033, 0x1ad000);
            put(end + 4 * field, sizes[i], 4);
            put_segment(0, PT_NOTE, 0x1000, 0, UINT64_MAX - 0x800, 0);
            put_segment(1, PT_NOTE, UINT64_MAX, 0, UINT64_MAX, 0);
            put_segment(2, PT_LOAD, 0x4000, 0, PAGE, PAGE);
            cr_assert_eq(open_it(0x5000), 1, "%s", o.err.msg);
            cr_assert_eq(o.c.facts.n_cr3, 1);
            cr_assert_eq(o.layout.n, 1);
            ps_open_container_close(&o);
        }
}

Test(elf, more_than_64_roots)
{
    size_t end = 0x1000;

    put_elf(62, 2, 0x40);
    for (uint64_t i = 1; i <= 70; i++)
        put_qemu(&end, 0x10, 0x80050033, i << 20);
    put_segment(0, PT_NOTE, 0x1000, 0, end - 0x1000, 0);
    put_segment(1, PT_LOAD, 0x10000, 0, PAGE, PAGE);
    cr_assert_eq(open_it(0x11000), 1);
    cr_assert_eq(o.c.facts.n_cr3, PS_FACTS_CR3);
    cr_assert_eq(o.c.facts.n_processors, 70);
    ps_open_container_close(&o);
}

/* e_phnum has no room: section header 0 has the number. */
Test(elf, more_than_65535_segments)
{
    const size_t n = 70000;
    const size_t data = 0x1000 + n * 56;
    uint8_t *big = calloc(1, data + 2 * PAGE);

    for (int class64 = 1; class64 >= 0; class64--) {
        is_64 = class64;
        put_elf(62, 0xffff, 0x1000);
        put(is_64 ? 40 : 32, 0x200, word_bytes());
        put(0x200 + (is_64 ? 0x2c : 0x1c), n, 4);
        memcpy(big, file, 0x1000);
        for (size_t i = 0; i < n; i++) {
            phoff = 0x1000;
            memset(file + phoff, 0, 56);
            put_segment(0, PT_LOAD, data + i % 2 * PAGE, (i + 1) * PAGE, PAGE, PAGE);
            memcpy(big + 0x1000 + i * segment_bytes(), file + phoff, segment_bytes());
        }
        ps_memory_bytes_init(&m, big, data + 2 * PAGE);
        cr_assert_eq(ps_open_container(&o, &ps_reader_elf, &m, "x"), 1, "%s", o.err.msg);
        cr_assert_eq(o.layout.n_covered, n * PAGE);
        expect_extent(&o, 0, PAGE, 2 * PAGE, data);
        expect_extent(&o, n / 2 - 1, (n - 1) * PAGE, 2 * PAGE, data);
        cr_assert_eq(o.c.notes.n, 0);
        ps_open_container_close(&o);
    }
    free(big);
}

Test(elf, headers_behind_the_end)
{
    put_elf(62, 100, 0x1000);
    for (size_t i = 0; i < 100; i++)
        put_segment(i, PT_LOAD, 0x200 + i, i * PAGE, 8, 8);
    cr_assert_eq(open_it(0x1000 + 10 * 56 + 55), 1);
    cr_assert_eq(o.layout.n, 10);
    cr_assert(says(PS_NOTE_LOSS, "of 100 program headers only 10"));
    ps_open_container_close(&o);
    expect_failure(0x1000 + 55, 0x1000, "not in the file");
    put_elf(62, 0xffff, 0x1000);
    put(40, 0x200, 8);
    put(0x200 + 0x2c, UINT32_MAX, 4);
    put_segment(0, PT_LOAD, 0x200, 0x1000, 8, 8);
    cr_assert_eq(open_it(0x1000 + 57), 1);
    cr_assert(says(PS_NOTE_LOSS, "of 4294967295 program headers only 1 "));
    ps_open_container_close(&o);
    put(32, UINT64_MAX, 8);
    expect_failure(0x2000, UINT64_MAX, "not in the file");
}

Test(elf, what_is_no_memory)
{
    put_elf(62, 2, 0x40);
    put_segment(0, PT_LOAD, 0x1000, 0, PAGE, PAGE);
    put_segment(1, PT_LOAD, 0x2000, 0, PAGE, PAGE);
    expect_failure(0x3000, 0x40, "core of a process");
    put_segment(1, PT_NOTE, 0x2000, 0, 0x100, 0);
    put_note(&(size_t){0x2000}, "CORE", 5, 3, 136);
    expect_failure(0x3000, 0x40, "core of a process");
    put_segment(0, PT_LOAD, 0x1000, 0, 0, PAGE);
    expect_failure(0x3000, 0x40, "none of its 2");
    put_elf(62, 0, 0x40);
    expect_failure(0x3000, 0x40, "no program headers");
    put_elf(62, 1, 0x40);
    put(54, 55, 2);
    expect_failure(0x3000, 54, "55 bytes");
    put(16, 3, 2);
    expect_failure(0x3000, 0, "no image of physical memory");
    put(16, 4, 2);
    file[5] = 2;
    expect_failure(0x3000, 5, "little-endian");
    file[5] = 1;
    file[4] = 3;
    expect_failure(0x3000, 4, "neither");
    put_elf(62, 1, 0x40);
    expect_failure(63, 63, "ends in its header");
}

Test(elf, every_cut)
{
    size_t end = 0x300;

    put_elf(62, 3, 0x40);
    put_qemu(&end, 0x10, 0x80050033, 0x1ad000);
    put_segment(0, PT_NOTE, 0x300, 0, end - 0x300, 0);
    put_segment(1, PT_LOAD, 0x1000, 0, PAGE, PAGE);
    put_segment(2, PT_LOAD, 0x2000, 0x5000, PAGE, PAGE);
    for (size_t n = 6; n < 0x3000; n++) {
        const int rc = open_it(n);

        cr_assert(n < 0x40 + 2 * 56 ? rc < 0 : rc == 1, "%zu bytes: %d", n, rc);
        ps_open_container_close(&o);
    }
}
