/* Pages are written byte by byte from docs/POOL.md; nothing of the judge is used to make them. */
#include "scan/pool/page_judge.h"

#include <criterion/criterion.h>
#include <string.h>

#include "scan/tags/tagdb.h"

#define MAX_HITS 512

enum { RULE_EXACT, RULE_WILDCARD, RULE_ANY };

static struct ps_rule rules_data[] = {
    [RULE_EXACT] = {{0x636f7250, 0xffffffff}, 7},
    [RULE_WILDCARD] = {{0x00006f49, 0x0000ffff}, 9},
    [RULE_ANY] = {{0, 0}, PS_TAG_UNKNOWN},
};
static const struct ps_ruleset rules = {rules_data, 3};

static uint8_t page[4096];
static struct ps_hit hits[MAX_HITS];
static struct ps_finding found[MAX_HITS];
static size_t n_hits;

static void reset(void)
{
    memset(page, 0, sizeof page);
    memset(hits, 0, sizeof hits);
    memset(found, 0xee, sizeof found);
    n_hits = 0;
}

TestSuite(page_judge, .init = reset);

/* A header of x64 fields at byte 'off'. */
static void put64(uint32_t off, uint8_t prev, uint8_t block, uint8_t type, const char *tag)
{
    page[off] = prev;
    page[off + 1] = 0;
    page[off + 2] = block;
    page[off + 3] = type;
    memcpy(page + off + 4, tag, 4);
}

/* Flink and Blink of a free block. */
static void put_links(uint32_t off)
{
    static const uint8_t flink[8] = {0x60, 0xb5, 0x8f, 0x01, 0x80, 0xfa, 0xff, 0xff};

    memcpy(page + off, flink, sizeof flink);
    memcpy(page + off + 8, flink, sizeof flink);
}

/* A header of x86 fields: 9, 7, 9 and 7 bits. */
static void put86(uint32_t off, uint32_t prev, uint32_t block, uint32_t type, const char *tag)
{
    uint32_t word = prev | block << 16 | type << 25;

    for (int i = 0; i < 4; i++)
        page[off + i] = (uint8_t)(word >> (8 * i));
    memcpy(page + off + 4, tag, 4);
}

/* A hit at byte 'off', as a kernel reports it. 'page_number' shows that only the slot in the
 * page matters. */
static void hit(uint32_t off, uint32_t unit, uint32_t rule, uint32_t page_number)
{
    struct ps_hit *h = &hits[n_hits++];

    h->slot = page_number * (4096 / unit) + off / unit;
    for (int i = 0; i < 4; i++) {
        h->word0 |= (uint32_t)page[off + i] << (8 * i);
        h->tag |= (uint32_t)page[off + 4 + i] << (8 * i);
    }
    h->rule = rule;
}

static void judge64(uint32_t build)
{
    ps_page_judge(ps_era_pick(PS_ARCH_X64, build), &rules, page, hits, n_hits, found);
}

static void judge86(uint32_t build)
{
    ps_page_judge(ps_era_pick(PS_ARCH_X86, build), &rules, page, hits, n_hits, found);
}

#define expect(i, status_, allocator_, least, most)                                                \
    do {                                                                                           \
        cr_expect_eq(found[i].status, status_, "status %s, evidence %#x",                          \
                     ps_status_name(found[i].status), found[i].evidence);                          \
        cr_expect_eq(found[i].allocator, allocator_, "allocator %s, evidence %#x",                 \
                     ps_allocator_name(found[i].allocator), found[i].evidence);                    \
        cr_expect(found[i].confidence >= (least) && found[i].confidence <= (most),                 \
                  "confidence %d, evidence %#x", found[i].confidence, found[i].evidence);          \
    } while (0)

/* 0x000 Proc 0x40 blocks, 0x400 free 0x20, 0x600 Io.. 0x80, 0xe00 Xyz! 0x20 */
static void closed_page_x64(void)
{
    put64(0x000, 0x00, 0x40, 0x02, "Proc");
    put64(0x400, 0x40, 0x20, 0x00, "Free");
    put_links(0x410);
    put64(0x600, 0x20, 0x80, 0x03, "IoNm");
    put64(0xe00, 0x80, 0x20, 0x03, "Xyz!");
}

