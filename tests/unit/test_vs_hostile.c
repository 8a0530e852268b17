/* Segments and VS pages that are forged or torn: what a map says does not depend on the order of
 * the questions, nor one header's damage spread over a page, nor a page ask for reads without end.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "scan/heap/map_parts.h"

#define PAGE    4096u
#define N_PAGES 4u
#define UNIT    2u /* of the subsegment's first page */
#define KEY     UINT64_C(0x1122334455667788)
#define FIRST   0x30u

static uint8_t memory[N_PAGES][PAGE]; /* of the subsegment; page i is frame 16 + i */
static struct ps_heap_map *map;
static unsigned n_reads;

static size_t read_frame(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const uint64_t frame = phys / PAGE;

    (void)arg;
    n_reads++;
    if (frame < 16 || frame - 16 >= N_PAGES || n_bytes > PAGE - phys % PAGE)
        return 0;
    memcpy(buf, memory[frame - 16] + phys % PAGE, n_bytes);
    return n_bytes;
}

static uint64_t segment_va(enum ps_arch arch)
{
    return arch == PS_ARCH_X64 ? UINT64_C(0xffffbd0a41e00000) : UINT64_C(0x8a300000);
}

static uint64_t va_of(uint32_t page)
{
    return segment_va(map->arch) + (uint64_t)(UNIT + page) * PAGE;
}

/* All pages of the subsegment in memory, except that 'far' is out of a number's reach. */
static void begin(enum ps_arch arch, uint32_t far)
{
    const struct ps_heap_memory mem = {.read = read_frame};
    const struct ps_heap_segment segment = {.va = segment_va(arch), .shift = 12};
    struct ps_heap_range range = {.va = segment.va + UNIT * PAGE,
                                  .n_bytes = N_PAGES * PAGE,
                                  .first = FIRST,
                                  .unit = PS_HEAP_VS};
    struct ps_err err;
    uint32_t *units, number, at;

    ps_heap_map_free(map);
    cr_assert_eq(ps_heap_map_new(&map, arch, &mem, &err), 0);
    map->heap_key = arch == PS_ARCH_X64 ? KEY : (uint32_t)KEY;
    map->has_heap_key = 1;
    cr_assert_eq(ps_heap_map_add_segment(map, segment, &units, &err), 1);
    cr_assert_eq(ps_heap_map_add_frames(map, N_PAGES, &at, &err), 1);
    range.data = at;
    cr_assert_eq(ps_heap_map_add_range(map, &range, &number, &err), 1);
    for (uint32_t i = 0; i < N_PAGES; i++) {
        map->frames[at + i] = i == far ? PS_HEAP_FAR : 16 + i;
        units[UNIT + i] = ps_heap_unit_word(PS_HEAP_VS, number);
    }
    cr_assert_eq(ps_heap_map_finish(map, &err), 0);
    n_reads = 0;
}

static void end(void)
{
    ps_heap_map_free(map);
    map = NULL;
}

TestSuite(vs_hostile, .fini = end);

/* The header of a chunk at that slot of the subsegment; sizes in slots. */
static void put(enum ps_arch arch, uint32_t slot, uint32_t size, uint32_t prev, uint32_t in_use)
{
    const uint32_t at = slot * (arch == PS_ARCH_X64 ? 16 : 8);
    const uint64_t va = segment_va(arch) + UNIT * PAGE + at;
    const uint64_t x64 =
        ((uint64_t)size << 16 | (uint64_t)prev << 32 | (uint64_t)in_use << 48) ^ va ^ KEY;
    const uint32_t x86 = (size << 1 | prev << 16 | in_use << 31) ^ (uint32_t)va ^ (uint32_t)KEY;

    if (arch == PS_ARCH_X64)
        memcpy(&memory[at / PAGE][at % PAGE], &x64, sizeof x64);
    else
        memcpy(&memory[at / PAGE][at % PAGE], &x86, sizeof x86);
}

static enum ps_heap_block ask(uint32_t page, uint32_t at, uint32_t n_bytes)
{
    struct ps_heap_page p;

    cr_assert_eq(ps_heap_map_page(map, va_of(page), &p), PS_HEAP_VS);
    return ps_heap_block_at(map, &p, memory[page], at, n_bytes);
}

/* Chunks at slots 3, 200, 300 and 450 of the first two pages of 256; the second one crosses. */
static void put_chunks(void)
{
    memset(memory, 0, sizeof memory);
    put(PS_ARCH_X64, 3, 197, 0, 1);
    put(PS_ARCH_X64, 200, 100, 197, 1);
    put(PS_ARCH_X64, 300, 150, 100, 1);
    put(PS_ARCH_X64, 450, 62, 150, 0);
}

