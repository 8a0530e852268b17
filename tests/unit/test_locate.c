/* What page tables made by hand and a big-pool table do to the status of headers. */
#include "scan/merge/locate.h"

#include <criterion/criterion.h>
#include <string.h>

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
