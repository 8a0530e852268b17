#include "scan/pool/evidence.h"

/* Points by evidence bit; docs/POOL.md, "Evidence" says why. An allocated block of a closed
 * page reaches 90 with any printable tag, a lone header with a known one stays under 50. */
static const int8_t points[PS_N_EVIDENCE] = {
    25,   /* tag-known */
    15,   /* tag-wildcard */
    8,    /* tag-printable */
    5,    /* type-in-use */
    40,   /* chain-both */
    20,   /* chain-one */
    40,   /* page-walk */
    40,   /* lfh-stride */
    25,   /* vs-neighbour */
    40,   /* vs-xor */
    -40,  /* pool-index */
    -30,  /* overlap */
    -20,  /* bad-neighbour */
    5,    /* mapped */
    -20,  /* unmapped */
    -60,  /* read-only */
    10,   /* pool-agrees */
    -20,  /* pool-differs */
    -60,  /* in-big-pool */
    45,   /* big-entry */
    50,   /* big-hash */
    5,    /* paged-out */
    -80,  /* copy */
    60,   /* heap-block */
    -80,  /* heap-differs */
    -60,  /* heap-outside */
    40,   /* billed-process */
    25,   /* part-walk */
    20,   /* lfh-pair */
    20,   /* lfh-bitmap */
    -60,  /* user-page */
    -60,  /* file-page */
};

uint8_t ps_evidence_score(uint32_t evidence)
{
    int sum = 0;

    for (uint32_t left = evidence & (UINT32_MAX >> (32 - PS_N_EVIDENCE)); left; left &= left - 1)
        sum += points[__builtin_ctz(left)];
    if (sum < 0)
        return 0;
    return (uint8_t)(sum > 100 ? 100 : sum);
}
