#include "scan/tracker/reader.h"

#include <string.h>

#include "kernels/pool_header.h"

void ps_tracker_reader_init(struct ps_tracker_reader *r, struct ps_paging *paging, uint64_t va,
                            uint32_t entry_bytes)
{
    r->paging = paging;
    r->va = va;
    r->page_va = 1;
    r->is_there = 0;
    r->entry_bytes = entry_bytes;
    r->n_pages_read = 0;
    r->n_pages_missing = 0;
}

static int turn_to(struct ps_tracker_reader *r, uint64_t page_va)
{
    if (r->page_va == page_va)
        return r->is_there;
    r->page_va = page_va;
    r->n_pages_read++;
    r->is_there = ps_paging_read(r->paging, page_va, r->bytes, sizeof r->bytes) == sizeof r->bytes;
    r->n_pages_missing += !r->is_there;
    return r->is_there;
}

int ps_tracker_reader_slot(struct ps_tracker_reader *r, uint32_t slot, uint8_t *out, size_t n_bytes)
{
    uint64_t at = r->va + (uint64_t)slot * r->entry_bytes;

    while (n_bytes > 0) {
        const size_t off = (size_t)(at % PS_FRAME_BYTES);
        const size_t n = n_bytes < PS_FRAME_BYTES - off ? n_bytes : PS_FRAME_BYTES - off;

        if (!turn_to(r, at - off))
            return 0;
        memcpy(out, r->bytes + off, n);
        out += n;
        at += n;
        n_bytes -= n;
    }
    return 1;
}

uint32_t ps_tracker_reader_key(struct ps_tracker_reader *r, uint32_t slot)
{
    uint8_t b[4];

    if (!ps_tracker_reader_slot(r, slot, b, sizeof b))
        return 0;
    return ((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24) &
           ~PS_TAG_PROTECTED;
}
