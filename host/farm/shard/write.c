#include "host/farm/shard/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/farm/shard/fields.h"

/* Of one record; what there is no room for goes into the next one. */
#define PART_PRINTS   16384u
#define PART_FINDINGS 4096u /* which who reads them has in the cache, until they are dealt with */
#define PART_KEPT     1024u

struct ps_shard_writer {
    int fd;
    uint64_t n_records;
    uint64_t sums;          /* of all records so far */
    struct ps_wire_out out; /* the record that is being made */
};

static int write_error(struct ps_err *err)
{
    return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot write the shard: %s",
                   errno == ENOSPC ? "disk is full; free some space, then run the task again"
                                   : strerror(errno));
}

static int no_memory(struct ps_err *err)
{
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a shard");
}

static int take_lock(int fd, struct ps_err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno == ENOLCK || errno == EOPNOTSUPP)
        return 0;
    return ps_fail(err, PS_ETEMP, PS_AT_NONE, "another process writes this shard: %s",
                   strerror(errno));
}

static struct ps_shard_writer *new_writer(int fd)
{
    struct ps_shard_writer *w = calloc(1, sizeof *w);

    if (w)
        w->fd = fd;
    return w;
}

int ps_shard_create(struct ps_shard_writer **out, const char *path, struct ps_err *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int rc;

    if (fd < 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.120s: cannot create the shard: %s", path,
                       strerror(errno));
    rc = take_lock(fd, err);
    if (rc == 0)
        *out = new_writer(fd);
    if (rc == 0 && *out)
        return 0;
    unlink(path);
    close(fd);
    return rc < 0 ? rc : no_memory(err);
}

static struct ps_wire_out *begin(struct ps_shard_writer *w, enum ps_shard_kind kind)
{
    w->out.n = 0;
    ps_wire_put(&w->out, kind, 4);
    ps_wire_put(&w->out, 0, 4);
    ps_wire_put(&w->out, 0, 8);
    return &w->out;
}

