#include "host/report/held.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/image/bytes/temp_file.h"
#include "host/image/grow.h"

/* Findings that are given at a time. */
#define BATCH 4096u

static int write_all(int fd, const uint8_t *from, size_t n_bytes, uint64_t off, struct ps_err *err)
{
    while (n_bytes) {
        const ssize_t n = pwrite(fd, from, n_bytes, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                           "cannot write findings to a temporary file: %s; name a directory with "
                           "more room with --temp-dir",
                           strerror(errno));
        from += n;
        off += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

static int spill(struct ps_held *h, struct ps_err *err)
{
    int rc = 0;

    if (!h->n_written) {
        h->fd = ps_temp_file(h->temp_dir, "the findings of a packed image", err);
        rc = h->fd < 0 ? h->fd : 0;
    }
    if (rc == 0)
        rc = write_all(h->fd, (const uint8_t *)h->f, h->n * sizeof *h->f,
                       h->n_written * sizeof *h->f, err);
    if (rc < 0 && !h->n_written && h->fd >= 0)
        close(h->fd);
    if (rc < 0)
        return rc;
    h->n_written += h->n;
    h->n = 0;
    return 0;
}

static int add_one(struct ps_held *h, const struct ps_finding *f, struct ps_err *err)
{
    struct ps_finding *grown;

    if (h->n == PS_HELD_MOST && spill(h, err) < 0)
        return -err->code;
    grown = ps_grow(h->f, h->n, &h->cap, sizeof *grown, err);
    if (!grown)
        return -PS_ENOMEM;
    h->f = grown;
    h->f[h->n++] = *f;
    return 0;
}

int ps_held_add(struct ps_held *h, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_one(h, &f[i], err);
    return rc;
}

static int read_all(int fd, uint8_t *to, size_t n_bytes, uint64_t off, struct ps_err *err)
{
    while (n_bytes) {
        const ssize_t n = pread(fd, to, n_bytes, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot read findings from a temporary file");
        to += n;
        off += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

static int give_written(struct ps_held *h,
                        int (*sink)(void *arg, const struct ps_finding *f, size_t n,
                                    struct ps_err *err),
                        void *arg, struct ps_err *err)
{
    struct ps_finding *batch = malloc(BATCH * sizeof *batch);
    int rc = batch ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    for (uint64_t at = 0; at < h->n_written && rc >= 0;) {
        const size_t n = h->n_written - at < BATCH ? (size_t)(h->n_written - at) : BATCH;

        rc = read_all(h->fd, (uint8_t *)batch, n * sizeof *batch, at * sizeof *batch, err);
        if (rc == 0)
            rc = sink(arg, batch, n, err);
        at += n;
    }
    free(batch);
    return rc;
}

int ps_held_give(struct ps_held *h,
                 int (*sink)(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err),
                 void *arg, struct ps_err *err)
{
    int rc = h->n_written ? give_written(h, sink, arg, err) : 0;

    for (size_t at = 0; at < h->n && rc >= 0; at += BATCH)
        rc = sink(arg, h->f + at, h->n - at < BATCH ? h->n - at : BATCH, err);
    return rc;
}

void ps_held_free(struct ps_held *h)
{
    if (h->n_written)
        close(h->fd);
    free(h->f);
    *h = (struct ps_held){0};
}
