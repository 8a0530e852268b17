/* One output format: what a file of host/output/formats/ gives to the table in output.c. */
#ifndef PS_HOST_OUTPUT_WRITER_H
#define PS_HOST_OUTPUT_WRITER_H

#include "host/output/output.h"
#include "host/output/sink/sink.h"

struct ps_writer {
    struct ps_sink *sink; /* where the text goes; output.c opens and closes it */
    const struct ps_tagdb *tags;
    int color;
    unsigned width;       /* of the terminal that shows the text, in columns; 0: none does */
    const char *temp_dir; /* of the spec, until open returns */
    void *state;          /* the format's own, made by open */
};

/* Called in this order: open, then for each image begin_image, findings (any number of times),
 * end_image, then finish, then close. A NULL entry does nothing. finish is left out when the
 * result is not wanted; close follows in any case, also a failed open, and frees 'state'. Nothing
 * is written before begin_image or finish, so that a run that fails early leaves no text. */
struct ps_writer_ops {
    const char *name;
    int (*open)(struct ps_writer *w, struct ps_err *err);
    int (*begin_image)(struct ps_writer *w, const struct ps_output_image *image,
                       struct ps_err *err);
    int (*findings)(struct ps_writer *w, const struct ps_finding *f, size_t n, struct ps_err *err);
    int (*end_image)(struct ps_writer *w, struct ps_err *err);
    int (*finish)(struct ps_writer *w, struct ps_err *err);
    void (*close)(struct ps_writer *w);
};

extern const struct ps_writer_ops ps_writer_jsonl;
extern const struct ps_writer_ops ps_writer_json;
extern const struct ps_writer_ops ps_writer_csv;
extern const struct ps_writer_ops ps_writer_table;
extern const struct ps_writer_ops ps_writer_default; /* the four of DRAKVUF's poolmon */
extern const struct ps_writer_ops ps_writer_kv;
extern const struct ps_writer_ops ps_writer_drakvuf_csv;
extern const struct ps_writer_ops ps_writer_drakvuf_json;
extern const struct ps_writer_ops ps_writer_sqlite; /* host/output/sqlite/ */

#endif
