/* The headers in pool pages that stand in a page file. */
#ifndef PS_HOST_RUN_PAGED_OUT_SCAN_H
#define PS_HOST_RUN_PAGED_OUT_SCAN_H

#include <stdint.h>

#include "host/virtual/address_space.h"
#include "kernels/plan.h"
#include "scan/finding.h"
#include "scan/merge/locate.h"
#include "scan/pool/era.h"
#include "scan/tags/ruleset.h"

struct ps_paged_out_scan {
    const struct ps_address_space *space;
    const struct ps_locator *locator;
    const struct ps_plan *plan;
    const struct ps_era *era;
    const struct ps_ruleset *rules;
    unsigned min_confidence;
    int show_free;
    /* The wanted findings of one page, ascending by address over all calls; a negative return ends
     * the scan with that error. */
    int (*on_findings)(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err);
    void *arg;
};

/* Scan each page of the Windows kernel half that the page files (--pagefile) have, with the scalar
 * kernel. *n_pages is how many were scanned, *n_missing how many no page file has. Does nothing
 * without page tables or page files. PS_ENOMEM, and what ps_cancel_check says. */
int ps_paged_out_scan(const struct ps_paged_out_scan *scan, uint64_t *n_pages, uint64_t *n_missing,
                      struct ps_err *err);

#endif
