/* An LFH subsegment: blocks of one size in a row, their place encoded, two bits for each. */
#ifndef PS_SCAN_HEAP_LFH_H
#define PS_SCAN_HEAP_LFH_H

#include <stdint.h>

#include "scan/pool/era.h"

/* Size of the blocks of bucket 1 ... PS_LFH_BUCKETS in bytes, 0 for any other number. */
#define PS_LFH_BUCKETS 128u
uint32_t ps_lfh_bucket_bytes(unsigned bucket);
/* May it be the size of a bucket? x86 has finer ones, which are not published: multiples of 8. */
int ps_lfh_is_bucket(enum ps_arch arch, uint32_t block_bytes);

struct ps_lfh_offsets {
    uint32_t block_bytes;
    uint32_t first; /* offset of the first block in the subsegment */
};

/* The part of the address that BlockOffsets are encoded with: up to build 22631 the low 32 bits of
 * the address, then shifted by 12; from 26100 on shifted first. */
static inline uint32_t ps_lfh_va_term(uint64_t va, int shift_full)
{
    return shift_full ? (uint32_t)(va >> 12) : (uint32_t)va >> 12;
}

static inline struct ps_lfh_offsets ps_lfh_decode(uint32_t stored, uint64_t va, uint32_t lfh_key,
                                                  int shift_full)
{
    const uint32_t plain = stored ^ lfh_key ^ ps_lfh_va_term(va, shift_full);

    return (struct ps_lfh_offsets){.block_bytes = plain & 0xffff, .first = plain >> 16};
}

/* What is known of a subsegment besides its encoded offsets. */
struct ps_lfh_shape {
    enum ps_arch arch;
    uint32_t n_bytes;      /* of the whole subsegment */
    uint32_t n_blocks;     /* BlockCount */
    uint32_t header_bytes; /* where the bitmap begins */
};

/* Bytes of the bitmap of so many blocks: whole words of a pointer's size. */
static inline uint32_t ps_lfh_bitmap_bytes(enum ps_arch arch, uint32_t n_blocks)
{
    return arch == PS_ARCH_X64 ? (n_blocks * 2 + 63) / 64 * 8 : (n_blocks * 2 + 31) / 32 * 4;
}

/* May these be the blocks of that subsegment: a bucket's size, behind the bitmap, all inside? */
int ps_lfh_fits(const struct ps_lfh_offsets *o, const struct ps_lfh_shape *s);

/* The two bits of block 'i', the busy bit lowest. */
static inline unsigned ps_lfh_pair(const uint8_t *bitmap, uint32_t i)
{
    return bitmap[i / 4] >> i % 4 * 2 & 3u;
}

/* The one bit of block 'i' in a bitmap that has no pairs. */
static inline unsigned ps_lfh_single(const uint8_t *bitmap, uint32_t i)
{
    return bitmap[i / 8] >> i % 8 & 1u;
}

enum ps_lfh_form {
    PS_LFH_PAIRS,
    PS_LFH_SINGLES,
    PS_LFH_NO_FORM, /* not known */
};

#define PS_LFH_BUSY 1u
#define PS_LFH_BOTH 3u

#endif
