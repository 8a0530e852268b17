/* The lists of tags/, as cmake/embed_tags.cmake puts them into the program. */
#ifndef PS_SCAN_TAGS_LISTS_BUILTIN_H
#define PS_SCAN_TAGS_LISTS_BUILTIN_H

#include <stddef.h>

struct ps_builtin_list {
    const char *name; /* of the file */
    const unsigned char *text;
    size_t n;
};

extern const struct ps_builtin_list ps_builtin_tags[];
extern const size_t ps_n_builtin_tags;

#endif
