#include "host/output/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/output/writer.h"

/* The pipeline's own cost is measured with this one. */
static const struct ps_writer_ops writer_none = {.name = "none"};

static const struct ps_writer_ops *const writers[] = {
    &ps_writer_table,  &ps_writer_jsonl,       &ps_writer_json,
    &ps_writer_csv,    &writer_none,           &ps_writer_default,
    &ps_writer_kv,     &ps_writer_drakvuf_csv, &ps_writer_drakvuf_json,
    &ps_writer_sqlite,
};

#define N_WRITERS (sizeof writers / sizeof *writers)

const char *const ps_output_formats[] = {"auto", "table",       "jsonl",        "json",
                                         "csv",  "sqlite",      "none",         "default",
                                         "kv",   "drakvuf-csv", "drakvuf-json", NULL};

struct ps_output {
    const struct ps_writer_ops *ops;
    struct ps_writer writer;
};

static int shown_on_terminal(const char *path)
{
    return (!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO);
}

int ps_output_wants_color(int when, const char *path)
{
    const char *no_color = getenv("NO_COLOR");

    if (when != 0)
        return when == 1;
    return shown_on_terminal(path) && !(no_color && no_color[0]);
}

static const char *resolve_auto(const char *format, const char *path)
{
    if (format && strcmp(format, "auto") != 0)
        return format;
    return shown_on_terminal(path) ? "table" : "jsonl";
}

int ps_output_is_table(const char *format, const char *path)
{
    return strcmp(resolve_auto(format, path), "table") == 0;
}

int ps_output_is_of_findings(const char *format)
{
    const struct ps_writer_ops *const of_findings[] = {
        &ps_writer_default, &ps_writer_kv, &ps_writer_drakvuf_csv, &ps_writer_drakvuf_json};

    for (size_t i = 0; format && i < sizeof of_findings / sizeof *of_findings; i++)
        if (strcmp(of_findings[i]->name, format) == 0)
            return 1;
    return 0;
}

static unsigned terminal_width(const char *path)
{
    struct winsize size;

    if (!shown_on_terminal(path))
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static const struct ps_writer_ops *find_writer(const char *format)
{
    for (size_t i = 0; i < N_WRITERS; i++)
        if (strcmp(writers[i]->name, format) == 0)
            return writers[i];
    return NULL;
}

static void output_free(struct ps_output *o)
{
    if (o->ops->close)
        o->ops->close(&o->writer);
    free(o);
}

int ps_output_open(struct ps_output **out, const struct ps_output_spec *spec, struct ps_err *err)
{
    const char *format = resolve_auto(spec->format, spec->path);
    const struct ps_writer_ops *ops = find_writer(format);
    struct ps_output *o;
    int rc;

    if (!ops)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "unknown format '%.40s': use auto, table, jsonl, json, csv, sqlite, none, "
                       "default, kv, drakvuf-csv or drakvuf-json",
                       format);
    o = calloc(1, sizeof *o);
    if (!o)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output");
    o->ops = ops;
    o->writer.tags = spec->tags;
    o->writer.color = spec->color;
    o->writer.temp_dir = spec->temp_dir;
    o->writer.width = terminal_width(spec->path);
    rc = ps_sink_open(&o->writer.sink, spec->path, err);
    if (rc == 0 && ops->open)
        rc = ops->open(&o->writer, err);
    if (rc < 0) {
        struct ps_err ignored;

        ps_sink_close(o->writer.sink, 0, &ignored);
        output_free(o);
        return rc;
    }
    *out = o;
    return 0;
}

int ps_output_begin_image(struct ps_output *o, const struct ps_output_image *image,
                          struct ps_err *err)
{
    return o->ops->begin_image ? o->ops->begin_image(&o->writer, image, err) : 0;
}

int ps_output_findings(struct ps_output *o, const struct ps_finding *f, size_t n,
                       struct ps_err *err)
{
    return o->ops->findings ? o->ops->findings(&o->writer, f, n, err) : 0;
}

int ps_output_end_image(struct ps_output *o, struct ps_err *err)
{
    int rc = o->ops->end_image ? o->ops->end_image(&o->writer, err) : 0;

    return rc < 0 ? rc : ps_sink_flush(o->writer.sink, err);
}

int ps_output_close(struct ps_output *o, int keep, struct ps_err *err)
{
    struct ps_err ignored;
    int rc = 0;
    int closed;

    if (!o)
        return 0;
    if (keep && o->ops->finish)
        rc = o->ops->finish(&o->writer, err);
    closed = ps_sink_close(o->writer.sink, keep && rc == 0, rc < 0 ? &ignored : err);
    output_free(o);
    return rc < 0 ? rc : closed;
}
