/* Virtual to physical: the walk through the page tables of one address space. */
#ifndef PS_SCAN_WINDOWS_PAGING_PAGING_H
#define PS_SCAN_WINDOWS_PAGING_PAGING_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pagefile.h"
#include "scan/physmem.h"
#include "scan/windows/paging/pte.h"

/* Tables are kept in sets, the set by the number of their frame, so that the four or five tables
 * of a walk do not drive each other out. */
#define PS_PAGING_TABLE_SETS   16u
#define PS_PAGING_TABLE_WAYS   4u
#define PS_PAGING_CACHED_PAGES 256u

/* One page table as it was read. */
struct ps_table_copy {
    uint64_t phys;  /* UINT64_MAX: none */
    size_t n_bytes; /* how much of it could be read */
    uint8_t bytes[PS_FRAME_BYTES];
};

/* An address space. The fields are private. Holds what was read, so an image that changes is
 * seen as it was. 260 KiB; one thread at a time, copies are independent. */
struct ps_paging {
    const struct ps_physmem *mem;
    const struct ps_pagefiles *pagefiles; /* NULL: none */
    struct ps_pte_format format;
    uint64_t root;
    struct ps_table_copy table[PS_PAGING_TABLE_SETS][PS_PAGING_TABLE_WAYS];
    uint8_t next_way[PS_PAGING_TABLE_SETS]; /* the one to be given up */
    struct {
        uint64_t va; /* of the page; 1: none */
        uint64_t phys;
    } page[PS_PAGING_CACHED_PAGES];
};

/* 'root' is the value of CR3; bits that are no address are ignored. *mem must outlive *p. */
void ps_paging_init(struct ps_paging *p, const struct ps_physmem *mem, struct ps_pte_format format,
                    uint64_t root);

/* From now on pages and prototype entries that are in a page file are read from there. *files must
 * outlive *p. */
void ps_paging_use_pagefiles(struct ps_paging *p, const struct ps_pagefiles *files);

/* One entry on the way. */
struct ps_walk_step {
    const char *name; /* "PML4E", "PDPTE", "PDE", "PTE", "prototype PTE" */
    unsigned level;   /* 0: prototype */
    unsigned index;   /* in its table; 0 for a prototype */
    uint64_t at;      /* physical address of the entry; UINT64_MAX: it was in a page file */
    uint64_t at_va;   /* its virtual address, prototypes only */
    uint64_t raw;
    struct ps_pte pte;
};

#define PS_WALK_MAX_STEPS (PS_PAGING_MAX_LEVELS + 1u)

enum ps_walk_end {
    PS_WALK_MAPPED,        /* 'phys' is the byte; the last step says how */
    PS_WALK_PAGED_OUT,     /* in a page file: 'file', 'file_off' */
    PS_WALK_NOT_RESIDENT,  /* the last step's kind says where the page is instead */
    PS_WALK_UNREADABLE,    /* the next table or prototype entry is not in the image */
    PS_WALK_NOT_CANONICAL, /* no such address in this mode; no steps */
};

struct ps_walk {
    enum ps_walk_end end;
    uint64_t phys;       /* PS_WALK_MAPPED; the place that could not be read for UNREADABLE */
    uint64_t page_bytes; /* of the page that maps it */
    unsigned file;       /* PS_WALK_PAGED_OUT: number of the page file ... */
    uint64_t file_off;   /* ... and where in it the byte is */
    int writable, user, no_execute; /* of all levels together */
    unsigned n_steps;
    struct ps_walk_step step[PS_WALK_MAX_STEPS];
};

/* Walk to 'va'. An x86 address may be sign-extended. Returns w->end. Reads at most eleven
 * entries: a prototype entry is found through the same tables, where prototypes do not count. */
enum ps_walk_end ps_paging_walk(struct ps_paging *p, uint64_t va, struct ps_walk *w);

/* Physical address of the byte at 'va'; 1, or 0 if it is not in memory. Says nothing about whether
 * that memory is in the image. */
int ps_paging_translate(struct ps_paging *p, uint64_t va, uint64_t *phys);

/* Copy up to n_bytes of virtual memory, from page files too; returns how many, from the first one
 * on, could be read. */
size_t ps_paging_read(struct ps_paging *p, uint64_t va, void *buf, size_t n_bytes);

#endif
