#include "host/farm/shard/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/farm/shard/fields.h"
#include "host/image/le.h"

#define BUFFER_BYTES ((size_t)256 << 10)

struct ps_shard_reader {
    int fd;
    uint64_t at;    /* of the next record */
    uint64_t bytes; /* of the file */
    uint64_t n_records;
    uint64_t sums;   /* of all records before it */
    uint8_t *window; /* what has been read of the file: the next record and some behind it */
    size_t cap;
    uint64_t window_at;
    size_t window_bytes;
    struct ps_shard_head head;
    struct ps_shard_room room;
    /* What may come next. */
    enum ps_shard_kind last;
    int has_side;
    int more;           /* the last chunk has more parts */
    uint64_t n_big;     /* big allocations that SIDE promised and no BIG has held so far */
    uint64_t end;       /* of the last chunk */
    uint64_t next_page; /* no print may be before it */
    struct ps_finding last_big, last_paged;
    int is_at_end;
};

static int damaged(const struct ps_shard_reader *r, const char *what, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, r->at, "damaged shard, at 0x%llx: %s",
                   (unsigned long long)r->at, what);
}

static int read_all(struct ps_shard_reader *r, uint64_t at, uint8_t *to, size_t n,
                    struct ps_err *err)
{
    while (n) {
        const ssize_t got = pread(r->fd, to, n, (off_t)at);

        if (got < 0 && errno != EINTR)
            return ps_fail(err, PS_EIO, at, "cannot read the shard: %s", strerror(errno));
        if (got == 0)
            return damaged(r, "it is cut off", err);
        if (got > 0) {
            to += got;
            at += (uint64_t)got;
            n -= (size_t)got;
        }
    }
    return 0;
}

static int reserve(struct ps_shard_reader *r, size_t n, struct ps_err *err)
{
    uint8_t *larger;

    if (n <= r->cap)
        return 0;
    larger = realloc(r->window, n);
    if (!larger)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a record of %zu bytes", n);
    r->window = larger;
    r->cap = n;
    return 0;
}

/* The record that is next; as much of it is there as was asked for. */
static const uint8_t *record(const struct ps_shard_reader *r)
{
    return r->window + (r->at - r->window_at);
}

/* The next n bytes, which the file has, into the window, and what else has room there. */
static int hold(struct ps_shard_reader *r, size_t n, struct ps_err *err)
{
    const size_t before = (size_t)(r->at - r->window_at);
    const size_t have = r->window_bytes - before;
    size_t more;
    int rc;

    if (n <= have)
        return 0;
    rc = reserve(r, n, err);
    if (rc < 0)
        return rc;
    memmove(r->window, r->window + before, have);
    r->window_at = r->at;
    r->window_bytes = have;
    more = r->cap - have;
    if (more > r->bytes - r->at - have)
        more = (size_t)(r->bytes - r->at - have);
    rc = read_all(r, r->at + have, r->window + have, more, err);
    if (rc == 0)
        r->window_bytes += more;
    return rc;
}

/* The record at r->at into the window, proved by its sum; *payload without frame and sum. */
static int load(struct ps_shard_reader *r, struct ps_wire_in *payload, struct ps_err *err)
{
    const size_t around = PS_SHARD_FRAME_BYTES + PS_SHARD_SUM_BYTES;
    const uint8_t *p;
    uint64_t n;
    int rc;

    if (r->bytes - r->at < around)
        return damaged(r, "it is cut off", err);
    rc = hold(r, around, err);
    if (rc < 0)
        return rc;
    n = ps_le64(record(r) + 8);
    if (n > PS_SHARD_MAX_PAYLOAD)
        return damaged(r, "a record is larger than any", err);
    if (n > r->bytes - r->at - around)
        return damaged(r, "it is cut off", err);
    rc = hold(r, (size_t)n + around, err);
    if (rc < 0)
        return rc;
    p = record(r);
    if (ps_digest_bytes(p, PS_SHARD_FRAME_BYTES + (size_t)n) !=
            ps_le64(p + PS_SHARD_FRAME_BYTES + n) ||
        ps_le32(p + 4) != 0)
        return damaged(r, "a record has another sum", err);
    *payload = (struct ps_wire_in){.p = p + PS_SHARD_FRAME_BYTES, .left = (size_t)n};
    return 0;
}

static void pass(struct ps_shard_reader *r, const struct ps_wire_in *payload_end)
{
    r->sums = ps_shard_add_sum(r->sums, ps_le64(payload_end->p));
    r->n_records++;
    r->at += (size_t)(payload_end->p - record(r)) + PS_SHARD_SUM_BYTES;
}

