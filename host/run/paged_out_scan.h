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

struct ps_paged_out_result {
    uint64_t n_pages;   /* scanned */
    uint64_t n_missing; /* in no page file */
    uint64_t n_below;   /* findings dropped by min_confidence alone */
};

/* Scan each page of the Windows kernel half that the page files (--pagefile) have, with the scalar
 * kernel. Does nothing without page tables or page files. *result is filled in any case. PS_ENOMEM,
 * and what ps_cancel_check says. */
int ps_paged_out_scan(const struct ps_paged_out_scan *scan, struct ps_paged_out_result *result,
                      struct ps_err *err);

#endif
