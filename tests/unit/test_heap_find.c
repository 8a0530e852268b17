/* Segment heaps found, read and asked about, in memory made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "scan/heap/locate/locate.h"
#include "tests/support/heap_memory.h"
#include "tests/support/rng.h"

static struct heap_memory m;
static struct ps_heap_map *map;
static struct ps_err err;
static struct ps_va_range data_range;
static uint32_t seed;

static size_t read_phys(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const struct heap_memory *memory = arg;

    return memory->mem.read(memory->mem.arg, phys, buf, n_bytes);
}

static struct ps_heap_source source_of(int with_symbols, int with_build)
{
    data_range = (struct ps_va_range){heap_memory_data(&m), HEAP_DATA_BYTES};
    return (struct ps_heap_source){.paging = &m.paging,
                                   .arch = m.shape->is_x64 ? PS_ARCH_X64 : PS_ARCH_X86,
                                   .build = with_build ? m.shape->build : 0,
                                   .pool_state = with_symbols ? heap_memory_data(&m) : 0,
                                   .heap_globals = with_symbols ? heap_memory_globals(&m) : 0,
                                   .data = &data_range,
                                   .n_data = 1,
                                   .memory = {.read = read_phys, .arg = &m}};
}

static void begin(int shape)
{
    seed = (uint32_t)rng_seed();
    heap_memory_init(&m, &heap_shapes[shape], seed);
}

static int find(const struct ps_heap_source *source)
{
    ps_heap_map_free(map);
    map = NULL;
    heap_memory_reset(&m);
    return ps_heap_find(source, &map, &err);
}

static void forget(void)
{
    ps_heap_map_free(map);
    map = NULL;
}

TestSuite(heap_find, .fini = forget);

static enum ps_heap_block ask(const struct heap_planted *b, struct ps_heap_page *page)
{
    const uint8_t *bytes = heap_memory_at(&m, b->va & ~UINT64_C(4095));

    ps_heap_map_page(map, b->va, page);
    return ps_heap_block_at(map, page, bytes, (uint32_t)(b->va & 4095), b->n_bytes);
}

static enum ps_heap_block wanted(enum heap_truth truth)
{
    switch (truth) {
    case TRUTH_LIVE:
        return PS_HEAP_BLOCK_LIVE;
    case TRUTH_FREED:
        return PS_HEAP_BLOCK_FREED;
    case TRUTH_NONE:
        break;
    }
    return PS_HEAP_BLOCK_NONE;
}

struct tally {
    unsigned n_right, n_undecided, n_outside;
};

/* Nothing may be said that is not so. */
static struct tally tally(void)
{
    struct tally t = {0};

    for (size_t i = 0; i < m.n_blocks; i++) {
        struct ps_heap_page page;
        const enum ps_heap_block said = ask(&m.block[i], &page);

        t.n_right += said == wanted(m.block[i].truth);
        t.n_undecided += said == PS_HEAP_BLOCK_UNDECIDED;
        t.n_outside += page.unit == PS_HEAP_OUTSIDE;
        cr_expect(said == wanted(m.block[i].truth) || said == PS_HEAP_BLOCK_UNDECIDED,
                  "%s: block of %x at %llx is %s, not %s; PS_SEED=%u", m.shape->name,
                  m.block[i].n_bytes, (unsigned long long)m.block[i].va, ps_heap_block_name(said),
                  ps_heap_block_name(wanted(m.block[i].truth)), seed);
    }
    return t;
}

static void expect_all(void)
{
    const struct tally t = tally();

    cr_assert_gt(m.n_blocks, 500);
    cr_expect_eq(t.n_right, m.n_blocks, "%s: %u of %zu; PS_SEED=%u", m.shape->name, t.n_right,
                 m.n_blocks, seed);
}

