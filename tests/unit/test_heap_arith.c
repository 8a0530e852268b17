/* Arithmetic of the segment heap: the vectors S1 to S6, which were computed from the published
 * formulas, as bytes. */
#include <criterion/criterion.h>

#include "scan/heap/lfh.h"
#include "scan/heap/segment.h"
#include "scan/heap/vs_chunk.h"

#define HEAP_KEY UINT64_C(0x1122334455667788)
#define LFH_KEY  0xa1b2c3d4u

static const uint8_t s1[8] = {0xc8, 0x35, 0x89, 0x00, 0x63, 0xef, 0xdd, 0xee};
static const uint8_t s2[8] = {0x38, 0x35, 0x5e, 0x00, 0x43, 0xef, 0xdc, 0xee};

static void expect_chunk(const struct ps_vs_chunk *c, uint32_t bytes, uint32_t prev, int in_use)
{
    cr_expect(c->is_sound);
    cr_expect_eq(c->size * 16, bytes);
    cr_expect_eq(c->prev * 16, prev);
    cr_expect_eq(c->cost, 0);
    cr_expect_eq(c->in_use, in_use);
}

Test(heap_arith, s1_s2_vs_chunks)
{
    const struct ps_vs_chunk a = ps_vs_decode(PS_ARCH_X64, ps_vs_stored(PS_ARCH_X64, s1),
                                              UINT64_C(0xffffdc0155e94240), HEAP_KEY);
    const struct ps_vs_chunk b = ps_vs_decode(PS_ARCH_X64, ps_vs_stored(PS_ARCH_X64, s2),
                                              UINT64_C(0xffffdc0155e942b0), HEAP_KEY);
    const struct ps_vs_chunk wrong =
        ps_vs_decode(PS_ARCH_X64, ps_vs_stored(PS_ARCH_X64, s1), UINT64_C(0xffffdc0155e94240),
                     HEAP_KEY ^ 1ull << 60);

    expect_chunk(&a, 0x60, 0x260, 0);
    expect_chunk(&b, 0xd10, 0x60, 1);
    cr_expect(!wrong.is_sound);
}

/* x86: MemoryCost 1 bit, size 15, previous size 15, allocated 1; sizes in units of 8. */
Test(heap_arith, x86_chunk)
{
    const uint32_t va = 0x8a345678, key = 0x5a17c0de;
    const uint32_t plain = 1u << 31 | 0x123u << 16 | 0x45u << 1 | 1u;
    const uint32_t stored = plain ^ va ^ key;
    const uint8_t bytes[4] = {(uint8_t)stored, (uint8_t)(stored >> 8), (uint8_t)(stored >> 16),
                              (uint8_t)(stored >> 24)};
    const struct ps_vs_chunk c =
        ps_vs_decode(PS_ARCH_X86, ps_vs_stored(PS_ARCH_X86, bytes), va, key);

    cr_expect_eq(c.size, 0x45);
    cr_expect_eq(c.prev, 0x123);
    cr_expect_eq(c.cost, 1);
    cr_expect_eq(c.in_use, 1);
}

Test(heap_arith, s3_vs_subsegment)
{
    cr_expect(ps_vs_subsegment_holds(0x0ffd, 0x2410));
    cr_expect(ps_vs_subsegment_holds(0x0ffd, 0x2410 | 0x8000), "FullCommit is no part of it");
    for (unsigned bit = 0; bit < 15; bit++)
        cr_expect(!ps_vs_subsegment_holds(0x0ffd, 0x2410 ^ 1u << bit), "bit %u", bit);
}

static void expect_offsets(uint32_t stored, int shift_full, uint32_t block_bytes, uint32_t first)
{
    const struct ps_lfh_offsets o =
        ps_lfh_decode(stored, UINT64_C(0xffffe18f1d5ce000), LFH_KEY, shift_full);

    cr_expect_eq(o.block_bytes, block_bytes, "%x", stored);
    cr_expect_eq(o.first, first, "%x", stored);
}