Test(page_judge, closed_classic_page)
{
    closed_page_x64();
    hit(0x000, 16, RULE_EXACT, 5);
    hit(0x400, 16, RULE_ANY, 5);
    hit(0x600, 16, RULE_WILDCARD, 5);
    hit(0xe00, 16, RULE_ANY, 5);
    judge64(9600);

    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
    expect(1, PS_STATUS_FREE, PS_ALLOCATOR_CLASSIC, 80, 100);
    expect(2, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
    expect(3, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
    cr_expect_eq(found[0].evidence,
                 PS_EV_TAG_KNOWN | PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK);
    cr_expect_eq(found[1].evidence, PS_EV_TAG_PRINTABLE | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK);
    cr_expect_eq(found[2].evidence,
                 PS_EV_TAG_WILDCARD | PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK);
}

Test(page_judge, unusual_characters_in_a_wildcard_are_as_in_none)
{
    closed_page_x64();
    put64(0x600, 0x20, 0x80, 0x03, "Io=m");
    hit(0x600, 16, RULE_WILDCARD, 5);
    judge64(9600);
    cr_expect_eq(found[0].evidence,
                 PS_EV_TAG_PRINTABLE | PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK);
    cr_expect_eq(found[0].info, 9);
}

Test(page_judge, fields_are_copied)
{
    closed_page_x64();
    hit(0x600, 16, RULE_WILDCARD, 0);
    judge64(9600);
    cr_expect_eq(found[0].tag, 0x6d4e6f49);
    cr_expect_eq(found[0].word0, 0x03800020);
    cr_expect_eq(found[0].info, 9);
    cr_expect_eq(found[0].n_bytes, 0x800);
    cr_expect_eq(found[0].pad, 0);
    cr_expect_eq(found[0].phys, 0xeeeeeeeeeeeeeeee, "phys is the caller's");
    cr_expect_eq(found[0].file_off, 0xeeeeeeeeeeeeeeee, "file_off is the caller's");
    cr_expect_eq(found[1].tag, 0xeeeeeeee, "nothing behind the last hit is written");
}

Test(page_judge, closed_page_in_every_classic_era)
{
    static const struct {
        uint32_t build, type;
    } eras[] = {{0, 2},    {0, 5},    {2600, 5},  {2600, 6},  {3790, 1}, {3790, 0xd},
                {6002, 2}, {7601, 3}, {10240, 2}, {17134, 3}, {17763, 2}};

    for (size_t i = 0; i < sizeof eras / sizeof eras[0]; i++) {
        reset();
        put86(0x000, 0, 0x100, eras[i].type, "Proc");
        put86(0x800, 0x100, 0xff, eras[i].type, "Xyz!");
        put86(0xff8, 0xff, 1, 0, "\0\0\0\0");
        hit(0x000, 8, RULE_EXACT, 1);
        hit(0x800, 8, RULE_ANY, 1);
        judge86(eras[i].build);
        expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
        expect(1, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
    }
}

Test(page_judge, torn_page_keeps_its_chains)
{
    closed_page_x64();
    page[0x400] = 0x41; /* PreviousSize of the second block */
    hit(0x000, 16, RULE_EXACT, 0);
    hit(0x600, 16, RULE_WILDCARD, 0);
    hit(0xe00, 16, RULE_ANY, 0);
    judge64(9600);
    cr_expect_not(found[0].evidence & (PS_EV_PAGE_WALK | PS_EV_CHAIN_BOTH | PS_EV_CHAIN_ONE));
    cr_expect(found[0].evidence & PS_EV_PART_WALK, "a chain starts where it ends");
    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 50, 70);
    cr_expect(found[1].evidence & PS_EV_CHAIN_BOTH);
    expect(1, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 50, 89);
    cr_expect(found[2].evidence & PS_EV_CHAIN_BOTH, "neighbour before, page end behind");
    cr_expect_not(found[2].evidence & PS_EV_PAGE_WALK);
}

Test(page_judge, chain_on_one_side)
{
    put64(0x800, 0x33, 0x10, 0x02, "Proc");
    put64(0x900, 0x10, 0x10, 0x02, "Xyz!");
    hit(0x800, 16, RULE_EXACT, 0);
    hit(0x900, 16, RULE_ANY, 0);
    judge64(9600);
    cr_expect(found[0].evidence & PS_EV_CHAIN_ONE);
    cr_expect(found[1].evidence & PS_EV_CHAIN_ONE);
    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 50, 70);
    expect(1, PS_STATUS_UNKNOWN, PS_ALLOCATOR_CLASSIC, 30, 49);
}

Test(page_judge, lone_header_stays_under_50)
{
    static const uint32_t builds[] = {0, 2600, 3790, 7601, 9600, 17134, 17763, 19041, 26100};

    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        reset();
        put64(0x340, 0, 0x20, 0x02, "Proc");
        hit(0x340, 16, RULE_EXACT, 0);
        judge64(builds[i]);
        expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
    }
}

