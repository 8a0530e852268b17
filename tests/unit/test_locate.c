/* What page tables made by hand and a big-pool table do to the status of headers. */
#include "scan/merge/locate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "scan/merge/heap_verdict.h"
#include "scan/pool/page_judge.h"
#include "tests/support/made_heap.h"
#include "tests/support/small_memory.h"

#define FRAME(n)   (UINT64_C(4096) * (n))
#define ROOT       FRAME(2)
#define VA         UINT64_C(0xffffb80000000000)
#define WRITABLE   0x63
#define READ_ONLY  0x61

#define PROC       0x636f7250u
#define IN_USE_X64 0x02100000u /* BlockSize 0x10, NonPagedPool */
#define SESSION    0x20000000u /* of x64 */
#define CHAINED    (PS_EV_TAG_KNOWN | PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK)

static struct small_memory m;
static struct ps_inverse_map *map;
static struct ps_regions regions;
static struct ps_locator locator;
static struct ps_err err;

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, entry);
}

/* Frames 40 and 41 at VA, the first writable and the second not. */
static void init(void)
{
    small_memory_init(&m);
    put(2, 0x1ed, ROOT | WRITABLE);
    put(2, 0x170, FRAME(3) | WRITABLE);
    put(3, 0, FRAME(4) | WRITABLE);
    put(4, 0, FRAME(5) | WRITABLE);
    put(5, 0, FRAME(40) | WRITABLE);
    put(5, 1, FRAME(41) | READ_ONLY);
    ps_regions_init(&regions, PS_ARCH_X64, 7601, NULL);
}

static void open_map(void)
{
    ps_inverse_map_free(map);
    cr_assert_eq(ps_inverse_map_build(&map, &m.mem, PS_PAGING_X64, ROOT, &err), 0);
    locator = (struct ps_locator){
        .map = map, .regions = &regions, .header_bytes = 16, .session_apart = 1};
}

static void fini(void)
{
    ps_inverse_map_free(map);
}

TestSuite(locate, .init = init, .fini = fini);

static const uint8_t page[PS_FRAME_BYTES];

static struct ps_finding header(uint64_t frame, enum ps_status status)
{
    return (struct ps_finding){.phys = FRAME(frame) + 0x100,
                               .tag = PROC,
                               .word0 = IN_USE_X64,
                               .evidence = CHAINED,
                               .confidence = 100,
                               .status = (uint8_t)status,
                               .allocator = PS_ALLOCATOR_CLASSIC,
                               .pool = PS_POOL_NONPAGED};
}

static struct ps_finding locate(struct ps_finding f)
{
    ps_locate_page(&locator, page, &f, 1);
    return f;
}

Test(locate, mapped_and_writable)
{
    struct ps_finding f;

    open_map();
    f = locate(header(40, PS_STATUS_ALLOCATED));
    cr_assert_eq(f.va, VA + 0x110);
    cr_assert_eq(f.mapped, PS_MAPPED_YES);
    cr_assert_eq(f.status, PS_STATUS_ALLOCATED);
    cr_assert_eq(f.evidence, CHAINED | PS_EV_MAPPED);
    f = locate(header(40, PS_STATUS_UNKNOWN));
    cr_assert_eq(f.status, PS_STATUS_UNKNOWN, "a mapping does not make a chain");
}

/* Evidence for 100 would leave it at 50 and more. */
Test(locate, read_only_is_no_pool)
{
    struct ps_finding f;

    open_map();
    f = locate(header(41, PS_STATUS_ALLOCATED));
    cr_assert(f.evidence & PS_EV_READ_ONLY);
    cr_assert_geq(f.confidence, 50);
    cr_assert_eq(f.status, PS_STATUS_UNKNOWN);
    f = header(41, PS_STATUS_FREE);
    f.evidence &= ~(uint32_t)PS_EV_TYPE_IN_USE;
    cr_assert_eq(locate(f).status, PS_STATUS_FREE);
}

Test(locate, unmapped_is_stale)
{
    struct ps_finding f;

    open_map();
    f = locate(header(42, PS_STATUS_ALLOCATED));
    cr_assert_eq(f.va, 0);
    cr_assert_eq(f.mapped, PS_MAPPED_NO);
    cr_assert_eq(f.status, PS_STATUS_STALE);
    cr_assert_eq(locate(header(42, PS_STATUS_UNKNOWN)).status, PS_STATUS_STALE);
    f = header(42, PS_STATUS_FREE);
    f.evidence &= ~(uint32_t)PS_EV_TYPE_IN_USE;
    cr_assert_eq(locate(f).status, PS_STATUS_FREE, "its own header says so");
}

