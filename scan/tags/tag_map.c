#include "scan/tags/tag_map.h"

#include <stddef.h>
#include <stdlib.h>

#include "scan/hash.h"

#define FIRST_BITS 11u

static size_t n_places(const struct ps_tag_map *map)
{
    return map->bits ? (size_t)1 << map->bits : 0;
}

/* The place of the tag, or the free one where it would be. */
static struct ps_tag_place *place_of(const struct ps_tag_map *map, uint32_t tag)
{
    const size_t mask = n_places(map) - 1;
    size_t at = ps_hash_home(tag, map->factor, map->bits);

    while (map->place[at].number_1 != 0 && map->place[at].tag != tag)
        at = (at + 1) & mask;
    return &map->place[at];
}

static int grow(struct ps_tag_map *map)
{
    struct ps_tag_map larger = {.factor = map->factor,
                                .bits = map->bits ? map->bits + 1 : FIRST_BITS};

    larger.place = calloc(n_places(&larger), sizeof *larger.place);
    if (!larger.place)
        return -1;
    for (size_t i = 0; i < n_places(map); i++)
        if (map->place[i].number_1 != 0)
            *place_of(&larger, map->place[i].tag) = map->place[i];
    free(map->place);
    map->place = larger.place;
    map->bits = larger.bits;
    return 0;
}

uint32_t ps_tag_map_find(const struct ps_tag_map *map, uint32_t tag)
{
    return map->bits ? place_of(map, tag)->number_1 - 1 : PS_TAG_NO_NUMBER;
}

int ps_tag_map_add(struct ps_tag_map *map, uint32_t tag)
{
    if (map->n >= n_places(map) / 2 && grow(map) < 0)
        return -1;
    *place_of(map, tag) = (struct ps_tag_place){tag, ++map->n};
    return 0;
}

void ps_tag_map_free(struct ps_tag_map *map)
{
    free(map->place);
    *map = (struct ps_tag_map){.factor = map->factor};
}
