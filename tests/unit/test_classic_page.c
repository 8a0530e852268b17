/* Classic pages that are damaged, or full of what was there before. Written byte by byte from
 * docs/POOL.md; nothing of the judge is used to make them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scan/pool/page_judge.h"

#define MAX_HITS 64

enum { RULE_KNOWN, RULE_ANY };

static struct ps_rule rules_data[] = {
    [RULE_KNOWN] = {{0x636f7250, 0xffffffff}, 7},
    [RULE_ANY] = {{0, 0}, PS_TAG_UNKNOWN},
};
static const struct ps_ruleset rules = {rules_data, 2};

static uint8_t page[4096];
static struct ps_hit hits[MAX_HITS];
static struct ps_finding found[MAX_HITS];
static size_t n_hits;
static enum ps_arch arch;
static uint32_t build;

/* Offsets and sizes of these tests are in slots: 256 of them on x64, 512 on x86. */
static uint32_t n_slots(void)
{
    return arch == PS_ARCH_X64 ? 256 : 512;
}

static void use(enum ps_arch a, uint32_t b)
{
    arch = a;
    build = b;
    memset(page, 0, sizeof page);
    memset(hits, 0, sizeof hits);
    n_hits = 0;
}

static uint8_t *bytes_at(uint32_t slot)
{
    return page + slot * (4096 / n_slots());
}

