#include "tests/containers/formats/dump_header.h"

#include <string.h>

#include "tests/containers/fail.h"
#include "tests/containers/out.h"

#define MACHINE_X86 0x14cu
#define MACHINE_X64 0x8664u
#define CONTEXT_64  0x348u
#define CONTEXT_32  0x320u
#define TYPE_FULL   1u

static void fill(uint8_t *header, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes; at += 4)
        memcpy(header + at, "PAGE", 4);
}

static void set_known(uint8_t *at, uint64_t value, int n_bytes)
{
    if (value)
        set_word(at, value, n_bytes);
}

/* Does the header have room for this run? Kinds that say elsewhere what is present may have more
 * of them. */
static int has_room(const struct maker *maker, uint32_t type, size_t i, size_t room)
{
    if (i >= room && type == TYPE_FULL)
        fail("%zu runs, a header has room for %zu: use --gap or --runs", maker->ram.n, room);
    return i < room;
}

void dump_header_64(uint8_t *header, const struct maker *maker, uint32_t type)
{
    const struct maker_facts *f = &maker->facts;
    uint32_t n_runs = 0;

    fill(header, 0x2000);
    memcpy(header + 4, "DU64", 4);
    set32(header + 0x08, 15);
    set_known(header + 0x0c, f->build, 4);
    set_known(header + 0x10, f->dtb, 8);
    set_known(header + 0x18, f->pfn_database, 8);
    set_known(header + 0x20, f->loaded_modules, 8);
    set_known(header + 0x28, f->process_head, 8);
    set32(header + 0x30, MACHINE_X64);
    set32(header + 0x34, f->n_processors);
    set_known(header + 0x38, f->bugcheck, 4);
    set_known(header + 0x80, f->kdbg, 8);
    for (size_t i = 0; i < maker->ram.n; i++) {
        const struct ram_run *run = &maker->ram.run[i];
        uint8_t *at = header + 0x98 + 16 * i;

        if (!has_room(maker, type, i, (CONTEXT_64 - 0x98) / 16))
            break;
        set64(at, run->start / RAM_PAGE);
        set64(at + 8, (run->end - run->start) / RAM_PAGE);
        n_runs++;
    }
    set32(header + 0x88, n_runs);
    set64(header + 0x90, ram_n_bytes(&maker->ram) / RAM_PAGE);
    set32(header + 0xf98, type);
    set64(header + 0xfa0, 0x2000 + ram_n_bytes(&maker->ram));
}

void dump_header_32(uint8_t *header, const struct maker *maker, uint32_t type)
{
    const struct maker_facts *f = &maker->facts;
    uint32_t n_runs = 0;

    fill(header, 0x1000);
    memcpy(header + 4, "DUMP", 4);
    set32(header + 0x08, 15);
    set_known(header + 0x0c, f->build, 4);
    set_known(header + 0x10, f->dtb, 4);
    set_known(header + 0x14, f->pfn_database, 4);
    set_known(header + 0x18, f->loaded_modules, 4);
    set_known(header + 0x1c, f->process_head, 4);
    set32(header + 0x20, MACHINE_X86);
    set32(header + 0x24, f->n_processors);
    set_known(header + 0x28, f->bugcheck, 4);
    header[0x5c] = 1;
    set_known(header + 0x60, f->kdbg, 4);
    for (size_t i = 0; i < maker->ram.n; i++) {
        const struct ram_run *run = &maker->ram.run[i];
        uint8_t *at = header + 0x6c + 8 * i;

        if (!has_room(maker, type, i, (CONTEXT_32 - 0x6c) / 8))
            break;
        set32(at, (uint32_t)(run->start / RAM_PAGE));
        set32(at + 4, (uint32_t)((run->end - run->start) / RAM_PAGE));
        n_runs++;
    }
    set32(header + 0x64, n_runs);
    set32(header + 0x68, (uint32_t)(ram_n_bytes(&maker->ram) / RAM_PAGE));
    set32(header + 0xf88, type);
    set64(header + 0xfa0, 0x1000 + ram_n_bytes(&maker->ram));
}
