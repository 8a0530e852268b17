#include "scan/heap/map_parts.h"

#include <stdlib.h>
#include <string.h>

int ps_heap_map_new(struct ps_heap_map **out, enum ps_arch arch,
                    const struct ps_heap_memory *memory, struct ps_err *err)
{
    struct ps_heap_map *map = calloc(1, sizeof *map);

    if (!map)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap map");
    map->arch = map->info.arch = arch;
    map->memory = *memory;
    *out = map;
    return 0;
}

void ps_heap_map_free(struct ps_heap_map *map)
{
    if (!map)
        return;
    free(map->segment);
    free(map->range);
    free(map->units);
    free(map->bitmaps);
    free(map->frames);
    free(map->tails);
    free(map->index);
    free(map->heap);
    free(map);
}

/* Room for n more elements of *array: 1, 0 (over 'max'), or PS_ENOMEM. */
static int grow(void **array, size_t element, size_t used, size_t *cap, size_t n, size_t max,
                struct ps_err *err)
{
    size_t want = *cap ? *cap : 64;
    void *grown;

    if (n > max - used)
        return 0;
    if (n <= *cap - used)
        return 1;
    while (want - used < n)
        want *= 2;
    if (want > max)
        want = max;
    grown = realloc(*array, want * element);
    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap map");
    *array = grown;
    *cap = want;
    return 1;
}

int ps_heap_map_set_heaps(struct ps_heap_map *map, const struct ps_heap_summary *heap, size_t n,
                          struct ps_err *err)
{
    map->heap = calloc(n + 1, sizeof *heap);
    if (!map->heap)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu segment heaps", n);
    for (size_t i = 0; i < n; i++)
        map->heap[i] = heap[i];
    map->info.heap = map->heap;
    map->info.n_heaps = (uint32_t)n;
    return 0;
}

int ps_heap_map_add_segment(struct ps_heap_map *map, struct ps_heap_segment segment,
                            uint32_t **units, struct ps_err *err)
{
    void *segments = map->segment, *words = map->units;
    int rc = grow(&segments, sizeof *map->segment, map->n_segments, &map->cap_segments, 1,
                  PS_HEAP_MAX_SEGMENTS, err);

    map->segment = segments;
    if (rc > 0)
        rc = grow(&words, sizeof *map->units, map->n_units, &map->cap_units, PS_HEAP_UNITS,
                  (size_t)PS_HEAP_MAX_SEGMENTS * PS_HEAP_UNITS, err);
    map->units = words;
    if (rc <= 0)
        return rc;
    segment.first_unit = (uint32_t)map->n_units;
    map->segment[map->n_segments++] = segment;
    *units = map->units + map->n_units;
    for (uint32_t i = 0; i < PS_HEAP_UNITS; i++)
        (*units)[i] = ps_heap_unit_word(PS_HEAP_UNREAD, 0);
    map->n_units += PS_HEAP_UNITS;
    return 1;
}

int ps_heap_map_add_range(struct ps_heap_map *map, const struct ps_heap_range *range,
                          uint32_t *number, struct ps_err *err)
{
    void *array = map->range;
    const int rc = grow(&array, sizeof *map->range, map->n_ranges, &map->cap_ranges, 1,
                        PS_HEAP_MAX_RANGES, err);

    map->range = array;
    if (rc <= 0)
        return rc;
    *number = (uint32_t)map->n_ranges;
    map->range[map->n_ranges++] = *range;
    return 1;
}

int ps_heap_map_add_bitmap(struct ps_heap_map *map, uint32_t n, uint32_t *at, struct ps_err *err)
{
    void *array = map->bitmaps;
    const int rc = grow(&array, 1, map->n_bitmaps, &map->cap_bitmaps, n, PS_HEAP_MAX_BITMAPS, err);

    map->bitmaps = array;
    if (rc <= 0)
        return rc;
    *at = (uint32_t)map->n_bitmaps;
    memset(map->bitmaps + map->n_bitmaps, 0, n);
    map->n_bitmaps += n;
    return 1;
}

int ps_heap_map_add_frames(struct ps_heap_map *map, uint32_t n, uint32_t *at, struct ps_err *err)
{
    void *array = map->frames;
    const int rc = grow(&array, sizeof *map->frames, map->n_frames, &map->cap_frames, n,
                        PS_HEAP_MAX_FRAMES, err);

    map->frames = array;
    if (rc <= 0)
        return rc;
    *at = (uint32_t)map->n_frames;
    memset(map->frames + map->n_frames, 0, n * sizeof *map->frames);
    map->n_frames += n;
    return 1;
}

static int by_va(const void *a, const void *b)
{
    const struct ps_heap_segment *x = a, *y = b;

    return (x->va > y->va) - (x->va < y->va);
}

static uint64_t segment_bytes(const struct ps_heap_segment *s)
{
    return (uint64_t)PS_HEAP_UNITS << s->shift;
}

/* Of segments that overlap the first one counts. */
static void sort_segments(struct ps_heap_map *map)
{
    size_t n = 0;

    if (map->n_segments > 0)
        qsort(map->segment, map->n_segments, sizeof *map->segment, by_va);
    for (size_t i = 0; i < map->n_segments; i++) {
        const struct ps_heap_segment *s = &map->segment[i];

        if (n > 0 && s->va - map->segment[n - 1].va < segment_bytes(&map->segment[n - 1])) {
            map->info.n_segments_bad++;
            continue;
        }
        map->segment[n++] = *s;
    }
    map->n_segments = n;
    map->info.n_segments = (uint32_t)n;
}

static uint64_t mebibytes(const struct ps_heap_segment *s)
{
    return segment_bytes(s) >> PS_HEAP_INDEX_SHIFT;
}

static void index_mebibyte(struct ps_heap_map *map, uint64_t va, size_t segment)
{
    const uint32_t mask = (UINT32_C(1) << map->index_bits) - 1;
    uint32_t slot = ps_heap_index_slot(map, va);

    for (unsigned n = 0; n < PS_HEAP_INDEX_STEPS; n++, slot = (slot + 1) & mask)
        if (map->index[slot] == 0) {
            map->index[slot] = (uint32_t)segment + 1;
            return;
        }
}

/* A set of all mebibytes, at most half full. */
static int make_index(struct ps_heap_map *map, struct ps_err *err)
{
    uint64_t n = 1;

    for (size_t i = 0; i < map->n_segments; i++)
        n += mebibytes(&map->segment[i]);
    for (map->index_bits = 6; UINT64_C(1) << map->index_bits < 2 * n; map->index_bits++)
        ;
    map->index = calloc(UINT64_C(1) << map->index_bits, sizeof *map->index);
    if (!map->index)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap map");
    for (size_t i = 0; i < map->n_segments; i++)
        for (uint64_t k = 0; k < mebibytes(&map->segment[i]); k++)
            index_mebibyte(map, map->segment[i].va + (k << PS_HEAP_INDEX_SHIFT), i);
    return 0;
}

static void count_segments(struct ps_heap_map *map)
{
    for (size_t i = 0; map->heap && i < map->n_segments; i++)
        if (map->segment[i].heap < map->info.n_heaps)
            map->heap[map->segment[i].heap].n_segments++;
}

int ps_heap_map_finish(struct ps_heap_map *map, struct ps_err *err)
{
    sort_segments(map);
    count_segments(map);
    if (map->n_frames > 0) {
        map->tails = calloc(map->n_frames, sizeof *map->tails);
        map->n_tails = map->tails ? map->n_frames : 0;
        if (!map->tails)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap map");
    }
    return make_index(map, err);
}