static void put(uint32_t slot, uint32_t prev, uint32_t block, uint32_t type, const char *tag)
{
    uint32_t shift = arch == PS_ARCH_X64 ? 24 : 25;
    uint32_t word = prev | block << 16 | type << shift;

    for (int i = 0; i < 4; i++)
        bytes_at(slot)[i] = (uint8_t)(word >> (8 * i));
    memcpy(bytes_at(slot) + 4, tag, 4);
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void add_hit(uint32_t slot)
{
    struct ps_hit *h = &hits[n_hits++];

    h->slot = slot;
    h->word0 = le32(bytes_at(slot));
    h->tag = le32(bytes_at(slot) + 4);
    h->rule = memcmp(bytes_at(slot) + 4, "Proc", 4) == 0 ? RULE_KNOWN : RULE_ANY;
}

/* Judge with hits at these slots, ascending; a zero behind the first ends them. */
static void judge(const uint32_t *slots, size_t n)
{
    n_hits = 0;
    memset(found, 0xee, sizeof found);
    for (size_t i = 0; i < n && (i == 0 || slots[i] != 0); i++)
        add_hit(slots[i]);
    ps_page_judge(ps_era_pick(arch, build), &rules, page, hits, n_hits, found);
}

static void expect_status(size_t i, enum ps_status status)
{
    cr_expect_eq(found[i].status, status, "%s, slot %u: %s, evidence %#x, confidence %u",
                 ps_era_pick(arch, build)->name, hits[i].slot, ps_status_name(found[i].status),
                 found[i].evidence, found[i].confidence);
}

static void expect_allocated(size_t i)
{
    expect_status(i, PS_STATUS_ALLOCATED);
    cr_expect_eq(found[i].allocator, PS_ALLOCATOR_CLASSIC);
    cr_expect_geq(found[i].confidence, 50);
    cr_expect_not(found[i].evidence & (PS_EV_BAD_NEIGHBOUR | PS_EV_OVERLAP));
}

static const struct {
    enum ps_arch arch;
    uint32_t build, type;
} eras[] = {
    {PS_ARCH_X86, 2600, 5},  {PS_ARCH_X64, 3790, 6},  {PS_ARCH_X86, 6002, 2},
    {PS_ARCH_X64, 7601, 3},  {PS_ARCH_X86, 9600, 2},  {PS_ARCH_X64, 16299, 3},
    {PS_ARCH_X64, 17763, 2}, {PS_ARCH_X86, 17763, 3}, {PS_ARCH_X64, 0, 3},
    {PS_ARCH_X86, 0, 2},     {PS_ARCH_X64, 3790, 1}, /* no mark of NT 5 */
};
#define N_ERAS (sizeof eras / sizeof eras[0])

/* Six blocks: 0, 20, 50, 60, 100, 104 and the end; the last one is free. */
static const uint32_t six[] = {0, 20, 50, 60, 100, 104};

static void six_blocks(size_t era)
{
    use(eras[era].arch, eras[era].build);
    for (size_t i = 0; i < 6; i++)
        put(six[i], i ? six[i] - six[i - 1] : 0, (i < 5 ? six[i + 1] : n_slots()) - six[i],
            i < 5 ? eras[era].type : 0, "Proc");
    /* No block of x64 is longer than 255 slots, nor of x86 than 511: these are. */
    cr_assert_lt(n_slots() - six[5], n_slots());
}

static void smash(uint32_t slot, int how)
{
    for (uint32_t i = 0; i < 4096 / n_slots(); i++)
        bytes_at(slot)[i] = how == 0 ? 0 : how == 1 ? 'A' : (uint8_t)(0x9d * (i + 3) ^ 0x5a);
}

/* Whichever header is lost, and whatever overwrites it, the blocks on both sides stay. */
Test(classic_page, one_smashed_header)
{
    for (size_t e = 0; e < N_ERAS; e++)
        for (size_t lost = 0; lost < 6; lost++)
            for (int how = 0; how < 3; how++) {
                uint32_t left[6];
                size_t n = 0;

                six_blocks(e);
                smash(six[lost], how);
                for (size_t i = 0; i < 5; i++)
                    if (i != lost)
                        left[n++] = six[i];
                judge(left, n);
                for (size_t i = 0; i < n; i++) {
                    expect_allocated(i);
                    cr_expect(found[i].evidence & PS_EV_PART_WALK, "lost %zu, how %d", lost, how);
                    cr_expect_not(found[i].evidence & PS_EV_PAGE_WALK);
                }
            }
}

Test(classic_page, two_smashed_headers)
{
    static const uint32_t left[] = {0, 50, 100};

    for (size_t e = 0; e < N_ERAS; e++) {
        six_blocks(e);
        smash(20, 1);
        smash(60, 2);
        judge(left, 3);
        for (size_t i = 0; i < 3; i++)
            expect_allocated(i);
        cr_expect_not(found[1].evidence & (PS_EV_CHAIN_BOTH | PS_EV_CHAIN_ONE),
                      "both neighbours are lost, only the places agree");
    }
}

/* Only its PreviousSize is overwritten. */
Test(classic_page, header_with_a_wrong_previous_size)
{
    static const uint32_t all[] = {0, 20, 50, 60, 100};

    for (size_t e = 0; e < N_ERAS; e++) {
        six_blocks(e);
        bytes_at(50)[0] ^= 0x41;
        judge(all, 5);
        for (size_t i = 0; i < 5; i++)
            expect_allocated(i);
    }
}

/* The block whose header is lost is full of old headers, more of them than there are blocks. */
Test(classic_page, leftovers_in_the_block_of_a_smashed_header)
{
    static const uint32_t slots[] = {0, 10, 24, 28, 32, 36, 40, 44, 80, 100};

    for (size_t e = 0; e < N_ERAS; e++) {
        use(eras[e].arch, eras[e].build);
        put(0, 0, 10, eras[e].type, "Proc");
        put(10, 10, 10, eras[e].type, "Proc");
        smash(20, 2);
        put(80, 60, 20, eras[e].type, "Proc");
        put(100, 20, n_slots() - 100, eras[e].type, "Proc");
        for (uint32_t at = 24; at < 48; at += 4)
            put(at, at == 24 ? 9 : 4, 4, eras[e].type, "Proc");
        judge(slots, 10);
        for (size_t i = 0; i < 10; i++) {
            if (slots[i] < 20 || slots[i] >= 80) {
                expect_allocated(i);
            } else {
                expect_status(i, PS_STATUS_STALE);
                cr_expect(found[i].evidence & PS_EV_OVERLAP);
            }
        }
    }
}

/* The page was read twice, as it were: first 0, 20, 50 (up to 120), then a chain that has a block
 * from 40 to 90, with 90, 110 and 140 behind it. It tears between 50 and 90. */
static void torn_page(size_t era)
{
    use(eras[era].arch, eras[era].build);
    put(0, 0, 20, eras[era].type, "Proc");
    put(20, 20, 30, eras[era].type, "Xyz!");
    put(50, 30, 70, eras[era].type, "Proc");
    put(90, 50, 20, eras[era].type, "Proc");
    put(110, 20, 30, eras[era].type, "Xyz!");
    put(140, 30, n_slots() - 140, eras[era].type, "Proc");
}

Test(classic_page, torn_page_keeps_both_parts)
{
    static const uint32_t all[] = {0, 20, 50, 90, 110, 140};

    for (size_t e = 0; e < N_ERAS; e++) {
        torn_page(e);
        judge(all, 6);
        for (size_t i = 0; i < 6; i++) {
            expect_allocated(i);
            cr_expect(found[i].evidence & PS_EV_PART_WALK);
        }
    }
}

Test(classic_page, torn_page_has_leftovers)
{
    static const uint32_t old[] = {30, 60, 64, 68, 72, 76, 120, 160};

    for (size_t e = 0; e < N_ERAS; e++) {
        torn_page(e);
        put(30, 7, 4, eras[e].type, "Proc");
        for (uint32_t at = 60; at < 80; at += 4)
            put(at, at == 60 ? 9 : 4, 4, eras[e].type, "Proc");
        put(120, 3, 8, eras[e].type, "Proc");
        put(160, 3, 8, eras[e].type, "Proc");
        judge(old, 8);
        for (size_t i = 0; i < 8; i++)
            expect_status(i, PS_STATUS_STALE);
    }
}

/* The tear goes through the first block: nothing but the other part speaks for its header. */
Test(classic_page, torn_in_the_first_block)
{
    static const uint32_t all[] = {0, 90, 110, 140};

    for (size_t e = 0; e < N_ERAS; e++) {
        torn_page(e);
        put(0, 0, 100, eras[e].type, "Proc");
        memset(bytes_at(20), 0, 8);
        memset(bytes_at(50), 0, 8);
        judge(all, 4);
        for (size_t i = 0; i < 4; i++)
            expect_allocated(i);
    }
}

/* Two blocks at an edge are not enough to take the rest of a page for pool. */
Test(classic_page, short_walk_does_not_count)
{
    static const uint32_t both[] = {0, 20};

    for (size_t e = 0; e < N_ERAS; e++) {
        use(eras[e].arch, eras[e].build);
        put(0, 0, 20, eras[e].type, "Xyz!");
        put(20, 20, 30, eras[e].type, "Xyz!");
        judge(both, 2);
        for (size_t i = 0; i < 2; i++)
            cr_expect_not(found[i].evidence & PS_EV_PART_WALK);
        expect_status(1, PS_STATUS_UNKNOWN);
    }
}

/* Nor is a walk without tags. */
Test(classic_page, walk_needs_tags)
{
    static const uint32_t all[] = {0, 20, 50, 60, 100};

    for (size_t e = 0; e < N_ERAS; e++) {
        six_blocks(e);
        smash(104, 1);
        for (size_t i = 0; i < 5; i++)
            memcpy(bytes_at(six[i]) + 4, i ? "\x01\x02\x03\x04" : "Proc", 4);
        judge(all, 5);
        for (size_t i = 0; i < 5; i++) {
            cr_expect_not(found[i].evidence & PS_EV_PART_WALK);
            cr_expect_neq(found[i].status, PS_STATUS_ALLOCATED);
        }
    }
}

/* What lies inside a block of a closed page is no block, be it allocated or free. */
Test(classic_page, leftovers_of_a_closed_page)
{
    static const uint32_t old[] = {4, 8, 110, 114, 120};

    for (size_t e = 0; e < N_ERAS; e++) {
        six_blocks(e);
        put(4, 3, 4, eras[e].type, "Proc");
        put(8, 4, 4, 0, "Proc"); /* says itself that it is free */
        put(110, 9, 4, eras[e].type, "Proc");
        put(114, 4, 6, eras[e].type, "Proc");
        put(120, 6, 4, eras[e].type, "Proc");
        judge(old, 5);
        for (size_t i = 0; i < 5; i++) {
            expect_status(i, PS_STATUS_STALE);
            cr_expect_lt(found[i].confidence, 50);
        }
    }
}

/* Windows up to 2003 marks a block in use with 4: where that is usual, what has no mark is free. */
Test(classic_page, nt5_blocks_without_the_mark)
{
    static const uint32_t all[] = {0, 20, 50, 60, 100};
    static const struct {
        uint32_t type[5];
        uint32_t free; /* bit per block */
    } cases[] = {
        {{5, 5, 6, 5, 5}, 0},
        {{5, 1, 5, 1, 5}, 0x0a},
        {{6, 2, 6, 6, 2}, 0x12},
        {{0xd, 9, 0xe, 0xa, 5}, 0x0a},
        {{1, 2, 1, 2, 1}, 0},
        {{1, 1, 5, 1, 1}, 0},
        {{0x26, 0x22, 0x26, 0x26, 0x25}, 0x02},
    };

    for (int a = 0; a < 2; a++)
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
            for (int broken = 0; broken < 2; broken++) {
                use(a ? PS_ARCH_X64 : PS_ARCH_X86, 3790);
                for (size_t i = 0; i < 5; i++)
                    put(six[i], i ? six[i] - six[i - 1] : 0,
                        (i < 4 ? six[i + 1] : n_slots()) - six[i], cases[c].type[i], "Proc");
                if (broken)
                    bytes_at(50)[0] ^= 0x41;
                judge(all, 5);
                for (size_t i = 0; i < 5; i++)
                    expect_status(i, cases[c].free >> i & 1 ? PS_STATUS_FREE : PS_STATUS_ALLOCATED);
            }
}

/* A build that is not known: the page shows which mark its blocks have. */
Test(classic_page, marks_of_an_unknown_build)
{
    static const uint32_t all[] = {0, 20, 50, 60, 100};
    static const struct {
        uint32_t type[5];
        uint32_t free; /* bit per block */
    } cases[] = {
        {{2, 2, 2, 2, 2}, 0},   {{3, 1, 3, 3, 1}, 0x12},   {{2, 3, 9, 0xb, 3}, 0x04},
        {{2, 6, 2, 6, 6}, 0},   {{5, 5, 1, 5, 5}, 0x04},   {{6, 6, 2, 6, 6}, 0x04},
        {{5, 5, 5, 0xd, 5}, 0}, {{6, 0xe, 6, 6, 0x26}, 0}, {{1, 1, 1, 9, 1}, 0},
        {{2, 2, 0xa, 2, 2}, 0}, {{1, 3, 1, 5, 1}, 0},      {{7, 3, 3, 1, 3}, 0x08},
    };

    for (int a = 0; a < 2; a++)
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
            use(a ? PS_ARCH_X64 : PS_ARCH_X86, 0);
            for (size_t i = 0; i < 5; i++)
                put(six[i], i ? six[i] - six[i - 1] : 0, (i < 4 ? six[i + 1] : n_slots()) - six[i],
                    cases[c].type[i], "Proc");
            judge(all, 5);
            for (size_t i = 0; i < 5; i++)
                expect_status(i, cases[c].free >> i & 1 ? PS_STATUS_FREE : PS_STATUS_ALLOCATED);
        }
}