Test(vs_hostile, the_order_of_questions_says_nothing)
{
    enum ps_heap_block alone;

    for (uint32_t far = 0; far <= N_PAGES; far++) {
        put_chunks();
        begin(PS_ARCH_X64, far);
        alone = ask(1, 10 * 16, 0x40);
        cr_expect_eq(ask(1, 45 * 16, 149 * 16), PS_HEAP_BLOCK_LIVE);
        begin(PS_ARCH_X64, far);
        cr_expect_eq(ask(0, 4 * 16, 196 * 16), PS_HEAP_BLOCK_LIVE);
        cr_expect_eq(ask(1, 10 * 16, 0x40), alone, "page %u is far", far);
        cr_expect_eq(alone, far == 0 ? PS_HEAP_BLOCK_UNDECIDED : PS_HEAP_BLOCK_NONE);
    }
}

/* Every slot of the page looks like a chunk that begins there, ends behind the page and has one in
 * front that begins on the page before, where nothing is. */
Test(vs_hostile, a_forged_page_asks_for_few_reads)
{
    memset(memory, 0, sizeof memory);
    for (uint32_t slot = 256; slot < 512; slot++)
        put(PS_ARCH_X64, slot, 300, slot - 256 + 2, 1);
    begin(PS_ARCH_X64, N_PAGES);
    cr_expect_eq(ask(1, 5 * 16, 0x40), PS_HEAP_BLOCK_UNDECIDED);
    cr_expect_gt(n_reads, 0);
    cr_expect_leq(n_reads, 64, "%u", n_reads);
}

/* x86: the first chunk's header was overwritten by what says that it is free and fills the page,
 * and the pages behind. The chunks that follow it are still there. */
Test(vs_hostile, a_torn_first_chunk_costs_itself)
{
    memset(memory, 0, sizeof memory);
    put(PS_ARCH_X86, FIRST / 8, 100, 0, 1);
    put(PS_ARCH_X86, FIRST / 8 + 100, 50, 100, 1);
    put(PS_ARCH_X86, FIRST / 8 + 150, 60, 50, 1);
    put(PS_ARCH_X86, FIRST / 8 + 210, 512, 60, 1);
    begin(PS_ARCH_X86, N_PAGES);
    cr_expect_eq(ask(0, FIRST + 101 * 8, 49 * 8), PS_HEAP_BLOCK_LIVE);
    put(PS_ARCH_X86, FIRST / 8, 1500, 0, 0);
    begin(PS_ARCH_X86, N_PAGES);
    cr_expect_eq(ask(0, FIRST + 101 * 8, 49 * 8), PS_HEAP_BLOCK_LIVE);
}

/* 1000 segments whose first mebibytes want one place of an index of 4096: its multiplier is known,
 * and those of 2^27 addresses that want it too are found by trying. */
Test(vs_hostile, segments_that_want_one_place)
{
    const struct ps_heap_memory mem = {.read = NULL};
    static uint64_t va[1000];
    struct ps_heap_page page;
    struct ps_err err;
    uint32_t *units;
    size_t n = 0;

    cr_assert_eq(ps_heap_map_new(&map, PS_ARCH_X64, &mem, &err), 0);
    for (uint64_t mib = UINT64_C(0xffff8000000); n < 1000; mib += 2) {
        if (mib * UINT64_C(0x9e3779b97f4a7c15) >> 52 != 7)
            continue;
        va[n] = mib << 20;
        cr_assert_eq(
            ps_heap_map_add_segment(
                map, (struct ps_heap_segment){.va = va[n], .shift = 12, .pool = (uint8_t)(n % 5)},
                &units, &err),
            1);
        units[9] = ps_heap_unit_word(PS_HEAP_LARGE, 0);
        n++;
    }
    cr_assert_eq(ps_heap_map_finish(map, &err), 0);
    cr_assert_eq(map->n_segments, 1000);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(ps_heap_map_page(map, va[i] + 9 * PAGE, &page), PS_HEAP_LARGE, "%zu", i);
        cr_expect_eq(page.pool, i % 5);
        cr_expect_eq(ps_heap_map_page(map, va[i] + (UINT64_C(1) << 20), &page), PS_HEAP_OUTSIDE);
        cr_expect_eq(ps_heap_map_page(map, va[i] - 1, &page), PS_HEAP_OUTSIDE);
    }
}