static void expect_found(enum ps_heap_method method)
{
    const struct ps_heap_info *info = ps_heap_map_info(map);
    const uint64_t mask = m.shape->is_x64 ? UINT64_MAX : UINT32_MAX;

    cr_expect_eq(info->method, method, "%s", m.shape->name);
    cr_expect_eq(info->n_heaps, HEAP_N_HEAPS);
    cr_expect_eq(info->n_segments, HEAP_N_SEGMENTS);
    cr_expect_eq(info->n_segments_bad, 0);
    cr_expect_eq(info->n_lfh, 2 * HEAP_N_SEGMENTS);
    cr_expect_eq(info->n_lfh_bad, 0, "%s: PS_SEED=%u", m.shape->name, seed);
    cr_expect_eq(info->n_vs, HEAP_N_SEGMENTS);
    cr_expect_eq(info->n_vs_bad, 0);
    cr_expect_eq(info->n_large, HEAP_N_SEGMENTS);
    cr_expect_eq(info->heap_key, HEAP_KEY & mask);
    cr_expect_eq(info->signature_constant, m.shape->constant);
    cr_expect_eq(info->lfh_shift_full, m.shape->shift_full, "%s", m.shape->name);
    if (!m.shape->encode_key)
        cr_expect_eq(info->lfh_key, LFH_KEY & UINT32_MAX, "%s: PS_SEED=%u", m.shape->name, seed);
}

Test(heap_find, by_symbols)
{
    for (int shape = 0; shape < N_HEAP_SHAPES; shape++) {
        struct ps_heap_source source;

        if (!heap_shapes[shape].is_x64)
            continue; /* where x86 has its heaps is known by search only */
        begin(shape);
        source = source_of(1, 1);
        cr_assert_eq(find(&source), 1, "%s", m.shape->name);
        expect_found(PS_HEAP_BY_SYMBOLS);
        expect_all();
        cr_expect_eq(ps_heap_map_info(map)->heap_key_source, PS_HEAP_KEY_GLOBALS);
        cr_expect_eq(ps_heap_map_info(map)->lfh_key_source,
                     m.shape->encode_key ? PS_HEAP_KEY_CONTEXT : PS_HEAP_KEY_GLOBALS);
    }
}

Test(heap_find, by_pointers)
{
    for (int shape = 0; shape < N_HEAP_SHAPES; shape++)
        for (int with_build = 0; with_build < 2; with_build++) {
            struct ps_heap_source source;

            begin(shape);
            source = source_of(0, with_build);
            cr_assert_eq(find(&source), 1, "%s", m.shape->name);
            expect_found(PS_HEAP_BY_POINTERS);
            expect_all();
            cr_expect_eq(ps_heap_map_info(map)->heap_key_source, PS_HEAP_KEY_SEGMENTS);
            if (!m.shape->encode_key)
                cr_expect_eq(ps_heap_map_info(map)->lfh_key_source, PS_HEAP_KEY_DATA);
        }
}

/* Neither key is stored anywhere: signatures give the one, offsets that are possible and the
 * headers that they lead to the other. */
Test(heap_find, without_stored_keys)
{
    for (int shape = 0; shape < N_HEAP_SHAPES; shape++) {
        struct ps_heap_source source;

        if (heap_shapes[shape].encode_key)
            continue;
        begin(shape);
        memset(heap_memory_at(&m, heap_memory_globals(&m)), 0, 16);
        source = source_of(0, 1);
        cr_assert_eq(find(&source), 1, "%s", m.shape->name);
        cr_expect_eq(ps_heap_map_info(map)->heap_key,
                     m.shape->is_x64 ? HEAP_KEY : HEAP_KEY & UINT32_MAX);
        cr_expect_eq(ps_heap_map_info(map)->heap_key_source, PS_HEAP_KEY_SEGMENTS);
        cr_expect_eq(ps_heap_map_info(map)->lfh_key_source, PS_HEAP_KEY_LFH, "%s: PS_SEED=%u",
                     m.shape->name, seed);
        expect_all();
    }
}

