#include "host/image/containers/reader.h"

#define PAGE 4096u

static int raw_probe(const struct ps_container *c)
{
    (void)c;
    return 1;
}

static int raw_open(struct ps_container *c, struct ps_err *err)
{
    if (c->bytes->n_bytes < PAGE)
        return ps_fail(err, PS_EFORMAT, 0,
                       "the file has only %u bytes, less than one page of memory (4096)",
                       (unsigned)c->bytes->n_bytes);
    c->facts.n_pages = c->bytes->n_bytes / PAGE;
    return ps_runs_add(&c->runs, 0, c->bytes->n_bytes, 0, err);
}

const struct ps_reader ps_reader_raw = {
    .name = "raw",
    .probe = raw_probe,
    .open = raw_open,
};
