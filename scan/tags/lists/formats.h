/* The two forms of a tag list: parsers that feed the tag database. */
#ifndef PS_SCAN_TAGS_LISTS_FORMATS_H
#define PS_SCAN_TAGS_LISTS_FORMATS_H

#include <stddef.h>

#include "scan/tags/lists/span.h"
#include "scan/tags/tagdb.h"

/* Add an entry; when its pattern is known already the older one stays. info->source is set by the
 * database; pool and seen are NULL where the line has no such columns. */
int ps_tagdb_put(struct ps_tagdb *db, const struct ps_tag_info *info, struct ps_err *err);

/* Parsers: all lines of 'list' into db. 'name' for messages. list.text[list.n] is writable. */
int ps_tags_format_parse(struct ps_tagdb *db, const char *name, struct ps_span list,
                         size_t *n_skipped, struct ps_err *err);
int ps_pooltag_format_parse(struct ps_tagdb *db, const char *name, struct ps_span list,
                            size_t *n_skipped, struct ps_err *err);

/* Does the text look like a pooltag.txt, rather than the own format? Decided by the first line that
 * can only be one of the two. */
int ps_pooltag_format_detect(const char *text, size_t n);

#endif
