#include "scan/heap/heap_map.h"

#include "scan/heap/lfh.h"
#include "scan/heap/map_parts.h"
#include "scan/heap/vs_page.h"
#include "scan/physmem.h"

#define TYPE_CACHE_ALIGNED 0x04u

/* The segment that begins last at or before 'va'; NULL: none does. */
static const struct ps_heap_segment *segment_before(const struct ps_heap_map *map, uint64_t va)
{
    size_t low = 0, high = map->n_segments;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (map->segment[mid].va <= va)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 ? &map->segment[low - 1] : NULL;
}

enum ps_heap_unit ps_heap_map_page(const struct ps_heap_map *map, uint64_t va,
                                   struct ps_heap_page *page)
{
    const struct ps_heap_segment *s = segment_before(map, va);
    uint64_t unit;
    uint32_t word;

    page->va = va - va % PS_FRAME_BYTES;
    page->unit = PS_HEAP_OUTSIDE;
    page->pool = PS_HEAP_POOL_UNKNOWN;
    page->is_decoded = 0;
    page->range = PS_HEAP_NO_DATA;
    unit = s ? (va - s->va) >> s->shift : PS_HEAP_UNITS;
    if (unit >= PS_HEAP_UNITS)
        return PS_HEAP_OUTSIDE;
    word = map->units[s->first_unit + unit];
    page->pool = s->pool;
    page->unit = (uint8_t)(word & 7);
    if (page->unit == PS_HEAP_LFH || page->unit == PS_HEAP_VS)
        page->range = word >> 3;
    return (enum ps_heap_unit)page->unit;
}

/* What a header says of itself, in slots. */
struct header {
    uint32_t prev, type;
};

static struct header read_header(enum ps_arch arch, const uint8_t *bytes, uint32_t at)
{
    uint32_t word;

    memcpy(&word, bytes + at, sizeof word);
    if (arch == PS_ARCH_X64)
        return (struct header){.prev = word & 0xff, .type = word >> 24};
    return (struct header){.prev = word & 0x1ff, .type = word >> 25};
}

/* Both headers of a cache-aligned block are those of the first one's place. */
static void step_to_first(enum ps_arch arch, const uint8_t *bytes, uint32_t *at, uint32_t *n_bytes)
{
    const struct header h = read_header(arch, bytes, *at);
    const uint32_t back = h.prev << ps_vs_slot_shift(arch);

    if (!(h.type & TYPE_CACHE_ALIGNED) || back == 0 || back > *at)
        return;
    *at -= back;
    *n_bytes += back;
}

static enum ps_heap_block lfh_state(const struct ps_heap_map *map, const struct ps_heap_range *r,
                                    uint32_t block)
{
    const uint64_t at = (r->va + r->first + (uint64_t)block * r->block_bytes) % PS_FRAME_BYTES;
    const int crosses = r->block_bytes > PS_FRAME_BYTES - at;

    switch (ps_lfh_pair(map->bitmaps + r->data, block)) {
    case PS_LFH_BUSY:
        return crosses ? PS_HEAP_BLOCK_NONE : PS_HEAP_BLOCK_LIVE;
    case PS_LFH_BOTH:
        return crosses ? PS_HEAP_BLOCK_NONE : PS_HEAP_BLOCK_UNDECIDED;
    default:
        return crosses ? PS_HEAP_BLOCK_NONE : PS_HEAP_BLOCK_FREED;
    }
}

static enum ps_heap_block lfh_block(const struct ps_heap_map *map, const struct ps_heap_page *page,
                                    uint32_t at, uint32_t n_bytes)
{
    const struct ps_heap_range *r = &map->range[page->range];
    const uint64_t off = page->va + at - r->va;
    uint64_t block;

    if (r->block_bytes == 0 || r->data == PS_HEAP_NO_DATA)
        return PS_HEAP_BLOCK_UNDECIDED;
    if (off < r->first || (off - r->first) % r->block_bytes != 0 || n_bytes > r->block_bytes)
        return PS_HEAP_BLOCK_NONE;
    block = (off - r->first) / r->block_bytes;
    if (block >= r->n_blocks || r->block_bytes >= PS_FRAME_BYTES)
        return PS_HEAP_BLOCK_NONE;
    if (r->is_private)
        return PS_HEAP_BLOCK_UNDECIDED;
    return lfh_state(map, r, (uint32_t)block);
}

/* A page of a VS subsegment that another one has a question about. */
struct neighbours {
    const struct ps_heap_map *map;
    const struct ps_heap_range *range;
};

