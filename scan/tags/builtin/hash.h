/* Where a pattern stands in the built-in table. Shared by tools/compile_tags, which makes the
 * table, and builtin.c, which reads it. */
#ifndef PS_SCAN_TAGS_BUILTIN_HASH_H
#define PS_SCAN_TAGS_BUILTIN_HASH_H

#include <stdint.h>

#include "scan/tags/tag.h"

/* Finalizer of SplitMix64: lists hold runs of near-equal tags, so every bit has to spread. */
static inline uint64_t ps_builtin_hash(struct ps_tag_pattern p, uint32_t seed)
{
    uint64_t h = ((uint64_t)p.mask << 32 | p.value) + seed * 0x9e3779b97f4a7c15u;

    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

/* The bucket of a hash, out of n. */
static inline uint32_t ps_builtin_bucket(uint64_t hash, uint32_t n)
{
    return (uint32_t)((hash & 0xffffffffu) * n >> 32);
}

/* The slot of a hash, out of n, when its bucket is displaced by 'd'. */
static inline uint32_t ps_builtin_slot(uint64_t hash, uint32_t d, uint32_t n)
{
    uint32_t x = (uint32_t)(hash >> 32) + d * 0x9e3779b9u;

    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    x ^= x >> 16;
    return (uint32_t)((uint64_t)x * n >> 32);
}

#endif
