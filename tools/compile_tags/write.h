/* The table as C source. */
#ifndef PS_TOOLS_COMPILE_TAGS_WRITE_H
#define PS_TOOLS_COMPILE_TAGS_WRITE_H

#include "tools/compile_tags/hash.h"
#include "tools/compile_tags/lists.h"

/* Write the source that defines ps_builtin_table (scan/tags/builtin/builtin.h) to 'path'. 0, or -1
 * with a message on standard error. */
int ps_write_table(const char *path, const struct ps_lists *lists, const struct ps_hash *hash);

#endif
