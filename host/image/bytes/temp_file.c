#include "host/image/bytes/temp_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/image/spec.h"

const char *ps_temp_dir(const char *dir)
{
    if (!dir)
        dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/var/tmp";
}

/* Not every file system can make a file without a name. */
static int make_and_unlink(const char *dir)
{
    const size_t n = strlen(dir) + sizeof "/poolscan-XXXXXX";
    char *path = malloc(n);
    int fd;

    if (!path) {
        errno = ENOMEM;
        return -1;
    }
    snprintf(path, n, "%s/poolscan-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

int ps_temp_file(const char *dir, const char *what, struct ps_err *err)
{
    int fd;

    dir = ps_temp_dir(dir);
    if (strcmp(dir, PS_NO_TEMP_DIR) == 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                       "%s has to be unpacked to a temporary file, which --temp-dir %s forbids",
                       what, PS_NO_TEMP_DIR);
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
        fd = make_and_unlink(dir);
    if (fd < 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                       "%s has to be unpacked, and no file can be made in %.100s: %s; name a "
                       "directory with --temp-dir",
                       what, dir, strerror(errno));
    return fd;
}
