/* Pages of the segment heap are written byte by byte from docs/POOL.md, "Segment-heap pages";
 * nothing of the judge is used to make them. */
#include <criterion/criterion.h>
#include <string.h>

#include "scan/pool/page_judge.h"
#include "scan/tags/tagdb.h"

#define KEY      0x1122334455667788u
#define PAGE_VA  0xffffdc0155e94000u
#define MAX_HITS 512

static struct ps_rule rules_data[] = {{{0x636f7250, 0xffffffff}, 7}, {{0, 0}, PS_TAG_UNKNOWN}};
static const struct ps_ruleset rules = {rules_data, 2};

static uint8_t page[4096];
static struct ps_hit hits[MAX_HITS];
static struct ps_finding found[MAX_HITS];
static uint32_t places[MAX_HITS];
static size_t n_hits;
static uint32_t unit = 16;

/* What a page holds that nothing wrote on purpose: no header, no pointers, no zeros. */
static void reset(void)
{
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)(0x81 + i * 7 % 97);
    memset(hits, 0, sizeof hits);
    memset(found, 0xee, sizeof found);
    n_hits = 0;
    unit = 16;
}

TestSuite(segment_judge, .init = reset);

static void put_bytes(uint32_t off, uint64_t value, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        page[off + i] = (uint8_t)(value >> (8 * i));
}

/* A header that is a hit; sizes in bytes. */
static void put_typed(uint32_t off, uint32_t n_bytes, uint32_t prev, uint32_t type)
{
    struct ps_hit *h = &hits[n_hits];
    uint32_t word = unit == 16 ? prev / 16 | n_bytes / 16 << 16 | type << 24
                               : prev / 8 | n_bytes / 8 << 16 | type << 25;

    put_bytes(off, word, 4);
    memcpy(page + off + 4, "Proc", 4);
    *h = (struct ps_hit){.slot = off / unit, .word0 = word, .tag = 0x636f7250, .rule = 0};
    places[n_hits++] = off;
}

static void put(uint32_t off, uint32_t n_bytes)
{
    put_typed(off, n_bytes, 0, 2);
}

/* A chunk header in front of what stands behind it; sizes in bytes. */
static void put_chunk_of(uint64_t va, uint32_t off, uint32_t size, uint32_t prev, uint32_t in_use)
{
    uint64_t plain;

    if (unit == 16) {
        plain = (uint64_t)(size / 16) << 16 | (uint64_t)(prev / 16) << 32 | (uint64_t)in_use << 48;
        put_bytes(off, plain ^ (va + off) ^ KEY, 8);
    } else {
        plain = size / 8 << 1 | prev / 8 << 16 | in_use << 31;
        put_bytes(off, (uint32_t)plain ^ (uint32_t)(va + off) ^ (uint32_t)KEY, 4);
    }
}

static void put_chunk(uint32_t off, uint32_t size, uint32_t prev, uint32_t in_use)
{
    put_chunk_of(PAGE_VA, off, size, prev, in_use);
}

/* A chunk with a block that fills it. */
static void put_block(uint32_t off, uint32_t size, uint32_t prev)
{
    put_chunk(off, size, prev, 1);
    put(off + unit, size - unit);
}

static void judge(uint32_t build)
{
    ps_page_judge(ps_era_pick(unit == 16 ? PS_ARCH_X64 : PS_ARCH_X86, build), &rules, page, hits,
                  n_hits, found);
}

static const struct ps_finding *at(uint32_t off)
{
    for (size_t i = 0; i < n_hits; i++)
        if (places[i] == off)
            return &found[i];
    cr_assert_fail("no hit at %#x", off);
    return NULL;
}

#define expect(off, status_, allocator_)                                                           \
    do {                                                                                           \
        const struct ps_finding *f_ = at(off);                                                     \
        cr_expect_eq(f_->status, status_, "%#x: %s, evidence %#x", off,                            \
                     ps_status_name((enum ps_status)f_->status), f_->evidence);                    \
        cr_expect_eq(f_->allocator, allocator_, "%#x: %s, evidence %#x", off,                      \
                     ps_allocator_name((enum ps_allocator)f_->allocator), f_->evidence);           \
    } while (0)

