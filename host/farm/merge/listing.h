/* The shards of a folder by their names alone. */
#ifndef PS_HOST_FARM_MERGE_LISTING_H
#define PS_HOST_FARM_MERGE_LISTING_H

#include <stddef.h>

#include "host/farm/plan.h"

struct ps_farm_listing {
    size_t n_planned; /* tasks of the plan that have one */
    size_t n_extra;   /* files that are called as a shard, and are of no task of the plan */
    char extra[256];  /* the first of them by name */
};

/* A folder that is not there, or cannot be listed, has none. */
void ps_farm_list(struct ps_farm_listing *out, const struct ps_farm_plan *plan, const char *dir);

#endif
