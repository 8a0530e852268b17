/* A result of scan, find, bigpools or used, read back: JSON Lines, or an array of the same objects.
 * The text may be of any size, cut off or hostile. */
#ifndef PS_HOST_RESULTS_RESULT_H
#define PS_HOST_RESULTS_RESULT_H

#include <stdint.h>

#include "host/virtual/isf/json.h"
#include "scan/err.h"

#define PS_RESULT_NONPAGED 1u
#define PS_RESULT_PAGED    2u

#define PS_RESULT_NOWHERE  UINT64_MAX

/* What one row says of its tag. */
struct ps_result_row {
    uint32_t tag;     /* without the protected bit where the row says that it is one */
    unsigned pools;   /* PS_RESULT_...; 0: not known */
    uint64_t n_live;  /* allocations, of any status but the next ones */
    uint64_t n_freed; /* Free or Stale */
    uint64_t n_bytes; /* of the live ones */
    uint64_t offset;  /* physical address; PS_RESULT_NOWHERE: none */
    int has_counted;  /* n_live and n_bytes are what Windows counted, in a row of used */
    uint64_t n_found, n_found_bytes; /* what was found; of other rows n_live and n_bytes */
};

/* Whom the rows go to. */
struct ps_result_sink {
    /* 0, or a failure that ends the reading. */
    int (*row)(void *arg, const struct ps_result_row *row, struct ps_err *err);
    void *arg;
    uint32_t min_confidence; /* rows with a lower Confidence are passed over */
};

/* The whole result. */
struct ps_result_about {
    uint64_t n_rows;    /* given to the sink */
    uint64_t n_below;   /* passed over: Confidence */
    uint64_t n_content; /* passed over: content of a big allocation (InBigPool), no allocation */
    uint64_t n_no_tag;  /* passed over: Tag is null */
    int has_image, has_other_images;   /* do rows name one Image, do they name different ones */
    char image[PS_JSON_TEXT_BYTES];    /* as in the text; "" when it was too long */
    char image_id[PS_JSON_TEXT_BYTES]; /* "": not said */
};

/* Four bytes as the output writes a tag, \xNN for what is not printable. 0: they are not. */
int ps_result_parse_tag(const char *s, uint32_t *tag);

/* Read all of it. PS_EFORMAT for what is no result, with the line; what 'source' or the sink failed
 * with. The message does not name the file. Memory does not depend on the size of the text. */
int ps_result_read(struct ps_byte_source source, const struct ps_result_sink *sink,
                   struct ps_result_about *about, struct ps_err *err);

#endif
