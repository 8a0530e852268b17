/* A thread that writes one buffer to a file while its owner fills the next one. */
#ifndef PS_HOST_OUTPUT_SINK_WRITE_BEHIND_H
#define PS_HOST_OUTPUT_SINK_WRITE_BEHIND_H

#include <stddef.h>

/* Owned and called by one thread. */
struct ps_write_behind;

/* NULL when there is no memory or no thread for it: the owner writes itself. 'fd' stays the
 * caller's, and open until ps_write_behind_free. */
struct ps_write_behind *ps_write_behind_new(int fd);

/* Have the first n bytes of a buffer of malloc written, after what was given before; *buffer and
 * *cap are another one then, of at least 'least' bytes. Waits while the one before is written. 0,
 * or the errno of what failed, after which nothing is written any more; ENOMEM, and *buffer is what
 * it was. */
int ps_write_behind_give(struct ps_write_behind *w, char **buffer, size_t *cap, size_t n,
                         size_t least);

/* Wait until all that was given is written: 0 or the errno of what failed. */
int ps_write_behind_wait(struct ps_write_behind *w);

/* Waits, too. Accepts NULL. */
void ps_write_behind_free(struct ps_write_behind *w);

/* Write n bytes to 'fd', which may be a pipe that somebody made non-blocking: that is waited for. 0
 * or errno. */
int ps_write_fully(int fd, const char *data, size_t n);

#endif