/* Code that moves a tag into memory: sizes that happen to fit, and no tag behind them. */
Test(page_judge, neighbour_in_use_without_a_tag_proves_nothing)
{
    put64(0x800, 0x33, 0x10, 0x02, "Proc");
    put64(0x900, 0x10, 0x10, 0x02, "\x01\x02\x03\x04");
    hit(0x800, 16, RULE_EXACT, 0);
    judge64(9600);
    expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
    page[0x903] = 0x00; /* free: whatever stood there before, but in a list */
    judge64(9600);
    expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
    put_links(0x910);
    judge64(9600);
    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 50, 70);
    page[0x91f] = 0x7f;
    judge64(9600);
    expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
}

/* The edges of a page agree with anything: slot 0 with PreviousSize 0, a block up to the end. */
Test(page_judge, page_edges_alone_prove_nothing)
{
    put64(0x000, 0, 0x20, 0x02, "Proc");
    put64(0xe00, 0x99, 0x20, 0x02, "Proc");
    hit(0x000, 16, RULE_EXACT, 0);
    hit(0xe00, 16, RULE_EXACT, 0);
    judge64(9600);
    expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
    expect(1, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
}

Test(page_judge, one_slot_block_is_never_allocated)
{
    /* H8: a fragment of one slot with a stale tag in front of the block that has it now. */
    put64(0x000, 0x00, 0x3e, 0x02, "Xyz!");
    put64(0x3e0, 0x3e, 0x01, 0x00, "MmLd");
    put64(0x3f0, 0x01, 0xc1, 0x02, "MmLd");
    hit(0x3e0, 16, RULE_ANY, 0);
    hit(0x3f0, 16, RULE_ANY, 0);
    judge64(7601);
    cr_expect_eq(found[0].status, PS_STATUS_FREE);
    expect(1, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);

    /* Nor with an in-use PoolType, which breaks the chain on top of it. */
    page[0x3e3] = 0x02;
    memset(hits, 0, sizeof hits);
    n_hits = 0;
    hit(0x3e0, 16, RULE_ANY, 0);
    hit(0x3f0, 16, RULE_ANY, 0);
    judge64(7601);
    expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 29);
    cr_expect_not(found[1].evidence & PS_EV_PAGE_WALK);
}

