/* A hash map from tag patterns to numbers. */
#ifndef PS_SCAN_TAGS_PATTERN_MAP_H
#define PS_SCAN_TAGS_PATTERN_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "scan/tags/tag.h"

#define PS_PATTERN_ABSENT 0xffffffffu

struct ps_pattern_slot {
    struct ps_tag_pattern pattern;
    uint32_t number; /* PS_PATTERN_ABSENT marks a free slot */
};

/* Zeroed but for the factor is empty. */
struct ps_pattern_map {
    uint64_t factor; /* of scan/hash.h; 0: the patterns are known to be honest */
    struct ps_pattern_slot *slot;
    unsigned bits; /* of the number of slots; 0: none yet */
    size_t n;
};

/* The number of a pattern, or PS_PATTERN_ABSENT. */
uint32_t ps_pattern_map_get(const struct ps_pattern_map *map, struct ps_tag_pattern p);

/* Give a pattern that is not there yet its number. 0, or -PS_ENOMEM with the map unchanged. */
int ps_pattern_map_put(struct ps_pattern_map *map, struct ps_tag_pattern p, uint32_t number,
                       struct ps_err *err);

void ps_pattern_map_clear(struct ps_pattern_map *map); /* frees; keeps the factor */

#endif
