/* The virtual side of a scan: what the page tables and the big-pool table of one image add to the
 * headers that its pages hold. */
#ifndef PS_HOST_RUN_VIRTUAL_SIDE_H
#define PS_HOST_RUN_VIRTUAL_SIDE_H

#include "host/options.h"
#include "host/virtual/address_space.h"
#include "host/virtual/pfn.h"
#include "host/virtual/pool/quota.h"
#include "scan/bigpool/index.h"
#include "scan/bigpool/table.h"
#include "scan/heap/heap_map.h"
#include "scan/merge/big_findings.h"
#include "scan/merge/locate.h"
#include "scan/merge/regions.h"
#include "scan/windows/paging/inverse_map.h"

struct ps_virtual_side {
    struct ps_address_space space;
    struct ps_inverse_map *map;     /* NULL: no page tables */
    struct ps_bigpool_table table;  /* its method may be PS_BIGPOOL_NOT_FOUND */
    uint64_t n_unreadable;          /* bytes that the search for the table could not read */
    struct ps_bigpool_index *index; /* NULL: no table whose rows mark headers as content */
    struct ps_heap_map *heap;       /* NULL: no segment heap */
    struct ps_regions regions;
    struct ps_pfn_source pfn;
    struct ps_quota quota;
    pthread_mutex_t late; /* of what is looked for while pages are judged */
    struct ps_locator locator;
    unsigned carve_arches; /* without page tables: of the table in the pages; 0: nothing to carve */
    uint64_t
        n_big_below; /* entries that ps_virtual_side_findings left out by min_confidence alone */
    const struct ps_era *era; /* what pages are judged by, by ps_image_side_open alone */
};

/* Find all of it in an open image, which outlives *v; with --physical-only no more than the
 * version. That there are no page tables, or no big-pool table, is no error. Close with
 * ps_virtual_side_close in any case; *v must not move in between. */
int ps_virtual_side_open(struct ps_virtual_side *v, const struct ps_options *opt,
                         struct ps_image *image, struct ps_err *err);
void ps_virtual_side_close(struct ps_virtual_side *v); /* accepts one that is all zero */

/* An error of what was looked for since, which makes useless what it was looked for; 0: none, or a
 * wish to stop. Any thread. */
int ps_virtual_side_check(struct ps_virtual_side *v, struct ps_err *err);

/* The big allocations that the options ask for, in the order of the output and with their places in
 * the file; *out is to be released with free(). 'patterns' are those of --tags. PS_ENOMEM. */
int ps_virtual_side_findings(struct ps_virtual_side *v, const struct ps_options *opt,
                             const struct ps_tagdb *tags, const struct ps_tag_pattern *pattern,
                             size_t n_patterns, struct ps_finding **out, size_t *n,
                             struct ps_err *err);

/* One line for people on what was found: page tables, addresses, table. */
void ps_virtual_side_describe(const struct ps_virtual_side *v, char *text, size_t n);
/* Of a table that was found. */
void ps_virtual_side_describe_table(const struct ps_bigpool_table *t, char *text, size_t n);

#endif