/* May a record of that kind come now? */
static int fits(const struct ps_shard_reader *r, enum ps_shard_kind kind)
{
    const int once = kind == PS_SHARD_HEAD || kind == PS_SHARD_SIDE || kind == PS_SHARD_REST ||
                     kind == PS_SHARD_FOOT;

    if (kind < PS_SHARD_HEAD || kind > PS_SHARD_FOOT || kind < r->last || (once && kind == r->last))
        return 0;
    if ((kind == PS_SHARD_BIG || kind == PS_SHARD_PAGED || kind == PS_SHARD_REST) && !r->has_side)
        return 0;
    if (kind == PS_SHARD_FOOT && r->has_side && r->last != PS_SHARD_REST)
        return 0;
    return !r->more || kind == PS_SHARD_CHUNK;
}

static int compare_places(const struct ps_finding *a, const struct ps_finding *b)
{
    if (a->phys != b->phys)
        return a->phys < b->phys ? -1 : 1;
    return a->va < b->va ? -1 : a->va > b->va;
}

/* Findings go on behind those of the record before. */
static int goes_on(const struct ps_shard_record *rec, struct ps_finding *last)
{
    const int ok = rec->n > 0 && compare_places(last, rec->finding) <= 0;

    if (ok)
        *last = rec->finding[rec->n - 1];
    return ok;
}

static int check_chunk(struct ps_shard_reader *r, const struct ps_shard_record *rec)
{
    const struct ps_chunk_result *c = &rec->chunk;

    if (c->end <= r->end && !(r->more && c->end == r->end))
        return 0;
    if (r->more && c->end != r->end)
        return 0;
    if (c->n_prints && c->print[0].phys < r->next_page)
        return 0;
    if (c->n_prints)
        r->next_page = c->print[c->n_prints - 1].phys + 1;
    if (!rec->more)
        r->next_page = c->end;
    r->more = rec->more;
    r->end = c->end;
    return 1;
}

static int decode(struct ps_shard_reader *r, enum ps_shard_kind kind, struct ps_wire_in *w,
                  struct ps_shard_record *out)
{
    switch (kind) {
    case PS_SHARD_NOTE:
        ps_shard_decode_note(w, &out->note);
        return !w->bad;
    case PS_SHARD_SIDE:
        ps_shard_decode_side(w, &r->room, &out->side);
        out->side.about.path = r->head.image;
        out->side.about.id = r->head.image_id;
        out->side.about.era = r->head.era;
        r->n_big = out->side.n_big;
        r->has_side = 1;
        return !w->bad;
    case PS_SHARD_BIG:
        ps_shard_decode_findings(w, &r->room, 1, out);
        if (w->bad || out->n > r->n_big || !goes_on(out, &r->last_big))
            return 0;
        r->n_big -= out->n;
        return 1;
    case PS_SHARD_CHUNK:
        ps_shard_decode_chunk(w, &r->room, out);
        return !w->bad && check_chunk(r, out);
    case PS_SHARD_PAGED:
        ps_shard_decode_findings(w, &r->room, 0, out);
        return !w->bad && goes_on(out, &r->last_paged);
    case PS_SHARD_REST:
        ps_shard_decode_rest(w, &out->rest);
        return !w->bad;
    default:
        return 0;
    }
}

static int check_foot(struct ps_shard_reader *r, struct ps_wire_in *w, struct ps_err *err)
{
    const uint64_t n = ps_wire_get(w, 8);
    const uint64_t sums = ps_wire_get(w, 8);

    if (w->bad || w->left || n != r->n_records || sums != r->sums)
        return damaged(r, "its records are not those that its end counts", err);
    r->at += (uint64_t)(w->p - record(r)) + PS_SHARD_SUM_BYTES;
    if (r->at != r->bytes)
        return damaged(r, "something follows its end", err);
    r->is_at_end = 1;
    return 0;
}

/* All bigs are there when anything behind them comes. */
static int lacks_big(const struct ps_shard_reader *r, enum ps_shard_kind kind, unsigned kinds)
{
    return kind > PS_SHARD_BIG && r->n_big != 0 && (kinds >> PS_SHARD_BIG & 1) != 0;
}

int ps_shard_next(struct ps_shard_reader *r, unsigned kinds, struct ps_shard_record *out,
                  struct ps_err *err)
{
    struct ps_wire_in w;
    enum ps_shard_kind kind;
    int rc;

