/* Lines and fields of a tag list. */
#ifndef PS_SCAN_TAGS_LISTS_SPAN_H
#define PS_SCAN_TAGS_LISTS_SPAN_H

#include <stddef.h>

/* A part of the database's own copy of a list. Parsers end fields in place, so entries point
 * into it. */
struct ps_span {
    char *text;
    size_t n;
};

/* A byte order mark at the start is no part of the first line. */
struct ps_span ps_span_skip_mark(struct ps_span list);

/* Take the next line, without its line end ("\n", "\r\n"), off 'rest'. 0 at the end. */
int ps_span_line(struct ps_span *rest, struct ps_span *line);

/* Drop blanks (space, tab) from both ends. */
struct ps_span ps_span_trim(struct ps_span s);

/* Take the first 'n' bytes off 's' (n is at most s.n). */
struct ps_span ps_span_rest(struct ps_span s, size_t n);

/* End the span with a zero byte (the byte behind it is overwritten: it must be a separator or the
 * end of the list) and return its text. */
const char *ps_span_end(struct ps_span s);

#endif