Test(locate, session_pool_is_unmapped_and_alive)
{
    struct ps_finding f = header(42, PS_STATUS_ALLOCATED);

    open_map();
    f.word0 |= SESSION;
    cr_assert_eq(locate(f).status, PS_STATUS_ALLOCATED);
    locator.session_apart = 0;
    cr_assert_eq(locate(f).status, PS_STATUS_STALE);
    locator.session_apart = 1;
    locator.header_bytes = 8;
    cr_assert_eq(locate(f).status, PS_STATUS_STALE, "that bit is another one's on x86");
    f.word0 = 0x44100000u;
    cr_assert_eq(locate(f).status, PS_STATUS_ALLOCATED);
}

/* What stands behind a table that is lost is not known to be of a former life. */
Test(locate, a_lost_table_proves_nothing)
{
    put(4, 1, FRAME(1000) | WRITABLE);
    open_map();
    cr_assert_eq(locate(header(42, PS_STATUS_ALLOCATED)).status, PS_STATUS_UNKNOWN);
    cr_assert_eq(locate(header(40, PS_STATUS_ALLOCATED)).status, PS_STATUS_ALLOCATED);
    put(4, 1, 0);
    put(5, 2, FRAME(1000) | WRITABLE);
    open_map();
    cr_assert_eq(locate(header(42, PS_STATUS_ALLOCATED)).status, PS_STATUS_STALE,
                 "a page that is not there is none that is");
}

Test(locate, content_of_a_big_allocation)
{
    struct ps_bigpool_row row = {
        .entry = {.va = VA, .n_bytes = 0x1000, .state = PS_BIGPOOL_ALLOCATED}};
    const struct ps_bigpool_table table = {.row = &row, .n_rows = 1, .n_allocated = 1};
    struct ps_bigpool_index *index = NULL;
    struct ps_finding f;

    open_map();
    cr_assert_eq(ps_bigpool_index_build(&table, &index, &err), 0);
    locator.big = index;
    f = locate(header(40, PS_STATUS_ALLOCATED));
    cr_assert_eq(f.in_big, VA);
    cr_assert_eq(f.status, PS_STATUS_UNKNOWN);
    ps_bigpool_index_free(index);
}

Test(locate, paged_out_has_an_address)
{
    struct ps_finding f = header(0, PS_STATUS_ALLOCATED);

    open_map();
    ps_locate_paged_out(&locator, VA + 0x5000, page, &f, 1);
    cr_assert_eq(f.va, VA + 0x5110);
    cr_assert_eq(f.phys, PS_NOWHERE);
    cr_assert_eq(f.status, PS_STATUS_ALLOCATED);
    cr_assert(f.evidence & PS_EV_PAGED_OUT);
}

/* The heap's segment begins at VA. */
#define UNIT 0u
#define KEY  UINT64_C(0x1122334455667788)
#define SIDE (PS_EV_LFH_STRIDE | PS_EV_VS_NEIGHBOUR | PS_EV_VS_XOR)

static struct ps_heap_map *heap;

static void open_heap(enum ps_heap_pool pool)
{
    open_map();
    heap = made_heap(PS_ARCH_X64, KEY, VA, pool, NULL);
    locator.heap = heap;
}

static void close_heap(void)
{
    ps_heap_map_free(heap);
    fini();
}

TestSuite(locate_heap, .init = init, .fini = close_heap);

static uint8_t heap_page[PS_FRAME_BYTES];

/* A header of BlockSize 'block' at 'at', as it stands in the page and as the page's judge left it:
 * with all that speaks for a block. */
static struct ps_finding put_header(uint32_t at, uint32_t block)
{
    struct ps_finding f = header(40, PS_STATUS_ALLOCATED);

    f.phys = FRAME(40) + at;
    f.word0 = 0x02000000u | block << 16;
    f.n_bytes = block * 16;
    f.evidence = PS_EV_TAG_KNOWN | PS_EV_TYPE_IN_USE | SIDE;
    f.allocator = PS_ALLOCATOR_UNKNOWN;
    memcpy(heap_page + at, &f.word0, sizeof f.word0);
    memcpy(heap_page + at + 4, &f.tag, sizeof f.tag);
    return f;
}

static struct ps_finding by_heap(struct ps_finding f)
{
    ps_locate_page(&locator, heap_page, &f, 1);
    return f;
}

/* Nothing speaks for it but tag and type. */
static struct ps_finding lone(struct ps_finding f)
{
    f.evidence = PS_EV_TAG_KNOWN | PS_EV_TYPE_IN_USE;
    f.status = PS_STATUS_UNKNOWN;
    return f;
}

