#include "scan/heap/heap_map.h"

#include <stdatomic.h>

#include "scan/heap/lfh.h"
#include "scan/heap/map_parts.h"
#include "scan/heap/vs_page.h"
#include "scan/physmem.h"

#define TYPE_CACHE_ALIGNED 0x04u

static int holds(const struct ps_heap_segment *s, uint64_t va)
{
    return va >= s->va && (va - s->va) >> s->shift < PS_HEAP_UNITS;
}

static const struct ps_heap_segment *search_segment(const struct ps_heap_map *map, uint64_t va)
{
    size_t low = 0, high = map->n_segments;

    while (high - low > 1) {
        const size_t mid = low + (high - low) / 2;

        if (map->segment[mid].va <= va)
            low = mid;
        else
            high = mid;
    }
    return high > low && holds(&map->segment[low], va) ? &map->segment[low] : NULL;
}

/* The segment that holds 'va'; NULL: none does. */
static const struct ps_heap_segment *segment_of(const struct ps_heap_map *map, uint64_t va)
{
    const uint32_t mask = (UINT32_C(1) << map->index_bits) - 1;
    uint32_t slot = ps_heap_index_slot(map, va);

    for (unsigned n = 0; n < PS_HEAP_INDEX_STEPS; n++, slot = (slot + 1) & mask) {
        if (map->index[slot] == 0)
            return NULL;
        if (holds(&map->segment[map->index[slot] - 1], va))
            return &map->segment[map->index[slot] - 1];
    }
    return search_segment(map, va);
}

enum ps_heap_unit ps_heap_map_page(const struct ps_heap_map *map, uint64_t va,
                                   struct ps_heap_page *page)
{
    const struct ps_heap_segment *s = segment_of(map, va);
    uint32_t word;

    page->va = va - va % PS_FRAME_BYTES;
    page->unit = PS_HEAP_OUTSIDE;
    page->pool = PS_HEAP_POOL_UNKNOWN;
    page->is_decoded = 0;
    page->range = PS_HEAP_NO_DATA;
    if (!s)
        return PS_HEAP_OUTSIDE;
    word = map->units[s->first_unit + ((va - s->va) >> s->shift)];
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

/* Of block number 'block', which begins at 'at' of its page. Hardly a branch: which blocks are in
 * use is as good as random. */
static enum ps_heap_block lfh_state(const struct ps_heap_map *map, const struct ps_heap_range *r,
                                    uint32_t block, uint32_t at)
{
    static const uint8_t states[2][4] = {
        {PS_HEAP_BLOCK_FREED, PS_HEAP_BLOCK_LIVE, PS_HEAP_BLOCK_FREED, PS_HEAP_BLOCK_UNDECIDED},
        {PS_HEAP_BLOCK_NONE, PS_HEAP_BLOCK_NONE, PS_HEAP_BLOCK_NONE, PS_HEAP_BLOCK_NONE}};
    const int crosses = r->block_bytes > PS_FRAME_BYTES - at;
    const uint8_t *bitmap = map->bitmaps + r->data;

    if (r->form == PS_LFH_NO_FORM)
        return PS_HEAP_BLOCK_UNDECIDED;
    return (
        enum ps_heap_block)states[crosses][r->form == PS_LFH_PAIRS ? ps_lfh_pair(bitmap, block)
                                                                   : ps_lfh_single(bitmap, block)];
}

/* Offsets in a segment have 24 bits, blocks at most 16384 bytes: so many bits of the reciprocal
 * give each quotient. A division for each block would cost more than all the rest. */
#define RECIPROCAL_BITS 40u

static void read_grid(const struct ps_heap_range *r, struct ps_heap_page *page)
{
    page->reciprocal =
        r->block_bytes == 0 ? 0 : (UINT64_C(1) << RECIPROCAL_BITS) / r->block_bytes + 1;
    page->is_decoded = 1;
}

static enum ps_heap_block lfh_block(const struct ps_heap_map *map, struct ps_heap_page *page,
                                    uint32_t at, uint32_t n_bytes)
{
    const struct ps_heap_range *r = &map->range[page->range];
    const uint32_t off = (uint32_t)(page->va - r->va) + at;
    uint32_t block;

    if (!page->is_decoded)
        read_grid(r, page);
    if (r->block_bytes == 0 || r->data == PS_HEAP_NO_DATA)
        return PS_HEAP_BLOCK_UNDECIDED;
    if (off < r->first)
        return PS_HEAP_BLOCK_NONE;
    block = (uint32_t)((off - r->first) * page->reciprocal >> RECIPROCAL_BITS);
    if (block * r->block_bytes != off - r->first || n_bytes > r->block_bytes ||
        block >= r->n_blocks)
        return PS_HEAP_BLOCK_NONE;
    return lfh_state(map, r, block, at);
}

/* A page of a VS subsegment that another one has a question about. */
struct neighbours {
    const struct ps_heap_map *map;
    const struct ps_heap_range *range;
};

/* Which one of 'frames' and 'tails' is that of the page; 1, or 0. */
static int number_of_page(const struct neighbours *n, uint64_t va, uint32_t *number)
{
    if (n->range->data == PS_HEAP_NO_DATA || va < n->range->va ||
        va - n->range->va >= n->range->n_bytes)
        return 0;
    *number = n->range->data + (uint32_t)((va - n->range->va) / PS_FRAME_BYTES);
    return 1;
}

static int read_stored(const void *arg, uint64_t va, uint64_t *value)
{
    const struct neighbours *n = arg;
    const struct ps_heap_map *map = n->map;
    const size_t width = map->arch == PS_ARCH_X64 ? 8 : 4;
    uint8_t bytes[8];
    uint32_t number, frame;

    if (!map->memory.read || !number_of_page(n, va, &number))
        return 0;
    frame = map->frames[number];
    if (frame == 0 || frame == PS_HEAP_FAR ||
        map->memory.read(map->memory.arg, (uint64_t)frame * PS_FRAME_BYTES + va % PS_FRAME_BYTES,
                         bytes, width) != width)
        return 0;
    *value = ps_vs_stored(map->arch, bytes);
    return 1;
}

static int known_tail(const void *arg, uint64_t va, struct ps_vs_chunk *out)
{
    const struct neighbours *n = arg;
    uint32_t number, tail;
    uint64_t tail_va;

    if (!number_of_page(n, va, &number) || number >= n->map->n_tails)
        return 0;
    tail = atomic_load_explicit(&n->map->tails[number], memory_order_relaxed);
    if (tail == 0)
        return 0;
    *out = ps_vs_tail_chunk(n->map->arch, va - va % PS_FRAME_BYTES, tail, &tail_va);
    return tail_va == va;
}

static void keep_tail(const struct neighbours *n, const struct ps_vs_view *view,
                      const struct ps_heap_page *page)
{
    uint32_t number;

    if (number_of_page(n, page->va, &number) && number < n->map->n_tails &&
        n->map->frames[number] != PS_HEAP_FAR)
        atomic_store_explicit(&n->map->tails[number], ps_vs_page_tail(view, page),
                              memory_order_relaxed);
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
                                    .tail = known_tail,
                                    .arg = n};

    if (!page->is_decoded) {
        ps_vs_page_decode(&view, page);
        keep_tail(n, &view, page);
    }
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
            out[n] = (struct ps_heap_span){
                .at = (uint32_t)(off - base),
                .n_bytes = r->block_bytes,
                .state = lfh_state(map, r, (uint32_t)block, (uint32_t)(off - base))};
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
    static const char *const names[] = {"none",     "globals",         "data",
                                        "segments", "LFH subsegments", "contexts"};

    return names[s];
}
