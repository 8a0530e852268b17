#include "scan/heap/lfh.h"

/* Rows of 16 buckets after the first 64, each with steps twice as wide. */
uint32_t ps_lfh_bucket_bytes(unsigned bucket)
{
    uint32_t n_bytes = 1024, step = 64;

    if (bucket == 0 || bucket > PS_LFH_BUCKETS)
        return 0;
    if (bucket <= 64)
        return bucket * 16;
    for (bucket -= 64; bucket > 16; bucket -= 16) {
        n_bytes += 16 * step;
        step *= 2;
    }
    return n_bytes + bucket * step;
}

static int is_in_table(uint32_t n_bytes)
{
    uint32_t end = 1024, step = 16;

    while (n_bytes > end) {
        step = step == 16 ? 64 : step * 2;
        end *= 2;
    }
    return n_bytes % step == 0;
}

/* The published tables differ by 16 bytes from the second row on; either is taken. */
int ps_lfh_is_bucket(enum ps_arch arch, uint32_t block_bytes)
{
    if (arch == PS_ARCH_X86)
        return block_bytes >= 8 && block_bytes <= 16384 && block_bytes % 8 == 0;
    return block_bytes >= 16 && block_bytes <= 16384 &&
           (is_in_table(block_bytes) || (block_bytes >= 1008 && is_in_table(block_bytes + 16)));
}

int ps_lfh_fits(const struct ps_lfh_offsets *o, const struct ps_lfh_shape *s)
{
    const uint32_t bitmap_end = s->header_bytes + ps_lfh_bitmap_bytes(s->arch, s->n_blocks);

    return s->n_blocks != 0 && ps_lfh_is_bucket(s->arch, o->block_bytes) && o->first % 8 == 0 &&
           o->first >= bitmap_end && o->first <= s->n_bytes &&
           s->n_blocks <= (s->n_bytes - o->first) / o->block_bytes;
}
