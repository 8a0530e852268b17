#include "host/image/bytes/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/image/bytes/sparse.h"
#include "host/image/memory/release.h"

/* The Linux kernel cuts what one advice may fetch to the read-ahead limit of the device. */
#define READ_AHEAD_BYTES ((uint64_t)2 << 20)

struct part {
    int fd;
    uint64_t base; /* offset of its first byte in the whole */
    uint64_t n_bytes;
    uint8_t *mem; /* all of it, or NULL */
    struct ps_release release;
};

struct files {
    struct ps_bytes bytes;
    size_t n_parts;
    struct part part[];
};

static struct files *files_of(struct ps_bytes *bytes)
{
    return (struct files *)bytes;
}

/* The part that holds 'off'. */
static struct part *part_at(struct files *files, uint64_t off)
{
    size_t low = 0;
    size_t high = files->n_parts;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (files->part[mid].base <= off)
            low = mid;
        else
            high = mid;
    }
    return &files->part[low];
}

/* One pread that got something, was told the end, or failed for good. */
static ssize_t read_some(int fd, void *buf, size_t n_bytes, uint64_t off)
{
    ssize_t got;

    do
        got = pread(fd, buf, n_bytes, (off_t)off);
    while (got < 0 && errno == EINTR);
    return got;
}

static int files_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                      struct ps_err *err)
{
    struct files *files = files_of(bytes);
    uint8_t *to = buf;

    while (n_bytes) {
        const struct part *part = part_at(files, off);
        uint64_t in_part = off - part->base;
        uint64_t left = part->n_bytes - in_part;
        ssize_t got = read_some(part->fd, to, n_bytes < left ? n_bytes : (size_t)left, in_part);

        if (got < 0)
            return ps_fail(err, PS_EIO, off, "cannot read at offset 0x%" PRIx64 ": %s", off,
                           strerror(errno));
        if (!got)
            return ps_fail(err, PS_EFORMAT, off,
                           "the file now ends at offset 0x%" PRIx64 " and had 0x%" PRIx64
                           " bytes when it was opened; scan it when nothing writes to it",
                           off, bytes->n_bytes);
        to += got;
        off += (uint64_t)got;
        n_bytes -= (size_t)got;
    }
    return 0;
}

static const uint8_t *files_map(struct ps_bytes *bytes, uint64_t off, size_t n_bytes)
{
    const struct part *part = part_at(files_of(bytes), off);
    uint64_t in_part = off - part->base;

    if (!part->mem || n_bytes > part->n_bytes - in_part || in_part % 8)
        return NULL;
    return part->mem + in_part;
}

static void files_release(struct ps_bytes *bytes, const uint8_t *mem, size_t n_bytes)
{
    struct files *files = files_of(bytes);

    for (size_t i = 0; i < files->n_parts; i++) {
        struct part *part = &files->part[i];

        if (part->mem && (uintptr_t)mem - (uintptr_t)part->mem < part->n_bytes)
            ps_release_memory(&part->release, mem, n_bytes);
    }
}

