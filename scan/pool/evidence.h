/* Evidence to points. */
#ifndef PS_SCAN_POOL_EVIDENCE_H
#define PS_SCAN_POOL_EVIDENCE_H

#include <stdint.h>

#include "scan/finding.h"

/* Less than this is never PS_STATUS_ALLOCATED. */
#define PS_ALLOCATED_CONFIDENCE 50

/* Confidence 0 .. 100 of a set of PS_EV_* bits: the sum of their points, clamped. */
uint8_t ps_evidence_score(uint32_t evidence);

#endif