#define expect_live(off)    expect(off, PS_STATUS_ALLOCATED, PS_ALLOCATOR_VS)
#define expect_has(off, ev) cr_expect(at(off)->evidence &(ev), "%#x: %#x", off, at(off)->evidence)
#define expect_not(off, ev)                                                                        \
    cr_expect_not(at(off)->evidence &(ev), "%#x: %#x", off, at(off)->evidence)

/* --- LFH --- */

/* The grid begins anywhere, blocks have lost their headers to a look-aside list. */
Test(segment_judge, grid_with_lost_headers)
{
    for (uint32_t i = 0; i < 14; i++)
        put(0x0e0 + i * 0x110, 0x110);
    for (uint32_t i = 2; i < 8; i++)
        put_bytes(0x0e0 + i * 0x110, 0xffffdc0155e98010, 8);
    judge(19041);
    for (uint32_t i = 0; i < 14; i++) {
        if (i >= 2 && i < 8)
            continue;
        expect(0x0e0 + i * 0x110, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH);
        expect_has(0x0e0 + i * 0x110, PS_EV_LFH_STRIDE);
    }
}

/* What stands between the headers of a grid is content, whether its block has a header or not. */
Test(segment_judge, header_off_the_grid)
{
    for (uint32_t i = 0; i < 8; i++)
        if (i != 4)
            put(0x040 + i * 0x200, 0x200);
    put(0x140, 0x60); /* in the first block */
    put(0x8c0, 0x60); /* in the one without a header */
    judge(19041);
    expect_has(0x140, PS_EV_OVERLAP);
    expect_has(0x8c0, PS_EV_OVERLAP);
    expect_not(0x040, PS_EV_OVERLAP);
    expect_not(0xc40, PS_EV_OVERLAP);
}

/* Buckets of 64 and of 128 bytes, in both tables; a BlockSize below the bucket's. */
Test(segment_judge, coarse_buckets)
{
    static const struct {
        uint32_t stride, sizes[3];
    } buckets[] = {
        {0x430, {0x400, 0x430, 0x410}}, /* 1072 */
        {0x440, {0x410, 0x440, 0x430}}, /* 1088 */
        {0x4b0, {0x480, 0x4b0, 0x490}}, /* 1200 */
    };

    for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
        reset();
        for (uint32_t k = 0; k < 3; k++)
            put(0x020 + k * buckets[i].stride, buckets[i].sizes[k]);
        judge(19041);
        for (uint32_t k = 0; k < 3; k++)
            cr_expect(found[k].evidence & PS_EV_LFH_STRIDE, "stride %#x, block %#x",
                      buckets[i].stride, buckets[i].sizes[k]);
    }
    reset();
    for (uint32_t k = 0; k < 3; k++)
        put(0x020 + k * 0x420, 0x410); /* no bucket is 1056 bytes */
    judge(19041);
    expect_not(0x020, PS_EV_LFH_STRIDE);
}

Test(segment_judge, two_large_blocks_are_a_pair)
{
    put(0x0a0, 0x730); /* 1840, bucket 1840 of one table */
    put(0x7d0, 0x730);
    judge(26100);
    expect_has(0x0a0, PS_EV_LFH_PAIR);
    expect_has(0x7d0, PS_EV_LFH_PAIR);
    expect(0x0a0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH);
    cr_expect_geq(at(0x0a0)->confidence, 50);
}

/* Two copies of headers in somebody's buffer. */
Test(segment_judge, pair_inside_a_block_is_none)
{
    put(0x020, 0x800);
    put(0x100, 0x1a0);
    put(0x2a0, 0x1a0);
    judge(19041);
    expect_not(0x100, PS_EV_LFH_PAIR);
    expect_not(0x2a0, PS_EV_LFH_PAIR);
    cr_expect_lt(at(0x100)->confidence, 50);
}

