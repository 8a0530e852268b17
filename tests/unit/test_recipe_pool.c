/* The pages of pool that a recipe builds, by the rules of each allocator. */
#include "tests/support/recipe_page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(recipe_pool, classic_blocks_make_a_closed_chain)
{
    build("size 8k\narch x64\nbuild 7601\npage 1 classic body=zero\n"
          "    block tag=Proc protected size=0x300\n"
          "    block tag=MmLd size=0x60 free\n"
          "    block tag=MmLd size=0x10 type=0\n"
          "    block tag=MmLd size=0xf0 type=Paged index=2 billed=7\n",
          1);
    EXPECT(0x000, "\x00\x00\x30\x02Pro\xe3\0\0\0\0\0\0\0\0");
    EXPECT(0x300, "\x30\x00\x06\x00MmLd");
    EXPECT(0x360, "\x06\x00\x01\x00MmLd");
    EXPECT(0x370, "\x01\x02\x0f\x03MmLd\x07\0\0\0\0\0\0\0");
    EXPECT(0x460, "\x0f\x00\xba\x00"
                  "Free");
    cr_assert_eq(le64(0x310) >> 40, 0xffff80 | (le64(0x310) >> 40 & 0x7f), "kernel pointer");
    cr_assert(all(0x10, 0x300, 0));
    cr_assert_eq(planted.n, 5);
    cr_assert_eq(planted.header[0].state, PS_PLANTED_ALLOCATED);
    cr_assert_eq(planted.header[1].state, PS_PLANTED_FREE);
    cr_assert_eq(planted.header[2].state, PS_PLANTED_FREE);
    cr_assert_eq(planted.header[3].state, PS_PLANTED_ALLOCATED);
    cr_assert_eq(planted.header[3].line, 8);
    cr_assert_eq(planted.header[3].n_bytes, 0xf0);
    cr_assert_eq(planted.header[3].allocator, PS_PLANTED_BY_CLASSIC);
}

static const struct {
    const char *name;
    unsigned unit, prev_mask, size_mask, type_shift;
    const char *era;
} eras[] = {
    {"nt5 x86", 8, 0x1ff, 0x1ff, 25, "arch x86\nbuild 2600"},
    {"nt5 x64", 16, 0xff, 0xff, 24, "arch x64\nbuild 3790"},
    {"vista x86", 8, 0x1ff, 0x1ff, 25, "arch x86\nbuild 6002"},
    {"1803 x64", 16, 0xff, 0xff, 24, "arch x64\nbuild 17134"},
};

/* Walk a classic page by the rules of the format; number of blocks. */
static size_t walk(size_t era, size_t *in_use)
{
    size_t at = 0, n = 0;
    uint32_t prev = 0;

    for (*in_use = 0; at < 4096; n++) {
        uint32_t word = le32(at);
        uint32_t size = word >> 16 & eras[era].size_mask;
        uint32_t type = word >> eras[era].type_shift;

        cr_assert_eq(word & eras[era].prev_mask, prev, "%s at %#zx", eras[era].name, at);
        cr_assert_gt(size, 0);
        *in_use += era < 2 ? type >> 2 & 1 : type >> 1 & 1;
        prev = size;
        at += size * eras[era].unit;
    }
    cr_assert_eq(at, 4096, "%s", eras[era].name);
    return n;
}

Test(recipe_pool, random_classic_pages_walk_in_every_era)
{
    for (size_t e = 0; e < sizeof eras / sizeof *eras; e++)
        for (uint64_t n = 0; n < 64; n++) {
            char text[200];
            size_t in_use, allocated = 0;

            snprintf(text, sizeof text,
                     "size 256k\n%s\ntags t Proc:0x280 Thre:0x40-0x90*5 Big:0xff0\n"
                     "pages 0- classic tags=t\n",
                     eras[e].era);
            build(text, n);
            cr_assert_eq(walk(e, &in_use), planted.n);
            for (size_t i = 0; i < planted.n; i++)
                allocated += planted.header[i].state == PS_PLANTED_ALLOCATED;
            cr_assert_eq(allocated, in_use, "%s, page %llu", eras[e].name, (unsigned long long)n);
        }
}

Test(recipe_pool, lfh_page_has_one_stride)
{
    const char *text = "size 4k\ntags t Even:0x80/NonPaged Muta:0x72-0x80/NonPaged Thre:0x900\n"
                       "page 0 lfh tags=t stride=0x80 first=0x30 freed=50 unused=0 quota=0\n";
    size_t stale = 0;

    build(text, 0);
    cr_assert_eq(planted.n, 31);
    for (size_t i = 0; i < planted.n; i++) {
        cr_assert_eq(planted.header[i].offset, 0x30 + 0x80 * i);
        cr_assert_eq(planted.header[i].n_bytes, 0x80);
        cr_assert_eq(page[planted.header[i].offset], 0, "PreviousSize");
        cr_assert_eq(page[planted.header[i].offset + 2], 8, "BlockSize");
        cr_assert_eq(page[planted.header[i].offset + 3], 2, "PoolType");
        stale += planted.header[i].state == PS_PLANTED_STALE;
    }
    cr_assert(stale > 5 && stale < 26, "%zu", stale);
}

