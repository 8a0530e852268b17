/* The lists of tags/, read and checked. */
#ifndef PS_TOOLS_COMPILE_TAGS_LISTS_H
#define PS_TOOLS_COMPILE_TAGS_LISTS_H

#include <stddef.h>

#include "scan/tags/tagdb.h"

struct ps_list {
    char *name; /* below the folder of the lists: "kernel/objects.tags" */
    char *text;
};

/* Begin with all zero. */
struct ps_lists {
    struct ps_list *list;
    size_t n_lists;
    struct ps_tag_info *entry; /* in the order of ps_tag_pattern_compare */
    size_t n;
    size_t cap;
};

/* Read the files, all of them below 'root'. What is wrong in one goes to standard error as
 * FILE:LINE: and a sentence. 0, or -1 when anything was wrong. */
int ps_lists_read(struct ps_lists *lists, const char *root, char *const *path, size_t n_paths);
void ps_lists_free(struct ps_lists *lists);

#endif
