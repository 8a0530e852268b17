/* VS chunks of a page of the x64 segment heap, without a key: the headers of two chunks of one
 * page, one XOR the other, give the fields of one from those of the other (docs/POOL.md,
 * "Segment-heap pages"). A free chunk has no POOL_HEADER; this is how it is seen. */
#ifndef PS_SCAN_POOL_LISTING_VS_CHUNKS_H
#define PS_SCAN_POOL_LISTING_VS_CHUNKS_H

#include <stdint.h>

#include "scan/pool/page_view.h"

/* Marks, each with the first slot of what it marks in its low bits. */
#define PS_VS_FREE   0x4000u /* a free chunk, as far as it is in the page */
#define PS_VS_HEADER 0x8000u /* the header of a chunk in use: one slot */

/* Follow the chunks from the block whose POOL_HEADER is at 'slot' to both sides, as far as sizes
 * confirm each other, and mark them where 'taken', an entry for each slot of the page, is 0. Does
 * nothing when the chunk headers around the block do not agree. */
void ps_vs_chunks_mark(const struct ps_page_view *view, uint32_t slot, uint16_t *taken);

#endif
