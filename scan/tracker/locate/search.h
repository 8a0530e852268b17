/* The pool tracker table among what the data of the Windows kernel points to. */
#ifndef PS_SCAN_TRACKER_LOCATE_SEARCH_H
#define PS_SCAN_TRACKER_LOCATE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/pool/era.h"
#include "scan/tracker/locate/proof.h"
#include "scan/windows/va_range.h"

/* Slots that all proofs of a search may read together. */
#define PS_TRACKER_SEARCH_SLOTS (UINT64_C(1) << 24)

struct ps_tracker_search {
    struct ps_paging *paging;
    const struct ps_va_range *data;
    size_t n_data;
    enum ps_arch arch;
    uint32_t build; /* its layout is tried first; 0: not known */
    enum ps_tracker_rule rule;
};

struct ps_tracker_best {
    struct ps_tracker_proof proof; /* of the table with the most keys; of equals, the one that
                                    * counts more allocs */
    uint64_t pointer_va;
    uint64_t n_candidates, n_over; /* addresses looked at; not looked at, there were too many */
};

/* 1 and *out, or 0 (the counts are set). PS_ENOMEM. */
int ps_tracker_search(const struct ps_tracker_search *search, struct ps_tracker_best *out,
                      struct ps_err *err);

/* Prove the table at one address, with each layout of the architecture. As ps_tracker_prove. */
int ps_tracker_prove_any(struct ps_paging *paging, uint64_t va, enum ps_arch arch, uint32_t build,
                         enum ps_tracker_rule rule, uint64_t *budget, struct ps_tracker_proof *out,
                         struct ps_err *err);

#endif
