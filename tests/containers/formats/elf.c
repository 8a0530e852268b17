/* ELF cores of both classes: a PT_NOTE, a PT_LOAD for each run, and behind them what they name. */
#include <stdlib.h>
#include <string.h>

#include "tests/containers/fail.h"
#include "tests/containers/formats/elf_notes.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#define ET_CORE  4u
#define PT_LOAD  1u
#define PT_NOTE  4u
#define PN_XNUM  0xffffu
#define EM_386   3u
#define EM_AMD64 62u

/* Where a system maps memory again, as QEMU's paging=on shows it; any address does. */
#define VIRTUAL_BASE UINT64_C(0xffff800000000000)

struct load {
    uint64_t file_off, vaddr, paddr, n_bytes;
};

struct elf {
    int is_64;
    struct load *load;
    size_t n_loads;
    struct elf_notes notes;
    int has_xnum;
    uint32_t version;
    uint64_t notes_off;
};

static size_t header_bytes(const struct elf *e)
{
    return e->is_64 ? 64 : 52;
}

static size_t program_header_bytes(const struct elf *e)
{
    return e->is_64 ? 56 : 32;
}

static size_t section_header_bytes(const struct elf *e)
{
    return e->is_64 ? 64 : 40;
}

static uint64_t tables_end(const struct elf *e)
{
    return header_bytes(e) + (e->n_loads + 1) * program_header_bytes(e) +
           (e->has_xnum ? section_header_bytes(e) : 0);
}

/* Word: 8 bytes of a 64-bit file, 4 of a 32-bit one. */
static uint8_t *put_word(const struct elf *e, uint8_t *at, uint64_t value)
{
    set_word(at, value, e->is_64 ? 8 : 4);
    return at + (e->is_64 ? 8 : 4);
}

static void write_header(struct out *out, const struct elf *e, const struct maker *maker)
{
    uint8_t head[64] = {0x7f, 'E', 'L', 'F', e->is_64 ? 2 : 1, 1, (uint8_t)e->version};
    uint8_t *at = head + 24;
    const uint64_t sections = tables_end(e) - section_header_bytes(e);

    set16(head + 16, ET_CORE);
    set16(head + 18, maker->facts.is_x86 ? EM_386 : EM_AMD64);
    set32(head + 20, e->version);
    at = put_word(e, at, 0);
    at = put_word(e, at, header_bytes(e));
    at = put_word(e, at, e->has_xnum ? sections : 0);
    set16(at + 4, (uint32_t)header_bytes(e));
    set16(at + 6, (uint32_t)program_header_bytes(e));
    set16(at + 8, e->has_xnum ? PN_XNUM : (uint32_t)e->n_loads + 1);
    set16(at + 10, e->has_xnum ? (uint32_t)section_header_bytes(e) : 0);
    set16(at + 12, e->has_xnum);
    out_bytes(out, head, header_bytes(e));
}

static void write_program_header(struct out *out, const struct elf *e, uint32_t type,
                                 const struct load *load)
{
    uint8_t head[56] = {0};
    uint8_t *at = head + (e->is_64 ? 8 : 4);

    set32(head, type);
    at = put_word(e, at, load->file_off);
    at = put_word(e, at, load->vaddr);
    at = put_word(e, at, load->paddr);
    at = put_word(e, at, load->n_bytes);
    put_word(e, at, load->n_bytes);
    out_bytes(out, head, program_header_bytes(e));
}

static void write_xnum_section(struct out *out, const struct elf *e)
{
    uint8_t head[64] = {0};

    set32(head + (e->is_64 ? 44 : 28), (uint32_t)e->n_loads + 1);
    out_bytes(out, head, section_header_bytes(e));
}

/* Mappings of memory that are no memory of their own: a part of each run once more, at another
 * virtual address, between the runs. */
static void add_paging_loads(struct elf *e, const struct ram_map *ram)
{
    struct load *all = need_memory(2 * ram->n * sizeof *all);

    for (size_t i = 0; i < ram->n; i++) {
        const struct load whole = e->load[i];
        const uint64_t quarter = whole.n_bytes / 4 / RAM_PAGE * RAM_PAGE;

        all[2 * i] = whole;
        all[2 * i].vaddr = VIRTUAL_BASE + whole.paddr;
        all[2 * i + 1] = (struct load){whole.file_off + quarter, VIRTUAL_BASE + (i << 32),
                                       whole.paddr + quarter, whole.n_bytes - quarter};
    }
    memcpy(e->load, all, 2 * ram->n * sizeof *all);
    e->n_loads = 2 * ram->n;
    free(all);
}

static void lay_out(struct elf *e, const struct maker *maker)
{
    const struct ram_map *ram = &maker->ram;
    uint64_t at;

    e->n_loads = is_variant(maker, "paging") ? 2 * ram->n : ram->n;
    e->load = need_memory(2 * ram->n * sizeof *e->load);
    e->has_xnum = maker->xnum || e->n_loads + 1 >= PN_XNUM;
    e->notes_off = tables_end(e);
    at = e->notes_off + e->notes.n_bytes;
    for (size_t i = 0; i < ram->n; i++) {
        const uint64_t n_bytes = ram->run[i].end - ram->run[i].start;

        e->load[i] = (struct load){at, 0, ram->run[i].start, n_bytes};
        at += n_bytes;
        if (!e->is_64 && at > UINT32_MAX)
            fail("too large for a 32-bit ELF core");
    }
    if (is_variant(maker, "paging"))
        add_paging_loads(e, ram);
}

static void write_elf(struct maker *maker, int is_64)
{
    struct elf e = {.is_64 = is_64, .version = is_variant(maker, "vbox") ? 0 : 1};
    struct load note = {0};
    struct out out;

    elf_notes_make(&e.notes, maker);
    lay_out(&e, maker);
    note.file_off = e.notes_off;
    note.n_bytes = e.notes.n_bytes;
    out_open(&out, maker->out);
    write_header(&out, &e, maker);
    write_program_header(&out, &e, PT_NOTE, &note);
    for (size_t i = 0; i < e.n_loads; i++)
        write_program_header(&out, &e, PT_LOAD, &e.load[i]);
    if (e.has_xnum)
        write_xnum_section(&out, &e);
    out_bytes(&out, e.notes.bytes, e.notes.n_bytes);
    for (size_t i = 0; i < maker->ram.n; i++) {
        const struct ram_run *run = &maker->ram.run[i];

        out_ram(&out, &maker->ram, run->start, run->end - run->start);
    }
    out_close(&out);
    free(e.load);
}

void write_elf64(struct maker *maker)
{
    write_elf(maker, 1);
}

void write_elf32(struct maker *maker)
{
    write_elf(maker, 0);
}
