#include "host/absolute.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ps_absolute_path(char **out, const char *path, struct ps_err *err)
{
    char *folder = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    char *whole = NULL;
    const char *slash;
    int n;

    if (!folder)
        return ps_fail(err, errno == ENOMEM ? PS_ENOMEM : PS_EIO, PS_AT_NONE,
                       "%.100s: the current folder has no name (%s): write the whole path", path,
                       strerror(errno));
    /* Of the folder "/" there is one slash already. */
    slash = path[0] == '/' || folder[1] == '\0' ? "" : "/";
    n = asprintf(&whole, "%s%s%s", folder, slash, path);
    free(folder);
    if (n < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    *out = whole;
    return 0;
}
