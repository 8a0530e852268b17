#include "tests/containers/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("make_container: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *need_memory(unsigned long n_bytes)
{
    void *memory = calloc(1, n_bytes ? n_bytes : 1);

    if (!memory)
        fail("no memory for %lu bytes", n_bytes);
    return memory;
}