static void expect_none(struct ps_finding f)
{
    f = by_heap(f);
    cr_expect_eq(f.status, PS_STATUS_UNKNOWN);
    cr_expect(f.evidence & PS_EV_HEAP_DIFFERS);
    cr_expect_lt(f.confidence, 20, "%u", f.confidence);
}

Test(locate_heap, lfh_bitmap_decides)
{
    struct ps_finding f;

    open_heap(PS_HEAP_POOL_NONPAGED_NX);
    made_lfh(heap, UNIT, 1, 0x040, 0x100, 15, 1 | 0 << 2 | 3 << 4);
    f = by_heap(lone(put_header(0x040, 0x10)));
    cr_expect_eq(f.status, PS_STATUS_ALLOCATED);
    cr_expect_eq(f.allocator, PS_ALLOCATOR_LFH);
    cr_expect_eq(f.pool, PS_POOL_NONPAGED_NX, "the heap knows what the mapping does not say");
    cr_expect(f.evidence & PS_EV_HEAP_BLOCK);
    cr_expect(f.evidence & PS_EV_POOL_AGREES);
    cr_expect_geq(f.confidence, 95);

    f = by_heap(put_header(0x140, 0x10));
    cr_expect_eq(f.status, PS_STATUS_STALE);
    cr_expect(f.evidence & PS_EV_HEAP_BLOCK);
    f = by_heap(lone(put_header(0x240, 0x10)));
    cr_expect_eq(f.status, PS_STATUS_UNKNOWN);
    cr_expect_not(f.evidence & (PS_EV_HEAP_BLOCK | PS_EV_HEAP_DIFFERS));
    expect_none(put_header(0x050, 0x08));
    expect_none(put_header(0x340, 0x11));
}

Test(locate_heap, a_known_tag_alone_is_sure)
{
    struct ps_finding f;

    open_heap(PS_HEAP_POOL_UNKNOWN);
    made_lfh(heap, UNIT, 1, 0x040, 0x100, 15, 1);
    f = lone(put_header(0x040, 0x10));
    f.evidence |= PS_EV_OVERLAP | PS_EV_BAD_NEIGHBOUR;
    f = by_heap(f);
    cr_expect_geq(f.confidence, 95);
    cr_expect_eq(f.status, PS_STATUS_ALLOCATED);
}

static void put_chunk(uint32_t at, uint64_t size, uint64_t prev, uint64_t in_use)
{
    small_memory_put64(&m, 0, (size << 16 | prev << 32 | in_use << 48) ^ (VA + at) ^ KEY);
    memcpy(heap_page + at, m.bytes, 8);
}

Test(locate_heap, vs_chunks_decide)
{
    struct ps_finding f;

    open_heap(PS_HEAP_POOL_PAGED);
    made_vs(heap, UNIT, 1, 0x030, 0);
    put_chunk(0x030, 0x11, 0, 1);
    put_chunk(0x140, 0x20, 0x11, 0);
    put_chunk(0x340, 0xcc, 0x20, 1);
    f = by_heap(lone(put_header(0x040, 0x10)));
    cr_expect_eq(f.status, PS_STATUS_ALLOCATED);
    cr_expect_eq(f.allocator, PS_ALLOCATOR_VS);
    cr_expect_eq(f.pool, PS_POOL_PAGED, "the heap's");
    cr_expect(f.evidence & PS_EV_POOL_DIFFERS, "the header says nonpaged");
    f = by_heap(put_header(0x200, 0x08));
    cr_expect_eq(f.status, PS_STATUS_STALE);
    cr_expect_not(f.evidence & PS_EV_HEAP_BLOCK, "left over in a free chunk");
    expect_none(put_header(0x060, 0x05));
}

/* Of a cache-aligned block both headers are there; it is one allocation. */
Test(locate_heap, second_header)
{
    struct ps_finding second;

    open_heap(PS_HEAP_POOL_NONPAGED);
    made_vs(heap, UNIT, 1, 0x030, 0);
    put_chunk(0x030, 0x21, 0, 1);
    put_chunk(0x240, 0xdc, 0x21, 1);
    put_header(0x040, 0x20);
    second = put_header(0x070, 0x1d);
    second.word0 = 0x061d0003u;
    memcpy(heap_page + 0x070, &second.word0, 4);
    second = by_heap(second);
    cr_expect_eq(second.status, PS_STATUS_UNKNOWN);
    cr_expect_not(second.evidence & PS_EV_HEAP_DIFFERS);
}

