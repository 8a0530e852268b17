/* Where text goes: standard output, or a file that appears whole or not at all. */
#ifndef PS_HOST_OUTPUT_SINK_SINK_H
#define PS_HOST_OUTPUT_SINK_SINK_H

#include <stddef.h>

#include "scan/err.h"

/* A buffer of PS_SINK_BYTES in front of a file descriptor. One thread at a time. A file is written
 * by a thread of the sink's own, from a second buffer, once the first one was full. */
#define PS_SINK_BYTES ((size_t)512 * 1024)

struct ps_sink;

/* Open the sink for 'path'; NULL or "-" is standard output. A path that is not there yet, or is a
 * regular file, is written as a temporary file beside it (PATH.<pid>.tmp; through a symbolic link,
 * beside the link's target) that takes its place at close. Anything else that can be written (a
 * FIFO, a device) is written directly. PS_ECREATE when it cannot be created or is a directory. */
int ps_sink_open(struct ps_sink **out, const char *path, struct ps_err *err);

/* Name of the temporary file, for a library that writes it itself by that name: the sink is given
 * nothing then, and publishes what stands in the file at close. NULL when PATH is written directly
 * (standard output, a FIFO, a device). The sink's own. */
const char *ps_sink_temp(const struct ps_sink *s);

/* Room for n more bytes, any n: fill up to n of them, then tell how many with ps_sink_used. Writes
 * the buffer out first when it is too full, so that what one room holds is never cut in two. NULL
 * on failure: PS_ENOMEM, or PS_EIO saying whether the disk is full or the reader went away, of a
 * file up to a buffer later. After a PS_EIO every later call fails in the same way. */
char *ps_sink_room(struct ps_sink *s, size_t n, struct ps_err *err);
void ps_sink_used(struct ps_sink *s, size_t n);

/* Room, copy and used in one. */
int ps_sink_write(struct ps_sink *s, const void *data, size_t n, struct ps_err *err);

/* Hand what is buffered to the operating system. */
int ps_sink_flush(struct ps_sink *s, struct ps_err *err);

/* Flush, and for a file: fsync, rename, fsync of the folder. Without 'keep', or after a failure,
 * the temporary file is removed and PATH is as it was before; what was buffered for a pipe or a
 * terminal is still written, for it ends at a whole room. Frees 's' in any case; accepts NULL. */
int ps_sink_close(struct ps_sink *s, int keep, struct ps_err *err);

#endif
