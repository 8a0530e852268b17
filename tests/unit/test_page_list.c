/* Pages written byte by byte from docs/POOL.md, listed whole. What a listing must be on any page
 * (rows in order, without holes, over all of it) is checked by tests/support/page_rows.h. */
#include "scan/pool/listing/page_list.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "scan/plan_compile.h"
#include "tests/support/made_heap.h"
#include "tests/support/page_rows.h"
#include "tests/support/rng.h"

static const char tags[] = "Proc  nt!ps    process  a process body\n"
                           "Thre  nt!ps    thread   a thread body\n"
                           "Io??  nt!io    io       something of I/O\n";

#define PAGE_VA UINT64_C(0xffffdc0155e94000)

static uint8_t page[4096];
static struct ps_tagdb *db;
static struct ps_page_list list;
static const struct ps_heap_map *heap; /* of the page at PAGE_VA; NULL: not known */
static uint64_t seed;                  /* of the random pages; 0: the page is not random */

static void open_db(void)
{
    struct ps_err err = {0};

    memset(page, 0, sizeof page);
    memset(&list, 0xee, sizeof list);
    cr_assert_eq(ps_tagdb_new(&db, &err), 0);
    cr_assert_eq(ps_tagdb_add_tags(db, "tags", tags, strlen(tags), &err), 0, "%s", err.msg);
}

static void close_db(void)
{
    ps_tagdb_free(db);
}

TestSuite(page_list, .init = open_db, .fini = close_db);

/* A header of x64 fields at byte 'off'. */
static void put64(uint32_t off, uint8_t prev, uint8_t block, uint8_t type, const char *tag)
{
    page[off] = prev;
    page[off + 1] = 0;
    page[off + 2] = block;
    page[off + 3] = type;
    memcpy(page + off + 4, tag, 4);
}

/* A header of x86 fields: 9, 7, 9 and 7 bits. */
static void put86(uint32_t off, uint32_t prev, uint32_t block, uint32_t type, const char *tag)
{
    uint32_t word = prev | block << 16 | type << 25;

    for (int i = 0; i < 4; i++)
        page[off + i] = (uint8_t)(word >> (8 * i));
    memcpy(page + off + 4, tag, 4);
}