Test(heap_find, pages_of_a_segment)
{
    static const struct {
        unsigned unit;
        enum ps_heap_unit want;
    } units[] = {{0, PS_HEAP_META}, {1, PS_HEAP_META}, {2, PS_HEAP_LFH},     {3, PS_HEAP_LFH},
                 {4, PS_HEAP_VS},   {11, PS_HEAP_VS},  {12, PS_HEAP_LARGE},  {14, PS_HEAP_LARGE},
                 {15, PS_HEAP_LFH}, {18, PS_HEAP_LFH}, {19, PS_HEAP_UNUSED}, {255, PS_HEAP_UNUSED}};
    struct ps_heap_source source;
    struct ps_heap_page page;

    begin(1);
    source = source_of(1, 1);
    cr_assert_eq(find(&source), 1);
    for (unsigned s = 0; s < HEAP_N_SEGMENTS; s++) {
        const uint64_t va = heap_memory_segment(&m, s);

        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            cr_expect_eq(ps_heap_map_page(map, va + units[i].unit * 4096u + 8, &page),
                         units[i].want, "unit %u", units[i].unit);
            cr_expect_eq(page.pool, s < 2 ? PS_HEAP_POOL_NONPAGED : PS_HEAP_POOL_PAGED);
            cr_expect_eq(page.va, va + units[i].unit * 4096u);
        }
    }
    cr_expect_eq(ps_heap_map_page(map, heap_memory_segment(&m, 0) - 1, &page), PS_HEAP_OUTSIDE);
    cr_expect_eq(ps_heap_map_page(map, heap_memory_segment(&m, 1) + 0x100000, &page),
                 PS_HEAP_OUTSIDE);
    cr_expect_eq(ps_heap_map_page(map, 0, &page), PS_HEAP_OUTSIDE);
    cr_expect_eq(ps_heap_map_page(map, UINT64_MAX, &page), PS_HEAP_OUTSIDE);
}

/* Every block of a page is listed once, and chunks of a VS page end where the next one begins. */
Test(heap_find, spans)
{
    struct ps_heap_source source;
    static struct ps_heap_span span[PS_HEAP_MAX_SLOTS];

    for (int shape = 0; shape < N_HEAP_SHAPES; shape++) {
        begin(shape);
        source = source_of(0, 1);
        cr_assert_eq(find(&source), 1);
        for (size_t i = 0; i < m.n_blocks; i++) {
            const struct heap_planted *b = &m.block[i];
            const uint32_t at = (uint32_t)(b->va & 4095);
            struct ps_heap_page page;
            size_t n, k = 0;

            if (b->truth != TRUTH_LIVE || at == 0)
                continue;
            ps_heap_map_page(map, b->va, &page);
            n = ps_heap_page_spans(map, &page, heap_memory_at(&m, page.va), span,
                                   PS_HEAP_MAX_SLOTS);
            cr_assert_leq(n, PS_HEAP_MAX_SLOTS);
            while (k < n && span[k].at != at)
                k++;
            cr_assert_lt(k, n, "%s: no block at %llx; PS_SEED=%u", m.shape->name,
                         (unsigned long long)b->va, seed);
            cr_expect_eq(span[k].n_bytes, b->n_bytes);
            cr_expect_eq(span[k].state, PS_HEAP_BLOCK_LIVE);
            if (page.unit == PS_HEAP_VS && k + 1 < n)
                cr_expect_eq(span[k].at + span[k].n_bytes + (m.shape->is_x64 ? 16u : 8u),
                             span[k + 1].at);
        }
    }
}

Test(heap_find, a_forged_signature_costs_its_segment)
{
    struct ps_heap_source source;
    struct tally t;

    begin(1);
    heap_memory_put(&m, heap_memory_segment(&m, 1) + 0x10, 0x1234567812345678, 8);
    source = source_of(1, 1);
    cr_assert_eq(find(&source), 1);
    cr_expect_eq(ps_heap_map_info(map)->n_segments, HEAP_N_SEGMENTS - 1);
    cr_expect_eq(ps_heap_map_info(map)->n_segments_bad, 1);
    t = tally();
    cr_expect_gt(t.n_outside, 0);
    cr_expect_eq(t.n_right + t.n_outside, m.n_blocks);
}

