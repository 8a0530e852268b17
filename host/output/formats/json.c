/* JSON Lines, one object per finding and line, and JSON, the same objects in one array. */
#include "host/output/writer.h"

#include <string.h>

#include "host/output/fields.h"

static const struct ps_row_frame lines_frame = {"", "", "\n"};
static const struct ps_row_frame array_frame = {"[\n", ",\n", ""};

static int json_open(struct ps_writer *w, struct ps_err *err)
{
    struct ps_rows *rows;
    int rc = ps_rows_new(&rows, PS_ROWS_JSON, w->tags, err);

    if (rc == 0)
        w->state = rows;
    return rc;
}

static int json_begin_image(struct ps_writer *w, const struct ps_output_image *image,
                            struct ps_err *err)
{
    return ps_rows_begin_image(w->state, image, err);
}

static int jsonl_findings(struct ps_writer *w, const struct ps_finding *f, size_t n,
                          struct ps_err *err)
{
    return ps_rows_write(w->state, &lines_frame, w->sink, f, n, err);
}

static int json_findings(struct ps_writer *w, const struct ps_finding *f, size_t n,
                         struct ps_err *err)
{
    return ps_rows_write(w->state, &array_frame, w->sink, f, n, err);
}

static int json_finish(struct ps_writer *w, struct ps_err *err)
{
    const char *end = ps_rows_written(w->state) ? "\n]\n" : "[\n]\n";

    return ps_sink_write(w->sink, end, strlen(end), err);
}

static void json_close(struct ps_writer *w)
{
    ps_rows_free(w->state);
}

const struct ps_writer_ops ps_writer_jsonl = {
    .name = "jsonl",
    .open = json_open,
    .begin_image = json_begin_image,
    .findings = jsonl_findings,
    .close = json_close,
};

const struct ps_writer_ops ps_writer_json = {
    .name = "json",
    .open = json_open,
    .begin_image = json_begin_image,
    .findings = json_findings,
    .finish = json_finish,
    .close = json_close,
};
