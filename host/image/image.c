#include "host/image/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/digest.h"
#include "host/image/bytes/files.h"
#include "host/image/bytes/split.h"
#include "host/image/reader.h"

#define PAGE     4096u
#define ID_BYTES ((size_t)1 << 20) /* hashed at each end of the file */

struct ps_image {
    char *path;
    struct ps_bytes *bytes;
    const struct ps_reader *reader;
    void *state;
    struct ps_extents extents;
    char format[32];
    char id[PS_DIGEST_HEX_BYTES];
};

static const struct ps_reader *const readers[] = {
    &ps_reader_refused,
    &ps_reader_raw,
};

static int open_bytes(struct ps_image *image, struct ps_err *err)
{
    struct ps_paths paths;
    int rc = ps_split_paths(&paths, image->path, err);

    if (rc < 0)
        return rc;
    rc = ps_files_open(&image->bytes, paths.path, paths.n, err);
    ps_paths_free(&paths);
    return rc;
}

static int open_container(struct ps_image *image, struct ps_err *err)
{
    struct ps_bytes *bytes = image->bytes;
    size_t n_head = bytes->n_bytes < PS_HEAD_BYTES ? (size_t)bytes->n_bytes : PS_HEAD_BYTES;
    uint8_t head[PS_HEAD_BYTES];
    size_t i = 0;
    int rc = bytes->ops->read(bytes, 0, head, n_head, err);

    if (rc < 0)
        return rc;
    while (!readers[i]->probe(head, n_head))
        i++; /* the last row takes everything */
    rc = readers[i]->open(bytes, &image->extents, &image->state, err);
    if (rc < 0)
        return rc;
    image->reader = readers[i];
    snprintf(image->format, sizeof image->format, "%s%s", bytes->ops->prefix, readers[i]->name);
    return ps_extents_check(&image->extents, bytes->n_bytes, !readers[i]->read, err);
}

static int hash_ends(struct ps_bytes *bytes, struct ps_digest *digest, uint8_t *buf,
                     struct ps_err *err)
{
    size_t n = bytes->n_bytes < ID_BYTES ? (size_t)bytes->n_bytes : ID_BYTES;
    int rc;

    ps_digest_update_u64(digest, bytes->n_bytes);
    rc = bytes->ops->read(bytes, 0, buf, n, err);
    if (rc < 0)
        return rc;
    ps_digest_update(digest, buf, n);
    rc = bytes->ops->read(bytes, bytes->n_bytes - n, buf, n, err);
    if (rc >= 0)
        ps_digest_update(digest, buf, n);
    return rc;
}

static int compute_id(struct ps_image *image, struct ps_err *err)
{
    struct ps_digest *digest = ps_digest_new();
    uint8_t *buf = malloc(ID_BYTES);
    int rc;

    if (!digest || !buf)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the identity of the image");
    else
        rc = hash_ends(image->bytes, digest, buf, err);
    if (rc >= 0)
        ps_digest_hex(digest, image->id);
    free(buf);
    ps_digest_free(digest);
    return rc;
}

int ps_image_open(struct ps_image **out, const char *path, struct ps_err *err)
{
    struct ps_image *image = calloc(1, sizeof *image);
    int rc = 0;

    if (image)
        image->path = strdup(path);
    if (!image || !image->path)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    if (rc >= 0)
        rc = open_bytes(image, err);
    if (rc >= 0)
        rc = open_container(image, err);
    if (rc >= 0)
        rc = compute_id(image, err);
    if (rc < 0) {
        ps_image_close(image);
        return rc;
    }
    *out = image;
    return 0;
}

void ps_image_close(struct ps_image *image)
{
    if (!image)
        return;
    if (image->reader && image->reader->close)
        image->reader->close(image->state);
    if (image->bytes)
        image->bytes->ops->close(image->bytes);
    ps_extents_free(&image->extents);
    free(image->path);
    free(image);
}

const char *ps_image_path(const struct ps_image *image)
{
    return image->path;
}

const char *ps_image_format(const struct ps_image *image)
{
    return image->format;
}

uint64_t ps_image_file_bytes(const struct ps_image *image)
{
    return image->bytes->n_bytes;
}

const struct ps_extent *ps_image_extents(const struct ps_image *image, size_t *n)
{
    *n = image->extents.n;
    return image->extents.extent;
}

const char *ps_image_id(const struct ps_image *image)
{
    return image->id;
}

uint32_t ps_image_torn_bytes(const struct ps_image *image)
{
    const struct ps_extents *extents = &image->extents;

    return extents->n ? (uint32_t)(extents->extent[extents->n - 1].n_bytes % PAGE) : 0;
}

const uint8_t *ps_image_map(struct ps_image *image, uint64_t phys, size_t n_bytes)
{
    const struct ps_bytes_ops *ops = image->bytes->ops;
    const struct ps_extent *e = ps_extents_find(&image->extents, phys);

    if (!e || image->reader->read || !ops->map || n_bytes > e->n_bytes - (phys - e->phys))
        return NULL;
    return ops->map(image->bytes, e->file_off + (phys - e->phys), n_bytes);
}

void ps_image_release(struct ps_image *image, const uint8_t *mem, size_t n_bytes)
{
    if (image->bytes->ops->release)
        image->bytes->ops->release(image->bytes, mem, n_bytes);
}

void ps_image_will_need(struct ps_image *image, uint64_t phys, uint64_t n_bytes)
{
    const struct ps_bytes_ops *ops = image->bytes->ops;
    const struct ps_extent *e = ps_extents_find(&image->extents, phys);
    uint64_t left;

    if (!e || image->reader->read || !ops->will_need)
        return;
    left = e->n_bytes - (phys - e->phys);
    ops->will_need(image->bytes, e->file_off + (phys - e->phys), n_bytes < left ? n_bytes : left);
}

int ps_image_read(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                  struct ps_err *err)
{
    const struct ps_extent *e = ps_extents_find(&image->extents, phys);
    uint64_t stored = e ? e->n_bytes - (phys - e->phys) : 0;
    size_t padding = (size_t)(e ? (PAGE - e->n_bytes % PAGE) % PAGE : 0);

    if (!e || (n_bytes > stored && n_bytes - stored > padding))
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                       "physical address 0x%" PRIx64 ": %zu bytes are not inside one extent", phys,
                       n_bytes);
    if (n_bytes > stored) {
        memset((uint8_t *)buf + stored, 0, (size_t)(n_bytes - stored));
        n_bytes = (size_t)stored;
    }
    if (image->reader->read)
        return image->reader->read(image->state, image->bytes, e, phys, buf, n_bytes, err);
    return image->bytes->ops->read(image->bytes, e->file_off + (phys - e->phys), buf, n_bytes, err);
}