/* The header of a subsegment of one page with blocks of 0x100 bytes: pairs of 'bits' from bit 0. */
static void put_subsegment(int is_new, uint32_t first, uint32_t n_blocks, const char *pairs)
{
    const uint32_t bitmap = is_new ? 0x40 : 0x30;
    uint32_t n_free = 0;

    memset(page, 0, first);
    put_bytes(0x00, 0xffff9c01aabb0000, 8);
    put_bytes(0x08, 0xffff9c01aabb4000, 8);
    put_bytes(bitmap, UINT64_MAX, 8); /* what is behind the last block */
    for (uint32_t i = 0; i < n_blocks; i++) {
        uint32_t pair = (uint32_t)(pairs[i] - '0');

        page[bitmap + i / 4] =
            (uint8_t)((page[bitmap + i / 4] & ~(3u << i % 4 * 2)) | pair << i % 4 * 2);
        n_free += (pair & 1) == 0;
    }
    put_bytes(0x20, n_free, 2);
    put_bytes(0x22, n_blocks, 2);
    put_bytes(0x28, 0xa1c3162a, 4);
}

static void put_grid(uint32_t first, uint32_t stride, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put(first + i * stride, stride);
}

Test(segment_judge, bitmap_in_the_page_tells_the_state)
{
    for (int is_new = 0; is_new < 2; is_new++) {
        reset();
        put_grid(0x060, 0x100, 15);
        put_subsegment(is_new, 0x060, 15, "101131011011101");
        judge(is_new ? 26100 : 19041);
        expect(0x060, PS_STATUS_ALLOCATED, PS_ALLOCATOR_LFH);
        expect(0x160, PS_STATUS_STALE, PS_ALLOCATOR_LFH);
        expect(0x260, PS_STATUS_ALLOCATED, PS_ALLOCATOR_LFH);
        expect(0x460, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH); /* 11: sources differ */
        expect(0xd60, PS_STATUS_STALE, PS_ALLOCATOR_LFH);
        expect_has(0xe60, PS_EV_LFH_BITMAP);
    }
}

Test(segment_judge, bitmap_that_does_not_add_up)
{
    put_grid(0x060, 0x100, 15);
    put_subsegment(0, 0x060, 15, "101101011011101");
    page[0x20]++;
    judge(19041);
    expect_not(0x060, PS_EV_LFH_BITMAP);
    expect(0x060, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH);
    page[0x20]--;
    page[0x22] = 14; /* a block more would fit */
    judge(19041);
    expect_not(0x060, PS_EV_LFH_BITMAP);
}

/* --- VS --- */

Test(segment_judge, chain_with_a_free_chunk)
{
    put_block(0x120, 0x110, 0x200);
    put_chunk(0x230, 0x090, 0x110, 0);
    put_block(0x2c0, 0x240, 0x090);
    put_block(0x500, 0xb00, 0x240); /* ends with the page: nothing is behind it */
    judge(19041);
    expect_live(0x130);
    expect_live(0x2d0);
    expect_live(0x510);
}

/* Chunks that were freed one after the other are one chunk; all but the first keep their headers.
 */
Test(segment_judge, joined_chunks_keep_headers)
{
    put_block(0x100, 0x100, 0x080);
    put_chunk(0x200, 0x400, 0x100, 0); /* three chunks of 0x100, 0x180 and 0x180 */
    put_chunk(0x300, 0x180, 0x100, 0);
    put(0x310, 0x170);
    put_chunk(0x480, 0x180, 0x180, 0);
    put(0x490, 0x170);
    put_block(0x600, 0x200, 0x400);
    put_chunk(0x800, 0x900, 0x200, 0);
    judge(19041);
    expect_live(0x110);
    expect_live(0x610);
    expect(0x310, PS_STATUS_STALE, PS_ALLOCATOR_UNKNOWN);
    expect(0x490, PS_STATUS_STALE, PS_ALLOCATOR_UNKNOWN);
}

/* More leftovers than blocks: what the chunks know of each other counts, not how many they are. */
Test(segment_judge, leftovers_do_not_outvote_a_block)
{
    put_block(0x100, 0x040, 0x080);
    put_chunk(0x140, 0xd00, 0x040, 0);
    for (uint32_t i = 0; i < 8; i++) {
        put_chunk(0x200 + i * 0x180, 0x180, i ? 0x180 : 0xc0, 0);
        put(0x210 + i * 0x180, 0x170);
    }
    put_block(0xe40, 0x1c0, 0xd00);
    judge(19041);
    expect_live(0x110);
    expect_live(0xe50);
    for (uint32_t i = 0; i < 8; i++)
        expect(0x210 + i * 0x180, PS_STATUS_STALE, PS_ALLOCATOR_UNKNOWN);
}

