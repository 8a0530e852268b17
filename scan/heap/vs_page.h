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
    /* What was said of the last chunk of another page, ps_vs_page_tail, if it begins at 'va'; 1 and
     * its size and in_use, or 0. May be NULL. */
    int (*tail)(const void *arg, uint64_t va, struct ps_vs_chunk *out);
    const void *arg;
};

/* What fills the page in front of its first chunk header. */
enum ps_vs_lead {
    PS_VS_LEAD_NOT_ASKED,
    PS_VS_LEAD_UNKNOWN,
    PS_VS_LEAD_NONE, /* nothing: the first chunk, or the subsegment's header, begins the page */
    PS_VS_LEAD_LIVE, /* the end of a chunk in use ... */
    PS_VS_LEAD_FREE, /* ... that is free */
};

/* Find the chunks: fills 'begins' of *page. Chunks count when their sizes lead to each other; of
 * two that claim the same bytes the one that the neighbours know of. Other pages are read only
 * where this one contradicts itself or has a single chunk. */
void ps_vs_page_decode(const struct ps_vs_view *view, struct ps_heap_page *page);

/* ps_heap_block_at of a VS page, after ps_vs_page_decode. 'at' and n_bytes are of the first header
 * of a cache-aligned block. What is in front of the first chunk is looked up once. */
enum ps_heap_block ps_vs_page_block(const struct ps_vs_view *view, struct ps_heap_page *page,
                                    uint32_t at, uint32_t n_bytes);

/* The last chunk of the page, when it reaches into the next one, in a word that is not 0; else 0.
 * It spares the next page a look at this one. */
uint32_t ps_vs_page_tail(const struct ps_vs_view *view, const struct ps_heap_page *page);
/* What the word says, of a page at page_va: the chunk and where it is. */
struct ps_vs_chunk ps_vs_tail_chunk(enum ps_arch arch, uint64_t page_va, uint32_t tail,
                                    uint64_t *va);

/* ps_heap_page_spans of a VS page, after ps_vs_page_decode; looks up what is in front of the first
 * chunk too. */
size_t ps_vs_page_spans(const struct ps_vs_view *view, struct ps_heap_page *page,
                        struct ps_heap_span *out, size_t cap);

static inline uint32_t ps_vs_slot_shift(enum ps_arch arch)
{
    return arch == PS_ARCH_X64 ? 4 : 3;
}

#endif