static void list_as(const struct ps_era *era)
{
    const struct ps_ruleset_spec wanted = {.db = db, .any_tag = 1};
    struct ps_ruleset rules = {0};
    struct ps_plan *plan = NULL;
    struct ps_err err = {0};
    const char *wrong;

    cr_assert_eq(ps_ruleset_build(&rules, &wanted, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_plan_compile(&plan, era, &rules, 1, &err), 0, "%s", err.msg);
    ps_pool_page_list(
        &(struct ps_page_list_spec){
            .era = era, .rules = &rules, .plan = plan, .heap = heap, .va = PAGE_VA},
        page, &list);
    wrong = page_rows_wrong(&list, era, page);
    cr_assert_null(wrong, "%s, %s, PS_SEED=%llu", wrong, era->name, (unsigned long long)seed);
    free(plan);
    ps_ruleset_free(&rules);
}

static void list64(uint32_t build)
{
    list_as(ps_era_pick(PS_ARCH_X64, build));
}

static void list86(uint32_t build)
{
    list_as(ps_era_pick(PS_ARCH_X86, build));
}

/* What a row should be. 'tag' NULL: a gap. */
struct want {
    uint32_t at, n_bytes;
    const char *tag;
    enum ps_status status;
    enum ps_allocator allocator;
};

static void expect_rows(const struct want *want, uint32_t n)
{
    cr_assert_eq(list.n, n, "%u rows, not %u", list.n, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct ps_page_row *r = &list.row[i];

        cr_assert(r->at == want[i].at && r->n_bytes == want[i].n_bytes,
                  "row %u is %#x bytes at %#x, not %#x at %#x", i, r->n_bytes, r->at,
                  want[i].n_bytes, want[i].at);
        cr_assert_eq(r->kind, want[i].tag ? PS_PAGE_BLOCK : PS_PAGE_GAP, "row %u", i);
        if (!want[i].tag)
            continue;
        cr_expect_eq(memcmp(&r->finding.tag, want[i].tag, 4), 0, "row %u: tag %#x", i,
                     r->finding.tag);
        cr_expect_eq(r->finding.status, want[i].status, "row %u: %s", i,
                     ps_status_name(r->finding.status));
        cr_expect_eq(r->finding.allocator, want[i].allocator, "row %u: %s", i,
                     ps_allocator_name(r->finding.allocator));
    }
}

#define EXPECT_ROWS(...)                                                                           \
    expect_rows((const struct want[]){__VA_ARGS__},                                                \
                sizeof((const struct want[]){__VA_ARGS__}) / sizeof(struct want))

#define ALLOCATED PS_STATUS_ALLOCATED
#define FREE      PS_STATUS_FREE
#define UNKNOWN   PS_STATUS_UNKNOWN
#define CLASSIC   PS_ALLOCATOR_CLASSIC
#define GAP       NULL, 0, 0

Test(page_list, closed_chain_has_no_gaps)
{
    put64(0x000, 0x00, 0x40, 0x02, "Proc");
    put64(0x400, 0x40, 0x20, 0x00, "\0\0\0\0"); /* free, and nothing left of its tag */
    put64(0x600, 0x20, 0x7f, 0x03, "IoNm");
    put64(0xdf0, 0x7f, 0x01, 0x00, "Xyz!"); /* a fragment of one slot */
    put64(0xe00, 0x01, 0x20, 0x03, "\x01\x02\x03\xff");
    put64(0x700, 0x00, 0x04, 0x02, "Thre"); /* stale, inside IoNm */
    list64(9600);
    EXPECT_ROWS({0x000, 0x400, "Proc", ALLOCATED, CLASSIC}, {0x400, 0x200, "\0\0\0", FREE, CLASSIC},
                {0x600, 0x7f0, "IoNm", ALLOCATED, CLASSIC}, {0xdf0, 0x010, "Xyz!", FREE, CLASSIC},
                {0xe00, 0x200, "\x01\x02\x03\xff", ALLOCATED, CLASSIC});
    cr_assert(list.closed);
    cr_expect_eq(list.row[1].previous_bytes, 0x400);
    cr_expect_eq(list.row[2].previous_size, 0x20);
    cr_expect_eq(list.row[2].block_size, 0x7f);
    cr_expect_eq(list.row[2].pool_type, 3);
    cr_expect_neq(list.row[2].finding.info, PS_TAG_UNKNOWN);
    cr_expect_eq(list.row[4].finding.info, PS_TAG_UNKNOWN);
}

Test(page_list, closed_chain_x86)
{
    put86(0x000, 0x00, 0x008, 6, "Proc");
    put86(0x040, 0x08, 0x1f7, 0, "Xyz!");
    put86(0xff8, 0x1f7, 0x01, 0, "Abcd");
    list86(2600);
    EXPECT_ROWS({0x000, 0x040, "Proc", ALLOCATED, CLASSIC}, {0x040, 0xfb8, "Xyz!", FREE, CLASSIC},
                {0xff8, 0x008, "Abcd", FREE, CLASSIC});
    cr_expect_eq(list.region, PS_REGION_PAGED);
    cr_expect_eq(list.n_in_use, 1);
    cr_expect_eq(list.n_agree, 1);
    cr_expect_eq(list.row[2].previous_bytes, 0xfb8);
}

/* Quota blocks of XP: a pointer to the process where the tag would stand. */
Test(page_list, closed_chain_without_a_readable_tag)
{
    put86(0x000, 0x00, 0x100, 0xd, "\x20\x10\x81\x82");
    put86(0x800, 0x100, 0x80, 0xd, "\x20\x10\x81\x82");
    put86(0xc00, 0x80, 0x80, 0xd, "\xe8\x70\x45\x86");
    put86(0x900, 0x10, 0x08, 0x5, "Proc"); /* data that looks like a header */
    list86(2600);
    cr_assert(list.closed);
    cr_assert_eq(list.n, 3);
    cr_expect_eq(list.row[0].n_bytes, 0x800);
    cr_expect_eq(list.row[1].at, 0x800);
    cr_expect_eq(list.row[2].n_bytes, 0x400);
    cr_expect_eq(list.region, PS_REGION_NONPAGED);
    cr_expect_eq(list.n_agree, 3);

    for (uint32_t i = 0; i < 3; i++) {
        cr_expect_eq(list.row[i].finding.status, PS_STATUS_ALLOCATED);
        cr_expect_eq(list.row[i].finding.evidence,
                     PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK);
    }

    /* The same bytes on the segment heap are no chain. */
    list86(19041);
    cr_assert_not(list.closed);
}

Test(page_list, torn_chain_keeps_both_parts)
{
    put64(0x000, 0x00, 0x40, 0x02, "Proc");
    put64(0x400, 0x40, 0x20, 0x02, "Abcd");
    memset(page + 0x600, 0x41, 0x200); /* what another page left */
    put64(0x800, 0x33, 0x40, 0x03, "Thre");
    put64(0xc00, 0x40, 0x40, 0x03, "Efgh");
    list64(7601);
    cr_assert_not(list.closed);
    cr_assert_eq(list.n, 5);
    cr_expect_eq(list.row[1].at, 0x400);
    cr_expect_eq(list.row[2].kind, PS_PAGE_GAP);
    cr_expect_eq(list.row[2].n_bytes, 0x200);
    cr_expect_eq(list.row[3].at, 0x800);
    cr_expect_eq(list.row[4].n_bytes, 0x400);
    cr_expect_eq(list.region, PS_REGION_UNKNOWN, "two say nonpaged, two paged");
}

Test(page_list, headers_that_contradict_each_other)
{
    /* A chain of three, and in its second block two headers that overlap each other. */
    put64(0x100, 0x10, 0x10, 0x02, "Abcd");
    put64(0x200, 0x10, 0x40, 0x02, "Efgh");
    put64(0x600, 0x40, 0x10, 0x02, "Ijkl");
    put64(0x300, 0x10, 0x60, 0x02, "Proc");
    put64(0x310, 0x01, 0x10, 0x02, "Thre");
    list64(7601);
    EXPECT_ROWS({0x000, 0x100, GAP}, {0x100, 0x100, "Abcd", UNKNOWN, CLASSIC},
                {0x200, 0x400, "Efgh", ALLOCATED, CLASSIC},
                {0x600, 0x100, "Ijkl", UNKNOWN, CLASSIC}, {0x700, 0x900, GAP});
}

Test(page_list, lfh_page)
{
    /* The grid begins at 0x10; the fourth block was freed and lost its header. */
    for (uint32_t i = 0; i < 8; i++)
        if (i != 3)
            put64(0x010 + i * 0x30, 0, 3, 0x02, i == 2 ? "Proc" : "Xyz!");
    list64(19041);
    cr_assert_eq(list.n, 10);
    cr_expect_eq(list.row[0].kind, PS_PAGE_GAP);
    cr_expect_eq(list.row[0].n_bytes, 0x10);
    cr_expect_eq(list.row[4].kind, PS_PAGE_GAP);
    cr_expect_eq(list.row[4].at, 0x0a0);
    cr_expect_eq(list.row[4].n_bytes, 0x30);
    cr_expect_eq(list.row[9].kind, PS_PAGE_GAP);
    cr_expect_eq(list.row[9].at, 0x190);
    for (uint32_t i = 1; i < 9; i++)
        if (i != 4) {
            cr_expect_eq(list.row[i].finding.allocator, PS_ALLOCATOR_LFH);
            cr_expect_eq(list.row[i].finding.status, PS_STATUS_UNKNOWN);
        }
    cr_expect_eq(list.region, PS_REGION_NONPAGED);
    cr_expect_eq(list.n_agree, 7);
}

#define S_KEY UINT64_C(0x1122334455667788) /* of the vectors S1 and S2 */

static void put_chunk_at(uint8_t *to, uint64_t va, uint64_t key, uint64_t plain)
{
    const uint64_t stored = plain ^ va ^ key;

    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(stored >> (8 * i));
}

static void put_chunk(uint32_t off, uint64_t size, uint64_t prev, uint64_t allocated)
{
    put_chunk_at(page + off, PAGE_VA + off, S_KEY, size << 16 | prev << 32 | allocated << 48);
}

static void expect_kind(uint32_t row, enum ps_page_row_kind kind, uint32_t at, uint32_t n_bytes)
{
    const struct ps_page_row *r = &list.row[row];

    cr_assert_lt(row, list.n);
    cr_expect(r->kind == kind && r->at == at && r->n_bytes == n_bytes,
              "row %u is kind %d, %#x bytes at %#x", row, r->kind, r->n_bytes, r->at);
}

/* Where blocks and free chunks stand on a page that a debugger printed. */
Test(page_list, vs_page)
{
    put64(0x000, 0, 0x25, 0x02, "Abcd");
    put_chunk(0x250, 0x06, 0x26, 0);
    put_chunk(0x2b0, 0xd1, 0x06, 1);
    put64(0x2c0, 0, 0xd0, 0x02, "Proc");
    put_chunk(0xfc0, 0x02, 0xd1, 0);
    list64(19041);
    cr_assert_eq(list.n, 6);
    expect_kind(0, PS_PAGE_BLOCK, 0x000, 0x250);
    expect_kind(1, PS_PAGE_FREE_CHUNK, 0x250, 0x60);
    expect_kind(2, PS_PAGE_CHUNK_HEADER, 0x2b0, 0x10);
    expect_kind(3, PS_PAGE_BLOCK, 0x2c0, 0xd00);
    expect_kind(4, PS_PAGE_FREE_CHUNK, 0xfc0, 0x20);
    expect_kind(5, PS_PAGE_GAP, 0xfe0, 0x20);
    cr_expect_eq(list.row[0].finding.allocator, PS_ALLOCATOR_VS);
    cr_expect_eq(list.row[3].finding.allocator, PS_ALLOCATOR_VS);
    cr_expect(list.row[3].finding.evidence & PS_EV_VS_XOR);
}

/* From one block that its chunk headers confirm, the others follow: one without a POOL_HEADER, one
 * that reaches into the next page, and no farther than sizes agree. */
Test(page_list, vs_chunks_of_a_page)
{
    put_chunk(0x100, 0x11, 0x20, 1);
    put64(0x110, 0, 0x10, 0x02, "Proc");
    put_chunk(0x210, 0x20, 0x11, 1); /* its block has no header */
    put_chunk(0x410, 0x10, 0x20, 0);
    put_chunk(0x510, 0x40, 0x10, 1);
    put64(0x520, 0, 0x3f, 0x02, "Thre");
    put_chunk(0x910, 0x200, 0x40, 0);
    list64(19041);
    cr_assert_eq(list.n, 9);
    expect_kind(0, PS_PAGE_GAP, 0x000, 0x100);
    expect_kind(1, PS_PAGE_CHUNK_HEADER, 0x100, 0x10);
    expect_kind(2, PS_PAGE_BLOCK, 0x110, 0x100);
    expect_kind(3, PS_PAGE_CHUNK_HEADER, 0x210, 0x10);
    expect_kind(4, PS_PAGE_GAP, 0x220, 0x1f0);
    expect_kind(5, PS_PAGE_FREE_CHUNK, 0x410, 0x100);
    expect_kind(6, PS_PAGE_CHUNK_HEADER, 0x510, 0x10);
    expect_kind(7, PS_PAGE_BLOCK, 0x520, 0x3f0);
    expect_kind(8, PS_PAGE_FREE_CHUNK, 0x910, 0x6f0);

    page[0x412] ^= 2; /* UnsafeSize of the free chunk: nothing behind it is where it says */
    page[0x910] ^= 1; /* MemoryCost of the last one: nothing confirms the block in front of it */
    list64(19041);
    expect_kind(4, PS_PAGE_GAP, 0x220, 0x300);
    cr_expect_eq(list.row[list.n - 1].kind, PS_PAGE_GAP);
}

/* Lists 'page' with the heap, which is freed. */
static void list_with(struct ps_heap_map *map)
{
    heap = map;
    list64(19041);
    heap = NULL;
    ps_heap_map_free(map);
}

#define SEGMENT UINT64_C(0xffffdc0155e00000)

/* The page of a process that a debugger printed on Windows 10 x64. */
static void list_debugger_page(uint64_t key)
{
    static uint8_t frame[2 * 4096];
    struct made_frames frames = {frame, 2};
    struct ps_heap_map *map =
        made_heap(PS_ARCH_X64, key, SEGMENT, PS_HEAP_POOL_NONPAGED_NX, &frames);

    memset(page, 0, sizeof page);
    made_vs(map, 0x93, 4, 0x30, 1); /* the page before is frame 1 */
    put_chunk_at(frame + 4096 + 0xff0, PAGE_VA - 0x10, key, UINT64_C(0x0001004000260000));
    put64(0x000, 0, 0x25, 0x02, "MmCi"); /* moved: only its chunk header is on the page before */
    put_chunk_at(page + 0x250, PAGE_VA + 0x250, key, UINT64_C(0x0000002600060000));
    put64(0x260, 0, 0x03, 0x02, "Thre"); /* a free chunk has no header: a leftover */
    put_chunk_at(page + 0x2b0, PAGE_VA + 0x2b0, key, UINT64_C(0x0001000600d10000));
    put64(0x2c0, 0, 0xd0, 0x02, "Proc");
    put64(0x400, 0, 0x10, 0x02, "Thre"); /* content */
    put_chunk_at(page + 0xfc0, PAGE_VA + 0xfc0, key, UINT64_C(0x000000d100020000));
    put_chunk_at(page + 0xfe0, PAGE_VA + 0xfe0, key, UINT64_C(0x0001000200300000));
    list_with(map);
}

static void expect_debugger_page(void)
{
    cr_assert_eq(list.n, 7);
    expect_kind(0, PS_PAGE_BLOCK, 0x000, 0x250);
    expect_kind(1, PS_PAGE_FREE_CHUNK, 0x250, 0x60);
    expect_kind(2, PS_PAGE_CHUNK_HEADER, 0x2b0, 0x10);
    expect_kind(3, PS_PAGE_BLOCK, 0x2c0, 0xd00);
    expect_kind(4, PS_PAGE_FREE_CHUNK, 0xfc0, 0x20);
    expect_kind(5, PS_PAGE_CHUNK_HEADER, 0xfe0, 0x10); /* of a block moved to the next page */
    expect_kind(6, PS_PAGE_GAP, 0xff0, 0x10);
    cr_expect_eq(memcmp(&list.row[0].finding.tag, "MmCi", 4), 0);
    cr_expect_eq(memcmp(&list.row[3].finding.tag, "Proc", 4), 0);
    cr_expect_not(list.row[0].is_freed);
    cr_expect_not(list.row[3].is_freed);
    cr_expect_eq(list.row[0].previous_bytes, 0);
    cr_expect_eq(list.row[3].previous_bytes, 0);
    cr_expect_eq(list.unit, PS_HEAP_VS);
    cr_expect_eq(list.pool, PS_HEAP_POOL_NONPAGED_NX);
}

Test(page_list, vs_page_of_a_debugger)
{
    static const uint8_t s2[8] = {0x38, 0x35, 0x5e, 0x00, 0x43, 0xef, 0xdc, 0xee};
    const uint8_t *tag;

    list_debugger_page(S_KEY);
    expect_debugger_page();
    cr_assert_eq(memcmp(page + 0x2b0, s2, sizeof s2), 0, "the chunk of Proc is vector S2");

    /* With this key the chunk headers make what it printed as tags: "7+.#" and ".+.#", where a
     * point is what cannot be printed. */
    list_debugger_page(UINT64_C(0xdc00f71055667788));
    expect_debugger_page();
    tag = (const uint8_t *)&list.row[1].tag;
    cr_expect(tag[0] == '7' && tag[1] == '+' && tag[2] > 0x7e && tag[3] == '#');
    tag = (const uint8_t *)&list.row[4].tag;
    cr_expect(tag[0] > 0x7e && tag[1] == '+' && tag[2] > 0x7e && tag[3] == '#');
}

/* The end of a free chunk that began on the page before, and a block in use with any tag. */
Test(page_list, vs_page_by_the_heap)
{
    static uint8_t frame[2 * 4096];
    struct made_frames frames = {frame, 2};
    struct ps_heap_map *map = made_heap(PS_ARCH_X64, S_KEY, SEGMENT, PS_HEAP_POOL_PAGED, &frames);

    made_vs(map, 0x93, 4, 0x30, 1);
    put_chunk_at(frame + 4096 + 0xe00, PAGE_VA - 0x200, S_KEY, UINT64_C(0x0000004000400000));
    put_chunk(0x200, 0x05, 0x40, 1);
    put64(0x210, 0, 0x04, 0x03, "\x01\x02\x03\xff");
    put_chunk(0x250, 0x100, 0x05, 0);
    put64(0x300, 0, 0x10, 0x03, "Proc"); /* freed, and not overwritten yet */
    list_with(map);
    cr_assert_eq(list.n, 4);
    expect_kind(0, PS_PAGE_FREE_CHUNK, 0x000, 0x200);
    expect_kind(1, PS_PAGE_CHUNK_HEADER, 0x200, 0x10);
    expect_kind(2, PS_PAGE_BLOCK, 0x210, 0x40);
    expect_kind(3, PS_PAGE_FREE_CHUNK, 0x250, 0xdb0);
    cr_expect_eq(list.row[0].tag, 0, "its begin is not on the page");
    cr_expect_neq(list.row[3].tag, 0);
}

/* Five blocks of ten begin on the page: in use, with a tag that cannot be read; free, with its
 * header; free, without; withheld. What is inside a block is none. */
Test(page_list, lfh_page_by_the_heap)
{
    struct ps_heap_map *map = made_heap(PS_ARCH_X64, S_KEY, SEGMENT, PS_HEAP_POOL_NONPAGED, NULL);

    made_lfh(map, 0x93, 2, 0x070, 0x300, 10, 1 << 12 | 3 << 18);
    put64(0x270, 0, 0x30, 0x02, "\x01\x02\x03\xff");
    put64(0x400, 0, 0x10, 0x02, "Thre");
    put64(0x570, 0, 0x30, 0x02, "Proc");
    list_with(map);
    cr_assert_eq(list.n, 5);
    expect_kind(0, PS_PAGE_GAP, 0x000, 0x270);
    expect_kind(1, PS_PAGE_BLOCK, 0x270, 0x300);
    expect_kind(2, PS_PAGE_BLOCK, 0x570, 0x300);
    expect_kind(3, PS_PAGE_FREE_BLOCK, 0x870, 0x300);
    expect_kind(4, PS_PAGE_GAP, 0xb70, 0x490);
    cr_expect_not(list.row[1].is_freed);
    cr_expect(list.row[2].is_freed);
}

/* Allocations of whole pages have no header, whatever is in them. */
Test(page_list, page_of_a_large_allocation)
{
    struct ps_heap_map *map = made_heap(PS_ARCH_X64, S_KEY, SEGMENT, PS_HEAP_POOL_NONPAGED, NULL);

    made_unit(map, 0x94, PS_HEAP_LARGE);
    for (uint32_t i = 0; i < 8; i++)
        put64(0x010 + i * 0x30, 0, 3, 0x02, "Proc");
    list_with(map);
    EXPECT_ROWS({0, 0x1000, GAP});
    cr_expect_eq(list.unit, PS_HEAP_LARGE);
}

Test(page_list, second_header_of_an_aligned_block_is_inside_it)
{
    put64(0x200, 0, 0x20, 0x02, "Proc");
    put64(0x230, 3, 0x1d, 0x06, "Proc");
    list64(19041);
    cr_assert_eq(list.n, 3);
    cr_expect_eq(list.row[1].at, 0x200);
    cr_expect_eq(list.row[1].n_bytes, 0x200);
}

Test(page_list, page_without_a_header)
{
    static const uint8_t fill[] = {0x00, 0x20, 0x41, 0xff};

    for (size_t i = 0; i < sizeof fill; i++) {
        memset(page, fill[i], sizeof page);
        list64(7601);
        EXPECT_ROWS({0, 0x1000, GAP});
        list64(19041);
        EXPECT_ROWS({0, 0x1000, GAP});
        list86(2600);
        EXPECT_ROWS({0, 0x1000, GAP});
        cr_expect_eq(list.region, PS_REGION_UNKNOWN);
    }
}

Test(page_list, row_of_a_byte)
{
    put64(0x000, 0x00, 0x40, 0x02, "Proc");
    put64(0x400, 0x40, 0x20, 0x00, "Free");
    put64(0x600, 0x20, 0xa0, 0x03, "IoNm");
    list64(9600);
    cr_expect_eq(ps_pool_page_row_at(&list, 0), 0);
    cr_expect_eq(ps_pool_page_row_at(&list, 0x3ff), 0);
    cr_expect_eq(ps_pool_page_row_at(&list, 0x400), 1);
    cr_expect_eq(ps_pool_page_row_at(&list, 0x5ff), 1);
    cr_expect_eq(ps_pool_page_row_at(&list, 0x600), 2);
    cr_expect_eq(ps_pool_page_row_at(&list, 0xfff), 2);
}

/* Headers at any place with any sizes, in every era. */
Test(page_list, hostile_pages)
{
    struct rng rng;

    seed = rng_seed();
    rng = rng_make(seed);
    for (size_t e = 0; e < ps_n_eras; e++)
        for (int round = 0; round < 60; round++) {
            const uint32_t unit = ps_eras[e].arch == PS_ARCH_X86 ? 8 : 16;
            const uint32_t n = rng_below(&rng, 4096 / unit + 1);

            memset(page, round % 3 == 0 ? (int)rng_below(&rng, 256) : 0, sizeof page);
            for (uint32_t i = 0; i < n; i++) {
                uint32_t off = rng_below(&rng, 4096 / unit) * unit;

                for (int k = 0; k < 4; k++)
                    page[off + k] = (uint8_t)(rng_below(&rng, 256) & rng_below(&rng, 256));
                memcpy(page + off + 4, i % 2 ? "Proc" : "Xyz!", 4);
            }
            list_as(&ps_eras[e]);
        }
}
