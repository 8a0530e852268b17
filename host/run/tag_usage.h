/* What is found of each pool tag, counted. */
#ifndef PS_HOST_RUN_TAG_USAGE_H
#define PS_HOST_RUN_TAG_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/image.h"
#include "host/options.h"
#include "scan/err.h"
#include "scan/finding.h"
#include "scan/tags/tag_map.h"

/* More tags than that are in no image that is not made to have them. */
#define PS_TAG_USAGE_MAX (UINT32_C(1) << 18)

struct ps_tag_usage {
    uint32_t tag; /* without the protected bit */
    uint64_t header_blocks, header_bytes;
    uint64_t big_allocations, big_bytes;
};

/* Begin with all zero. */
struct ps_tag_usages {
    struct ps_tag_usage *usage; /* in the order in which the tags came */
    size_t n, cap;
    struct ps_tag_map map; /* their places, by tag */
    uint64_t n_over;       /* things not counted: PS_TAG_USAGE_MAX other tags came before theirs */
};

void ps_tag_usages_free(struct ps_tag_usages *u);

/* The place of a tag, made when it is not there yet; the protected bit does not matter. NULL: there
 * are too many tags (counted), or *out_of_memory is 1. Valid until the next call. */
struct ps_tag_usage *ps_tag_usages_at(struct ps_tag_usages *u, uint32_t tag, int *out_of_memory);

/* The place of a tag, NULL when it has none. */
const struct ps_tag_usage *ps_tag_usages_find(const struct ps_tag_usages *u, uint32_t tag);

/* Is this a block that counts: alive as far as its header and its page can tell? */
int ps_tag_usage_counts(const struct ps_finding *f);

#define PS_TAG_USAGE_CONFIDENCE 50u

/* Count findings: blocks that count, and live big allocations. PS_ENOMEM. */
int ps_tag_usages_add(struct ps_tag_usages *u, const struct ps_finding *f, size_t n,
                      struct ps_err *err);

/* Scan an open image for the headers of all tags, as the options say otherwise, and count the
 * blocks and the big allocations. Pages that cannot be read cost what stands on them; their error
 * is returned when all the others are counted, with *went_on 1. PS_ENOMEM, and as
 * ps_scan_session_open and _image. */
int ps_tag_usages_scan(struct ps_tag_usages *u, const struct ps_options *opt,
                       struct ps_image *image, int *went_on, struct ps_err *err);

#endif
