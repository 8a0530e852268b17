/* Bytes that could only be unpacked from their beginning on, in memory or in a temporary file.
 *
 * The file has no name, its pages of zeros take no room (and are there all the same, unlike the
 * holes of a sparse image), and it is gone with the process. */
#ifndef PS_HOST_IMAGE_BYTES_UNPACKED_H
#define PS_HOST_IMAGE_BYTES_UNPACKED_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/spec.h"
#include "host/image/notes.h"
#include "scan/err.h"

/* What gives the unpacked bytes, in order. */
struct ps_unpack_stream {
    const char *name;  /* of the packing: "gzip" */
    const char *why;   /* it is unpacked as a whole, for the note; NULL: no place in the middle of
                        * it can be entered */
    uint64_t n_packed; /* bytes that it comes from */
    void *arg;
    /* Up to n_bytes more into 'out', *n of them; *n is less only at the end, and 0 behind it.
     * PS_EFORMAT or PS_EIO with err->at = offset in the packed bytes when they are damaged: *n
     * bytes before that count. One thread at a time. */
    int (*next)(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err);
    /* As next, for somebody who has one piece of memory for all of it: more goes to 'mem', of n_mem
     * bytes, at *at, which moves on. mem and n_mem are the same in all calls, *at is what the last
     * one made of it, and what lies before it is read again, and must stay as it is. 1: there is
     * more, or no more room, and then next goes on; 0: that was the end. After an error only
     * restart goes on: some of what lies before the damage may not be in *at. NULL: none. */
    int (*next_in)(void *arg, uint8_t *mem, size_t n_mem, size_t *at, struct ps_err *err);
    /* Back to the beginning, for next. PS_ENOMEM. Only with next_in. */
    int (*restart)(void *arg, struct ps_err *err);
    /* How many bytes it probably has; 0: not known. */
    uint64_t n_promised;
    void (*free)(void *arg); /* for host/image/bytes/flow.h, with n_promised */
};

/* Unpack all of it: into memory if spec->unpack_memory is enough for it, and if it is not, or is
 * found not to be on the way, into a file in spec->temp_dir ($TMPDIR or /var/tmp when NULL).
 * Damage behind the first page costs what follows it and becomes a warning; before that, and when
 * nothing at all is packed, PS_EFORMAT. PS_ECREATE when there is no room for it, with what to do;
 * PS_ECANCEL or PS_ETEMP when it is to stop. With two threads or more (spec->n_threads), writing
 * has its own. The stream stays the caller's. */
int ps_unpacked_open(struct ps_bytes **out, const struct ps_unpack_stream *stream,
                     const struct ps_image_spec *spec, struct ps_notes *notes, struct ps_err *err);

#endif
