#include "host/image/reader.h"

#define PAGE 4096u

static int raw_probe(const uint8_t *head, size_t n_head)
{
    (void)head;
    (void)n_head;
    return 1;
}

static int add_ranges(struct ps_extents *out, const struct ps_ranges *ranges, uint64_t file_bytes,
                      struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < ranges->n && rc >= 0; i++) {
        uint64_t begin = ranges->range[i].begin;
        uint64_t end = ranges->range[i].end;

        end = end < file_bytes ? end : file_bytes; /* the torn last page was rounded out */
        rc = ps_extents_add(out, (struct ps_extent){begin, end - begin, begin}, err);
    }
    return rc;
}

static int raw_open(struct ps_bytes *bytes, struct ps_extents *out, void **state,
                    struct ps_err *err)
{
    struct ps_ranges ranges = {0};
    int rc;

    (void)state;
    if (bytes->n_bytes < PAGE)
        return ps_fail(err, PS_EFORMAT, 0,
                       "the file has only %u bytes, less than one page of memory (4096)",
                       (unsigned)bytes->n_bytes);
    if (!bytes->ops->data)
        return ps_extents_add(out, (struct ps_extent){0, bytes->n_bytes, 0}, err);
    rc = bytes->ops->data(bytes, &ranges, err);
    if (rc >= 0)
        rc = add_ranges(out, &ranges, bytes->n_bytes, err);
    ps_ranges_free(&ranges);
    return rc;
}

const struct ps_reader ps_reader_raw = {
    .name = "raw",
    .probe = raw_probe,
    .open = raw_open,
};
