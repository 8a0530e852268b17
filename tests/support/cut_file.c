#include "tests/support/cut_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    abort();
}

void ps_cut_file_make(struct ps_cut_file *file, size_t n_bytes)
{
    char path[] = "/tmp/poolscan-cut-XXXXXX";

    file->n_bytes = n_bytes;
    file->fd = mkstemp(path);
    if (file->fd < 0 || unlink(path) < 0 || ftruncate(file->fd, (off_t)n_bytes) < 0)
        die(path);
    file->mem = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (file->mem == MAP_FAILED)
        die("mmap");
    memset(file->mem, 1, n_bytes);
}

void ps_cut_file_cut(struct ps_cut_file *file, size_t n_bytes)
{
    if (ftruncate(file->fd, (off_t)n_bytes) < 0)
        die("ftruncate");
}

void ps_cut_file_free(struct ps_cut_file *file)
{
    munmap(file->mem, file->n_bytes);
    close(file->fd);
}

void ps_touch(void *arg)
{
    struct ps_touch *touch = arg;

    for (size_t i = 0; i < touch->n_bytes; i += 64)
        touch->sum += touch->mem[i];
}
