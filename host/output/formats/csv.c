/* RFC 4180: a header row, CR LF after each row, quotes where a field needs them. */
#include "host/output/writer.h"

#include <stdlib.h>
#include <string.h>

#include "host/output/fields.h"

static const struct ps_row_frame csv_frame = {"", "", "\r\n"};

struct csv_state {
    struct ps_rows *rows;
    int has_header;
};

static int csv_open(struct ps_writer *w, struct ps_err *err)
{
    struct csv_state *state = calloc(1, sizeof *state);

    w->state = state;
    if (!state)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the CSV writer");
    return ps_rows_new(&state->rows, PS_ROWS_CSV, w->tags, err);
}

static int csv_header(struct ps_writer *w, struct ps_err *err)
{
    struct csv_state *state = w->state;
    int rc = 0;

    if (state->has_header)
        return 0;
    state->has_header = 1;
    for (size_t i = 0; i < ps_rows_count_fields() && rc == 0; i++) {
        const char *name = ps_rows_name(i);

        if (i > 0)
            rc = ps_sink_write(w->sink, ",", 1, err);
        if (rc == 0)
            rc = ps_sink_write(w->sink, name, strlen(name), err);
    }
    return rc < 0 ? rc : ps_sink_write(w->sink, "\r\n", 2, err);
}

static int csv_begin_image(struct ps_writer *w, const struct ps_output_image *image,
                           struct ps_err *err)
{
    struct csv_state *state = w->state;
    int rc = csv_header(w, err);

    return rc < 0 ? rc : ps_rows_begin_image(state->rows, image, err);
}

static int csv_findings(struct ps_writer *w, const struct ps_finding *f, size_t n,
                        struct ps_err *err)
{
    struct csv_state *state = w->state;

    return ps_rows_write(state->rows, &csv_frame, w->sink, f, n, err);
}

static void csv_close(struct ps_writer *w)
{
    struct csv_state *state = w->state;

    if (!state)
        return;
    ps_rows_free(state->rows);
    free(state);
}

const struct ps_writer_ops ps_writer_csv = {
    .name = "csv",
    .open = csv_open,
    .begin_image = csv_begin_image,
    .findings = csv_findings,
    .finish = csv_header,
    .close = csv_close,
};