/* Every PoolType an allocated block can have. */
Test(classic_page, types_in_use)
{
    static const struct {
        uint32_t build, type;
        enum ps_pool_kind pool;
    } cases[] = {
        {2600, 0x05, PS_POOL_NONPAGED}, {2600, 0x06, PS_POOL_PAGED},
        {2600, 0x0d, PS_POOL_NONPAGED}, {2600, 0x0e, PS_POOL_PAGED},
        {2600, 0x25, PS_POOL_NONPAGED}, {2600, 0x26, PS_POOL_PAGED},
        {2600, 0x2e, PS_POOL_PAGED},    {2600, 0x45, PS_POOL_NONPAGED},
        {2600, 0x46, PS_POOL_PAGED},    {2600, 0x4e, PS_POOL_PAGED},
        {2600, 0x01, PS_POOL_NONPAGED}, {2600, 0x02, PS_POOL_PAGED},
        {2600, 0x09, PS_POOL_NONPAGED}, {2600, 0x0a, PS_POOL_PAGED},
        {7601, 0x02, PS_POOL_NONPAGED}, {7601, 0x03, PS_POOL_PAGED},
        {7601, 0x06, PS_POOL_NONPAGED}, {7601, 0x07, PS_POOL_PAGED},
        {7601, 0x0a, PS_POOL_NONPAGED}, {7601, 0x0b, PS_POOL_PAGED},
        {9600, 0x22, PS_POOL_NONPAGED}, {9600, 0x23, PS_POOL_PAGED},
        {9600, 0x2b, PS_POOL_PAGED},    {16299, 0x42, PS_POOL_NONPAGED},
        {16299, 0x43, PS_POOL_PAGED},   {17763, 0x6b, PS_POOL_PAGED},
    };

    for (int a = 0; a < 2; a++)
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
            static const uint32_t all[] = {0, 20};

            use(a ? PS_ARCH_X64 : PS_ARCH_X86, cases[c].build);
            put(0, 0, 20, cases[c].type, "Proc");
            put(20, 20, n_slots() - 20, cases[c].type, "Xyz!");
            judge(all, 2);
            for (size_t i = 0; i < 2; i++) {
                expect_allocated(i);
                cr_expect_eq(found[i].pool, cases[c].pool, "type %#x", cases[c].type);
            }
        }
}