    while (!r->is_at_end) {
        rc = load(r, &w, err);
        if (rc < 0)
            return rc;
        kind = (enum ps_shard_kind)ps_le32(record(r));
        if (!fits(r, kind) || lacks_big(r, kind, kinds))
            return damaged(r, "a record is out of order", err);
        if (kind == PS_SHARD_FOOT)
            return check_foot(r, &w, err);
        out->kind = kind;
        rc = ps_shard_room_fit(&r->room, w.left, err);
        if (rc < 0)
            return rc;
        if (kind != PS_SHARD_SIDE && !(kinds >> kind & 1))
            w.p += w.left;
        else if (!decode(r, kind, &w, out))
            return damaged(r, "a record holds what no task writes", err);
        r->last = kind;
        pass(r, &w);
        if (kinds >> kind & 1)
            return 1;
    }
    return 0;
}

static int read_head(struct ps_shard_reader *r, struct ps_err *err)
{
    struct ps_wire_in w;
    int rc = load(r, &w, err);

    if (rc < 0)
        return rc;
    if (ps_le32(record(r)) != PS_SHARD_HEAD)
        return damaged(r, "it does not begin as a shard does", err);
    if (w.left >= 4 && ps_le32(w.p) != PS_SHARD_FORMAT)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "a shard of format %u, and this version of the program reads format %u",
                       (unsigned)ps_le32(w.p), PS_SHARD_FORMAT);
    ps_shard_decode_head(&w, &r->head);
    if (w.bad)
        return damaged(r, "its first record holds what no task writes", err);
    r->last = PS_SHARD_HEAD;
    pass(r, &w);
    return 0;
}

static int fill(struct ps_shard_reader *r, size_t n_tags, struct ps_err *err)
{
    struct stat st;
    int rc;

    if (fstat(r->fd, &st) < 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot read the shard: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "not a file, so not a shard");
    r->bytes = (uint64_t)st.st_size;
    r->room.n_tags = n_tags;
    rc = reserve(r, r->bytes < BUFFER_BYTES ? (size_t)r->bytes : BUFFER_BYTES, err);
    return rc < 0 ? rc : read_head(r, err);
}

int ps_shard_open_fd(struct ps_shard_reader **out, int fd, size_t n_tags, struct ps_err *err)
{
    struct ps_shard_reader *r = calloc(1, sizeof *r);
    int rc;

    if (!r) {
        close(fd);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a shard");
    }
    r->fd = fd;
    rc = fill(r, n_tags, err);
    if (rc < 0)
        ps_shard_reader_free(r);
    else
        *out = r;
    return rc;
}

int ps_shard_open(struct ps_shard_reader **out, const char *path, size_t n_tags, struct ps_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return ps_fail(err, errno == ENOENT ? PS_ENOENT : PS_EIO, PS_AT_NONE,
                       "cannot open the shard: %s", strerror(errno));
    return ps_shard_open_fd(out, fd, n_tags, err);
}

const struct ps_shard_head *ps_shard_reader_head(const struct ps_shard_reader *r)
{
    return &r->head;
}

void ps_shard_reader_free(struct ps_shard_reader *r)
{
    if (!r)
        return;
    close(r->fd);
    ps_shard_room_free(&r->room);
    free(r->window);
    free(r);
}

static void note_record(const struct ps_shard_reader *r, const struct ps_shard_record *rec,
                        struct ps_shard_state *state, struct ps_shard_prefix *prefix)
{
    if (rec->kind == PS_SHARD_SIDE)
        state->losses.has_loss = rec->side.has_loss;
    if (rec->kind == PS_SHARD_CHUNK && !rec->more) {
        state->end = rec->chunk.end;
        state->n_bytes += rec->chunk.n_bytes;
        ps_losses_add(&state->losses, &rec->chunk);
    }
    state->has_side = r->has_side && r->n_big == 0;
    if ((rec->kind == PS_SHARD_CHUNK && !rec->more) ||
        (rec->kind <= PS_SHARD_BIG && state->has_side))
        *prefix =
            (struct ps_shard_prefix){.bytes = r->at, .n_records = r->n_records, .sums = r->sums};
}

int ps_shard_find_prefix(int fd, size_t n_tags, struct ps_shard_head *head,
                         struct ps_shard_state *state, struct ps_shard_prefix *prefix,
                         struct ps_err *err)
{
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct ps_shard_reader *r;
    struct ps_shard_record rec;
    int rc;

    *state = (struct ps_shard_state){.end = 0};
    *prefix = (struct ps_shard_prefix){.bytes = 0};
    if (own < 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot read the shard: %s", strerror(errno));
    rc = ps_shard_open_fd(&r, own, n_tags, err);
    if (rc < 0)
        return rc;
    *head = r->head;
    do {
        rc = ps_shard_next(r, PS_SHARD_ALL, &rec, err);
        if (rc > 0)
            note_record(r, &rec, state, prefix);
    } while (rc > 0);
    state->is_complete = r->is_at_end;
    ps_shard_reader_free(r);
    return rc == -PS_EIO || rc == -PS_ENOMEM ? rc : 0;
}
