#include "host/pipeline/load.h"

#include <string.h>

#include "kernels/pool_header.h"

static size_t whole_pages(uint64_t n_bytes)
{
    return (size_t)((n_bytes + PS_PAGE_BYTES - 1) / PS_PAGE_BYTES);
}

static void note_unreadable(struct ps_ring_entry *e, uint64_t n_bytes, const struct ps_err *why)
{
    e->bytes_unreadable += n_bytes;
    if (e->unreadable.code == 0)
        e->unreadable = *why;
}

/* The read of the whole piece failed somewhere: read what can be read, page by page. */
static void read_pages(struct ps_image *image, const struct ps_piece *piece, uint8_t *buffer,
                       struct ps_ring_entry *e)
{
    for (uint64_t off = 0; off < piece->n_bytes; off += PS_PAGE_BYTES) {
        uint64_t left = piece->n_bytes - off;
        size_t n = left < PS_PAGE_BYTES ? (size_t)left : PS_PAGE_BYTES;
        struct ps_err why = {0};

        if (ps_image_read(image, piece->phys + off, buffer + off, n, &why) < 0) {
            memset(buffer + off, 0, n);
            note_unreadable(e, n, &why);
        }
    }
}

/* Returns its pages. */
static size_t read_piece(struct ps_image *image, const struct ps_piece *piece, uint8_t *buffer,
                         struct ps_ring_entry *e)
{
    const size_t n = (size_t)piece->n_bytes;
    const size_t n_pages = whole_pages(n);
    struct ps_err why = {0};

    if (ps_image_read_once(image, piece->phys, buffer, n, &why) < 0)
        read_pages(image, piece, buffer, e);
    memset(buffer + n, 0, n_pages * PS_PAGE_BYTES - n);
    return n_pages;
}

void ps_load_read(struct ps_image *image, const struct ps_source *source,
                  const struct ps_span *span, struct ps_chunk *c, struct ps_ring_entry *e)
{
    c->pages = c->buffer;
    c->n_pages = 0;
    for (size_t i = 0; i < span->n_pieces; i++) {
        const struct ps_piece piece = ps_source_piece(source, span, i);

        c->n_pages += read_piece(image, &piece, c->buffer + c->n_pages * PS_PAGE_BYTES, e);
    }
}

static const uint8_t *map_span(struct ps_image *image, const struct ps_source *source,
                               const struct ps_span *span)
{
    const size_t n = (size_t)span->n_bytes;

    if (span->n_pieces == 1)
        return ps_image_map(image, ps_source_piece(source, span, 0).phys, n);
    if (span->file_off == PS_NO_FILE_OFF)
        return NULL;
    return ps_image_map_bytes(image, span->file_off, n);
}

int ps_load_map(struct ps_image *image, const struct ps_source *source, const struct ps_span *span,
                struct ps_chunk *c)
{
    const uint8_t *mem = map_span(image, source, span);

    /* The rest of a mapped file's last page reads as zeros. A torn page of memory that begins
     * elsewhere than a page of the file ends behind that, where nothing is mapped. */
    if (!mem || (span->n_bytes % PS_PAGE_BYTES && (uintptr_t)mem % PS_PAGE_BYTES))
        return 0;
    c->pages = mem;
    c->n_pages = whole_pages(span->n_bytes);
    return 1;
}
