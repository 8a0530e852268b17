/* A big-pool table, as found. */
#ifndef PS_SCAN_BIGPOOL_TABLE_H
#define PS_SCAN_BIGPOOL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/entry.h"
#include "scan/bigpool/hash.h"
#include "scan/bigpool/carve/page.h"
#include "scan/bigpool/type_name.h"

enum ps_bigpool_method {
    PS_BIGPOOL_NOT_FOUND,
    PS_BIGPOOL_CARVED,      /* pages sorted into place by the hash */
    PS_BIGPOOL_CARVED_SELF, /* the same, and the table's entry for itself says the same size */
    PS_BIGPOOL_CARVED_RUN,  /* no known hash is obeyed: pages taken as they lie in memory */
    /* Through page tables; pages are where the Windows kernel has them. */
    PS_BIGPOOL_BY_SYMBOLS,    /* the Windows kernel's variables, at addresses that were given */
    PS_BIGPOOL_BY_POINTER,    /* a pointer in the data of the Windows kernel */
    PS_BIGPOOL_BY_SELF_ENTRY, /* the table's entry for itself */
    PS_BIGPOOL_BY_MAPPING,    /* carved, and where the carved pages are mapped */
};

/* "none", "carve", "carve+self", "carve-run", "symbols", "pointer", "self-entry", "carve-mapped".
 */
const char *ps_bigpool_method_name(enum ps_bigpool_method method);
/* Is it one that goes through page tables? */
int ps_bigpool_method_is_virtual(enum ps_bigpool_method method);

/* No physical address: nothing is known, or the page is not in memory. */
#define PS_BIGPOOL_NO_PHYS UINT64_MAX

struct ps_bigpool_row {
    uint64_t phys; /* of the entry's first byte; PS_BIGPOOL_NO_PHYS when paged out */
    /* Of the allocation's first byte, which the image need not have; PS_BIGPOOL_NO_PHYS when it is
     * not resident, freed, or no page tables are used. */
    uint64_t first_phys;
    uint32_t slot;
    uint32_t first_no_execute; /* where first_phys is known: what the page tables say */
    struct ps_bigpool_entry entry;
};

struct ps_bigpool_table {
    enum ps_bigpool_method method;
    const struct ps_bigpool_layout *layout; /* NULL when nothing was found */
    enum ps_bigpool_hash hash;
    enum ps_bigpool_names names;
    uint64_t va;                /* of the table; carved: by its own entry; 0: not known */
    uint64_t pointer_va;        /* of the pointer that led to it; 0: none did */
    uint32_t n_slots;           /* a power of two */
    struct ps_bigpool_row *row; /* allocated and freed entries, by slot */
    size_t n_rows;
    size_t n_allocated, n_freed;
    size_t n_obey;        /* rows whose place the hash explains */
    size_t n_lost;        /* entries cut at the end of a page whose other part is missing */
    size_t n_damaged;     /* entries that are none */
    size_t n_pages;       /* that a table of this size has */
    size_t n_pages_found; /* with entries */
    size_t n_pages_empty; /* of the others, those for which a page of empty entries was seen */
    size_t n_pages_missing;
    size_t n_pages_other; /* pages of entries that are not of this table: copies, older tables */
    size_t n_pages_over;  /* not looked at: there were too many */
    /* Of tables found through page tables: */
    size_t n_pages_damaged;   /* of those found: too many entries are none; only such are taken that
                               * are legal and obey the hash */
    size_t n_pages_aliased;   /* of those missing: mapped to a frame that is another page's */
    size_t n_candidates;      /* addresses that something said could be the table's */
    size_t n_candidates_over; /* beyond the limit, not looked at */
};

void ps_bigpool_table_free(struct ps_bigpool_table *table);

/* The pages of a table. */
struct ps_bigpool_pages {
    const uint8_t *const *page; /* page[i] is page number i or NULL */
    const uint64_t *phys;       /* its address, or PS_BIGPOOL_NO_PHYS */
    const uint8_t *is_damaged;  /* by page; NULL: entries are taken as they are */
    size_t n;
    uint64_t max_bytes; /* with is_damaged: no allocation is larger */
};

/* Make rows from pages in place. table->layout, hash and n_slots are set. Sets rows and all counts
 * of entries. -PS_ENOMEM without a message; the rows so far are freed with the table.
 *
 * With is_damaged, an entry counts as damaged that is too large, or neither legal nor where the
 * hash wants it, or in a damaged page, not both. */
int ps_bigpool_table_fill(struct ps_bigpool_table *table, const struct ps_bigpool_geometry *g,
                          const struct ps_bigpool_pages *pages);

#endif
