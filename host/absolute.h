/* File names that mean the same from every folder. */
#ifndef PS_HOST_ABSOLUTE_H
#define PS_HOST_ABSOLUTE_H

#include "scan/err.h"

/* 'path' with the current folder before it, unless it begins with a slash; links, "." and ".." stay
 * as they are. Free *out with free(). PS_EIO: the current folder has no name any more;
 * PS_ENOMEM. */
int ps_absolute_path(char **out, const char *path, struct ps_err *err);

#endif
