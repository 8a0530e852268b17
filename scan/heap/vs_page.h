/* The chunks of one page of a VS subsegment, told from what only looks like one. */
#ifndef PS_SCAN_HEAP_VS_PAGE_H
#define PS_SCAN_HEAP_VS_PAGE_H

#include <stdint.h>

#include "scan/heap/heap_map.h"
#include "scan/heap/vs_chunk.h"

/* A page with what is needed to decode it. */
struct ps_vs_view {
    enum ps_arch arch;
    uint64_t heap_key;
    const uint8_t *bytes;
    uint64_t va;         /* of the page */
    uint64_t first, end; /* addresses: of the subsegment's first chunk, and behind its last one */
    /* The first bytes of the chunk header at an address in another page of the subsegment, as
     * ps_vs_stored gives them. 1, or 0: it is not there. */
    int (*stored)(const void *arg, uint64_t va, uint64_t *value);
    const void *arg;
};

/* What fills the page in front of its first chunk header. */
enum ps_vs_lead {
    PS_VS_LEAD_UNKNOWN,
    PS_VS_LEAD_NONE, /* nothing: the first chunk, or the subsegment's header, begins the page */
    PS_VS_LEAD_LIVE, /* the end of a chunk in use ... */
    PS_VS_LEAD_FREE, /* ... that is free; the whole page where lead_slots is that long */
};

/* Find the chunks: fills begins, stale, lead_state and lead_slots of *page. Chunks count when their
 * sizes lead to each other; of two that claim the same bytes the one that the neighbours know of.
 */
void ps_vs_page_decode(const struct ps_vs_view *view, struct ps_heap_page *page);

/* ps_heap_block_at of a VS page, after ps_vs_page_decode. 'at' and n_bytes are of the first header
 * of a cache-aligned block. */
enum ps_heap_block ps_vs_page_block(const struct ps_vs_view *view, const struct ps_heap_page *page,
                                    uint32_t at, uint32_t n_bytes);

/* ps_heap_page_spans of a VS page, after ps_vs_page_decode. */
size_t ps_vs_page_spans(const struct ps_vs_view *view, const struct ps_heap_page *page,
                        struct ps_heap_span *out, size_t cap);

/* The chunk whose header is at this slot. */
struct ps_vs_chunk ps_vs_page_chunk(const struct ps_vs_view *view, uint32_t slot);

static inline uint32_t ps_vs_slot_shift(enum ps_arch arch)
{
    return arch == PS_ARCH_X64 ? 4 : 3;
}

#endif
