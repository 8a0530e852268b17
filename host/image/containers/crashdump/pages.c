#include "host/image/containers/crashdump/dump.h"

int ps_dump_pages_add(struct ps_dump_pages *pages, uint64_t frame, uint64_t n, struct ps_err *err)
{
    const uint64_t file_off = pages->file_off;

    if (!n)
        return 0;
    pages->n += n;
    if (file_off >= pages->c->data->n_bytes) {
        if (!pages->n_lost)
            pages->lost = frame;
        pages->n_lost += n;
        return 0;
    }
    pages->file_off += n * PS_DUMP_PAGE;
    return ps_runs_add(&pages->c->runs, frame * PS_DUMP_PAGE, n * PS_DUMP_PAGE, file_off, err);
}

int ps_dump_pages_end(struct ps_dump_pages *pages, struct ps_err *err)
{
    const uint64_t limit = PS_PHYS_END / PS_DUMP_PAGE;
    const uint64_t n = pages->n_lost < limit ? pages->n_lost : limit;

    return ps_runs_add(&pages->c->runs, pages->lost * PS_DUMP_PAGE, n * PS_DUMP_PAGE,
                       pages->file_off, err);
}
