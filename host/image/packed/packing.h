/* What a compressed or encoded file implements: gzip, zstd, lz4, xz, E01, zdmp.
 *
 * A packing turns bytes into other bytes, which any container, or another packing, may lie in. One
 * that can be entered at many places becomes blocks (host/image/bytes/blocks.h), unpacked where
 * and when they are wanted, on all threads; one that cannot is unpacked once to a temporary file
 * (host/image/bytes/unpacked.h), and a note says so. */
#ifndef PS_HOST_IMAGE_PACKED_PACKING_H
#define PS_HOST_IMAGE_PACKED_PACKING_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/spec.h"
#include "host/image/notes.h"
#include "scan/err.h"

/* What a packing is opened from. */
struct ps_packed {
    struct ps_bytes *bytes; /* the packed bytes */
    const char *path; /* of the file, if 'bytes' is that whole file; NULL: it is within another
                       * packing */
    const struct ps_image_spec *spec;
    struct ps_notes *notes;
};

struct ps_packing {
    const char *name;    /* "gzip"; before the container's name in ps_image_format */
    const char *library; /* "zlib"; what this build lacks if open is NULL */
    /* By content alone. */
    int (*probe)(const uint8_t *head, size_t n_head);
    /* *out owns packed->bytes from then on and closes them; not on failure. PS_EFORMAT with err->at
     * = the offset in the packed bytes. NULL: not in this build. */
    int (*open)(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err);
    /* "1.5.4", of the library that runs; NULL if open is. */
    const char *(*version)(void);
};

extern const struct ps_packing ps_packing_ewf;
extern const struct ps_packing ps_packing_gzip;
extern const struct ps_packing ps_packing_lz4;
extern const struct ps_packing ps_packing_xz;
extern const struct ps_packing ps_packing_zdmp;
extern const struct ps_packing ps_packing_zstd;
/* The table, and its length. */
extern const struct ps_packing *const ps_packings[];
extern const size_t ps_n_packings;

/* Packings around each other at most: an E01 of a .dmp.gz of a .zst is two. */
#define PS_PACKED_LAYERS 3u

/* Unpack *bytes, which this owns and replaces, until they are of no packing: *bytes is then what
 * lies inside. The names are appended to 'format' ("gzip "), n_format bytes. On failure *bytes is
 * still to be closed. What is left of spec->unpack_memory is in it afterwards. PS_EFORMAT for a
 * packing that this build lacks and for too many layers. */
int ps_packed_open(struct ps_bytes **bytes, const char *path, struct ps_image_spec *spec,
                   struct ps_notes *notes, char *format, size_t n_format, struct ps_err *err);

#endif