/* A block that was never written still holds the chunks that were there before. */
Test(segment_judge, chunks_inside_a_block_are_content)
{
    put_block(0x080, 0x100, 0x300);
    put_block(0x180, 0x800, 0x100);
    put_block(0x200, 0x100, 0x080);
    put_block(0x300, 0x180, 0x100);
    put_block(0x980, 0x200, 0x800);
    put_chunk(0xb80, 0x800, 0x200, 0);
    judge(19041);
    expect_live(0x090);
    expect_live(0x190);
    expect_live(0x990);
    expect_has(0x210, PS_EV_OVERLAP);
    expect_has(0x310, PS_EV_OVERLAP);
    cr_expect_neq(at(0x210)->status, PS_STATUS_ALLOCATED);
}

Test(segment_judge, header_whose_chunk_was_freed)
{
    put_block(0x100, 0x100, 0x080);
    put_chunk(0x200, 0x100, 0x100, 0);
    put(0x210, 0x0f0);
    put_block(0x300, 0x100, 0x100);
    put_block(0x400, 0x100, 0x100);
    put_chunk(0x500, 0xb00, 0x100, 0);
    judge(19041);
    expect_live(0x110);
    expect(0x210, PS_STATUS_STALE, PS_ALLOCATOR_VS);
    expect_live(0x310);
    expect_live(0x410);
}

/* Freeing spares the header of a block that was moved, unless its chunk header is right in front.
 */
Test(segment_judge, block_moved_to_the_start_of_the_page)
{
    put(0x000, 0x300);
    put_block(0x300, 0x100, 0x300 + 0x180);
    put_block(0x400, 0x100, 0x100);
    put_chunk(0x500, 0xb00, 0x100, 0);
    judge(19041);
    expect_has(0x000, PS_EV_VS_XOR);
    expect(0x000, PS_STATUS_UNKNOWN, PS_ALLOCATOR_VS);
    expect_live(0x310);

    put_chunk(0x300, 0x100, 0x300 + 0x010, 1);
    judge(19041);
    expect_live(0x000);

    put_chunk(0x300, 0x100, 0x200, 1); /* the chunk before begins in this page */
    judge(19041);
    expect_not(0x000, PS_EV_VS_XOR);
}

/* What the chunk from the page before covers. */
Test(segment_judge, tail_of_the_page_before)
{
    put_block(0x100, 0x100, 0x080);
    put_block(0x500, 0x100, 0x700);
    put_block(0x600, 0x180, 0x100);
    put_chunk(0x780, 0x100, 0x180, 0);
    judge(19041);
    expect_has(0x110, PS_EV_OVERLAP);
    expect_live(0x510);
    expect_live(0x610);
}

Test(segment_judge, one_block_agrees_with_the_chunk_before_it)
{
    put_chunk(0x340, 0x180, 0x100, 0);
    put_block(0x4c0, 0xb40, 0x180);
    judge(19041);
    expect_live(0x4d0);
    page[0x342] ^= 4; /* UnsafeSize */
    judge(19041);
    expect(0x4d0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN);
}

Test(segment_judge, moved_block_alone)
{
    put(0x000, 0xd00);
    put_chunk(0xd00, 0x200, 0xd80, 0);
    put_chunk(0xf00, 0x900, 0x200, 1);
    judge(19041);
    expect_has(0x000, PS_EV_VS_XOR);
    expect(0x000, PS_STATUS_UNKNOWN, PS_ALLOCATOR_VS);
}

/* One half of one page, the rest of another: two addresses, hence two keys. */
Test(segment_judge, torn_page)
{
    put_block(0x100, 0x100, 0x080);
    put_block(0x200, 0x100, 0x100);
    put_block(0x300, 0x500, 0x100); /* cut in the middle */
    for (uint32_t i = 0; i < 3; i++) {
        put_chunk_of(0xffffdc01612ab000, 0x900 + i * 0x140, 0x140, i ? 0x140 : 0x100, 1);
        put(0x910 + i * 0x140, 0x130);
    }
    put_chunk_of(0xffffdc01612ab000, 0xcc0, 0x800, 0x140, 0);
    judge(19041);
    expect_live(0x110);
    expect_live(0x210);
    expect_has(0x310, PS_EV_VS_XOR);
    expect_live(0x910);
    expect_live(0xb90);
}

