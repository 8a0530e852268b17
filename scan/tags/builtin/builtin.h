/* The lists of tags/, as tools/compile_tags puts them into the program: constant, nothing to load.
 * A minimal perfect hash (hash and displace) leads from a pattern to the only entry that can be it.
 */
#ifndef PS_SCAN_TAGS_BUILTIN_BUILTIN_H
#define PS_SCAN_TAGS_BUILTIN_BUILTIN_H

#include <stdint.h>

#include "scan/tags/tagdb.h"

#define PS_BUILTIN_MAX_MASKS 16u

/* Texts are offsets in ps_builtin_table.text, each ends in a zero byte. Words that many entries
 * share stand first, so that 16 bits lead to them. */
struct ps_builtin_entry {
    uint32_t value; /* of the pattern, as is mask */
    uint32_t mask;
    uint32_t description;
    uint16_t component;
    uint16_t kind;
    uint16_t pool;
    uint16_t seen;
    uint16_t source; /* the file, below tags/ */
    uint16_t line;   /* in it */
};

struct ps_builtin_table {
    const struct ps_builtin_entry *entry; /* n, in the order of ps_tag_pattern_compare */
    const uint16_t *place;                /* n: slot -> entry */
    const uint16_t *displacement;         /* n_buckets */
    const char *text;
    const uint32_t *mask; /* n_masks that occur, highest rank first */
    uint32_t n;
    uint32_t n_buckets;
    uint32_t n_masks; /* at most PS_BUILTIN_MAX_MASKS */
    uint32_t seed;
};

/* The lists of this build; made by tools/compile_tags. Never empty. */
extern const struct ps_builtin_table ps_builtin_table;

/* The entry with exactly this pattern, or PS_TAG_UNKNOWN. */
uint32_t ps_builtin_find(struct ps_tag_pattern p);

/* Entry i; its texts live as long as the program. */
struct ps_tag_info ps_builtin_at(uint32_t i);

#endif