Test(locate_heap, no_blocks_in_other_pages)
{
    static const enum ps_heap_unit kinds[] = {PS_HEAP_META, PS_HEAP_LARGE, PS_HEAP_UNUSED};

    open_heap(PS_HEAP_POOL_NONPAGED);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        made_unit(heap, UNIT, kinds[i]);
        expect_none(put_header(0x040, 0x10));
    }
    made_unit(heap, UNIT, PS_HEAP_UNREAD);
    cr_expect_eq(by_heap(put_header(0x040, 0x10)).status, PS_STATUS_ALLOCATED);
}

/* Content of a big allocation, and what a page file has. */
Test(locate_heap, with_what_else_is_known)
{
    struct ps_finding f;

    open_heap(PS_HEAP_POOL_NONPAGED);
    made_lfh(heap, UNIT, 2, 0x040, 0x100, 30, 1 | UINT64_C(1) << 32);
    f = put_header(0x040, 0x10);
    ps_locate_paged_out(&locator, VA, heap_page, &f, 1);
    cr_expect_eq(f.status, PS_STATUS_ALLOCATED);
    cr_expect(f.evidence & PS_EV_HEAP_BLOCK);
    cr_expect_geq(f.confidence, 95);
    f = put_header(0x140, 0x10);
    ps_locate_paged_out(&locator, VA, heap_page, &f, 1);
    cr_expect_eq(f.status, PS_STATUS_STALE);
    /* Frame 41, unit 1, is mapped read-only: block 16 of 30 begins at 0x040 there. */
    f = put_header(0x040, 0x10);
    f.phys = FRAME(41) + 0x040;
    f = by_heap(f);
    cr_expect(f.evidence & PS_EV_HEAP_BLOCK);
    cr_expect_eq(f.status, PS_STATUS_UNKNOWN);
}

Test(locate_heap, the_address_in_a_segment_wins)
{
    put(5, 0x100, FRAME(40) | WRITABLE);
    open_heap(PS_HEAP_POOL_NONPAGED);
    ps_heap_map_free(heap);
    heap = made_heap(PS_ARCH_X64, KEY, VA + 0x100000, PS_HEAP_POOL_NONPAGED, NULL);
    locator.heap = heap;
    cr_expect_eq(by_heap(put_header(0x040, 0x10)).va, VA + 0x100050);
}

Test(locate_heap, outside_of_all_heaps)
{
    struct ps_finding f = put_header(0x040, 0x10);

    open_heap(PS_HEAP_POOL_NONPAGED);
    ps_heap_map_free(heap);
    heap = made_heap(PS_ARCH_X64, KEY, VA + FRAME(0x1000), PS_HEAP_POOL_NONPAGED, NULL);
    locator.heap = heap;
    cr_expect_eq(by_heap(f).status, PS_STATUS_ALLOCATED, "there may be heaps that are not known");
    locator.heap_is_whole = 1;
    cr_expect_eq(by_heap(f).status, PS_STATUS_UNKNOWN);
    cr_expect(by_heap(f).evidence & PS_EV_HEAP_OUTSIDE);
    f.word0 |= SESSION;
    cr_expect_eq(by_heap(f).status, PS_STATUS_ALLOCATED, "session pool has heaps of its own");
}

Test(locate_heap, whole_by_the_big_pool_table)
{
    static struct ps_bigpool_row rows[256];
    struct ps_bigpool_table table = {.row = rows};

    open_heap(PS_HEAP_POOL_NONPAGED);
    for (unsigned i = 0; i < 256; i++)
        rows[i].entry = (struct ps_bigpool_entry){
            .va = VA + FRAME(i), .n_bytes = 0x1000, .state = PS_BIGPOOL_ALLOCATED};
    table.n_rows = PS_HEAP_WHOLE_ROWS - 1;
    cr_expect_not(ps_heap_is_whole(heap, &table), "too few");
    table.n_rows = 256;
    cr_expect(ps_heap_is_whole(heap, &table));
    for (unsigned i = 0; i < 5; i++)
        rows[i].entry.va = FRAME(i);
    cr_expect_not(ps_heap_is_whole(heap, &table));
    for (unsigned i = 0; i < 5; i++)
        rows[i].entry.n_bytes = 0x100000;
    cr_expect(ps_heap_is_whole(heap, &table), "these are of no segment");
    heap->info.n_segments_bad = 1;
    cr_expect_not(ps_heap_is_whole(heap, &table));
}

/* --- whom it is billed to --- */

#define PROCESS UINT64_C(0xffffb80000005080)
#define COOKIE  UINT64_C(0x6f2a9c31d4e85b07)