Test(segment_judge, second_header_shares_the_block)
{
    put_block(0x100, 0x110, 0x080);
    put_block(0x210, 0x200, 0x110);
    put_typed(0x270, 0x1a0, 0x050, 6);
    put_block(0x410, 0x100, 0x200);
    put_chunk(0x510, 0xb00, 0x100, 0);
    judge(19041);
    expect_live(0x220);
    expect_not(0x270, PS_EV_OVERLAP);
    expect_has(0x270, PS_EV_CHAIN_ONE);
    cr_expect_eq(at(0x270)->status, PS_STATUS_UNKNOWN);
}

/* Pointers to one neighbourhood differ by little, as encoded words do. */
Test(segment_judge, pointers_are_no_chunk_headers)
{
    for (uint32_t i = 0; i < 10; i++) {
        put(0x0a0 + i * 0x100, 0x100);
        put_bytes(0x090 + i * 0x100, 0xffffa58f02340000 + 0x090 + i * 0x100, 8);
        put_bytes(0x0b0 + i * 0x100, 0xffffa58f02340000 + 0x0b0 + i * 0x100, 8);
    }
    judge(19041);
    for (uint32_t i = 0; i < 10; i++) {
        expect_not(0x0a0 + i * 0x100, PS_EV_VS_XOR);
        expect(0x0a0 + i * 0x100, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH);
    }
}

Test(segment_judge, zeros_are_no_chunk_headers)
{
    static const uint32_t builds[] = {18362, 19041, 26100};

    for (size_t i = 0; i < 3; i++)
        for (uint32_t block = 0x20; block <= 0xc00; block += 0x10) {
            reset();
            memset(page, 0, sizeof page);
            put(0x340, block);
            judge(builds[i]);
            expect(0x340, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN);
        }
}

/* --- x86 --- */

Test(segment_judge, chain_on_x86)
{
    unit = 8;
    put(0x000, 0x0f8); /* moved: its chunk begins in the page before */
    put_block(0x0f8, 0x108, 0x180);
    put_chunk(0x200, 0x080, 0x108, 0);
    put_block(0x280, 0x058, 0x080);
    put_block(0x2d8, 0x528, 0x058);
    put_block(0x800, 0x100, 0x528);
    put_chunk(0x900, 0x300, 0x100, 0);
    put_block(0x420, 0x060, 0x148); /* left over in the block at 0x2e0 */
    judge(19041);
    expect(0x000, PS_STATUS_UNKNOWN, PS_ALLOCATOR_VS);
    expect_live(0x100);
    expect_live(0x288);
    expect_live(0x2e0);
    expect_live(0x808);
    expect_has(0x428, PS_EV_OVERLAP);
}

Test(segment_judge, bitmap_on_x86)
{
    unit = 8;
    put_grid(0x078, 0x118, 14);
    memset(page, 0, 0x078);
    put_bytes(0x20, 0x05555555 & ~(1u << 6), 4); /* 14 blocks in use, but for the fourth */
    put_bytes(0x10, 1, 2);
    put_bytes(0x12, 14, 2);
    judge(19041);
    expect(0x078, PS_STATUS_ALLOCATED, PS_ALLOCATOR_LFH);
    expect(0x078 + 3 * 0x118, PS_STATUS_STALE, PS_ALLOCATOR_LFH);
    expect(0x078 + 4 * 0x118, PS_STATUS_ALLOCATED, PS_ALLOCATOR_LFH);
}

/* Two chunk headers are too little on x86, where most words decode. */
Test(segment_judge, one_pair_on_x86_proves_nothing)
{
    unit = 8;
    put_block(0x100, 0x108, 0x180);
    put_chunk(0x208, 0x900, 0x108, 0);
    judge(19041);
    expect_not(0x108, PS_EV_VS_XOR);
    expect(0x108, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN);
}
