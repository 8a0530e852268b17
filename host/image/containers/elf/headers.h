/* The headers of an ELF file, 32- or 64-bit, little-endian: what a core file needs of them. */
#ifndef PS_HOST_IMAGE_CONTAINERS_ELF_HEADERS_H
#define PS_HOST_IMAGE_CONTAINERS_ELF_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "scan/err.h"

#define PS_ELF_TYPE_CORE     4u
#define PS_ELF_MACHINE_X86   3u
#define PS_ELF_MACHINE_X64   62u
#define PS_ELF_MACHINE_ARM64 183u
#define PS_ELF_SEGMENT_LOAD  1u
#define PS_ELF_SEGMENT_NOTE  4u

struct ps_elf {
    struct ps_bytes *bytes;
    int is_64;
    uint16_t type;
    uint16_t machine;
    uint64_t segments_off;    /* of the program headers */
    uint32_t segment_bytes;   /* from one to the next */
    uint64_t n_segments;      /* that are in the file */
    uint64_t n_segments_said; /* as the file says */
};

struct ps_elf_segment {
    uint32_t type;
    uint64_t off;
    uint64_t phys;
    uint64_t n_stored; /* p_filesz */
    uint64_t n_memory; /* p_memsz */
};

/* Does a file that begins so claim to be ELF? */
int ps_elf_probe(const uint8_t *head, size_t n_head);
/* Read the file header, and section header 0 when the number of program headers stands there.
 * PS_EFORMAT: cut short, not little-endian, or no ELF after all. */
int ps_elf_open(struct ps_elf *elf, struct ps_bytes *bytes, struct ps_err *err);
/* Call 'visit' for each program header that is in the file, in its order, until it returns other
 * than 0; returns that. */
int ps_elf_each_segment(const struct ps_elf *elf,
                        int (*visit)(void *arg, const struct ps_elf_segment *segment,
                                     struct ps_err *err),
                        void *arg, struct ps_err *err);

#endif
