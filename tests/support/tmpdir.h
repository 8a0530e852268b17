/* Files for tests: a directory of their own, gone afterwards. Every failure ends the program. */
#ifndef PS_TESTS_SUPPORT_TMPDIR_H
#define PS_TESTS_SUPPORT_TMPDIR_H

#include <stddef.h>

struct ps_tmpdir {
    char path[256];
    char file[512]; /* what ps_tmpdir_file returned last */
};

void ps_tmpdir_make(struct ps_tmpdir *dir);
void ps_tmpdir_remove(struct ps_tmpdir *dir); /* and all files in it */
/* The path of 'name' in 'dir'; good until the next call. */
const char *ps_tmpdir_file(struct ps_tmpdir *dir, const char *name);
/* Write (or replace) the file 'name'; returns its path, as above. */
const char *ps_tmpdir_write(struct ps_tmpdir *dir, const char *name, const void *data,
                            size_t n_bytes);

#endif
