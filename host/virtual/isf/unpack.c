#include "host/virtual/isf/unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if PS_WITH_LZMA
#include <lzma.h>
#endif

/* Enough for 'xz -9', which needs 65 MiB to unpack. */
#define LZMA_MEMORY_BYTES (UINT64_C(128) << 20)
#define PACKED_BYTES      65536u

static const uint8_t xz_magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};

struct ps_unpack {
    FILE *file;
    uint64_t n_out; /* bytes given so far */
#if PS_WITH_LZMA
    int is_packed, is_ended;
    lzma_stream stream;
    uint8_t packed[PACKED_BYTES];
#endif
};

static int64_t read_file(struct ps_unpack *u, void *buf, size_t n_bytes, struct ps_err *err)
{
    size_t got;

    errno = 0;
    got = fread(buf, 1, n_bytes, u->file);
    if (got == 0 && ferror(u->file))
        return ps_fail(err, PS_EIO, PS_AT_NONE, "read: %s", strerror(errno));
    return (int64_t)got;
}

#if PS_WITH_LZMA

const char *ps_unpack_lzma_version(void)
{
    return lzma_version_string();
}

static int start_unpacking(struct ps_unpack *u, struct ps_err *err)
{
    u->is_packed = 1;
    u->stream = (lzma_stream)LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&u->stream, LZMA_MEMORY_BYTES, LZMA_CONCATENATED) != LZMA_OK)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for unpacking");
    return 0;
}

static int unpack_failed(const struct ps_unpack *u, lzma_ret why, struct ps_err *err)
{
    if (why == LZMA_MEM_ERROR)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for unpacking");
    return ps_fail(err, PS_EFORMAT, u->stream.total_in, "damaged xz data at byte %" PRIu64 ": %s",
                   (uint64_t)u->stream.total_in,
                   why == LZMA_BUF_ERROR        ? "it ends too early"
                   : why == LZMA_MEMLIMIT_ERROR ? "it needs more than 128 MiB to unpack"
                                                : "the decoder refuses it");
}

static int64_t read_packed(struct ps_unpack *u, void *buf, size_t n_bytes, struct ps_err *err)
{
    lzma_ret rc = LZMA_OK;

    u->stream.next_out = buf;
    u->stream.avail_out = n_bytes;
    while (rc == LZMA_OK && u->stream.avail_out == n_bytes) {
        if (u->stream.avail_in == 0) {
            const int64_t got = read_file(u, u->packed, sizeof u->packed, err);

            if (got < 0)
                return got;
            u->stream.next_in = u->packed;
            u->stream.avail_in = (size_t)got;
        }
        rc = lzma_code(&u->stream, u->stream.avail_in == 0 ? LZMA_FINISH : LZMA_RUN);
    }
    u->is_ended = rc == LZMA_STREAM_END;
    if (rc != LZMA_OK && rc != LZMA_STREAM_END)
        return unpack_failed(u, rc, err);
    return (int64_t)(n_bytes - u->stream.avail_out);
}

static int64_t read_some(struct ps_unpack *u, void *buf, size_t n_bytes, struct ps_err *err)
{
    if (!u->is_packed)
        return read_file(u, buf, n_bytes, err);
    return u->is_ended ? 0 : read_packed(u, buf, n_bytes, err);
}

static void stop_unpacking(struct ps_unpack *u)
{
    if (u->is_packed)
        lzma_end(&u->stream);
}

#else

const char *ps_unpack_lzma_version(void)
{
    return NULL;
}

static int start_unpacking(struct ps_unpack *u, struct ps_err *err)
{
    (void)u;
    return ps_fail(err, PS_EFORMAT, 0,
                   "packed with xz, and this program was built without liblzma; unpack the file "
                   "with 'xz -dk' first");
}

static int64_t read_some(struct ps_unpack *u, void *buf, size_t n_bytes, struct ps_err *err)
{
    return read_file(u, buf, n_bytes, err);
}

static void stop_unpacking(struct ps_unpack *u)
{
    (void)u;
}

#endif

static int64_t read_source(void *arg, void *buf, size_t n_bytes, struct ps_err *err)
{
    struct ps_unpack *u = arg;
    const int64_t got = read_some(u, buf, n_bytes, err);

    if (got <= 0)
        return got;
    u->n_out += (uint64_t)got;
    if (u->n_out > PS_UNPACK_MAX_BYTES)
        return ps_fail(err, PS_EFORMAT, u->n_out, "longer than %" PRIu64 " MiB when unpacked",
                       PS_UNPACK_MAX_BYTES >> 20);
    return got;
}

static int look_at_magic(struct ps_unpack *u, struct ps_err *err)
{
    uint8_t magic[sizeof xz_magic];
    const int64_t got = read_file(u, magic, sizeof magic, err);

    if (got < 0)
        return (int)got;
    rewind(u->file);
    if (got == (int64_t)sizeof magic && memcmp(magic, xz_magic, sizeof magic) == 0)
        return start_unpacking(u, err);
    return 0;
}

int ps_unpack_open(struct ps_unpack **out, const char *path, struct ps_err *err)
{
    struct ps_unpack *u = calloc(1, sizeof *u);
    int rc;

    if (!u)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    u->file = fopen(path, "rb");
    if (!u->file)
        rc = ps_fail(err, errno == ENOENT ? PS_ENOENT : PS_EIO, PS_AT_NONE, "open: %s",
                     strerror(errno));
    else
        rc = look_at_magic(u, err);
    if (rc < 0) {
        ps_unpack_close(u);
        return rc;
    }
    *out = u;
    return 0;
}

struct ps_byte_source ps_unpack_source(struct ps_unpack *u)
{
    return (struct ps_byte_source){.read = read_source, .arg = u};
}

void ps_unpack_close(struct ps_unpack *u)
{
    if (!u)
        return;
    stop_unpacking(u);
    if (u->file)
        fclose(u->file);
    free(u);
}
