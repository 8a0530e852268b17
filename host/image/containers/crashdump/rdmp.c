/* A list of page frame ranges behind the header, the pages behind it. */
#include "host/image/containers/crashdump/dump.h"

#include <inttypes.h>
#include <string.h>

#define RANGES_AT   0x30u /* from the end of the dump's header, and so are the next two */
#define SIZE_BEGINS 0x20u /* what MetadataSize counts from */
#define RANGE_BYTES 16u
#define READ_RANGES 1024u

struct table {
    uint64_t at;
    uint64_t n_ranges; /* that there is room for */
    uint64_t first_page;
    uint64_t n_pages; /* that end it; 0: a range of frame 0 does */
};

static const char *what(uint32_t type)
{
    return type == PS_DUMP_KERNEL            ? "kernel, RDMP"
           : type == PS_DUMP_KERNEL_AND_USER ? "kernel and user, RDMP"
                                             : "complete, RDMP";
}

/* Size of the list and offset of the pages say the same thing twice. */
static int place(struct ps_dump *d, const uint8_t *head, struct table *t, struct ps_err *err)
{
    const uint64_t file_bytes = d->c->data->n_bytes;
    const uint64_t base = (uint64_t)d->header_bytes + SIZE_BEGINS;
    const uint64_t size = ps_le64(head + 0x10);
    const uint64_t by_size = size < file_bytes ? base + size : UINT64_MAX;
    const uint64_t by_offset = ps_le64(head + 0x18);
    uint64_t end;

    t->at = (uint64_t)d->header_bytes + RANGES_AT;
    t->first_page = by_offset > t->at && by_offset < file_bytes ? by_offset : by_size;
    if (t->first_page <= t->at || t->first_page >= file_bytes)
        return ps_dump_refuse(d, (uint64_t)d->header_bytes + 0x18, err,
                              "its pages begin where none can be; the file is cut short or "
                              "damaged");
    end = by_size > t->at && by_size < t->first_page ? by_size : t->first_page;
    t->n_ranges = (end - t->at) / RANGE_BYTES;
    if (by_size != by_offset)
        ps_notes_add(&d->c->notes, PS_NOTE_WARNING,
                     "the size of the page list and the offset of the first page in the crash "
                     "dump disagree; the pages are taken from 0x%" PRIx64 " on",
                     t->first_page);
    return 0;
}

/* 1: this range is the end of the list. */
static int add_range(struct ps_dump *d, const struct table *t, const uint8_t *range,
                     struct ps_dump_pages *pages, struct ps_err *err)
{
    const uint64_t frame = ps_le64(range);
    const uint64_t n = ps_le64(range + 8);
    int rc;

    if (!t->n_pages && !frame)
        return 1;
    if (!ps_dump_is_frames(frame, n)) {
        ps_notes_add(&d->c->notes, PS_NOTE_LOSS,
                     "the page list of the crash dump is damaged behind %" PRIu64 " pages; what "
                     "follows them is left out",
                     pages->n);
        return 1;
    }
    rc = ps_dump_pages_add(pages, frame, n, err);
    if (rc < 0)
        return rc;
    return (t->n_pages && pages->n >= t->n_pages) || pages->n_lost > PS_PHYS_END / PS_DUMP_PAGE;
}

static int add_ranges(struct ps_dump *d, const struct table *t, struct ps_dump_pages *pages,
                      struct ps_err *err)
{
    struct ps_bytes *bytes = d->c->data;
    uint8_t buf[READ_RANGES * RANGE_BYTES];
    int rc = 0;

    for (uint64_t done = 0; rc == 0 && done < t->n_ranges; done += READ_RANGES) {
        const uint64_t left = t->n_ranges - done;
        const size_t n = left < READ_RANGES ? (size_t)left : READ_RANGES;

        rc = bytes->ops->read(bytes, t->at + done * RANGE_BYTES, buf, n * RANGE_BYTES, err);
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = add_range(d, t, buf + i * RANGE_BYTES, pages, err);
    }
    return rc < 0 ? rc : 0;
}

int ps_dump_rdmp(struct ps_dump *d, struct ps_err *err)
{
    struct ps_container *c = d->c;
    struct ps_dump_pages pages = {.c = c};
    struct table t = {0};
    uint8_t head[RANGES_AT];
    int rc;

    if (c->data->n_bytes < d->header_bytes + sizeof head)
        return ps_dump_refuse(d, c->data->n_bytes, err, "the file ends within its headers");
    rc = c->data->ops->read(c->data, d->header_bytes, head, sizeof head, err);
    if (rc < 0)
        return rc;
    if (memcmp(head, "\x40\0\0\0RDMPDUMP", 12) != 0)
        return ps_dump_refuse(d, d->header_bytes, err,
                              "the header of its page list (RDMP) is not there");
    rc = place(d, head, &t, err);
    if (d->type == PS_DUMP_COMPLETE)
        t.n_pages = ps_le64(head + 0x28);
    pages.file_off = t.first_page;
    if (rc == 0)
        rc = add_ranges(d, &t, &pages, err);
    if (rc < 0)
        return rc;
    if (!pages.n)
        return ps_dump_refuse(d, t.at, err, "its page list is empty or damaged");
    if (t.n_pages && pages.n != t.n_pages)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "the page list of the crash dump has %" PRIu64 " pages, and its header "
                     "counts %" PRIu64,
                     pages.n, t.n_pages);
    c->facts.is_partial = d->type != PS_DUMP_COMPLETE;
    ps_dump_name(d, what(d->type));
    return ps_dump_pages_end(&pages, err);
}
