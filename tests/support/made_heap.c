#include "tests/support/made_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

static void need(int is_good)
{
    if (!is_good) {
        fprintf(stderr, "a heap map could not be made\n");
        abort();
    }
}

static size_t read_frames(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const struct made_frames *f = arg;

    if (phys / PAGE >= f->n || n_bytes > PAGE - phys % PAGE)
        return 0;
    memcpy(buf, f->bytes + phys, n_bytes);
    return n_bytes;
}

struct ps_heap_map *made_heap(enum ps_arch arch, uint64_t heap_key, uint64_t va,
                              enum ps_heap_pool pool, struct made_frames *frames)
{
    const struct ps_heap_memory memory = {.read = frames ? read_frames : NULL, .arg = frames};
    const struct ps_heap_segment segment = {.va = va, .shift = 12, .pool = (uint8_t)pool};
    struct ps_heap_map *map = NULL;
    struct ps_err err;
    uint32_t *units;

    need(ps_heap_map_new(&map, arch, &memory, &err) == 0);
    map->heap_key = heap_key;
    map->has_heap_key = 1;
    need(ps_heap_map_add_segment(map, segment, &units, &err) == 1);
    for (uint32_t i = 0; i < PS_HEAP_UNITS; i++)
        units[i] = ps_heap_unit_word(i < 2 ? PS_HEAP_META : PS_HEAP_UNUSED, 0);
    need(ps_heap_map_finish(map, &err) == 0);
    return map;
}

void made_unit(struct ps_heap_map *map, uint32_t unit, enum ps_heap_unit kind)
{
    map->units[map->segment[0].first_unit + unit] = ps_heap_unit_word(kind, 0);
}

static void add_range(struct ps_heap_map *map, uint32_t unit, uint32_t n,
                      struct ps_heap_range range)
{
    struct ps_err err;
    uint32_t number;

    range.va = map->segment[0].va + (uint64_t)unit * PAGE;
    range.n_bytes = n * PAGE;
    need(ps_heap_map_add_range(map, &range, &number, &err) == 1);
    for (uint32_t i = 0; i < n; i++)
        map->units[map->segment[0].first_unit + unit + i] =
            ps_heap_unit_word((enum ps_heap_unit)range.unit, number);
}

void made_lfh(struct ps_heap_map *map, uint32_t unit, uint32_t n, uint32_t first,
              uint16_t block_bytes, uint16_t n_blocks, uint64_t pairs)
{
    struct ps_err err;
    uint32_t at;

    need(n_blocks <= 32);
    need(ps_heap_map_add_bitmap(map, sizeof pairs, &at, &err) == 1);
    for (size_t i = 0; i < sizeof pairs; i++)
        map->bitmaps[at + i] = (uint8_t)(pairs >> 8 * i);
    add_range(map, unit, n,
              (struct ps_heap_range){.data = at,
                                     .first = first,
                                     .block_bytes = block_bytes,
                                     .n_blocks = n_blocks,
                                     .unit = PS_HEAP_LFH});
}

void made_vs(struct ps_heap_map *map, uint32_t unit, uint32_t n, uint32_t first,
             uint32_t first_frame)
{
    struct ps_err err;
    uint32_t at;

    need(ps_heap_map_add_frames(map, n, &at, &err) == 1);
    for (uint32_t i = 0; i < n && first_frame != 0; i++)
        map->frames[at + i] = first_frame + i;
    add_range(map, unit, n, (struct ps_heap_range){.data = at, .first = first, .unit = PS_HEAP_VS});
}
