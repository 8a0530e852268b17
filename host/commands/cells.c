#include "host/commands/cells.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/option_table.h"

#define CELL_BYTES 512

void ps_cells_row(struct ps_cells *c)
{
    if (c->failed)
        return;
    if (c->cap - c->n < c->n_columns) {
        size_t cap = 2 * c->cap + 16 * c->n_columns;
        char **cell = realloc(c->cell, cap * sizeof *cell);

        if (!cell) {
            c->failed = 1;
            return;
        }
        c->cell = cell;
        c->cap = cap;
    }
    for (size_t i = 0; i < c->n_columns; i++)
        c->cell[c->n++] = NULL;
}

void ps_cells_set(struct ps_cells *c, size_t column, const char *format, ...)
{
    char text[CELL_BYTES];
    char **cell;
    va_list args;

    if (c->failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cell = &c->cell[c->n - c->n_columns + column];
    free(*cell);
    *cell = strdup(text);
    c->failed = *cell == NULL;
}

void ps_cells_set_address(struct ps_cells *c, size_t column, uint64_t address)
{
    ps_cells_set(c, column, "0x%016" PRIx64, address);
}

static void set_known(struct ps_cells *c, size_t column, const char *text)
{
    if (column != PS_NO_COLUMN && *text)
        ps_cells_set(c, column, "%s", text);
}

void ps_cells_explain(struct ps_cells *c, const struct ps_tagdb *tags, uint32_t tag,
                      const struct ps_tag_columns *columns)
{
    const uint32_t at = ps_tagdb_find(tags, tag);
    struct ps_tag_info info;

    if (at == PS_TAG_UNKNOWN)
        return;
    info = ps_tagdb_at(tags, at);
    set_known(c, columns->component, info.component);
    set_known(c, columns->kind, info.kind);
    set_known(c, columns->description, info.description);
}

int ps_cells_write(const struct ps_cells *c, const struct ps_column *column,
                   const struct ps_options *opt, struct ps_err *err)
{
    const struct ps_verb_info *verb = ps_verb_row(opt->verb);
    const struct ps_listing listing = {.name = verb ? verb->name : NULL,
                                       .column = column,
                                       .n_columns = c->n_columns,
                                       .cell = (const char *const *)c->cell,
                                       .n_rows = c->n / c->n_columns};

    if (c->failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output");
    return ps_listing_write(&listing, opt->format, opt->output, err);
}

void ps_cells_free(struct ps_cells *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->cell[i]);
    free(c->cell);
}
