/* Entries of the big-pool table as findings. */
#ifndef PS_SCAN_MERGE_BIG_FINDINGS_H
#define PS_SCAN_MERGE_BIG_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/table.h"
#include "scan/err.h"
#include "scan/finding.h"
#include "scan/merge/regions.h"
#include "scan/quota/owners.h"
#include "scan/tags/tagdb.h"
#include "scan/windows/paging/paging.h"

struct ps_big_findings_spec {
    const struct ps_bigpool_table *table;
    struct ps_paging *paging;       /* NULL: no page tables, so no entry has a physical address */
    const struct ps_owners *owners; /* NULL: nobody can tell whom entries are billed to */
    const struct ps_tagdb *tags;
    const struct ps_tag_pattern *pattern; /* only tags of these; n_patterns 0: all */
    size_t n_patterns;
    int show_free; /* freed entries too: history */
    unsigned min_confidence;
    uint64_t
        *n_below; /* grows by each entry that min_confidence alone leaves out; NULL: not told */
    uint64_t start, end; /* physical; findings without an address only when this is everything */
};

/* The wanted entries in the order of the output: by phys, those that are nowhere last, by va, then
 * by slot. file_off is PS_NOWHERE in all: the caller knows files. *out is to be released with
 * free(). PS_ENOMEM. */
int ps_big_findings(struct ps_finding **out, size_t *n, const struct ps_big_findings_spec *spec,
                    struct ps_err *err);

#endif
