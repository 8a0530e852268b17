/* A segment of the segment heap as it is stored: the signature, and what each unit is for.
 * Sources: docs/HEAP.md. */
#ifndef PS_SCAN_HEAP_SEGMENT_H
#define PS_SCAN_HEAP_SEGMENT_H

#include <stdint.h>

#include "scan/pool/era.h"

/* In the signatures of segments before build 26100; nothing is from then on. On x86 the low half.
 */
#define PS_SEGMENT_CONSTANT UINT64_C(0xa2e64eada2e64ead)

/* The first build without. */
#define PS_SEGMENT_NO_CONSTANT_BUILD 26100u

/* Signature of the segment at 'va' without its address and its context's: the heap key, and one of
 * the constants. All segments agree on it. */
static inline uint64_t ps_segment_residue(uint64_t signature, uint64_t va, uint64_t context_va)
{
    return signature ^ va ^ context_va;
}

#endif
