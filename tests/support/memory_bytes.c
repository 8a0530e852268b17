#include "tests/support/memory_bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_inside(const struct ps_bytes *bytes, uint64_t off, uint64_t n_bytes)
{
    if (off <= bytes->n_bytes && n_bytes <= bytes->n_bytes - off)
        return;
    fprintf(stderr, "asked for %" PRIu64 " bytes at 0x%" PRIx64 " of %" PRIu64 "\n", n_bytes, off,
            bytes->n_bytes);
    abort();
}

static int memory_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                       struct ps_err *err)
{
    const struct ps_memory_bytes *m = (const struct ps_memory_bytes *)bytes;
    size_t n = 0;

    (void)err;
    check_inside(bytes, off, n_bytes);
    if (off < m->n_data)
        n = n_bytes < m->n_data - off ? n_bytes : (size_t)(m->n_data - off);
    if (n)
        memcpy(buf, m->data + off, n);
    if (n_bytes > n)
        memset((uint8_t *)buf + n, 0, n_bytes - n);
    return 0;
}

static const uint8_t *memory_map(struct ps_bytes *bytes, uint64_t off, size_t n_bytes)
{
    const struct ps_memory_bytes *m = (const struct ps_memory_bytes *)bytes;

    check_inside(bytes, off, n_bytes);
    if (off >= m->n_data || n_bytes > m->n_data - off || ((uintptr_t)(m->data + off) & 7))
        return NULL;
    return m->data + off;
}

static void memory_will_need(struct ps_bytes *bytes, uint64_t off, uint64_t n_bytes)
{
    check_inside(bytes, off, n_bytes);
}

static int memory_ranges(struct ps_bytes *bytes, struct ps_ranges *out, struct ps_err *err)
{
    const struct ps_memory_bytes *m = (const struct ps_memory_bytes *)bytes;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->n_ranges; i++)
        rc = ps_ranges_add(out, m->range[i].begin, m->range[i].end, err);
    return rc;
}

static void memory_close(struct ps_bytes *bytes)
{
    ((struct ps_memory_bytes *)bytes)->n_closed++;
}

static const struct ps_bytes_ops whole = {
    .prefix = "",
    .read = memory_read,
    .map = memory_map,
    .will_need = memory_will_need,
    .close = memory_close,
};

static const struct ps_bytes_ops sparse = {
    .prefix = "",
    .read = memory_read,
    .map = memory_map,
    .will_need = memory_will_need,
    .data = memory_ranges,
    .close = memory_close,
};

void ps_memory_bytes_init(struct ps_memory_bytes *m, const uint8_t *data, size_t n_bytes)
{
    *m = (struct ps_memory_bytes){.bytes = {&whole, n_bytes}, .data = data, .n_data = n_bytes};
}

void ps_memory_bytes_grow(struct ps_memory_bytes *m, uint64_t n_bytes)
{
    if (n_bytes < m->n_data)
        abort();
    m->bytes.n_bytes = n_bytes;
}

void ps_memory_bytes_ranges(struct ps_memory_bytes *m, const struct ps_range *range, size_t n)
{
    m->bytes.ops = &sparse;
    m->range = range;
    m->n_ranges = n;
}
