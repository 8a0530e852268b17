#include "scan/heap/locate/keys.h"

#include <string.h>

#include "scan/heap/segment.h"
#include "scan/heap/vs_chunk.h"

#define SAMPLES      32u /* VS subsegments */
#define SAMPLE_LINKS 16u /* chunks of each */

int ps_heap_read_globals(const struct ps_heap_source *source, uint64_t va, uint64_t *heap_key,
                         uint64_t *lfh_key)
{
    return ps_heap_read_pointer(source, va, heap_key) &&
           ps_heap_read_pointer(source, va + (source->arch == PS_ARCH_X64 ? 8 : 4), lfh_key);
}

static uint64_t find_in_page(const struct ps_heap_source *source, uint64_t va, uint64_t value)
{
    const size_t width = source->arch == PS_ARCH_X64 ? 8 : 4;
    uint8_t page[PS_FRAME_BYTES];
    const size_t n =
        ps_paging_read(source->paging, va, page, sizeof page - (size_t)(va % PS_FRAME_BYTES));

    for (size_t off = 0; off + width <= n; off += width)
        if (memcmp(page + off, &value, width) == 0)
            return va + off;
    return 0;
}

uint64_t ps_heap_find_value(const struct ps_heap_source *source, uint64_t value)
{
    uint64_t left = PS_HEAP_MAX_DATA_BYTES;

    for (size_t i = 0; i < source->n_data; i++) {
        const struct ps_va_range *range = &source->data[i];
        const uint64_t n_bytes = range->n_bytes < left ? range->n_bytes : left;
        const uint64_t begin = (range->va + 7) & ~UINT64_C(7);

        left -= n_bytes;
        for (uint64_t off = 0; off < n_bytes && begin + off >= begin;) {
            const uint64_t va = begin + off;
            const uint64_t found = find_in_page(source, va, value);

            if (found != 0)
                return found;
            off += PS_FRAME_BYTES - va % PS_FRAME_BYTES;
        }
    }
    return 0;
}

/* The first page of a VS subsegment. */
struct sample {
    uint64_t va;
    uint32_t first, end; /* of its chunks, in the page */
    const uint8_t *bytes;
};

/* How many chunks lead to each other from the first one on. */
static uint32_t count_links(enum ps_arch arch, const struct sample *s, uint64_t key)
{
    const uint32_t shift = arch == PS_ARCH_X64 ? 4 : 3;
    uint32_t at = s->first, prev = 0, n = 0;

    while (n < SAMPLE_LINKS && at < s->end) {
        const struct ps_vs_chunk c =
            ps_vs_decode(arch, ps_vs_stored(arch, s->bytes + at), s->va + at, key);

        if (!c.is_sound || c.size < 2 || (n > 0 && c.prev != prev))
            break;
        prev = c.size;
        n++;
        at += c.size << shift;
    }
    /* A single chunk proves little on x86, where any bits are sound. */
    return arch == PS_ARCH_X64 || n > 1 ? n : 0;
}

#define CANDIDATES 3u

/* Decode samples with each candidate key. Returns how many samples were read. */
static uint32_t score_keys(const struct ps_heap_source *source, const struct ps_heap_map *map,
                           const uint64_t key[CANDIDATES], uint32_t score[CANDIDATES])
{
    const size_t step = map->info.n_vs / SAMPLES + 1;
    size_t n_vs = 0;
    uint32_t n = 0;
    uint8_t page[PS_FRAME_BYTES];

    for (size_t i = 0; i < map->n_ranges; i++) {
        const struct ps_heap_range *r = &map->range[i];
        const struct sample s = {.va = r->va, .first = r->first, .end = sizeof page, .bytes = page};

        if (r->unit != PS_HEAP_VS || n_vs++ % step != 0 ||
            ps_paging_read(source->paging, r->va, page, sizeof page) != sizeof page)
            continue;
        n++;
        for (unsigned k = 0; k < CANDIDATES; k++)
            score[k] += count_links(map->arch, &s, key[k]);
    }
    return n;
}

static uint64_t constant_of(enum ps_arch arch)
{
    return arch == PS_ARCH_X64 ? PS_SEGMENT_CONSTANT : PS_SEGMENT_CONSTANT & UINT32_MAX;
}

/* The candidate that decodes the most; of equals, the one that the build makes likely. */
static unsigned choose(const struct ps_heap_source *source, const uint32_t score[CANDIDATES],
                       const int is_known[CANDIDATES])
{
    const unsigned likely = source->build >= PS_SEGMENT_NO_CONSTANT_BUILD ? 2 : 1;
    const unsigned order[CANDIDATES] = {0, likely, 3 - likely};
    unsigned best = CANDIDATES;

    for (unsigned i = 0; i < CANDIDATES; i++) {
        const unsigned k = order[i];

        if (is_known[k] && (best == CANDIDATES || score[k] > score[best]))
            best = k;
    }
    return best;
}

void ps_heap_settle_key(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_residue *residue, struct ps_heap_map *map)
{
    const int has_residue = residue->n_agree > 0;
    uint64_t key[CANDIDATES] = {0, residue->value ^ constant_of(map->arch), residue->value};
    int is_known[CANDIDATES] = {0, has_residue, has_residue};
    uint32_t score[CANDIDATES] = {0};
    uint64_t lfh_key;
    uint32_t n_read;
    unsigned best;

    is_known[0] = ps_heap_read_globals(source, heaps->globals, &key[0], &lfh_key);
    n_read = score_keys(source, map, key, score);
    best = choose(source, score, is_known);
    if (best == CANDIDATES || (n_read > 0 && score[best] == 0))
        return;
    map->heap_key = map->info.heap_key = key[best];
    map->has_heap_key = 1;
    map->info.heap_key_source = best == 0 ? PS_HEAP_KEY_GLOBALS : PS_HEAP_KEY_SEGMENTS;
    map->info.has_constant = has_residue;
    map->info.signature_constant = has_residue ? residue->value ^ key[best] : 0;
}
