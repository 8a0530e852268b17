#include "host/image/containers/hiber/borrowed.h"

#include <stdlib.h>

struct borrowed {
    struct ps_bytes bytes;
    struct ps_bytes *of;
};

static int borrowed_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                         struct ps_err *err)
{
    struct ps_bytes *of = ((struct borrowed *)bytes)->of;

    return of->ops->read(of, off, buf, n_bytes, err);
}

static void borrowed_will_need(struct ps_bytes *bytes, uint64_t off, uint64_t n_bytes)
{
    struct ps_bytes *of = ((struct borrowed *)bytes)->of;

    if (of->ops->will_need)
        of->ops->will_need(of, off, n_bytes);
}

static void borrowed_close(struct ps_bytes *bytes)
{
    free(bytes);
}

static const struct ps_bytes_ops ops = {
    .prefix = "",
    .read = borrowed_read,
    .will_need = borrowed_will_need,
    .close = borrowed_close,
};

struct ps_bytes *ps_borrowed_bytes(struct ps_bytes *of)
{
    struct borrowed *b = malloc(sizeof *b);

    if (!b)
        return NULL;
    *b = (struct borrowed){{&ops, of->n_bytes}, of};
    return &b->bytes;
}
