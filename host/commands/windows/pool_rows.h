/* The rows of poolscan pool: blocks and gaps of a page, or one big allocation. */
#ifndef PS_HOST_COMMANDS_WINDOWS_POOL_ROWS_H
#define PS_HOST_COMMANDS_WINDOWS_POOL_ROWS_H

#include <stdint.h>

#include "host/commands/cells.h"
#include "scan/bigpool/table.h"
#include "scan/pool/listing/page_list.h"
#include "scan/quota/processes.h"
#include "scan/tags/tagdb.h"

/* A page and where it is. 'at' is the byte asked for, counted from the page's first one. */
struct ps_pool_page {
    int has_va, has_phys, has_file_off;
    uint64_t va, phys, file_off; /* of its first byte */
    uint64_t at;
};

/* Columns of all rows: so many cells has a row. */
size_t ps_pool_rows_columns(void);

void ps_pool_rows_add_page(struct ps_cells *c, const struct ps_pool_page *page,
                           const struct ps_era *era, const struct ps_page_list *list,
                           const struct ps_tagdb *tags, const struct ps_processes *processes);

/* The allocation of 'row'; 'first' is its first page, with 'at' the distance from its first byte to
 * the byte asked for; 'process' is whom it is charged to, or 0. */
void ps_pool_rows_add_big(struct ps_cells *c, const struct ps_pool_page *first,
                          const struct ps_bigpool_table *table, const struct ps_bigpool_row *row,
                          const struct ps_tagdb *tags, uint64_t process,
                          const struct ps_processes *processes);

/* Write them. A table has room for one address: the virtual one when there is one. */
int ps_pool_rows_write(const struct ps_cells *c, int has_va, const struct ps_options *opt,
                       struct ps_err *err);

#endif
