/* Bytes in one file, or in several that follow each other (the parts of a split image). */
#ifndef PS_HOST_IMAGE_BYTES_FILES_H
#define PS_HOST_IMAGE_BYTES_FILES_H

#include "host/image/bytes/bytes.h"

/* Open the n_paths files at 'paths' as one. PS_ENOENT, PS_EIO when one cannot be opened,
 * PS_EFORMAT when one is no regular file or block device, or empty. With several paths the
 * message names the file. */
int ps_files_open(struct ps_bytes **out, char *const *paths, size_t n_paths, struct ps_err *err);
/* The same of one file that is open for reading and whose holes are data: pages of zeros that
 * whoever wrote it did not store. 'fd' is closed with the bytes; on failure it is still the
 * caller's. */
int ps_files_open_fd(struct ps_bytes **out, int fd, struct ps_err *err);

#endif
