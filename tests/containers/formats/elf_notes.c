#include "tests/containers/formats/elf_notes.h"

#include <string.h>

#include "tests/containers/fail.h"
#include "tests/containers/out.h"

#define NT_PRSTATUS    1u
#define PRSTATUS_BYTES 336u
/* QEMU's CPU state: two 32-bit numbers (version, size), 18 registers of 8 bytes, 10 segments of
 * 24, then CR0 to CR4 of 8 bytes each and one more register. */
#define CPU_BYTES   440u
#define CPU_CR0     (8 + 18 * 8 + 10 * 24)
#define CPU_CR3     (CPU_CR0 + 3 * 8)
#define NT_VBOXCORE 0xb00u

static uint8_t *add_note(struct elf_notes *notes, const char *name, uint32_t type, uint32_t n_bytes)
{
    const size_t n_name = strlen(name) + 1, padded = (n_name + 3) / 4 * 4;
    uint8_t *at = notes->bytes + notes->n_bytes;

    if (12 + padded + n_bytes > sizeof notes->bytes - notes->n_bytes)
        fail("too many processors");
    set32(at, (uint32_t)n_name);
    set32(at + 4, n_bytes);
    set32(at + 8, type);
    memcpy(at + 12, name, n_name);
    notes->n_bytes += 12 + padded + (n_bytes + 3) / 4 * 4;
    return at + 12 + padded;
}

/* Each processor runs another process; the first one the system's. */
static void add_cpu(struct elf_notes *notes, const struct maker_facts *facts, uint32_t number)
{
    uint8_t *cpu = add_note(notes, "QEMU", 0, CPU_BYTES);

    set32(cpu, 1);
    set32(cpu + 4, CPU_BYTES);
    set64(cpu + CPU_CR0, 0x80050033);
    set64(cpu + CPU_CR3, number == 0 ? facts->dtb : facts->dtb + (uint64_t)number * 0x10000);
    set64(cpu + CPU_CR3 + 8, facts->is_x86 ? 0x6f9 : 0x370678);
}

void elf_notes_make(struct elf_notes *notes, const struct maker *maker)
{
    const int is_qemu = is_variant(maker, "qemu") || is_variant(maker, "paging");

    memset(notes, 0, sizeof *notes);
    if (is_variant(maker, "vbox")) {
        uint8_t *core = add_note(notes, "VBCORE", NT_VBOXCORE, 24);

        set32(core, 0xc01ac0de);
        set32(core + 20, maker->facts.n_processors);
        return;
    }
    for (uint32_t i = 0; i < (is_qemu ? maker->facts.n_processors : 1); i++)
        set32(add_note(notes, "CORE", NT_PRSTATUS, PRSTATUS_BYTES) + 32, i + 1);
    for (uint32_t i = 0; is_qemu && i < maker->facts.n_processors; i++)
        add_cpu(notes, &maker->facts, i);
}