Test(heap_arith, s4_s5_lfh_offsets)
{
    expect_offsets(0xa1c3162a, 0, 0x30, 0x70);
    expect_offsets(0xb933162a, 1, 0x30, 0x70);
    expect_offsets(0xa133141a, 0, 0x200, 0x80);
    expect_offsets(0xb9c3141a, 1, 0x200, 0x80);
}

Test(heap_arith, s6_segment_signature)
{
    const uint64_t segment = UINT64_C(0xffffdc0155e00000), context = UINT64_C(0xffffdc0150000100);

    cr_expect_eq(ps_segment_residue(UINT64_C(0xb3c47de9f2603825), segment, context),
                 HEAP_KEY ^ PS_SEGMENT_CONSTANT);
    cr_expect_eq(ps_segment_residue(UINT64_C(0x1122334450867688), segment, context), HEAP_KEY);
}

Test(heap_arith, buckets)
{
    static const struct {
        unsigned bucket;
        uint32_t n_bytes;
    } want[] = {{1, 16},     {2, 32},      {63, 1008}, {64, 1024}, {65, 1088},
                {80, 2048},  {81, 2176},   {96, 4096}, {97, 4352}, {112, 8192},
                {113, 8704}, {128, 16384}, {0, 0},     {129, 0}};
    unsigned n = 0;

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        cr_expect_eq(ps_lfh_bucket_bytes(want[i].bucket), want[i].n_bytes, "%u", want[i].bucket);
    for (unsigned b = 1; b <= PS_LFH_BUCKETS; b++) {
        cr_expect(ps_lfh_is_bucket(PS_ARCH_X64, ps_lfh_bucket_bytes(b)), "bucket %u", b);
        cr_expect(b < 64 || ps_lfh_is_bucket(PS_ARCH_X64, ps_lfh_bucket_bytes(b) - 16), "bucket %u",
                  b);
    }
    for (uint32_t bytes = 0; bytes < 0x10000; bytes++)
        n += ps_lfh_is_bucket(PS_ARCH_X64, bytes) != 0;
    /* 64 fine ones, and twice 64 coarse ones. */
    cr_expect_eq(n, 192);
}

Test(heap_arith, pairs)
{
    static const uint8_t bitmap[] = {0xe4, 0x01};
    static const unsigned want[] = {0, 1, 2, 3, 1, 0, 0, 0};

    for (uint32_t i = 0; i < 8; i++)
        cr_expect_eq(ps_lfh_pair(bitmap, i), want[i], "%u", i);
    cr_expect_eq(ps_lfh_bitmap_bytes(PS_ARCH_X64, 1), 8);
    cr_expect_eq(ps_lfh_bitmap_bytes(PS_ARCH_X64, 32), 8);
    cr_expect_eq(ps_lfh_bitmap_bytes(PS_ARCH_X64, 33), 16);
    cr_expect_eq(ps_lfh_bitmap_bytes(PS_ARCH_X86, 16), 4);
    cr_expect_eq(ps_lfh_bitmap_bytes(PS_ARCH_X86, 17), 8);
}

Test(heap_arith, shape_of_an_lfh_subsegment)
{
    const struct ps_lfh_shape shape = {
        .arch = PS_ARCH_X64, .n_bytes = 0x1000, .n_blocks = 82, .header_bytes = 0x30};
    struct ps_lfh_offsets o = {.block_bytes = 0x30, .first = 0x70};

    cr_expect(ps_lfh_fits(&o, &shape));
    o.first = 0xa0;
    cr_expect(ps_lfh_fits(&o, &shape), "ends at the end");
    o.first = 0xb0;
    cr_expect(!ps_lfh_fits(&o, &shape), "beyond the end");
    o.first = 0x40;
    cr_expect(!ps_lfh_fits(&o, &shape), "inside the bitmap");
    o = (struct ps_lfh_offsets){.block_bytes = 0x31, .first = 0x70};
    cr_expect(!ps_lfh_fits(&o, &shape), "no bucket");
}