/* Sizes that real buckets have, and the 24H2 rule that BlockSize is the bucket's. */
Test(recipe_pool, lfh_sizes_by_build)
{
    build("size 4k\nbuild 19041\ntags t Abcd:0x234\npage 0 lfh tags=t first=0 unused=0\n", 0);
    cr_assert_eq(planted.n, 7);
    cr_assert_eq(planted.header[1].offset, 0x240);
    cr_assert_eq(planted.header[1].n_bytes, 0x240);
    build("size 4k\nbuild 22621\ntags t Abcd:0x400\npage 0 lfh tags=t first=0 unused=0\n", 0);
    cr_assert_eq(planted.header[1].offset, 0x430);
    cr_assert_eq(planted.header[1].n_bytes, 0x400);
    build("size 4k\nbuild 26100\ntags t Abcd:0x400\npage 0 lfh tags=t first=0 unused=0\n", 0);
    cr_assert_eq(planted.header[1].offset, 0x430);
    cr_assert_eq(planted.header[1].n_bytes, 0x430);
}

/* Chunk headers computed from the published formula: S1 and S2 of the vectors. */
Test(recipe_pool, vs_chunk_headers)
{
    build("size 4k\nheapkey 0x1122334455667788\n"
          "at 0x240 chunk size=0x60 prev=0x260 free va=0xffffdc0155e94000\n"
          "at 0x2b0 chunk size=0xd10 prev=0x60 va=0xffffdc0155e94000\n",
          0);
    EXPECT(0x240, "\xc8\x35\x89\x00\x63\xef\xdd\xee");
    EXPECT(0x2b0, "\x38\x35\x5e\x00\x43\xef\xdc\xee");
    cr_assert_eq(planted.n, 0);
}

/* The page of the published listing: 0x250 bytes of MmCi, a free chunk, a process, a free chunk. */
Test(recipe_pool, vs_page_of_blocks)
{
    uint64_t va = 0xffffdc0155e94000, key = 0x1122334455667788;

    build("size 4k\nheapkey 0x1122334455667788\npage 0 vs first=0x250 va=0xffffdc0155e94000\n"
          "    block size=0x60 free\n    block tag=Proc size=0xd00\n",
          0);
    cr_assert_eq((le64(0x250) ^ (va + 0x250) ^ key) >> 16 & 0xffff, 6);
    cr_assert_eq((le64(0x2b0) ^ (va + 0x2b0) ^ key), 0x0001000600d10000);
    EXPECT(0x2c0, "\x00\x00\xd0\x02Proc");
    cr_assert_eq((le64(0xfc0) ^ (va + 0xfc0) ^ key), 0x000000d100040000);
    cr_assert_eq(planted.n, 1);
    cr_assert_eq(planted.header[0].offset, 0x2c0);
    cr_assert_eq(planted.header[0].allocator, PS_PLANTED_BY_VS);
}

/* Every chunk of a random page leads to the next one and the last one ends with the page. */
Test(recipe_pool, vs_random_pages_are_chains)
{
    size_t headers = 0;

    for (uint64_t n = 0; n < 64; n++) {
        uint64_t va = 0xffff9a0f40000000 + n * 4096, key = 0x7d3a51c6e2904fb8;
        size_t at, h = 0;

        build("size 256k\nheapkey 0x7d3a51c6e2904fb8\nvabase 0xffff9a0f40000000\n"
              "tags t File:0x180-0x1b0*9 Thre:0x900 Io:0x20*3\npages 0- vs tags=t first=0x20\n",
              n);
        for (at = 0x20; at < 4096;) {
            uint64_t plain = le64(at) ^ (va + at) ^ key;
            size_t size = (plain >> 16 & 0xffff) * 16;

            cr_assert(size >= 0x20 && size <= 4096 - at, "page %d at %#zx", (int)n, at);
            if (plain >> 48) {
                cr_assert_eq(planted.header[h].offset, at + 0x10);
                cr_assert(planted.header[h].n_bytes == size - 0x10 ||
                          planted.header[h].n_bytes == size - 0x20);
                h++;
            }
            at += size;
        }
        cr_assert_eq(at, 4096);
        cr_assert_eq(h, planted.n);
        headers += h;
    }
    cr_assert_gt(headers, 200);
}
