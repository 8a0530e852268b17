/* Rows of a listing, built cell by cell. */
#ifndef PS_HOST_COMMANDS_CELLS_H
#define PS_HOST_COMMANDS_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "host/options.h"
#include "host/output/listing.h"
#include "scan/err.h"
#include "scan/tags/tagdb.h"

/* Begin with all zero but n_columns. An allocation that fails is remembered for ps_cells_write. */
struct ps_cells {
    size_t n_columns;
    char **cell; /* n of them; NULL: no value */
    size_t n, cap;
    int failed;
};

/* Begin a row of empty cells; those of the row before it are complete. */
void ps_cells_row(struct ps_cells *c);
/* Give a cell of the row begun last its text. */
void ps_cells_set(struct ps_cells *c, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As 0x and 16 digits, the form of every address in the output. */
void ps_cells_set_address(struct ps_cells *c, size_t column, uint64_t address);

/* What the database says of a tag, into the cells of these columns; nothing where it is unknown. */
#define PS_NO_COLUMN ((size_t)-1)
struct ps_tag_columns {
    size_t component, kind, description; /* PS_NO_COLUMN: there is none */
};
void ps_cells_explain(struct ps_cells *c, const struct ps_tagdb *tags, uint32_t tag,
                      const struct ps_tag_columns *columns);

/* Write them in the format and to the place that the options say. */
int ps_cells_write(const struct ps_cells *c, const struct ps_column *column,
                   const struct ps_options *opt, struct ps_err *err);
void ps_cells_free(struct ps_cells *c);

#endif