/* A charged header of PoolType 0x0a at 0x100 of a frame. */
static struct ps_finding charged(uint64_t frame, uint8_t *bytes, uint64_t billed)
{
    struct ps_finding f = header(frame, PS_STATUS_UNKNOWN);

    f.word0 |= UINT32_C(8) << 24;
    memcpy(bytes + 0x100, &f.word0, sizeof f.word0);
    memcpy(bytes + 0x104, &f.tag, sizeof f.tag);
    memcpy(bytes + 0x108, &billed, sizeof billed);
    return f;
}

Test(locate, charged_to_a_process)
{
    static const uint64_t known[] = {PROCESS};
    const struct ps_owners owners = {.era = ps_era_pick(PS_ARCH_X64, 19041),
                                     .rule = PS_QUOTA_MIXED,
                                     .cookie = COOKIE,
                                     .known = known,
                                     .n_known = 1};
    uint8_t bytes[PS_FRAME_BYTES] = {0};
    struct ps_finding f = charged(40, bytes, PROCESS ^ COOKIE ^ (VA + 0x100));

    open_map();
    ps_locate_page(&locator, bytes, &f, 1);
    cr_assert_eq(f.process, 0, "there is nobody to ask");
    locator.owners = &owners;
    f = charged(40, bytes, PROCESS ^ COOKIE ^ (VA + 0x100));
    ps_locate_page(&locator, bytes, &f, 1);
    cr_assert_eq(f.process, PROCESS);
    cr_assert(f.evidence & PS_EV_BILLED);
    f = charged(40, bytes, COOKIE ^ (VA + 0x100));
    ps_locate_page(&locator, bytes, &f, 1);
    cr_assert_eq(f.process, 0, "given back");
    cr_assert(!(f.evidence & PS_EV_BILLED));
    f = charged(40, bytes, PROCESS ^ COOKIE ^ (VA + 0x1100));
    ps_locate_page(&locator, bytes, &f, 1);
    cr_assert_eq(f.process, 0, "of a header elsewhere");
    f = charged(50, bytes, PROCESS ^ COOKIE ^ (VA + 0x100));
    ps_locate_page(&locator, bytes, &f, 1);
    cr_assert_eq(f.process, 0, "nothing maps it");
    f = charged(0, bytes, PROCESS ^ COOKIE ^ (VA + 0x100));
    ps_locate_paged_out(&locator, VA, bytes, &f, 1);
    cr_assert_eq(f.process, PROCESS, "it is in a page file");
}

/* Hits judged by their headers alone where the heap decides, else by the page too; either way as if
 * one came after the other. */
static void expect_same(const struct ps_hit *hits, size_t n, int has_page_evidence)
{
    static struct ps_rule rule = {.info = PS_TAG_UNKNOWN};
    const struct ps_ruleset rules = {&rule, 1};
    const struct ps_era *era = ps_era_pick(PS_ARCH_X64, 19041);
    struct ps_finding one[4], two[4];
    uint32_t evidence = 0;

    memset(one, 0, sizeof one);
    for (size_t i = 0; i < n; i++)
        one[i].phys = FRAME(40) + (hits[i].slot & 255) * 16;
    memcpy(two, one, sizeof one);
    ps_locate_hits(&locator, era, &rules, heap_page, hits, n, one);
    ps_page_judge(era, &rules, heap_page, hits, n, two);
    ps_locate_page(&locator, heap_page, two, n);
    cr_expect_eq(memcmp(one, two, sizeof one), 0);
    for (size_t i = 0; i < n; i++)
        evidence |= one[i].evidence;
    cr_expect_eq((evidence & PS_EV_LFH_STRIDE) != 0, has_page_evidence);
}

Test(locate_heap, hits_alone_and_with_their_page)
{
    struct ps_hit hits[3];

    open_heap(PS_HEAP_POOL_NONPAGED);
    for (uint32_t i = 0; i < 3; i++) {
        const struct ps_finding f = put_header(0x040 + i * 0x100, 0x10);

        hits[i] = (struct ps_hit){.slot = 0x700 + 4 + i * 0x10, .word0 = f.word0, .tag = f.tag};
    }
    expect_same(hits, 3, 0); /* unused: no blocks at all */
    made_lfh(heap, UNIT, 1, 0x040, 0x100, 15, 1 | 1 << 4);
    expect_same(hits, 3, 0);
    made_lfh(heap, UNIT, 1, 0x040, 0x100, 15, 1 | 3 << 2); /* the second is not known */
    expect_same(hits, 3, 1);
    made_unit(heap, UNIT, PS_HEAP_UNREAD);
    expect_same(hits, 3, 1);
}
