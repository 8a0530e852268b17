/* Split images: NAME.001, NAME.002 ... or from .000, with two or more digits. */
#ifndef PS_HOST_IMAGE_BYTES_SPLIT_H
#define PS_HOST_IMAGE_BYTES_SPLIT_H

#include <stddef.h>

#include "scan/err.h"

struct ps_paths {
    char **path;
    size_t n;
};

/* The files that make up the image 'path', in order: 'path' alone, or all parts when it is named
 * as the first part of a split image. Free with ps_paths_free. PS_ENOENT when a part is missing,
 * PS_EFORMAT when 'path' is a part but not the first. */
int ps_split_paths(struct ps_paths *out, const char *path, struct ps_err *err);
void ps_paths_free(struct ps_paths *paths);

#endif
