#include "tests/support/tmpdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    abort();
}

void ps_tmpdir_make(struct ps_tmpdir *dir)
{
    const char *base = getenv("TMPDIR");

    snprintf(dir->path, sizeof dir->path, "%.200s/poolscan-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir->path))
        die(dir->path);
}

void ps_tmpdir_remove(struct ps_tmpdir *dir)
{
    DIR *list = opendir(dir->path);

    if (!list)
        die(dir->path);
    for (const struct dirent *entry; (entry = readdir(list));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        unlinkat(dirfd(list), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    }
    closedir(list);
    if (rmdir(dir->path) < 0)
        die(dir->path);
}

const char *ps_tmpdir_file(struct ps_tmpdir *dir, const char *name)
{
    snprintf(dir->file, sizeof dir->file, "%s/%.200s", dir->path, name);
    return dir->file;
}

const char *ps_tmpdir_write(struct ps_tmpdir *dir, const char *name, const void *data,
                            size_t n_bytes)
{
    const char *path = ps_tmpdir_file(dir, name);
    FILE *file = fopen(path, "wb");

    if (!file || (n_bytes && fwrite(data, 1, n_bytes, file) != n_bytes) || fclose(file))
        die(path);
    return path;
}