Test(page_judge, header_inside_a_block_is_overlap)
{
    closed_page_x64();
    put64(0x100, 0, 0x10, 0x02, "Proc"); /* inside the allocated block at 0 */
    put64(0x480, 0, 0x10, 0x02, "Proc"); /* inside the free block at 0x400 */
    hit(0x000, 16, RULE_EXACT, 0);
    hit(0x100, 16, RULE_EXACT, 0);
    hit(0x480, 16, RULE_EXACT, 0);
    hit(0x600, 16, RULE_WILDCARD, 0);
    judge64(9600);
    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
    cr_expect(found[1].evidence & PS_EV_OVERLAP);
    expect(1, PS_STATUS_STALE, PS_ALLOCATOR_UNKNOWN, 0, 29);
    cr_expect(found[2].evidence & PS_EV_OVERLAP);
    expect(2, PS_STATUS_STALE, PS_ALLOCATOR_UNKNOWN, 0, 29);
    expect(3, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
}

Test(page_judge, longer_chain_wins_over_shorter)
{
    /* A chain of four blocks, and inside its third one a pair of old headers. Not closed. */
    put64(0x100, 0x77, 0x08, 0x02, "Aaaa");
    put64(0x180, 0x08, 0x08, 0x02, "Bbbb");
    put64(0x200, 0x08, 0x40, 0x00, "Cccc");
    put64(0x600, 0x40, 0x08, 0x02, "Dddd");
    put64(0x300, 0x55, 0x08, 0x02, "Proc");
    put64(0x380, 0x08, 0x08, 0x02, "Proc");
    hit(0x180, 16, RULE_ANY, 0);
    hit(0x300, 16, RULE_EXACT, 0);
    hit(0x600, 16, RULE_ANY, 0);
    judge64(7601);
    cr_expect_not(found[0].evidence & PS_EV_OVERLAP);
    cr_expect(found[1].evidence & PS_EV_OVERLAP);
    cr_expect_eq(found[1].status, PS_STATUS_STALE);
    cr_expect_not(found[2].evidence & PS_EV_OVERLAP);
}

Test(page_judge, unlisted_headers_count_as_neighbours)
{
    closed_page_x64();
    hit(0x600, 16, RULE_WILDCARD, 0); /* the only header that a rule matched */
    judge64(9600);
    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);
}

Test(page_judge, pool_index_speaks_against_a_partial_chain_only)
{
    closed_page_x64();
    page[0x601] = 0x41;
    hit(0x600, 16, RULE_WILDCARD, 0);
    judge64(9600);
    cr_expect_not(found[0].evidence & PS_EV_POOL_INDEX);

    page[0x400] = 0x41;
    judge64(9600);
    cr_expect(found[0].evidence & PS_EV_POOL_INDEX);
    page[0x601] = 0x40;
    hits[0].word0 = 0x03804020;
    judge64(9600);
    cr_expect_not(found[0].evidence & PS_EV_POOL_INDEX);
}

