/* The two forms of a tag list: parsers that give their entries away one by one. */
#ifndef PS_SCAN_TAGS_LISTS_FORMATS_H
#define PS_SCAN_TAGS_LISTS_FORMATS_H

#include <stddef.h>

#include "scan/tags/lists/span.h"
#include "scan/tags/tagdb.h"

/* Takes the entries of a list, in its order. Of 'info' source is not set, and pool and seen are
 * NULL where the line has no such columns; its texts are in the list. A negative result ends the
 * list and is handed on. */
struct ps_tag_sink {
    int (*put)(void *arg, const struct ps_tag_info *info, struct ps_err *err);
    void *arg;
};

/* Parsers: all lines of 'list' into the sink. 'name' for messages. list.text[list.n] is writable.
 */
int ps_tags_format_parse(const struct ps_tag_sink *sink, const char *name, struct ps_span list,
                         size_t *n_skipped, struct ps_err *err);
int ps_pooltag_format_parse(const struct ps_tag_sink *sink, const char *name, struct ps_span list,
                            size_t *n_skipped, struct ps_err *err);

/* Does the text look like a pooltag.txt, rather than the own format? Decided by the first line that
 * can only be one of the two. */
int ps_pooltag_format_detect(const char *text, size_t n);

#endif
