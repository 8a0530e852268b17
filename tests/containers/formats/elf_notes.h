/* The notes of an ELF core: CPU state as QEMU writes it, or VirtualBox's mark. */
#ifndef PS_TESTS_CONTAINERS_FORMATS_ELF_NOTES_H
#define PS_TESTS_CONTAINERS_FORMATS_ELF_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "tests/containers/maker.h"

struct elf_notes {
    uint8_t bytes[8192];
    size_t n_bytes;
};

/* 'qemu' and 'paging': CORE and QEMU notes for each processor; 'vbox': VBCORE; else one CORE note.
 */
void elf_notes_make(struct elf_notes *notes, const struct maker *maker);

#endif
