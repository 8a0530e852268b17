/* Numbers of pool tags out of an image: 0, 1, 2 ... in the order in which they came. */
#ifndef PS_SCAN_TAGS_TAG_MAP_H
#define PS_SCAN_TAGS_TAG_MAP_H

#include <stdint.h>

/* What ps_tag_map_find says of a tag that has none. */
#define PS_TAG_NO_NUMBER UINT32_MAX

struct ps_tag_place {
    uint32_t tag;
    uint32_t number_1; /* its number and one; 0: free */
};

/* Begin with all zero but the factor. */
struct ps_tag_map {
    uint64_t factor; /* of scan/hash.h */
    struct ps_tag_place *place;
    unsigned bits; /* of the number of places, of which at most half are taken; 0: none yet */
    uint32_t n;    /* numbers given so far */
};

uint32_t ps_tag_map_find(const struct ps_tag_map *map, uint32_t tag);

/* Give the next number to a tag that has none. There may be 2^24 of them. 0, or -1: out of memory,
 * and nothing has changed. */
int ps_tag_map_add(struct ps_tag_map *map, uint32_t tag);

void ps_tag_map_free(struct ps_tag_map *map); /* keeps the factor */

#endif
