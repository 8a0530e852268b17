#include "host/temp_files.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum state { FREE, BUSY, KNOWN };

/* Global because a signal handler can be passed nothing. */
static struct {
    atomic_int state;
    char path[PS_TEMP_FILE_PATH_BYTES];
} files[PS_TEMP_FILES];

static int change(size_t i, enum state from, enum state to)
{
    int expected = (int)from;

    return atomic_compare_exchange_strong(&files[i].state, &expected, (int)to);
}

void ps_temp_files_add(const char *path)
{
    const size_t n = strlen(path) + 1;

    if (n > PS_TEMP_FILE_PATH_BYTES)
        return;
    for (size_t i = 0; i < PS_TEMP_FILES; i++) {
        if (!change(i, FREE, BUSY))
            continue;
        memcpy(files[i].path, path, n);
        atomic_store(&files[i].state, KNOWN);
        return;
    }
}

void ps_temp_files_forget(const char *path)
{
    for (size_t i = 0; i < PS_TEMP_FILES; i++) {
        if (!change(i, KNOWN, BUSY))
            continue;
        if (strcmp(files[i].path, path) == 0) {
            atomic_store(&files[i].state, FREE);
            return;
        }
        atomic_store(&files[i].state, KNOWN);
    }
}

void ps_temp_files_remove(void)
{
    for (size_t i = 0; i < PS_TEMP_FILES; i++)
        if (atomic_load(&files[i].state) == KNOWN)
            unlink(files[i].path);
}