/* Is this byte in the page cache? A file system that does not tell gets no read-ahead from us. */
static int is_cached(int fd, uint64_t off)
{
    uint8_t byte;
    struct iovec to = {&byte, 1};

    return preadv2(fd, &to, 1, (off_t)off, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

/* A warm file costs two short calls here, and the advice is given to a cold one only: to a warm
 * one it takes a quarter of the speed (docs/IMAGES.md). */
static void part_will_need(const struct part *part, uint64_t off, uint64_t n_bytes)
{
    if (is_cached(part->fd, off) && is_cached(part->fd, off + n_bytes - 1))
        return;
    for (uint64_t at = 0; at < n_bytes; at += READ_AHEAD_BYTES) {
        uint64_t n = n_bytes - at < READ_AHEAD_BYTES ? n_bytes - at : READ_AHEAD_BYTES;

        posix_fadvise(part->fd, (off_t)(off + at), (off_t)n, POSIX_FADV_WILLNEED);
    }
}

static void files_will_need(struct ps_bytes *bytes, uint64_t off, uint64_t n_bytes)
{
    while (n_bytes) {
        const struct part *part = part_at(files_of(bytes), off);
        uint64_t in_part = off - part->base;
        uint64_t n = n_bytes < part->n_bytes - in_part ? n_bytes : part->n_bytes - in_part;

        part_will_need(part, in_part, n);
        off += n;
        n_bytes -= n;
    }
}

static int files_data(struct ps_bytes *bytes, struct ps_ranges *out, struct ps_err *err)
{
    struct files *files = files_of(bytes);
    int rc = 0;

    for (size_t i = 0; i < files->n_parts && rc >= 0; i++)
        rc = ps_sparse_ranges(out, files->part[i].fd, files->part[i].base, files->part[i].n_bytes,
                              err);
    return rc;
}

static void files_close(struct ps_bytes *bytes)
{
    struct files *files = files_of(bytes);

    for (size_t i = 0; i < files->n_parts; i++) {
        struct part *part = &files->part[i];

        if (part->mem)
            munmap(part->mem, (size_t)part->n_bytes);
        ps_release_fini(&part->release);
        close(part->fd);
    }
    free(files);
}

static const struct ps_bytes_ops one_file_ops = {
    .prefix = "",
    .read = files_read,
    .map = files_map,
    .release = files_release,
    .will_need = files_will_need,
    .data = files_data,
    .close = files_close,
};

static const struct ps_bytes_ops zeros_are_data_ops = {
    .prefix = "",
    .read = files_read,
    .map = files_map,
    .release = files_release,
    .will_need = files_will_need,
    .close = files_close,
};

static const struct ps_bytes_ops split_ops = {
    .prefix = "split ",
    .read = files_read,
    .map = files_map,
    .release = files_release,
    .will_need = files_will_need,
    .data = files_data,
    .close = files_close,
};

/* What 'fd' is and how many bytes it has; a negative value when it cannot be an image. 'where' is
 * "" or "part NAME: ". */
static int file_bytes(int fd, const char *where, uint64_t *n_bytes, struct ps_err *err)
{
    struct stat st;
    off_t end;

    if (fstat(fd, &st) < 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "%scannot stat: %s", where, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "%sis a directory; name the image file in it",
                       where);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "%sis a pipe or a character device, and a seekable file is needed; save "
                       "its content to a file first",
                       where);
    end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "%scannot find the size: %s", where,
                       strerror(errno));
    if (!end)
        return ps_fail(err, PS_EFORMAT, 0, "%sthe file is empty", where);
    *n_bytes = (uint64_t)end;
    return 0;
}

static int part_take(struct part *part, int fd, const char *where, struct ps_err *err)
{
    int rc = file_bytes(fd, where, &part->n_bytes, err);
    void *mem;

    if (rc < 0)
        return rc;
    part->fd = fd;
    ps_release_init(&part->release);
    if (part->n_bytes > SIZE_MAX)
        return 0;
    /* Private, since some FUSE file systems refuse shared mappings. */
    mem = mmap(NULL, (size_t)part->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    part->mem = mem == MAP_FAILED ? NULL : mem;
    return 0;
}

static int part_open(struct part *part, const char *path, const char *where, struct ps_err *err)
{
    int rc;
    /* O_NONBLOCK: to open a pipe that nobody writes to would wait for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return ps_fail(err, PS_ENOENT, PS_AT_NONE, "%sno such file", where);
    if (fd < 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "%scannot open: %s", where, strerror(errno));
    rc = part_take(part, fd, where, err);
    if (rc < 0)
        close(fd);
    return rc;
}

int ps_files_open_fd(struct ps_bytes **out, int fd, struct ps_err *err)
{
    struct files *files = calloc(1, sizeof *files + sizeof files->part[0]);
    int rc;

    if (!files)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    files->bytes.ops = &zeros_are_data_ops;
    files->n_parts = 1;
    rc = part_take(&files->part[0], fd, "", err);
    if (rc < 0) {
        free(files);
        return rc;
    }
    files->bytes.n_bytes = files->part[0].n_bytes;
    *out = &files->bytes;
    return 0;
}

int ps_files_open(struct ps_bytes **out, char *const *paths, size_t n_paths, struct ps_err *err)
{
    struct files *files = calloc(1, sizeof *files + n_paths * sizeof files->part[0]);
    char where[160] = "";

    if (!files)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu parts", n_paths);
    files->bytes.ops = n_paths > 1 ? &split_ops : &one_file_ops;
    for (size_t i = 0; i < n_paths; i++) {
        struct part *part = &files->part[i];
        const char *slash = strrchr(paths[i], '/');
        int rc;

        if (n_paths > 1)
            snprintf(where, sizeof where, "part %.100s: ", slash ? slash + 1 : paths[i]);
        rc = part_open(part, paths[i], where, err);
        if (rc < 0) {
            files_close(&files->bytes);
            return rc;
        }
        files->n_parts++;
        part->base = files->bytes.n_bytes;
        files->bytes.n_bytes += part->n_bytes;
        if (files->bytes.n_bytes > INT64_MAX) {
            files_close(&files->bytes);
            return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "the parts are too large together");
        }
    }
    *out = &files->bytes;
    return 0;
}
