/* A list of rows as a table, JSON Lines, JSON, CSV or SQLite: what the verbs print that have no
 * findings. The formats and their choice are those of output.h. */
#ifndef PS_HOST_OUTPUT_LISTING_H
#define PS_HOST_OUTPUT_LISTING_H

#include <stddef.h>

#include "scan/err.h"

enum ps_column_kind {
    PS_COLUMN_TEXT,
    PS_COLUMN_LITERAL, /* a number, true or false: no quotes in JSON */
    PS_COLUMN_BYTES,   /* a number of bytes; the table has it in KiB, MiB ... */
    PS_COLUMN_HEX,     /* a number; the table has it in hexadecimal */
    PS_COLUMN_MARK,    /* true or false; the table has a star or a blank */
    PS_COLUMN_LIST,    /* words with | between them; an array in JSON */
};

struct ps_column {
    const char *name;  /* of the JSON field and the CSV column */
    const char *title; /* in the table; NULL: not there */
    enum ps_column_kind kind;
    int may_cut; /* in a table that is too wide for the terminal */
};

struct ps_listing {
    const char *name; /* of the table in a database: letters; NULL: "list" */
    const struct ps_column *column;
    size_t n_columns;
    const char *const *cell; /* n_rows rows of n_columns; NULL: not known or does not apply */
    size_t n_rows;
    /* Where there are too many rows to have their text at once: gives the cells of one, good until
     * the next call; 'cell' is not looked at then. NULL: they are in 'cell'. */
    const char *const *(*row)(void *arg, size_t row);
    void *arg;
};

/* Write the list to 'path' (NULL or "-": standard output) in 'format' (NULL or "auto": a table on
 * a terminal, JSON Lines elsewhere). A table is held in memory as a whole, other formats go out row
 * by row. Cells need not be valid UTF-8. PS_EARG for an unknown format;
 * PS_ENOMEM; and as ps_sink_open and ps_sink_write. */
int ps_listing_write(const struct ps_listing *l, const char *format, const char *path,
                     struct ps_err *err);

#endif
