/* What a container format implements: raw memory, crash dump, LiME, ELF core ...
 *
 * Each has one file here and one row in the table of image.c. Open turns the headers of the
 * container into extents; with those, image.c does map, read and release for all containers
 * whose pages are stored as they are. Everything in the file is hostile: a count bounds no
 * allocation before it was compared with the size of the file, and image.c checks the extents
 * again. */
#ifndef PS_HOST_IMAGE_READER_H
#define PS_HOST_IMAGE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/image.h"
#include "scan/err.h"

/* Begin with all zero. Owned by the image. */
struct ps_extents {
    struct ps_extent *extent;
    size_t n;
    size_t cap;
};

struct ps_reader {
    const char *name; /* as ps_image_format says it, after the storage's prefix */
    /* Is it ours? 'head' is the beginning of the bytes, n_head of them: PS_HEAD_BYTES, or fewer
     * when there are no more. The first reader of the table that says yes opens the image. */
    int (*probe)(const uint8_t *head, size_t n_head);
    /* List the physical memory that is there with ps_extents_add. *state (NULL before) is kept
     * for read and close; what was made when open fails is freed by open. PS_EFORMAT with
     * err->at = offset of the bad field. Messages do not name the image file. */
    int (*open)(struct ps_bytes *bytes, struct ps_extents *out, void **state, struct ps_err *err);
    /* n_bytes at 'phys', inside extent 'e', for containers whose pages are not stored as they
     * are (compressed); such an image cannot be mapped. NULL: they are stored at e->file_off.
     * Any thread: a library handle that is not is locked, or kept once per thread, in here. */
    int (*read)(void *state, struct ps_bytes *bytes, const struct ps_extent *e, uint64_t phys,
                void *buf, size_t n_bytes, struct ps_err *err);
    void (*close)(void *state); /* NULL: there is no state */
};

#define PS_HEAD_BYTES 8192u

/* Append one extent. Extents come in ascending order of 'phys'; neighbours that continue each
 * other in memory and in the file become one. PS_ENOMEM. */
int ps_extents_add(struct ps_extents *extents, struct ps_extent extent, struct ps_err *err);
/* Do they keep what image.h promises, and lie within file_bytes? PS_EFORMAT with err->at = the
 * file offset of the first that does not. 'stored': file_off says where the bytes are. */
int ps_extents_check(const struct ps_extents *extents, uint64_t file_bytes, int stored,
                     struct ps_err *err);
/* The extent that holds 'phys', or NULL. */
const struct ps_extent *ps_extents_find(const struct ps_extents *extents, uint64_t phys);
void ps_extents_free(struct ps_extents *extents);

/* Containers that are recognised and refused: scanned as raw memory, their physical addresses
 * would be wrong. */
extern const struct ps_reader ps_reader_refused;
/* Bytes that are physical memory from address 0 on. Takes everything, so it comes last. */
extern const struct ps_reader ps_reader_raw;

#endif