static int write_all(int fd, const uint8_t *p, size_t n, struct ps_err *err)
{
    while (n) {
        const ssize_t done = write(fd, p, n);

        if (done < 0 && errno != EINTR)
            return write_error(err);
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return 0;
}

static int end(struct ps_shard_writer *w, struct ps_err *err)
{
    struct ps_wire_out *o = &w->out;
    uint64_t sum;

    if (o->failed)
        return no_memory(err);
    ps_wire_store(o->p + 8, o->n - PS_SHARD_FRAME_BYTES, 8);
    sum = ps_digest_bytes(o->p, o->n);
    ps_wire_put(o, sum, 8);
    if (o->failed)
        return no_memory(err);
    w->sums = ps_shard_add_sum(w->sums, sum);
    w->n_records++;
    return write_all(w->fd, o->p, o->n, err);
}

int ps_shard_put_head(struct ps_shard_writer *w, const struct ps_shard_head *head,
                      struct ps_err *err)
{
    ps_shard_encode_head(begin(w, PS_SHARD_HEAD), head);
    return end(w, err);
}

int ps_shard_put_note(struct ps_shard_writer *w, const struct ps_shard_note *note,
                      struct ps_err *err)
{
    ps_shard_encode_note(begin(w, PS_SHARD_NOTE), note);
    return end(w, err);
}

static int put_findings(struct ps_shard_writer *w, enum ps_shard_kind kind,
                        const struct ps_finding *f, size_t n, struct ps_err *err)
{
    const enum ps_source_kind source = kind == PS_SHARD_BIG ? PS_SOURCE_BIGPOOL : PS_SOURCE_HEADER;
    int rc = 0;

    for (size_t at = 0; at < n && rc == 0;) {
        const size_t some = n - at < PS_SHARD_MAX_FINDINGS ? n - at : PS_SHARD_MAX_FINDINGS;

        ps_shard_encode_findings(begin(w, kind), source, f + at, some);
        rc = end(w, err);
        at += some;
    }
    return rc;
}

int ps_shard_put_side(struct ps_shard_writer *w, const struct ps_image_side *side,
                      struct ps_err *err)
{
    int rc;

    ps_shard_encode_side(begin(w, PS_SHARD_SIDE), side);
    rc = end(w, err);
    return rc < 0 ? rc : put_findings(w, PS_SHARD_BIG, side->big, side->n_big, err);
}

int ps_shard_put_paged(struct ps_shard_writer *w, const struct ps_finding *f, size_t n,
                       struct ps_err *err)
{
    return put_findings(w, PS_SHARD_PAGED, f, n, err);
}

/* The next part behind *p. 1: there is more after it. */
static int next_part(const struct ps_chunk_result *r, struct ps_shard_part *p)
{
    *p = (struct ps_shard_part){.print = p->print + p->n_prints,
                                .finding = p->finding + p->n_findings,
                                .kept = p->kept + p->n_kept};
    while (p->print + p->n_prints < r->n_prints && p->n_prints < PART_PRINTS) {
        const size_t n = r->print[p->print + p->n_prints].n_findings;

        if (p->n_findings && n + p->n_findings > PART_FINDINGS)
            break;
        p->n_findings += n;
        p->n_prints++;
    }
    p->n_kept = r->n_kept - p->kept < PART_KEPT ? r->n_kept - p->kept : PART_KEPT;
    return p->print + p->n_prints < r->n_prints || p->kept + p->n_kept < r->n_kept;
}

int ps_shard_put_chunk(struct ps_shard_writer *w, const struct ps_chunk_result *r,
                       struct ps_err *err)
{
    struct ps_shard_part part = {.print = 0};
    int more;
    int rc;

    do {
        more = next_part(r, &part);
        ps_shard_encode_chunk(begin(w, PS_SHARD_CHUNK), r, &part, more);
        rc = end(w, err);
    } while (rc == 0 && more);
    return rc;
}

int ps_shard_put_rest(struct ps_shard_writer *w, const struct ps_image_rest *rest,
                      struct ps_err *err)
{
    ps_shard_encode_rest(begin(w, PS_SHARD_REST), rest);
    return end(w, err);
}

int ps_shard_sync(struct ps_shard_writer *w, struct ps_err *err)
{
    return fdatasync(w->fd) == 0 || errno == EINVAL ? 0 : write_error(err);
}

int ps_shard_finish(struct ps_shard_writer *w, struct ps_err *err)
{
    struct ps_wire_out *o = begin(w, PS_SHARD_FOOT);
    int rc;

    ps_wire_put(o, w->n_records, 8);
    ps_wire_put(o, w->sums, 8);
    rc = end(w, err);
    if (rc == 0 && fsync(w->fd) < 0 && errno != EINVAL)
        rc = write_error(err);
    return rc;
}

void ps_shard_writer_free(struct ps_shard_writer *w)
{
    if (!w)
        return;
    close(w->fd);
    free(w->out.p);
    free(w);
}

static int cut_behind(struct ps_shard_writer *w, const struct ps_shard_prefix *p,
                      struct ps_err *err)
{
    w->n_records = p->n_records;
    w->sums = p->sums;
    if (ftruncate(w->fd, (off_t)p->bytes) < 0 || lseek(w->fd, (off_t)p->bytes, SEEK_SET) < 0)
        return write_error(err);
    return 0;
}

static int resume(struct ps_shard_writer **out, int fd, size_t n_tags, struct ps_shard_head *head,
                  struct ps_shard_state *state, struct ps_err *err)
{
    struct ps_shard_prefix prefix;
    int rc = take_lock(fd, err);

    if (rc == 0)
        rc = ps_shard_find_prefix(fd, n_tags, head, state, &prefix, err);
    if (rc < 0 || state->is_complete || prefix.bytes == 0)
        return rc;
    *out = new_writer(fd);
    return *out ? cut_behind(*out, &prefix, err) : no_memory(err);
}

int ps_shard_resume(struct ps_shard_writer **out, const char *path, size_t n_tags,
                    struct ps_shard_head *head, struct ps_shard_state *state, struct ps_err *err)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    int rc;

    *out = NULL;
    if (fd < 0)
        return ps_fail(err, errno == ENOENT ? PS_ENOENT : PS_EIO, PS_AT_NONE,
                       "cannot open the shard: %s", strerror(errno));
    rc = resume(out, fd, n_tags, head, state, err);
    if (rc < 0 && *out) {
        ps_shard_writer_free(*out);
        *out = NULL;
    } else if (!*out) {
        close(fd);
    }
    return rc;
}
