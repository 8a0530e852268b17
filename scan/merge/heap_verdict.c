#include "scan/merge/heap_verdict.h"

#include "kernels/pool_header.h"

#define TYPE_CACHE_ALIGNED 0x04u

/* Evidence that a header gives by itself. */
#define OF_HEADER (PS_EV_TAG_KNOWN | PS_EV_TAG_WILDCARD | PS_EV_TAG_PRINTABLE | PS_EV_TYPE_IN_USE)

enum ps_pool_kind ps_heap_page_pool(const struct ps_heap_page *page)
{
    switch ((enum ps_heap_pool)page->pool) {
    case PS_HEAP_POOL_NONPAGED:
        return PS_POOL_NONPAGED;
    case PS_HEAP_POOL_NONPAGED_NX:
        return PS_POOL_NONPAGED_NX;
    case PS_HEAP_POOL_PAGED:
    case PS_HEAP_POOL_PAGED_PROTOTYPE:
        return PS_POOL_PAGED;
    case PS_HEAP_POOL_UNKNOWN:
        break;
    }
    return PS_POOL_UNKNOWN;
}

int ps_is_second_header(const struct ps_finding *f, uint32_t header_bytes)
{
    const int is_x86 = header_bytes == 1u << PS_SLOT_SHIFT_X86;
    const uint32_t type = f->word0 >> (is_x86 ? PS_TYPE_SHIFT_X86 : PS_TYPE_SHIFT_X64);
    const uint32_t previous =
        f->word0 & ((1u << (is_x86 ? PS_INDEX_SHIFT_X86 : PS_INDEX_SHIFT_X64)) - 1u);

    return (type & TYPE_CACHE_ALIGNED) != 0 && previous != 0;
}

static enum ps_allocator allocator_of(const struct ps_heap_page *page)
{
    if (page->unit == PS_HEAP_LFH)
        return PS_ALLOCATOR_LFH;
    return page->unit == PS_HEAP_VS ? PS_ALLOCATOR_VS : PS_ALLOCATOR_UNKNOWN;
}

/* A free VS chunk is one whatever was in it, so a header there is only left over. */
static uint32_t evidence_of(const struct ps_heap_page *page, enum ps_heap_block said)
{
    if (said == PS_HEAP_BLOCK_NONE)
        return PS_EV_HEAP_DIFFERS;
    return said == PS_HEAP_BLOCK_FREED && page->unit == PS_HEAP_VS ? 0 : PS_EV_HEAP_BLOCK;
}

/* What is larger is no segment's: docs/POOL.md, "Segment heap". */
#define MAX_SEGMENT_BYTES 0x7f000u

int ps_heap_is_whole(const struct ps_heap_map *map, const struct ps_bigpool_table *table)
{
    const struct ps_heap_info *info = ps_heap_map_info(map);
    uint64_t n = 0, n_inside = 0;

    if (info->n_segments_bad != 0 || info->n_over != 0)
        return 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        const struct ps_bigpool_entry *e = &table->row[i].entry;
        struct ps_heap_page page;

        if (e->state != PS_BIGPOOL_ALLOCATED || e->n_bytes > MAX_SEGMENT_BYTES)
            continue;
        n++;
        n_inside += ps_heap_map_page(map, e->va, &page) != PS_HEAP_OUTSIDE;
    }
    return n >= PS_HEAP_WHOLE_ROWS && n - n_inside <= n / 200;
}

int ps_heap_page_decides(const struct ps_heap_page *page)
{
    return page->unit != PS_HEAP_OUTSIDE && page->unit != PS_HEAP_UNREAD;
}

enum ps_heap_block ps_heap_verdict(const struct ps_heap_map *map, struct ps_heap_page *page,
                                   const uint8_t *bytes, uint32_t at, struct ps_finding *f)
{
    enum ps_heap_block said;

    if (!ps_heap_page_decides(page))
        return PS_HEAP_BLOCK_UNDECIDED;
    said = ps_heap_block_at(map, page, bytes, at, (uint32_t)f->n_bytes);
    f->allocator = (uint8_t)allocator_of(page);
    if (said != PS_HEAP_BLOCK_UNDECIDED)
        f->evidence = (f->evidence & OF_HEADER) | evidence_of(page, said);
    return said;
}
