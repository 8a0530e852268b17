/* A container reader on bytes in memory, for unit tests and fuzz targets: no image is needed. */
#ifndef PS_TESTS_SUPPORT_OPEN_CONTAINER_H
#define PS_TESTS_SUPPORT_OPEN_CONTAINER_H

#include "host/image/containers/reader.h"
#include "host/image/runs.h"
#include "scan/err.h"
#include "tests/support/memory_bytes.h"

struct ps_open_container {
    struct ps_container c;
    struct ps_layout layout; /* all zero when open failed */
    struct ps_err err;
    uint8_t head[PS_HEAD_BYTES];
};

/* Probe, open and lay out as ps_image_open does. 1: *o is filled; 0: not recognised; -PS_E...: open
 * or the layout failed, o->err says why. Close in any case. *m and *o must not move until then. */
int ps_open_container(struct ps_open_container *o, const struct ps_reader *reader,
                      struct ps_memory_bytes *m, const char *path);
void ps_open_container_close(struct ps_open_container *o);

/* For fuzz targets: open n_bytes at 'data' as a file of n_bytes, check what holds for every
 * container (extents ascending, apart and inside the file; facts and notes within their bounds),
 * read some of every extent, close. Ends the program where something does not hold. Returns what
 * ps_open_container does. */
int ps_fuzz_container(const struct ps_reader *reader, const uint8_t *data, size_t n_bytes);

#endif
