/* Flat bytes, however they are stored: the layer below the containers.
 *
 * A container (raw, crash dump, LiME, ELF core) says which physical memory lies where in the
 * bytes of an image; this says where those bytes come from (one file, the parts of a split
 * image; E01 and compressed files later). Any container works on any storage. */
#ifndef PS_HOST_IMAGE_BYTES_BYTES_H
#define PS_HOST_IMAGE_BYTES_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/ranges.h"
#include "scan/err.h"

struct ps_bytes;

struct ps_bytes_ops {
    int stays; /* all that was unpacked stays in memory of this process */
    /* Before the container's name in ps_image_format: "", "split ". */
    const char *prefix;
    /* Exactly n_bytes at 'off', which lie inside. PS_EIO with err->at = the offset that failed,
     * PS_EFORMAT when they are not there any more or cannot be decoded. Any thread. */
    int (*read)(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                struct ps_err *err);
    /* As read, by one of several threads that together read everything, once each: what is unpacked
     * for it need not be kept, nor unpacked ahead of it. NULL: as read. */
    int (*read_once)(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                     struct ps_err *err);
    /* The same bytes as read-only memory, aligned to 8 bytes, or NULL when that cannot be.
     * Valid until close. The op itself is NULL when nothing can be mapped. Any thread. */
    const uint8_t *(*map)(struct ps_bytes *bytes, uint64_t off, size_t n_bytes);
    /* The memory that map gave may leave the resident set. Any thread. */
    void (*release)(struct ps_bytes *bytes, const uint8_t *mem, size_t n_bytes);
    /* These bytes, which lie inside, will be touched soon: fetch those that are not in memory,
     * without waiting. NULL: nothing to gain. Any thread. */
    void (*will_need)(struct ps_bytes *bytes, uint64_t off, uint64_t n_bytes);
    /* Add the ranges that hold data; what lies between them reads as zeros. NULL: all of it. */
    int (*data)(struct ps_bytes *bytes, struct ps_ranges *out, struct ps_err *err);
    /* Of bytes that are a bet (host/image/bytes/flow.h), else NULL, as finish: has it been lost, so
     * that all reads fail? Any thread. */
    int (*is_lost)(struct ps_bytes *bytes);
    /* All that is wanted was read: 1 if those were the bytes, n_bytes of them, 0 if they have to be
     * opened in another way, or an error that says nothing about them. Nobody reads meanwhile. */
    int (*finish)(struct ps_bytes *bytes, struct ps_err *err);
    void (*close)(struct ps_bytes *bytes);
};

/* A storage's own structure begins with this. */
struct ps_bytes {
    const struct ps_bytes_ops *ops;
    uint64_t n_bytes;
};

#endif
