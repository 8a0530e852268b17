/* A finding as a row of fields: names, order and values are those of docs/OUTPUT.md. The field
 * table in fields.c is shared by all formats that write one row per finding. */
#ifndef PS_HOST_OUTPUT_FIELDS_H
#define PS_HOST_OUTPUT_FIELDS_H

#include "host/output/output.h"
#include "host/output/sink/sink.h"

/* {"Name":value,...} or value,value,... ; neither ends its line. PLAIN is for ps_rows_put: text
 * without quotes and escapes, null is nothing at all. */
enum ps_row_form { PS_ROWS_JSON, PS_ROWS_CSV, PS_ROWS_PLAIN };

struct ps_rows;

/* 'tags' may be NULL: Component and Description are then empty in all rows. */
int ps_rows_new(struct ps_rows **out, enum ps_row_form form, const struct ps_tagdb *tags,
                struct ps_err *err);
void ps_rows_free(struct ps_rows *r); /* accepts NULL */

/* Render what the rows of one image share; 'image' outlives them. Comes before the rows. */
int ps_rows_begin_image(struct ps_rows *r, const struct ps_output_image *image, struct ps_err *err);

/* What stands around the rows of a format. */
struct ps_row_frame {
    const char *first; /* before the first row of all images */
    const char *next;  /* before each other row */
    const char *after; /* after each row */
};

/* Write n findings of the image as rows. PS_EIO, PS_ENOMEM as ps_sink_room. */
int ps_rows_write(struct ps_rows *r, const struct ps_row_frame *frame, struct ps_sink *sink,
                  const struct ps_finding *f, size_t n, struct ps_err *err);

/* Rows written so far. */
uint64_t ps_rows_written(const struct ps_rows *r);

/* How many fields a row has, and the name of field i. */
size_t ps_rows_count_fields(void);
const char *ps_rows_name(size_t i);

/* What the values of a field are. Only a list may be empty without being null. */
enum ps_field_kind {
    PS_FIELD_TEXT,
    PS_FIELD_NUMBER,
    PS_FIELD_TRUTH,
    PS_FIELD_LIST, /* words with | between them */
};

/* What a field is told by: the finding itself, its tag in this Windows, or its image. */
enum ps_field_of { PS_FIELD_OF_FINDING, PS_FIELD_OF_TAG, PS_FIELD_OF_IMAGE };

enum ps_field_kind ps_rows_kind(size_t i);
enum ps_field_of ps_rows_of(size_t i);

/* One value: put field i of 'f' to p and return its end. All fields of a row take at most
 * ps_rows_max_bytes of the image begun last, PS_TEXT_SLACK of them behind the last end. */
char *ps_rows_put(const struct ps_rows *r, size_t i, const struct ps_finding *f, char *p);
size_t ps_rows_max_bytes(const struct ps_rows *r);

#endif