/* The largest block leaves one slot, which is free; the tag has to be one. */
Test(classic_page, one_block_fills_the_page)
{
    static const uint32_t all[] = {0};

    for (size_t e = 0; e < N_ERAS; e++) {
        use(eras[e].arch, eras[e].build);
        put(0, 0, n_slots() - 1, eras[e].type, "Xyz!");
        put(n_slots() - 1, n_slots() - 1, 1, 0, "Free");
        judge(all, 1);
        expect_allocated(0);
        cr_expect(found[0].evidence & PS_EV_PAGE_WALK);
        memcpy(bytes_at(0) + 4, "\x01\x02\x03\x04", 4);
        judge(all, 1);
        cr_expect_not(found[0].evidence & PS_EV_PAGE_WALK);
        cr_expect_neq(found[0].status, PS_STATUS_ALLOCATED);
    }
}

/* On x86, NT 5 keeps the charged process where the tag would stand when there is none. */
Test(classic_page, nt5_quota_blocks_without_a_tag)
{
    static const struct {
        uint32_t build, type;
        const char *tag;
        int counts;
    } cases[] = {
        {2600, 0xd, "\x20\xa0\xb1\x82", 1}, {2600, 0xe, "\x20\xa0\xb1\x82", 1},
        {3790, 0x9, "\x20\xa0\xb1\x82", 1}, {2600, 0x5, "\x20\xa0\xb1\x82", 0},
        {2600, 0xd, "\x21\xa0\xb1\x82", 0}, {2600, 0xd, "\x20\xa0\xb1\x02", 0},
        {7601, 0xa, "\x20\xa0\xb1\x82", 0},
    };

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        static const uint32_t all[] = {0, 20, 40};
        uint32_t type = cases[c].build < 6000 ? 5 : 2;

        use(PS_ARCH_X86, cases[c].build);
        if (cases[c].type == 9)
            type = 1;
        put(0, 0, 20, cases[c].type, cases[c].tag);
        put(20, 20, 20, cases[c].type, cases[c].tag);
        put(40, 20, n_slots() - 40, type, "Proc");
        judge(all, 3);
        cr_expect_eq((found[2].evidence & PS_EV_PAGE_WALK) != 0, cases[c].counts, "case %zu", c);
        cr_expect_eq(found[2].status == PS_STATUS_ALLOCATED, cases[c].counts, "case %zu", c);
    }
}

