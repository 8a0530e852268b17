/* What the header of a container says about the Windows inside: hints, none of them proved. */
#ifndef PS_HOST_IMAGE_FACTS_H
#define PS_HOST_IMAGE_FACTS_H

#include <stdint.h>

enum ps_machine_type { PS_MACHINE_UNKNOWN, PS_MACHINE_X86, PS_MACHINE_X64, PS_MACHINE_ARM64 };

#define PS_FACTS_CR3 64u

/* 0 is "not said" in every field. */
struct ps_image_facts {
    const char *source; /* "crash dump header", "ELF note QEMU": static text */
    enum ps_machine_type machine;
    uint32_t build; /* MinorVersion of a crash dump */
    uint32_t n_processors;
    uint64_t cr3[PS_FACTS_CR3]; /* page table roots, most trusted first, as stored but for the
                                 * low 12 bits, which are cleared */
    unsigned n_cr3;
    uint64_t kdbg; /* KdDebuggerDataBlock, a virtual address; so are these: */
    uint64_t ps_loaded_module_list;
    uint64_t ps_active_process_head;
    uint64_t pfn_database;
    uint64_t n_pages;  /* of the machine's memory, as the container counts them */
    uint32_t bugcheck; /* BugCheckCode; see has_bugcheck */
    int has_bugcheck;
    uint64_t system_time; /* 100 ns since 1601, UTC */
    int is_partial;       /* holds by design only a part of memory (kernel dump) */
};

#endif
