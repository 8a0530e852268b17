/* Notes of an ELF core: who wrote it, and the state of the processors. */
#ifndef PS_HOST_IMAGE_CONTAINERS_ELF_NOTES_H
#define PS_HOST_IMAGE_CONTAINERS_ELF_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/facts.h"
#include "scan/err.h"

/* More PT_NOTE segments than these are not looked at. */
#define PS_ELF_NOTE_SEGMENTS 16u

struct ps_elf_note_segment {
    uint64_t off; /* inside the file, as are all n_bytes */
    uint64_t n_bytes;
};

struct ps_elf_notes {
    struct ps_elf_note_segment segment[PS_ELF_NOTE_SEGMENTS]; /* given */
    size_t n;
    const char *writer; /* "QEMU", "VirtualBox"; NULL: not said */
    int is_process;     /* has what only the core of a process has */
};

/* Fill in the rest of *notes, and what the states of processors say into *facts: page table roots
 * of processors that run in the Windows kernel first. Damaged notes say less, and are no error. */
int ps_elf_notes_read(struct ps_elf_notes *notes, struct ps_bytes *bytes,
                      struct ps_image_facts *facts, struct ps_err *err);

#endif
