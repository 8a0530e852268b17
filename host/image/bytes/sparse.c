#include "host/image/bytes/sparse.h"

#include <errno.h>
#include <unistd.h>

/* A file in crumbs costs two system calls a crumb: past this many the rest counts as data. */
#define MAX_PROBES ((size_t)1 << 20)

int ps_sparse_ranges(struct ps_ranges *ranges, int fd, uint64_t base, uint64_t n_bytes,
                     struct ps_err *err)
{
    uint64_t at = 0;

    for (size_t i = 0; i < MAX_PROBES && at < n_bytes; i++) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        off_t hole;
        int rc;

        if (data < 0 && errno == ENXIO)
            return 0; /* nothing but a hole up to the end */
        if (data < 0 || (uint64_t)data < at)
            break;
        if ((uint64_t)data >= n_bytes)
            return 0;
        hole = lseek(fd, data, SEEK_HOLE);
        if (hole <= data || (uint64_t)hole > n_bytes)
            hole = (off_t)n_bytes;
        rc = ps_ranges_add(ranges, base + (uint64_t)data, base + (uint64_t)hole, err);
        if (rc < 0)
            return rc;
        at = (uint64_t)hole;
    }
    return at < n_bytes ? ps_ranges_add(ranges, base + at, base + n_bytes, err) : 0;
}
