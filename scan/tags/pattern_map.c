#include "scan/tags/pattern_map.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 256u

/* Finalizer of SplitMix64: lists hold runs of near-equal tags, so every bit has to spread. */
static uint64_t hash_of(struct ps_tag_pattern p)
{
    uint64_t h = (uint64_t)p.mask << 32 | p.value;

    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

/* The slot of the pattern, or the free one where it belongs. n_slots is not 0. */
static struct ps_pattern_slot *slot_of(const struct ps_pattern_map *map, struct ps_tag_pattern p)
{
    size_t i = (size_t)hash_of(p) & (map->n_slots - 1);

    while (map->slot[i].number != PS_PATTERN_ABSENT &&
           (map->slot[i].pattern.value != p.value || map->slot[i].pattern.mask != p.mask))
        i = (i + 1) & (map->n_slots - 1);
    return &map->slot[i];
}

uint32_t ps_pattern_map_get(const struct ps_pattern_map *map, struct ps_tag_pattern p)
{
    return map->n_slots == 0 ? PS_PATTERN_ABSENT : slot_of(map, p)->number;
}

static int grow(struct ps_pattern_map *map, struct ps_err *err)
{
    struct ps_pattern_map bigger = {.n_slots = map->n_slots ? 2 * map->n_slots : FIRST_SLOTS,
                                    .n = map->n};

    bigger.slot = malloc(bigger.n_slots * sizeof *bigger.slot);
    if (!bigger.slot)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for %zu tags", map->n);
    memset(bigger.slot, 0xff, bigger.n_slots * sizeof *bigger.slot);
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slot[i].number != PS_PATTERN_ABSENT)
            *slot_of(&bigger, map->slot[i].pattern) = map->slot[i];
    }
    free(map->slot);
    *map = bigger;
    return 0;
}

int ps_pattern_map_put(struct ps_pattern_map *map, struct ps_tag_pattern p, uint32_t number,
                       struct ps_err *err)
{
    if (2 * (map->n + 1) > map->n_slots) {
        int rc = grow(map, err);

        if (rc < 0)
            return rc;
    }
    *slot_of(map, p) = (struct ps_pattern_slot){.pattern = p, .number = number};
    map->n++;
    return 0;
}

void ps_pattern_map_clear(struct ps_pattern_map *map)
{
    free(map->slot);
    memset(map, 0, sizeof *map);
}
