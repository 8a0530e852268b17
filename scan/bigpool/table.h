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
};

/* "none", "carve", "carve+self", "carve-run". */
const char *ps_bigpool_method_name(enum ps_bigpool_method method);

/* No physical address: nothing is known, or the page is not in memory. */
#define PS_BIGPOOL_NO_PHYS UINT64_MAX

struct ps_bigpool_row {
    uint64_t phys;       /* of the entry's first byte */
    uint64_t first_phys; /* of the allocation's first byte, or PS_BIGPOOL_NO_PHYS */
    uint32_t slot;
    struct ps_bigpool_entry entry;
};

struct ps_bigpool_table {
    enum ps_bigpool_method method;
    const struct ps_bigpool_layout *layout; /* NULL when nothing was found */
    enum ps_bigpool_hash hash;
    enum ps_bigpool_names names;
    uint64_t va;                /* of the table, by its own entry; 0: not known */
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
};

void ps_bigpool_table_free(struct ps_bigpool_table *table);

/* For the carver: make rows from pages in place. page[i], i < n_pages, is the page number i of the
 * table or NULL; phys[i] its address. table->layout and n_slots are set. Sets rows and all counts
 * of entries. -PS_ENOMEM without a message; the rows so far are freed with the table. */
int ps_bigpool_table_fill(struct ps_bigpool_table *table, const struct ps_bigpool_geometry *g,
                          const uint8_t *const *page, const uint64_t *phys, size_t n_pages);

#endif
