/* One side of a diff: what an image or a result has of each pool tag. */
#ifndef PS_HOST_COMMANDS_DIFF_SIDE_H
#define PS_HOST_COMMANDS_DIFF_SIDE_H

#include <stddef.h>
#include <stdint.h>

#include "host/options.h"
#include "host/run/tag_usage.h"
#include "host/virtual/address_space.h"
#include "scan/err.h"

enum ps_side_kind { PS_SIDE_IMAGE, PS_SIDE_JSON, PS_SIDE_SQLITE };

/* Begin with all zero; ps_side_close in any case. */
struct ps_side {
    const char *path;
    enum ps_side_kind kind;
    int has_counted; /* what Windows counted is known */
    int has_found;   /* ... what is found */
    /* Allocations and bytes of each tag are 'header_blocks' and 'header_bytes', of what is
     * found also 'big_allocations' and 'big_bytes'. */
    struct ps_tag_usages counted, found;
    struct ps_address_space as; /* of an image */
    int went_on;                /* pages could not be read; 'late' says which */
    struct ps_err late;
};

/* Open an image and look for its tracker table, or read a result: JSON Lines, a JSON array, or a
 * database of scan, find or used. What it is, its first bytes say. Failures name the
 * file. */
int ps_side_open(struct ps_side *side, const char *path, const struct ps_options *opt,
                 struct ps_err *err);

/* After this has_found is 1: an image that was not scanned yet is scanned as 'used' does. */
int ps_side_find(struct ps_side *side, const struct ps_options *opt, struct ps_err *err);

/* Add to a sum that stops at the largest number. */
static inline uint64_t ps_side_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void ps_side_close(struct ps_side *side);

#endif
