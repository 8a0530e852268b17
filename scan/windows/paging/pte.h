/* One page-table entry: what its bits say. Knows no memory. Sources: docs/PAGING.md. */
#ifndef PS_SCAN_WINDOWS_PAGING_PTE_H
#define PS_SCAN_WINDOWS_PAGING_PTE_H

#include <stdint.h>

enum ps_paging_mode {
    PS_PAGING_X64,      /* four levels of 512 entries */
    PS_PAGING_PAE,      /* x86: 4, 512 and 512 entries of 8 bytes */
    PS_PAGING_X86,      /* x86 without PAE: two levels of 1024 entries of 4 bytes */
    PS_PAGING_X64_LA57, /* five levels of 512 entries */
};

#define PS_PAGING_MODES      4u
#define PS_PAGING_MAX_LEVELS 5u

/* Software entries (valid bit 0) of 8 bytes: page file number in bits 1-4, or in bits 12-15 with
 * the swizzle of the L1TF updates. */
enum ps_pte_generation { PS_PTE_OLD, PS_PTE_SWIZZLED };

/* The generation that a build has as far as the build alone can tell: updates of August 2018
 * changed it in builds before 17134 too. Matters for page file offsets only. */
enum ps_pte_generation ps_pte_generation_of(uint32_t build);

enum ps_pte_kind {
    PS_PTE_NONE,        /* all zero: nothing is there */
    PS_PTE_TABLE,       /* leads to the next table, 'phys' */
    PS_PTE_PAGE,        /* maps page_bytes at 'phys' */
    PS_PTE_TRANSITION,  /* not valid, but the page (or next table) is still in memory at 'phys' */
    PS_PTE_PROTOTYPE,   /* what counts is the prototype entry at virtual address 'proto' */
    PS_PTE_VAD,         /* a prototype entry that only the VAD tree of the process leads to */
    PS_PTE_FILE,        /* in a mapped file, not in memory */
    PS_PTE_PAGEFILE,    /* in page file number 'file', page 'offset' */
    PS_PTE_DEMAND_ZERO, /* a page of zeros that does not exist yet */
    PS_PTE_BAD,         /* valid, with a reserved bit set */
};

const char *ps_pte_kind_name(enum ps_pte_kind kind);

struct ps_pte {
    enum ps_pte_kind kind;
    uint64_t phys;
    uint64_t page_bytes; /* of one entry at this level: 4 KiB for a table or software entry of the
                          * last level too */
    uint64_t proto;
    uint64_t offset;
    uint8_t file;
    uint8_t protection; /* software entries: bits 5-9 */
    uint8_t writable;   /* bit 1, TABLE and PAGE */
    uint8_t user;       /* bit 2, likewise */
    uint8_t no_execute; /* bit 63, likewise */
};

struct ps_pte_format {
    enum ps_paging_mode mode;
    enum ps_pte_generation generation;
    int file_backed; /* build 22621 and later have entries of this kind */
};

struct ps_pte_format ps_pte_format_of(enum ps_paging_mode mode, uint32_t build);

int ps_paging_is_x64(enum ps_paging_mode mode); /* with four or five levels */

/* Geometry. Level 1 is the last one. */
unsigned ps_paging_levels(enum ps_paging_mode mode);
const char *ps_paging_level_name(enum ps_paging_mode mode, unsigned level); /* "PML4E" ... */
unsigned ps_paging_entry_bytes(enum ps_paging_mode mode);
unsigned ps_paging_entries(enum ps_paging_mode mode, unsigned level); /* in a table */
unsigned ps_paging_shift(enum ps_paging_mode mode, unsigned level);   /* of the index in a VA */
/* First address of the Windows kernel half. */
uint64_t ps_paging_kernel_base(enum ps_paging_mode mode);

/* 'va' as the processor sees it, in *out: sign-extended on x64, 32 bits on x86. 0 when there is no
 * such address. */
int ps_paging_canonical(enum ps_paging_mode mode, uint64_t va, uint64_t *out);

/* The part of CR3 that is the address of the top table. */
uint64_t ps_paging_root(enum ps_paging_mode mode, uint64_t cr3);

#define PS_PTE_FRAME_MASK     UINT64_C(0x000ffffffffff000)
#define PS_PTE_X86_FRAME_MASK UINT64_C(0xfffff000)

/* Valid entries of the last level, which are by far the most: 0 if 'raw' is none. */
static inline int ps_pte_decode_page(struct ps_pte_format format, uint64_t raw, struct ps_pte *out)
{
    if (!(raw & 1))
        return 0;
    *out = (struct ps_pte){
        .kind = PS_PTE_PAGE,
        .phys = raw & (format.mode == PS_PAGING_X86 ? PS_PTE_X86_FRAME_MASK : PS_PTE_FRAME_MASK),
        .page_bytes = 4096,
        .writable = raw >> 1 & 1,
        .user = raw >> 2 & 1,
        .no_execute = (uint8_t)(raw >> 63),
    };
    return 1;
}

/* What entry 'raw' of a table of 'level' says. */
void ps_pte_decode(struct ps_pte_format format, unsigned level, uint64_t raw, struct ps_pte *out);
/* The same for a prototype entry, which is none of any table. */
void ps_pte_decode_prototype(struct ps_pte_format format, uint64_t raw, struct ps_pte *out);

#endif
