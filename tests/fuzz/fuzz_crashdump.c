/* Bytes -> a crash dump; what it becomes lies inside the file, and lists in it cost no more memory
 * than the file has pages. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/open_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* So that a list can be longer than the input, and its pages lie in the file. */
#define GROWN_BYTES ((uint64_t)1 << 21)

static void die(const char *what, uint64_t n)
{
    fprintf(stderr, "%s: %llu\n", what, (unsigned long long)n);
    abort();
}

/* One run at the end of the list stands for all that is past the end of the file. */
static void check_runs(const struct ps_open_container *o, uint64_t file_bytes)
{
    uint64_t n_present = 0;

    if (o->c.runs.n > file_bytes / 4096 + 2)
        die("more runs than pages", o->c.runs.n);
    for (size_t i = 0; i < o->layout.n; i++)
        n_present += o->layout.extent[i].n_bytes;
    if (!o->c.runs.n || (!n_present && !o->layout.n_missing))
        die("opened, and there is nothing", o->c.runs.n);
    if (n_present > file_bytes)
        die("more memory than file", n_present);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_memory_bytes m;
    struct ps_open_container o;

    ps_fuzz_container(&ps_reader_crash_dump, data, size);
    if (!size || size > GROWN_BYTES)
        return 0;
    for (int grown = 0; grown < 2; grown++) {
        ps_memory_bytes_init(&m, data, size);
        if (grown)
            ps_memory_bytes_grow(&m, GROWN_BYTES);
        if (ps_open_container(&o, &ps_reader_crash_dump, &m, "fuzz") == 1)
            check_runs(&o, m.bytes.n_bytes);
        ps_open_container_close(&o);
    }
    return 0;
}
