/* Which bytes of a file are stored: holes of a sparse file are never read. */
#ifndef PS_HOST_IMAGE_BYTES_SPARSE_H
#define PS_HOST_IMAGE_BYTES_SPARSE_H

#include "host/image/bytes/ranges.h"

/* Add the data ranges of the first n_bytes of 'fd', each moved up by 'base'. A file system that
 * does not tell gives one range. Moves the file position. PS_ENOMEM. */
int ps_sparse_ranges(struct ps_ranges *ranges, int fd, uint64_t base, uint64_t n_bytes,
                     struct ps_err *err);

#endif
