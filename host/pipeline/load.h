/* The memory of a span into a chunk: mapped without a copy, or read. */
#ifndef PS_HOST_PIPELINE_LOAD_H
#define PS_HOST_PIPELINE_LOAD_H

#include "host/backend/backend.h"
#include "host/image/image.h"
#include "host/pipeline/ring.h"
#include "host/pipeline/source.h"

/* Read a span into c->buffer and set c->pages and c->n_pages. A page that cannot be read is
 * zeroed, so that nothing is found in it, and counted in e->bytes_unreadable; the first reason is
 * kept in e->unreadable. Bytes after a torn end are zero. */
void ps_load_read(struct ps_image *image, const struct ps_source *source,
                  const struct ps_span *span, struct ps_chunk *c, struct ps_ring_entry *e);

/* Map a span and set c->pages and c->n_pages; 0 when it cannot be mapped in one piece. */
int ps_load_map(struct ps_image *image, const struct ps_source *source, const struct ps_span *span,
                struct ps_chunk *c);

#endif
