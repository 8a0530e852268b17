/* The PFN database of the Windows in an image: what each frame is used for. */
#ifndef PS_SCAN_WINDOWS_PFN_DATABASE_H
#define PS_SCAN_WINDOWS_PFN_DATABASE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/pfn/layout.h"
#include "scan/windows/pfn/pte_space.h"

/* How it was found, and what is known of it. */
enum ps_pfn_method { PS_PFN_NOT_FOUND, PS_PFN_SYMBOL, PS_PFN_FIXED, PS_PFN_POINTER };

const char *ps_pfn_method_name(enum ps_pfn_method method);

struct ps_pfn_place {
    enum ps_pfn_method method;
    uint64_t va;         /* of entry 0 */
    uint64_t pointer_va; /* of the variable that led to it; 0: none */
    const struct ps_pfn_layout *layout;
    struct ps_pte_space space;
    uint32_t n_agree, n_samples; /* frames whose entry names the one address that maps them */
    uint32_t n_candidates;       /* addresses that were looked at */
};

/* What the database says of a frame. */
enum ps_page_use {
    PS_PAGE_USE_UNKNOWN,
    PS_PAGE_USE_FREE,    /* on the free or zeroed list: what it holds is history */
    PS_PAGE_USE_PROCESS, /* its page-table entry is one of user space */
    PS_PAGE_USE_FILE,    /* its entry is a prototype: a mapped file, an image or a shared section */
    PS_PAGE_USE_KERNEL,  /* its entry is one of the Windows kernel half */
};

const char *ps_page_use_name(enum ps_page_use use);

/* What an entry means. Pure. */
enum ps_page_use ps_pfn_use(const struct ps_pte_space *space, const struct ps_pfn *pfn);

/* Pages of the database that are known at most: those of 320 GiB of memory. */
#define PS_PFN_MAX_PAGES ((size_t)1 << 20)

/* Reads physical memory; any thread, as ps_physmem.read otherwise. */
typedef size_t ps_pfn_read_fn(void *arg, uint64_t phys, void *buf, size_t n_bytes);

struct ps_pfn_database;

/* Note where in physical memory the entries of the frames of 'mem' are: 4 bytes for a page of the
 * database, whose pages of missing frames may be missing. Immutable afterwards; nothing of *paging
 * or *mem is kept. place->method is not PS_PFN_NOT_FOUND. PS_ENOMEM. */
int ps_pfn_database_open(struct ps_pfn_database **out, const struct ps_pfn_place *place,
                         struct ps_paging *paging, const struct ps_physmem *mem,
                         ps_pfn_read_fn *read, void *arg, struct ps_err *err);
void ps_pfn_database_free(struct ps_pfn_database *db); /* accepts NULL */

/* The entry of the frame that holds 'phys'; 1, or 0: it is not to be had. Any thread. */
int ps_pfn_database_entry(const struct ps_pfn_database *db, uint64_t phys, struct ps_pfn *out);

/* What the frame is used for; PS_PAGE_USE_UNKNOWN without an entry. Any thread. */
enum ps_page_use ps_pfn_database_use(const struct ps_pfn_database *db, uint64_t phys);

#endif
