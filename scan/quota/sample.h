/* Quota-charged headers out of a few pages, to learn the cookie from. */
#ifndef PS_SCAN_QUOTA_SAMPLE_H
#define PS_SCAN_QUOTA_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"

#define PS_QUOTA_MAX_SAMPLES 2048u

/* One for each header: ProcessBilled ^ address of the header. Those of one process are equal. */
struct ps_quota_samples {
    uint64_t key[PS_QUOTA_MAX_SAMPLES];
    size_t n;
};

/* Add the headers of a page that lies at virtual address 'va' and may be of the pool: those whose
 * fields are legal and whose tag can be printed. Many are none at all: only what repeats counts.
 * Does nothing when there is no room left. */
void ps_quota_sample_page(struct ps_quota_samples *s, const struct ps_era *era, const uint8_t *page,
                          uint64_t va);

/* Add one big allocation. */
void ps_quota_sample_add(struct ps_quota_samples *s, uint64_t billed, uint64_t va);

#endif