/* A line of text that ends where a tag begins reads as a size and a type; 0x20 is a free one. What
 * makes a free neighbour is its links, or that it has no room for them. */
Test(classic_page, free_neighbour_needs_links)
{
    static const uint32_t all[] = {60};
    static const uint8_t low[8] = {0x60, 0xb5, 0x8f, 0x81, 0x80, 0xfa, 0xff, 0x7f};

    for (int a = 0; a < 2; a++)
        for (uint32_t block = 1; block <= 20; block += 19)
            for (int links = 0; links < 3; links++) {
                use(a ? PS_ARCH_X64 : PS_ARCH_X86, 7601);
                put(60 - block, 9, block, 0x20, "s s ");
                put(60, block, 30, 2, "Proc");
                if (block > 1 && links > 0)
                    memset(bytes_at(60 - block + 1), 0xff, a ? 16 : 8);
                if (block > 1 && links == 2)
                    memcpy(bytes_at(60 - block + 1), low + (a ? 0 : 4), a ? 8 : 4);
                judge(all, 1);
                cr_expect_eq((found[0].evidence & PS_EV_CHAIN_ONE) != 0, block == 1 || links == 1,
                             "%d %u %d", a, block, links);
            }
}

/* Up to Windows 7 a tag may have its top bit set, and still is a tag. */
Test(classic_page, protected_tags)
{
    static const struct {
        uint32_t build;
        int is_tag;
    } cases[] = {{2600, 1}, {3790, 1}, {6002, 1}, {7601, 1}, {9200, 0}, {16299, 0}};

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (int a = 0; a < 2; a++) {
            static const uint32_t all[] = {0, 20};
            uint32_t type = cases[c].build < 6000 ? 5 : 2;

            use(a ? PS_ARCH_X64 : PS_ARCH_X86, cases[c].build);
            put(0, 0, 20, type, "Pro\xe3");
            put(20, 20, n_slots() - 20, type, "Fil\xe5");
            judge(all, 2);
            cr_expect_eq(found[0].status == PS_STATUS_ALLOCATED, cases[c].is_tag);
            cr_expect_eq((found[1].evidence & PS_EV_PAGE_WALK) != 0, cases[c].is_tag);
        }
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Pages of pieces of chains, cut, joined and laid over each other at random: the judge ends, stays
 * inside the page and says nothing that contradicts itself. */
Test(classic_page, pieces_at_random)
{
    static const uint32_t seed = 0x9e3779b9;
    uint32_t random = seed;
    size_t n_walked = 0;

    for (int round = 0; round < 3000; round++) {
        size_t e = next_random(&random) % N_ERAS;
        uint32_t slots[MAX_HITS] = {0};
        size_t n = 1;

        use(eras[e].arch, eras[e].build);
        for (uint32_t pieces = 1 + next_random(&random) % 6; pieces > 0; pieces--) {
            uint32_t at = pieces == 1 ? 0 : next_random(&random) % n_slots();
            uint32_t prev = at == 0 ? 0 : next_random(&random) % 64;

            for (int blocks = 8; blocks > 0 && at < n_slots(); blocks--) {
                uint32_t block = 1 + next_random(&random) % 60;

                put(at, prev, block, next_random(&random) % 5 ? eras[e].type : 0, "Proc");
                prev = block;
                at += block;
            }
        }
        for (uint32_t at = 1; at < n_slots() && n < MAX_HITS; at++)
            if (memcmp(bytes_at(at) + 4, "Proc", 4) == 0)
                slots[n++] = at;
        judge(slots, n);
        for (size_t i = 0; i < n_hits; i++) {
            const struct ps_finding *f = &found[i];

            cr_assert_leq(f->confidence, 100, "seed %#x, round %d", seed, round);
            cr_assert(f->status != PS_STATUS_ALLOCATED ||
                          (!(f->evidence & PS_EV_OVERLAP) && (f->evidence & PS_EV_TYPE_IN_USE) &&
                           f->n_bytes > 4096 / n_slots()),
                      "seed %#x, round %d, slot %u", seed, round, hits[i].slot);
            n_walked += (f->evidence & PS_EV_PART_WALK) != 0;
        }
    }
    cr_assert_gt(n_walked, 1000, "seed %#x: %zu", seed, n_walked);
}
