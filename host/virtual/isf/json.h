/* A JSON text as a stream of tokens: memory does not grow with the text. */
#ifndef PS_HOST_VIRTUAL_ISF_JSON_H
#define PS_HOST_VIRTUAL_ISF_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

#define PS_JSON_WINDOW_BYTES 65536u
#define PS_JSON_MAX_DEPTH    128u
#define PS_JSON_TEXT_BYTES   256u

/* Where the text comes from. */
struct ps_byte_source {
    /* Give up to n_bytes more: how many; 0 at the end, negative when it failed. */
    int64_t (*read)(void *arg, void *buf, size_t n_bytes, struct ps_err *err);
    void *arg;
};

enum ps_json_token {
    PS_JSON_END, /* of the text */
    PS_JSON_OBJECT,
    PS_JSON_OBJECT_END,
    PS_JSON_ARRAY,
    PS_JSON_ARRAY_END,
    PS_JSON_KEY, /* the value follows */
    PS_JSON_STRING,
    PS_JSON_NUMBER,
    PS_JSON_LITERAL, /* true, false, null */
};

/* The fields are private but for those that say so. 66 KiB. */
struct ps_json {
    struct ps_byte_source source;
    char text[PS_JSON_TEXT_BYTES]; /* readable: the last KEY, STRING, NUMBER or LITERAL, cut to fit;
                                    * what is not ASCII became '?' */
    int is_cut;                    /* readable: 'text' is not all of it */
    unsigned depth;                /* readable: containers that are open */
    uint64_t line, offset;         /* readable: where the reader is; lines count from 1 */
    int failed;                    /* what 'read' returned when it failed */
    int need;
    size_t n_text, at, n;
    uint8_t container[PS_JSON_MAX_DEPTH];
    uint8_t window[PS_JSON_WINDOW_BYTES];
};

void ps_json_init(struct ps_json *j, struct ps_byte_source source);

/* The next token (enum ps_json_token). PS_EFORMAT with line and offset for anything that is no
 * JSON, nested deeper than PS_JSON_MAX_DEPTH, or cut off; what the source failed with. Not to be
 * called again after an error. */
int ps_json_next(struct ps_json *j, struct ps_err *err);

/* After the end of a text, at depth 0: does another one stand behind it, as in JSON Lines? 1, and
 * ps_json_next begins it; 0; what the source failed with. */
int ps_json_more(struct ps_json *j, struct ps_err *err);

/* After a KEY: pass over its value. */
int ps_json_skip(struct ps_json *j, struct ps_err *err);

#endif
