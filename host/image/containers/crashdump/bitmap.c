/* A bit for each page frame, the pages that have one in ascending order behind it. */
#include "host/image/containers/crashdump/dump.h"

#include <inttypes.h>
#include <string.h>

#define BITS_AT    0x38u /* in the summary header */
#define READ_BYTES 16384u
/* No machine has frames beyond 48 bits of address, and a sparse file can hold any length of zeros:
 * this is what the size of the file does not bound. */
#define MAX_BITS (UINT64_C(1) << 36)

struct bitmap {
    uint64_t at; /* of the bits, in the file */
    uint64_t n_bits;
    uint64_t first_page;
    uint64_t n_pages; /* as the header counts them */
};

static uint64_t bytes_of(uint64_t n_bits)
{
    return n_bits / 8 + (n_bits % 8 != 0);
}

/* What of the bitmap is in the file, and in front of the pages. */
static int clip(struct ps_dump *d, struct bitmap *b, struct ps_err *err)
{
    const uint64_t file_bytes = d->c->data->n_bytes;
    const uint64_t wanted = b->n_bits;
    uint64_t limit = MAX_BITS;

    if (b->first_page <= b->at) {
        b->first_page = b->at + bytes_of(b->n_bits < limit ? b->n_bits : limit);
        b->first_page += (PS_DUMP_PAGE - b->first_page % PS_DUMP_PAGE) % PS_DUMP_PAGE;
        ps_notes_add(&d->c->notes, PS_NOTE_WARNING,
                     "the offset of the first page in the crash dump is damaged; the pages are "
                     "taken from 0x%" PRIx64 " on",
                     b->first_page);
    }
    if (b->first_page >= file_bytes)
        return ps_dump_refuse(d, d->header_bytes + 0x20, err,
                              "its pages begin behind the end of the file, which is cut short or "
                              "damaged");
    if (limit / 8 > b->first_page - b->at)
        limit = 8 * (b->first_page - b->at);
    if (wanted && wanted <= limit)
        return 0;
    b->n_bits = limit;
    ps_notes_add(&d->c->notes, PS_NOTE_LOSS,
                 "the bitmap of the crash dump counts %" PRIu64 " bits and can have %" PRIu64
                 "; of memory from 0x%" PRIx64 " on nothing is known",
                 wanted, limit, limit * PS_DUMP_PAGE);
    return 0;
}

/* A stretch of set bits that may go on in the next word. */
struct stretch {
    uint64_t first;
    uint64_t n;
};

static int add_word(struct ps_dump_pages *pages, struct stretch *s, uint64_t first, uint64_t word,
                    struct ps_err *err)
{
    unsigned at = 0;
    int rc = 0;

    if (word == UINT64_MAX && s->n) {
        s->n += 64;
        return 0;
    }
    while (rc == 0 && at < 64) {
        const uint64_t rest = word >> at;
        const unsigned n_clear = rest ? (unsigned)__builtin_ctzll(rest) : 64 - at;
        unsigned n_set;

        if (n_clear && s->n) {
            rc = ps_dump_pages_add(pages, s->first, s->n, err);
            s->n = 0;
        }
        at += n_clear;
        if (rc || at == 64)
            break;
        n_set = ~(word >> at) ? (unsigned)__builtin_ctzll(~(word >> at)) : 64;
        if (!s->n)
            s->first = first + at;
        s->n += n_set;
        at += n_set;
    }
    return rc;
}

static int add_bits(struct ps_dump *d, const struct bitmap *b, struct ps_dump_pages *pages,
                    struct ps_err *err)
{
    struct ps_bytes *bytes = d->c->data;
    const uint64_t n_bytes = bytes_of(b->n_bits);
    struct stretch s = {0, 0};
    uint8_t buf[READ_BYTES];
    int rc = 0;

    for (uint64_t done = 0; rc == 0 && done < n_bytes; done += READ_BYTES) {
        const size_t n = n_bytes - done < READ_BYTES ? (size_t)(n_bytes - done) : READ_BYTES;

        memset(buf, 0, sizeof buf);
        rc = bytes->ops->read(bytes, b->at + done, buf, n, err);
        if (rc == 0 && done + n == n_bytes && b->n_bits % 8)
            buf[n - 1] &= (uint8_t)((1u << b->n_bits % 8) - 1);
        for (size_t i = 0; rc == 0 && i < n; i += 8) {
            const uint64_t word = ps_le64(buf + i);

            if (word || s.n)
                rc = add_word(pages, &s, 8 * (done + i), word, err);
        }
    }
    if (rc == 0)
        rc = ps_dump_pages_add(pages, s.first, s.n, err);
    return rc;
}

/* SDMP or FDMP: the first holds the memory of the Windows kernel only. */
static int is_signature(const uint8_t *head)
{
    return (head[0] == 'S' || head[0] == 'F') && !memcmp(head + 1, "DMPDUMP", 7);
}

int ps_dump_bitmap(struct ps_dump *d, struct ps_err *err)
{
    struct ps_container *c = d->c;
    struct ps_dump_pages pages = {.c = c};
    struct bitmap b = {.at = (uint64_t)d->header_bytes + BITS_AT};
    uint8_t head[BITS_AT];
    int rc;

    if (c->data->n_bytes < b.at)
        return ps_dump_refuse(d, c->data->n_bytes, err, "the file ends within its headers");
    rc = c->data->ops->read(c->data, d->header_bytes, head, sizeof head, err);
    if (rc < 0)
        return rc;
    if (!is_signature(head))
        return ps_dump_refuse(d, d->header_bytes, err,
                              "the header of its bitmap (SDMP or FDMP) is not there");
    b.first_page = ps_le64(head + 0x20);
    b.n_pages = ps_le64(head + 0x28);
    b.n_bits = ps_le64(head + 0x30);
    rc = clip(d, &b, err);
    pages.file_off = b.first_page;
    if (rc == 0)
        rc = add_bits(d, &b, &pages, err);
    if (rc < 0)
        return rc;
    if (!pages.n)
        return ps_dump_refuse(d, b.at, err, "its bitmap says that no page is there");
    if (pages.n != b.n_pages)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "the bitmap of the crash dump has %" PRIu64 " pages, and its header counts "
                     "%" PRIu64,
                     pages.n, b.n_pages);
    c->facts.is_partial = d->type == PS_DUMP_ACTIVE || head[0] == 'S';
    ps_dump_name(d, d->type == PS_DUMP_ACTIVE ? "active bitmap"
                    : head[0] == 'S'          ? "kernel bitmap"
                                              : "full bitmap");
    return ps_dump_pages_end(&pages, err);
}