Test(heap_find, torn_lists)
{
    struct ps_heap_source source;

    for (unsigned how = 0; how < 4; how++) {
        uint64_t head;

        begin(1);
        head = heap_memory_heap(&m, 0) + 0x100 + 0x48;
        if (how == 0) /* forward broken behind the first one */
            heap_memory_put(&m, heap_memory_segment(&m, 0), 0x1000, 8);
        if (how == 1) /* a circle without the list's head, both ways */
            for (unsigned link = 0; link < 2; link++)
                heap_memory_put(&m, heap_memory_segment(&m, 0) + 8 * link,
                                heap_memory_segment(&m, 0), 8);
        if (how == 2) /* into the other heap */
            heap_memory_put(&m, heap_memory_segment(&m, 0), heap_memory_segment(&m, 2), 8);
        if (how == 3) { /* only the first one is linked, to what is no segment */
            heap_memory_put(&m, heap_memory_segment(&m, 0), heap_memory_data(&m), 8);
            heap_memory_put(&m, head + 8, heap_memory_segment(&m, 0), 8);
            heap_memory_put(&m, heap_memory_segment(&m, 0) + 8, heap_memory_data(&m), 8);
        }
        source = source_of(1, 1);
        cr_assert_eq(find(&source), 1);
        cr_expect_eq(ps_heap_map_info(map)->n_segments, HEAP_N_SEGMENTS, "how %u", how);
        expect_all();
    }
}

/* Without descriptors the subsegments' own headers tell; what nothing leads to is beside another.
 */
Test(heap_find, missing_descriptors)
{
    for (int shape = 0; shape < N_HEAP_SHAPES; shape++) {
        struct ps_heap_source source;

        if (!heap_shapes[shape].is_x64)
            continue;
        begin(shape);
        heap_memory_unmap(&m, heap_memory_segment(&m, 0));
        source = source_of(0, 1);
        cr_assert_eq(find(&source), 1);
        cr_expect_eq(ps_heap_map_info(map)->n_segments, HEAP_N_SEGMENTS, "%s", m.shape->name);
        cr_expect_eq(ps_heap_map_info(map)->n_segments_bad, 1);
        expect_all();
    }
}

/* A page that is missing costs what only it can tell. */
Test(heap_find, missing_pages)
{
    for (unsigned unit = UNIT_VS; unit < UNIT_VS + UNITS_VS; unit++) {
        struct ps_heap_source source;
        struct tally t;
        unsigned n_there = 0;

        begin(1);
        source = source_of(1, 1);
        heap_memory_unmap(&m, heap_memory_segment(&m, 0) + unit * 4096u);
        for (size_t i = 0; i < m.n_blocks; i++)
            if (heap_memory_at(&m, m.block[i].va))
                m.block[n_there++] = m.block[i];
        cr_assert_lt(n_there, m.n_blocks);
        m.n_blocks = n_there;
        cr_assert_eq(find(&source), 1);
        t = tally();
        cr_expect_leq(t.n_undecided, 2, "unit %u: %u; PS_SEED=%u", unit, t.n_undecided, seed);
    }
}

/* Second headers of cache-aligned blocks are those of the block. */
Test(heap_find, cache_aligned)
{
    struct ps_heap_source source;
    unsigned n = 0;

    begin(1);
    source = source_of(1, 1);
    cr_assert_eq(find(&source), 1);
    for (size_t i = 0; i < m.n_blocks; i++) {
        struct heap_planted b = m.block[i];
        struct ps_heap_page page;
        uint8_t *header;

        if (b.truth == TRUTH_NONE || b.n_bytes < 0x80 || (b.va & 4095) > 0xf00)
            continue;
        header = heap_memory_at(&m, b.va + 0x30);
        memcpy(header, (uint8_t[8]){3, 0, (uint8_t)(b.n_bytes / 16 - 3), 6, 'P', 'r', 'o', 'c'}, 8);
        b.va += 0x30;
        b.n_bytes -= 0x30;
        cr_expect_eq(ask(&b, &page), wanted(b.truth), "at %llx; PS_SEED=%u",
                     (unsigned long long)b.va, seed);
        n++;
    }
    cr_expect_gt(n, 50);
}

Test(heap_find, nothing)
{
    struct ps_heap_source source;

    begin(1);
    source = source_of(1, 1);
    for (unsigned i = 0; i < HEAP_N_HEAPS; i++)
        heap_memory_put(&m, heap_memory_heap(&m, i) + 0x10, 0xddeeddef, 4);
    cr_expect_eq(find(&source), 0);
    cr_expect_null(map);
}
