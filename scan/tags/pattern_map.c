#include "scan/tags/pattern_map.h"

#include <stdlib.h>
#include <string.h>

#include "scan/hash.h"

#define FIRST_BITS 8u
/* 2^64 divided by the golden ratio. */
#define ANY_FACTOR UINT64_C(0x9e3779b97f4a7c15)

static size_t n_slots(const struct ps_pattern_map *map)
{
    return map->bits ? (size_t)1 << map->bits : 0;
}

/* The slot of the pattern, or the free one where it belongs. There are slots. */
static struct ps_pattern_slot *slot_of(const struct ps_pattern_map *map, struct ps_tag_pattern p)
{
    const size_t mask = n_slots(map) - 1;
    size_t i = ps_hash_home((uint64_t)p.mask << 32 | p.value,
                            map->factor ? map->factor : ANY_FACTOR, map->bits);

    while (map->slot[i].number != PS_PATTERN_ABSENT &&
           (map->slot[i].pattern.value != p.value || map->slot[i].pattern.mask != p.mask))
        i = (i + 1) & mask;
    return &map->slot[i];
}

uint32_t ps_pattern_map_get(const struct ps_pattern_map *map, struct ps_tag_pattern p)
{
    return map->bits == 0 ? PS_PATTERN_ABSENT : slot_of(map, p)->number;
}

static int grow(struct ps_pattern_map *map, struct ps_err *err)
{
    struct ps_pattern_map bigger = {.factor = map->factor,
                                    .bits = map->bits ? map->bits + 1 : FIRST_BITS};

    bigger.slot = malloc(n_slots(&bigger) * sizeof *bigger.slot);
    if (!bigger.slot)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for %zu tags", map->n);
    memset(bigger.slot, 0xff, n_slots(&bigger) * sizeof *bigger.slot);
    for (size_t i = 0; i < n_slots(map); i++) {
        if (map->slot[i].number != PS_PATTERN_ABSENT)
            *slot_of(&bigger, map->slot[i].pattern) = map->slot[i];
    }
    free(map->slot);
    map->slot = bigger.slot;
    map->bits = bigger.bits;
    return 0;
}

int ps_pattern_map_put(struct ps_pattern_map *map, struct ps_tag_pattern p, uint32_t number,
                       struct ps_err *err)
{
    if (2 * (map->n + 1) > n_slots(map)) {
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
    *map = (struct ps_pattern_map){.factor = map->factor};
}