Test(page_judge, lfh_stride)
{
    /* The block grid starts anywhere; the fourth block was freed and lost its header. */
    for (uint32_t i = 0; i < 8; i++)
        if (i != 3)
            put64(0x010 + i * 0x30, 0, 3, i & 1 ? 0x02 : 0x0a, "Xyz!");
    put64(0x230, 0, 3, 0x02, "Proc"); /* off the grid */
    for (uint32_t i = 0; i < 8; i++)
        if (i != 3)
            hit(0x010 + i * 0x30, 16, RULE_ANY, 0);
    hit(0x230, 16, RULE_EXACT, 0);
    judge64(19041);
    for (size_t i = 0; i < 7; i++) {
        cr_expect_eq(found[i].evidence, PS_EV_TAG_PRINTABLE | PS_EV_TYPE_IN_USE | PS_EV_LFH_STRIDE);
        expect(i, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH, 40, 60);
    }
    expect(7, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
}

Test(page_judge, two_at_a_stride_are_a_coincidence)
{
    put64(0x010, 0, 3, 0x02, "Xyz!");
    put64(0x040, 0, 3, 0x02, "Xyz!");
    hit(0x010, 16, RULE_ANY, 0);
    hit(0x040, 16, RULE_ANY, 0);
    judge64(19041);
    cr_expect_not(found[0].evidence & PS_EV_LFH_STRIDE);
    cr_expect_not(found[1].evidence & PS_EV_LFH_STRIDE);
}

Test(page_judge, coarse_lfh_bucket)
{
    /* Blocks of 0x410 and 0x430 bytes share the bucket of 0x430. */
    put64(0x010, 0, 0x41, 0x02, "Xyz!");
    put64(0x440, 0, 0x43, 0x02, "Xyz!");
    put64(0x870, 0, 0x42, 0x02, "Xyz!");
    for (uint32_t i = 0; i < 3; i++)
        hit(0x010 + i * 0x430, 16, RULE_ANY, 0);
    judge64(19041);
    for (size_t i = 0; i < 3; i++)
        expect(i, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH, 40, 60);
}

Test(page_judge, vs_neighbour)
{
    put64(0x010, 0, 0x10, 0x02, "Proc");
    put64(0x120, 0, 0x11, 0x02, "Xyz!"); /* chunk header at 0x110 */
    put64(0x250, 0, 0x09, 0x02, "Xyz!"); /* one slot of rounding, chunk header at 0x240 */
    put64(0x400, 0, 0x09, 0x02, "Xyz!");
    hit(0x010, 16, RULE_EXACT, 0);
    hit(0x120, 16, RULE_ANY, 0);
    hit(0x250, 16, RULE_ANY, 0);
    hit(0x400, 16, RULE_ANY, 0);
    judge64(19041);
    for (size_t i = 0; i < 3; i++) {
        cr_expect(found[i].evidence & PS_EV_VS_NEIGHBOUR);
        cr_expect_eq(found[i].allocator, PS_ALLOCATOR_VS);
        cr_expect_eq(found[i].status, PS_STATUS_UNKNOWN);
    }
    cr_expect_not(found[3].evidence & PS_EV_VS_NEIGHBOUR);
}

static void put_chunk(uint32_t off, uint64_t plain)
{
    uint64_t stored = plain ^ 0xffffdc0155e94000 ^ off ^ 0x1122334455667788;

    for (int i = 0; i < 8; i++)
        page[off + i] = (uint8_t)(stored >> (8 * i));
}

/* MemoryCost, UnsafeSize, UnsafePrevSize and Allocated of a chunk. */
static uint64_t chunk_plain(uint64_t size, uint64_t prev, uint64_t allocated)
{
    return size << 16 | prev << 32 | allocated << 48;
}

Test(page_judge, vs_chunk_headers_agree_without_a_key)
{
    put_chunk(0x100, chunk_plain(0x11, 0x20, 1));
    put64(0x110, 0, 0x10, 0x02, "Proc");
    put_chunk(0x210, chunk_plain(0x0a, 0x11, 1));
    put64(0x220, 0, 0x09, 0x03, "Xyz!");
    put_chunk(0x2b0, chunk_plain(0x33, 0x0a, 0)); /* a free chunk has no header */
    hit(0x110, 16, RULE_EXACT, 0);
    hit(0x220, 16, RULE_ANY, 0);
    judge64(19041);
    cr_expect(found[0].evidence & PS_EV_VS_XOR);
    expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_VS, 90, 100);
    cr_expect(found[1].evidence & PS_EV_VS_XOR);
    expect(1, PS_STATUS_ALLOCATED, PS_ALLOCATOR_VS, 70, 90);

    page[0x212] ^= 4; /* UnsafeSize of the second chunk */
    page[0x2b1] ^= 1; /* MemoryCost of the third */
    judge64(19041);
    cr_expect_not(found[0].evidence & PS_EV_VS_XOR);
    cr_expect_not(found[1].evidence & PS_EV_VS_XOR);
    cr_expect(found[0].evidence & PS_EV_VS_NEIGHBOUR);
}

Test(page_judge, cache_aligned_second_header_leads_back)
{
    put64(0x200, 0, 0x20, 0x02, "Proc");
    put64(0x230, 3, 0x1d, 0x06, "Proc");
    hit(0x200, 16, RULE_EXACT, 0);
    hit(0x230, 16, RULE_EXACT, 0);
    judge64(19041);
    cr_expect(found[0].evidence & PS_EV_CHAIN_ONE);
    cr_expect_not(found[0].evidence & PS_EV_OVERLAP);
    cr_expect(found[1].evidence & PS_EV_CHAIN_ONE);
    cr_expect_not(found[1].evidence & PS_EV_OVERLAP, "both headers are one allocation");
    cr_expect_eq(found[0].status, PS_STATUS_UNKNOWN);
    cr_expect_eq(found[1].status, PS_STATUS_UNKNOWN);
}