static int read_stored(const void *arg, uint64_t va, uint64_t *value)
{
    const struct neighbours *n = arg;
    const struct ps_heap_map *map = n->map;
    const size_t width = map->arch == PS_ARCH_X64 ? 8 : 4;
    uint8_t bytes[8];
    uint32_t frame;

    if (n->range->data == PS_HEAP_NO_DATA || !map->memory.read || va < n->range->va ||
        va - n->range->va >= n->range->n_bytes)
        return 0;
    frame = map->frames[n->range->data + (va - n->range->va) / PS_FRAME_BYTES];
    if (frame == 0 ||
        map->memory.read(map->memory.arg, (uint64_t)frame * PS_FRAME_BYTES + va % PS_FRAME_BYTES,
                         bytes, width) != width)
        return 0;
    *value = ps_vs_stored(map->arch, bytes);
    return 1;
}

static struct ps_vs_view view_of(const struct neighbours *n, struct ps_heap_page *page,
                                 const uint8_t *bytes)
{
    const struct ps_heap_range *r = n->range;
    const struct ps_vs_view view = {.arch = n->map->arch,
                                    .heap_key = n->map->heap_key,
                                    .bytes = bytes,
                                    .va = page->va,
                                    .first = r->va + r->first,
                                    .end = r->va + r->n_bytes,
                                    .stored = read_stored,
                                    .arg = n};

    if (!page->is_decoded)
        ps_vs_page_decode(&view, page);
    return view;
}

enum ps_heap_block ps_heap_block_at(const struct ps_heap_map *map, struct ps_heap_page *page,
                                    const uint8_t *bytes, uint32_t at, uint32_t n_bytes)
{
    const enum ps_heap_unit unit = (enum ps_heap_unit)page->unit;
    struct neighbours n = {.map = map};
    struct ps_vs_view view;

    if (unit == PS_HEAP_META || unit == PS_HEAP_LARGE || unit == PS_HEAP_UNUSED)
        return PS_HEAP_BLOCK_NONE;
    if (unit != PS_HEAP_LFH && unit != PS_HEAP_VS)
        return PS_HEAP_BLOCK_UNDECIDED;
    step_to_first(map->arch, bytes, &at, &n_bytes);
    if (unit == PS_HEAP_LFH)
        return lfh_block(map, page, at, n_bytes);
    if (!map->has_heap_key)
        return PS_HEAP_BLOCK_UNDECIDED;
    n.range = &map->range[page->range];
    view = view_of(&n, page, bytes);
    return ps_vs_page_block(&view, page, at, n_bytes);
}

static size_t lfh_spans(const struct ps_heap_map *map, const struct ps_heap_page *page,
                        struct ps_heap_span *out, size_t cap)
{
    const struct ps_heap_range *r = &map->range[page->range];
    const uint64_t base = page->va - r->va;
    uint64_t block, off;
    size_t n = 0;

    if (r->block_bytes == 0 || r->data == PS_HEAP_NO_DATA)
        return 0;
    block = base <= r->first ? 0 : (base - r->first + r->block_bytes - 1) / r->block_bytes;
    for (; block < r->n_blocks; block++) {
        off = r->first + block * r->block_bytes;
        if (off - base >= PS_FRAME_BYTES)
            break;
        if (n < cap)
            out[n] =
                (struct ps_heap_span){.at = (uint32_t)(off - base),
                                      .n_bytes = r->block_bytes,
                                      .state = r->is_private ? PS_HEAP_BLOCK_UNDECIDED
                                                             : lfh_state(map, r, (uint32_t)block)};
        n++;
    }
    return n;
}

size_t ps_heap_page_spans(const struct ps_heap_map *map, struct ps_heap_page *page,
                          const uint8_t *bytes, struct ps_heap_span *out, size_t cap)
{
    struct neighbours near = {.map = map};
    struct ps_vs_view view;

    if (page->unit == PS_HEAP_LFH)
        return lfh_spans(map, page, out, cap);
    if (page->unit != PS_HEAP_VS || !map->has_heap_key)
        return 0;
    near.range = &map->range[page->range];
    view = view_of(&near, page, bytes);
    return ps_vs_page_spans(&view, page, out, cap);
}

const struct ps_heap_info *ps_heap_map_info(const struct ps_heap_map *map)
{
    return &map->info;
}

const char *ps_heap_unit_name(enum ps_heap_unit unit)
{
    static const char *const names[] = {"outside", "meta",   "LFH",   "VS",
                                        "large",   "unused", "unread"};

    return names[unit];
}

const char *ps_heap_pool_name(enum ps_heap_pool pool)
{
    static const char *const names[] = {NULL, "NonPaged", "NonPagedNx", "Paged", "PagedPrototype"};

    return names[pool];
}

const char *ps_heap_block_name(enum ps_heap_block state)
{
    static const char *const names[] = {"none", "live", "freed", "undecided"};

    return names[state];
}

const char *ps_heap_method_name(enum ps_heap_method m)
{
    static const char *const names[] = {"not found", "symbols", "pointers"};

    return names[m];
}

const char *ps_heap_key_source_name(enum ps_heap_key_source s)
{
    static const char *const names[] = {"none", "globals", "data", "segments", "LFH subsegments"};

    return names[s];
}
