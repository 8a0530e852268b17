/* A minimal perfect hash over patterns: hash and displace. */
#ifndef PS_TOOLS_COMPILE_TAGS_HASH_H
#define PS_TOOLS_COMPILE_TAGS_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "scan/tags/tagdb.h"

/* Begin with all zero. */
struct ps_hash {
    uint16_t *place; /* n: slot -> entry */
    uint16_t *displacement;
    uint32_t n_buckets;
    uint32_t seed;
};

/* For entries of which no two have the same pattern, 1 to 65535. 0, or -1 with a message on
 * standard error. */
int ps_hash_build(struct ps_hash *hash, const struct ps_tag_info *entry, uint32_t n);
void ps_hash_free(struct ps_hash *hash);

#endif