/* On 17763 and on an unknown build the page decides. */
Test(page_judge, either_heap_is_decided_page_by_page)
{
    static const uint32_t builds[] = {0, 17763};

    for (size_t i = 0; i < 2; i++) {
        reset();
        closed_page_x64();
        hit(0x000, 16, RULE_EXACT, 0);
        judge64(builds[i]);
        expect(0, PS_STATUS_ALLOCATED, PS_ALLOCATOR_CLASSIC, 90, 100);

        reset();
        for (uint32_t k = 0; k < 5; k++) {
            put64(0x010 + k * 0x30, 0, 3, 0x02, "Proc");
            hit(0x010 + k * 0x30, 16, RULE_EXACT, 0);
        }
        judge64(builds[i]);
        expect(2, PS_STATUS_UNKNOWN, PS_ALLOCATOR_LFH, 60, 89);
    }
}

Test(page_judge, segment_era_knows_no_chain)
{
    closed_page_x64();
    hit(0x000, 16, RULE_EXACT, 0);
    judge64(19041);
    expect(0, PS_STATUS_UNKNOWN, PS_ALLOCATOR_UNKNOWN, 0, 49);
    cr_expect_not(found[0].evidence & (PS_EV_CHAIN_BOTH | PS_EV_CHAIN_ONE | PS_EV_PAGE_WALK));
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Text and noise: every slot offered as a hit of no known tag. */
Test(page_judge, decoys_stay_under_30)
{
    static const uint32_t builds[] = {0, 3790, 7601, 17134, 17763, 19041};
    uint32_t seed = 0x2545f491;
    uint32_t over = 0, pages = 0;

    for (int arch = PS_ARCH_X86; arch <= PS_ARCH_X64; arch++)
        for (size_t b = 0; b < 6; b++)
            for (int round = 0; round < 200; round++) {
                const char *letters = "the pool of a quiet page, 0123456789 ETAOIN shrdlu.\r\n";
                uint32_t unit = arch == PS_ARCH_X86 ? 8 : 16;

                reset();
                for (size_t i = 0; i < sizeof page; i++)
                    page[i] = round & 1 ? (uint8_t)(next_random(&seed) >> 11)
                                        : (uint8_t)letters[next_random(&seed) % 54];
                for (uint32_t off = 0; off < 4096; off += unit)
                    hit(off, unit, RULE_ANY, 0);
                ps_page_judge(ps_era_pick(arch, builds[b]), &rules, page, hits, n_hits, found);
                for (size_t i = 0; i < n_hits; i++) {
                    cr_assert_lt(found[i].confidence, 50, "seed 0x2545f491, era %s, evidence %#x",
                                 ps_era_pick(arch, builds[b])->name, found[i].evidence);
                    over += found[i].confidence >= 30;
                }
                pages++;
            }
    /* One link holds by chance once in tens of thousands of slots. */
    cr_assert_lt(over, pages / 50, "seed 0x2545f491: %u of %u pages", over, pages);
}

/* Whatever the bytes, the judge ends and stays inside the page. */
Test(page_judge, hostile_pages)
{
    static const uint8_t fill[] = {0x00, 0x01, 0x02, 0x03, 0x06, 0x10, 0x7f, 0x80, 0xff};

    for (int arch = PS_ARCH_X86; arch <= PS_ARCH_X64; arch++)
        for (size_t i = 0; i < sizeof fill; i++)
            for (size_t e = 0; e < ps_n_eras; e++) {
                uint32_t unit = arch == PS_ARCH_X86 ? 8 : 16;

                if ((int)ps_eras[e].arch != arch)
                    continue;
                reset();
                memset(page, fill[i], sizeof page);
                for (uint32_t off = 0; off < 4096; off += unit)
                    hit(off, unit, RULE_EXACT, 0);
                ps_page_judge(&ps_eras[e], &rules, page, hits, n_hits, found);
                for (size_t k = 0; k < n_hits; k++)
                    cr_assert_leq(found[k].confidence, 100);
            }
}

Test(page_judge, no_hits_no_writes)
{
    closed_page_x64();
    judge64(9600);
    cr_assert_eq(found[0].tag, 0xeeeeeeee);
}
