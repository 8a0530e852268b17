#include "host/image/containers/reader.h"

#include <inttypes.h>
#include <string.h>

#include "host/image/le.h"

#define MAGIC        "EMiL"
#define MAGIC_BYTES  4u
#define HEADER_BYTES 32u
#define VERSION_AT   4u
#define START_AT     8u
#define END_AT       16u
#define RESERVED_AT  24u

/* How far the next header is looked for behind a damaged one. */
#define SEARCH_BYTES ((uint64_t)64 << 20)
/* Zeros up to the end of the file are no damage when they are fewer: somebody rounded it up. */
#define PADDING_BYTES 65536u

struct range {
    uint64_t phys;
    uint64_t n_bytes;
};

static int lime_probe(const struct ps_container *c)
{
    return c->n_head >= MAGIC_BYTES && !memcmp(c->head, MAGIC, MAGIC_BYTES);
}

/* Is this the header of a range? That its bytes are all in the file is not asked. */
static int parse_header(const uint8_t *h, struct range *out)
{
    const uint64_t start = ps_le64(h + START_AT);
    const uint64_t end = ps_le64(h + END_AT);

    if (memcmp(h, MAGIC, MAGIC_BYTES) != 0 || ps_le32(h + VERSION_AT) != 1)
        return 0;
    if (end < start || end >= PS_PHYS_END)
        return 0;
    *out = (struct range){start, end - start + 1};
    return 1;
}

/* The header at 'off', which may be any place. 1: it is one; 0: no. */
static int read_header(const struct ps_container *c, uint64_t off, struct range *out,
                       struct ps_err *err)
{
    uint8_t h[HEADER_BYTES];
    int rc;

    if (off > c->bytes->n_bytes || c->bytes->n_bytes - off < HEADER_BYTES)
        return 0;
    rc = c->bytes->ops->read(c->bytes, off, h, sizeof h, err);
    return rc < 0 ? rc : parse_header(h, out);
}

/* The memory of a machine whose headers were written there holds copies of them: a range behind
 * damage, whose header is at 'off', is believed when it ends with the file, or where the next one
 * begins. */
static int is_in_chain(const struct ps_container *c, uint64_t off, const struct range *range,
                       struct ps_err *err)
{
    const uint64_t n_bytes = c->bytes->n_bytes;
    struct range next;

    if (range->n_bytes > n_bytes - off - HEADER_BYTES)
        return 0;
    off += HEADER_BYTES + range->n_bytes;
    return off == n_bytes ? 1 : read_header(c, off, &next, err);
}

/* 1: *off is moved to the next header at or after it; 0: there is none near. */
static int find_header(const struct ps_container *c, uint64_t *off, struct ps_err *err)
{
    const uint64_t left = c->bytes->n_bytes - *off;
    const uint64_t end = *off + (left < SEARCH_BYTES ? left : SEARCH_BYTES);
    uint8_t buf[PS_HEAD_BYTES];

    /* The windows overlap, so that each header is whole in one of them. */
    for (uint64_t at = *off; end - at >= HEADER_BYTES; at += sizeof buf - HEADER_BYTES + 1) {
        const size_t n = end - at < sizeof buf ? (size_t)(end - at) : sizeof buf;
        const uint8_t *const last = buf + n - HEADER_BYTES;
        const uint8_t *hit = buf;
        int rc = c->bytes->ops->read(c->bytes, at, buf, n, err);

        if (rc < 0)
            return rc;
        while ((hit = memmem(hit, n - (size_t)(hit - buf), MAGIC, MAGIC_BYTES)) && hit <= last) {
            struct range range;

            *off = at + (uint64_t)(hit - buf);
            rc = parse_header(hit, &range) ? is_in_chain(c, *off, &range, err) : 0;
            if (rc != 0)
                return rc;
            hit++;
        }
        if (n < sizeof buf)
            break;
    }
    return 0;
}

static int is_padding(const struct ps_container *c, uint64_t off, struct ps_err *err)
{
    uint8_t buf[PS_HEAD_BYTES];

    if (c->bytes->n_bytes - off >= PADDING_BYTES)
        return 0;
    while (off < c->bytes->n_bytes) {
        const uint64_t left = c->bytes->n_bytes - off;
        const size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
        int rc = c->bytes->ops->read(c->bytes, off, buf, n, err);

        if (rc < 0)
            return rc;
        for (size_t i = 0; i < n; i++)
            if (buf[i])
                return 0;
        off += n;
    }
    return 1;
}

/* No header at *off, where one should be. 1: *off is moved to the next one; 0: the list ends. */
static int skip_damage(struct ps_container *c, uint64_t *off, struct ps_err *err)
{
    const uint64_t from = *off;
    int rc = is_padding(c, from, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = find_header(c, off, err);
    if (rc < 0)
        return rc;
    if (rc)
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "LiME: no range begins at offset 0x%" PRIx64 "; the %" PRIu64
                     " bytes up to the next one are not read",
                     from, *off - from);
    else
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "LiME: the list of ranges breaks at offset 0x%" PRIx64 "; the %" PRIu64
                     " bytes from there on are not read",
                     from, c->bytes->n_bytes - from);
    return rc;
}

static int add_ranges(struct ps_container *c, struct ps_err *err)
{
    const uint64_t n_bytes = c->bytes->n_bytes;
    uint64_t off = 0;
    int rc = 1;

    while (rc > 0 && off < n_bytes) {
        struct range range;

        rc = read_header(c, off, &range, err);
        if (rc == 0) {
            rc = skip_damage(c, &off, err);
            continue;
        }
        if (rc < 0)
            break;
        off += HEADER_BYTES;
        rc = ps_runs_add(&c->runs, range.phys, range.n_bytes, off, err);
        if (range.n_bytes > n_bytes - off)
            break;
        off += range.n_bytes;
        rc = rc < 0 ? rc : 1;
    }
    return rc < 0 ? rc : 0;
}

static int lime_open(struct ps_container *c, struct ps_err *err)
{
    const uint32_t version = c->n_head >= HEADER_BYTES ? ps_le32(c->head + VERSION_AT) : 0;
    int rc;

    if (c->n_head < HEADER_BYTES)
        return ps_fail(err, PS_EFORMAT, 0, "format LiME: the file ends in its first header");
    if (version != 1)
        return ps_fail(err, PS_EFORMAT, VERSION_AT,
                       "format LiME: version %" PRIu32 " is not known, only 1 is; convert it to a "
                       "raw image",
                       version);
    rc = add_ranges(c, err);
    if (rc == 0 && !c->runs.n)
        return ps_fail(err, PS_EFORMAT, START_AT,
                       "format LiME: the first range begins at 0x%" PRIx64 " and ends at 0x%" PRIx64
                       ", and no other one was found",
                       ps_le64(c->head + START_AT), ps_le64(c->head + END_AT));
    return rc;
}

const struct ps_reader ps_reader_lime = {
    .name = "LiME",
    .probe = lime_probe,
    .open = lime_open,
};
