/* Segment heaps of recipes: what a walk of its own reads in them is what the truth says. */
#include "tests/support/heap_walk.h"

#include <stddef.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_KEY 0x1122334455667788ull
#define DTB      0x10000ull

/* clang-format off */
#define RECIPE \
    "size 8M\nseed $SEED\narch $ARCH\nbuild $BUILD\n" \
    "tags np File:0x150-0x1b0*8/NonPaged Even:0x80*8/NonPaged Irp:0x120-0x220*4/NonPaged\n" \
    "tags np Proc:0xd00-0xe80*2/NonPaged MmCi:0x40-0x250*6/NonPaged IoNm:0x20-0x90*6/NonPaged\n" \
    "tags pg CM25:0x40-0x300*3/Paged Toke:0x690-0x960*2/Paged ObNm:0x20-0x80*6/Paged\n" \
    "pages 0- random\n" \
    "system cr3=0x10 frames=0x20-0xff shuffle mode=$MODE\npagefile pages=64\n" \
    "heaps heapkey=0x1122334455667788 lfhkey=0x5a17e29ca1b2c3d4 cookie=0x6f2a9c31d4e85b07\n" \
    " user=0x100-0x102 $HEAPS\n" \
    "heap pool=nonpagednx va=${HIGH}90000000 at=${HIGH}8a002000 pages=0x200-0x4ff\n" \
    " scatter tags=np delayed=5 lookaside=10 $WIDE\n" \
    "heap pool=paged va=${HIGH}9b200000 pages=0x500-0x7df scatter tags=pg\n" \
    " transition=20 out=5 file=0x801-0x83f gone=$GONE\n" \
    "heap pool=prototype va=${HIGH}a0000000 pages=0x7e0-0x7ff tags=pg large=0\n" \
    " vs=20 $HEAP\n" \
    "bigtable va=${HIGH}b0000000 slots=0x1000 self\n" \
    "kernel va=${HIGH}81800000 size=0x200000\n"

#define X64 .is_x64 = 1, .signature = 0x10, .context_bytes = 0xc0, .shifts = 8, .heap = 0x38, \
            .list = 0x48, .count = 0x58, .descriptor = 0x20, .flags = 0x18, .first_unit = 2, \
            .lfh_counts = 0x20, .lfh_offsets = 0x28, .vs_size = 0x20
#define X86 .signature = 8, .context_bytes = 0x80, .shifts = 4, .heap = 0x24, \
            .list = 0x44, .count = 0x4c, .descriptor = 0x10, .flags = 0xc, .first_unit = 1, \
            .lfh_counts = 0x10, .lfh_offsets = 0x18, .lfh_bitmap = 0x20, \
            .vs_size = 0x14, .vs_sign = 0x16
#define OLD .constant = 0xa2e64eada2e64eadull, .lfh_bitmap = 0x30, .vs_sign = 0x22

static const struct hw_layout layouts[] = {
    {.build = 17763, .node = 0x3100, .contexts = 0x100, X64, OLD},
    {.build = 18362, .node = 0x3900, .contexts = 0x100, X64, OLD},
    {.build = 19041, .node = 0x3900, .contexts = 0x100, X64, OLD},
    {.build = 20348, .node = 0x3900, .contexts = 0x140, X64, OLD},
    {.build = 22000, .node = 0x3900, .contexts = 0x140, X64, OLD},
    {.build = 22631, .node = 0x3940, .contexts = 0x140, X64, OLD},
    {.build = 26100, .node = 0x3940, .contexts = 0x140, X64, .lfh_bitmap = 0x40, .vs_sign = 0x22},
    {.build = 26200, .node = 0x3940, .contexts = 0x140, X64, .lfh_bitmap = 0x40, .vs_sign = 0x24},
    {.build = 26200, .node = 0x3980, .contexts = 0x140, X64, .lfh_bitmap = 0x40, .vs_sign = 0x24,
     .encode_key = 0x390, .private_at = 0x33},
    {.build = 19041, .node = 0x1c80, .contexts = 0x100, X86, .constant = 0xa2e64ead},
};
/* clang-format on */
#define N_LAYOUTS (sizeof layouts / sizeof *layouts)

static const struct hw_keys *keys_of(const struct hw_layout *l)
{
    static const struct hw_keys keys[2] = {
        {0x55667788, 0xa1b2c3d4, 0xd4e85b07},
        {HEAP_KEY, 0x5a17e29ca1b2c3d4ull, 0x6f2a9c31d4e85b07ull},
    };

    return &keys[l->is_x64];
}

static uint64_t kernel_of(const struct hw_layout *l)
{
    return l->is_x64 ? 0xffffbd0a81800000ull : 0x81800000;
}

static struct ps_recipe *parse(const struct hw_layout *l, const char *seed, const char *gone)
{
    struct ps_recipe *r = NULL;
    struct ps_err err = {0};
    char text[4096], number[16];
    const char *from = RECIPE;
    size_t n = 0;
    const struct ps_recipe_param params[] = {
        {"BUILD", number},
        {"SEED", seed},
        {"GONE", gone},
        {"ARCH", l->is_x64 ? "x64" : "x86"},
        {"MODE", l->is_x64 ? "x64" : "pae"},
        {"HEAPS", l->encode_key ? "pools=0x3980 encodekey" : ""},
        {"HEAP", l->private_at ? "private=60" : ""},
        {"WIDE", l->is_x64 ? "wide=0xffffbd0ac0000000" : ""},
        {"HIGH", l->is_x64 ? "0xffffbd0a" : "0x"},
    };

    /* A statement is one line: the pieces above that begin with a blank go on. */
    for (; *from; from++)
        if (*from != '\n' || from[1] != ' ')
            text[n++] = *from;
    snprintf(number, sizeof number, "%u", l->build);
    cr_assert_eq(ps_recipe_parse(&r, text, n, params, 9, &err), 0, "%u: line %llu: %s", l->build,
                 (unsigned long long)err.at, err.msg);
    return r;
}

/* What the walk did not come to: second headers, leftovers in free chunks and never-used blocks,
 * content of large allocations. */
static void check_rest(const struct hw_memory *m, uint32_t build_number)
{
    unsigned second = 0, left = 0, decoys = 0;

    for (size_t i = 0; i < m->n_heads; i++) {
        const struct ps_planted *h = &m->head[i].h;

        if (m->head[i].seen)
            continue;
        second += h->prev > 0;
        left += h->prev == 0 && h->state == PS_PLANTED_STALE;
        decoys += h->state == PS_PLANTED_DECOY;
        cr_assert(h->prev > 0 || h->state != PS_PLANTED_ALLOCATED || m->head[i].phys >= 0x500000,
                  "%u: %#llx", build_number, (unsigned long long)m->head[i].phys);
        if (h->prev > 0)
            cr_assert(h->type & 4 && (m->head[i].phys + (m->is_x64 ? 16 : 8)) % 64 == 0);
    }
    cr_assert(second > 0 && left > 0 && decoys > 0, "%u: %u %u %u", build_number, second, left,
              decoys);
}

static void one_build(const struct hw_layout *l)
{
    struct ps_recipe *r = parse(l, "7", "0");
    struct hw_memory m = hw_build(r, DTB, (int)l->is_x64);
    struct hw_met met = {0};

    hw_walk(&m, l, keys_of(l), kernel_of(l) + 0x14000, 1, &met);
    cr_assert_eq(hw_word(&m, kernel_of(l) + 0x65d8), keys_of(l)->cookie);
    cr_assert(met.lfh_live > 1000 && met.lfh_stale > 100 && met.lfh_never > 100, "%u", l->build);
    cr_assert(met.withheld > 10 && met.vs_live > 500 && met.vs_free > 50, "%u", l->build);
    cr_assert(met.vs_moved > 10 && met.vs_lost > 0 && met.left_over > 0, "%u", l->build);
    cr_assert(met.vs_big > 0 && met.large > 0 && met.vs_hollow > 0, "%u", l->build);
    cr_assert(met.segments >= 3 && met.paged_out > 5, "%u", l->build);
    cr_assert_eq(met.wide, l->is_x64);
    cr_assert(!l->is_x64 || (met.quota > 10 && met.released > 0), "%u", l->build);
    /* Look-aside lists take blocks that the LFH has only since 24H2. */
    cr_assert_eq(met.lfh_lost > 0, l->build >= 26100);
    cr_assert_eq(met.private_form > 0, l->private_at > 0);
    if (!l->private_at)
        check_rest(&m, l->build);
    hw_drop(&m);
    ps_recipe_free(r);
}

Test(recipe_heap, every_block_is_what_the_truth_says)
{
    for (size_t i = 0; i < N_LAYOUTS; i++)
        one_build(&layouts[i]);
}

/* The vectors S1 to S6 of the specification, by the functions that the walk uses. */
Test(recipe_heap, the_walk_knows_the_vectors)
{
    const uint64_t va = 0xffffe18f1d5ce000ull, lfh_key = 0xa1b2c3d4;
    const uint64_t s = 0xffffdc0155e00000ull, c = 0xffffdc0150000100ull;

    cr_assert_eq(hw_chunk_plain(0xeeddef63008935c8ull, 0xffffdc0155e94240ull, HEAP_KEY),
                 0x0000002600060000ull);
    cr_assert_eq(hw_chunk_plain(0xeedcef43005e3538ull, 0xffffdc0155e942b0ull, HEAP_KEY),
                 0x0001000600d10000ull);
    cr_assert_eq(0x0ffd ^ 0x2410, 0x2bed);
    cr_assert_eq(hw_lfh_plain(0xa1c3162a, va, lfh_key, 19041), 0x00700030u);
    cr_assert_eq(hw_lfh_plain(0xb933162a, va, lfh_key, 26100), 0x00700030u);
    cr_assert_eq(hw_lfh_plain(0xa133141a, va, lfh_key, 19041), 0x00800200u);
    cr_assert_eq(hw_lfh_plain(0xb9c3141a, va, lfh_key, 26100), 0x00800200u);
    cr_assert_eq(hw_segment_key(0xb3c47de9f2603825ull, s, c, layouts[2].constant), HEAP_KEY);
    cr_assert_eq(hw_segment_key(0x1122334450867688ull, s, c, layouts[6].constant), HEAP_KEY);
}

/* A segment that was given back is in no list, mapped by nothing, and nothing in it is live. */
Test(recipe_heap, gone_segments_are_stale)
{
    const struct hw_layout *l = &layouts[2];
    struct ps_recipe *r = parse(l, "8", "60"), *whole = parse(l, "8", "0");
    struct hw_memory m = hw_build(r, DTB, 1), all = hw_build(whole, DTB, 1);
    struct hw_met met = {0}, without = {0};
    unsigned gone = 0, live = 0;

    hw_walk(&m, l, keys_of(l), kernel_of(l) + 0x14000, 1, &met);
    hw_walk(&all, l, keys_of(l), kernel_of(l) + 0x14000, 1, &without);
    cr_assert_lt(met.segments, without.segments);
    for (size_t i = 0; i < m.n_heads; i++) {
        const struct hw_head *h = &m.head[i];

        if (h->seen || h->h.prev > 0 || h->h.allocator != PS_PLANTED_BY_LFH)
            continue;
        gone += h->h.state == PS_PLANTED_STALE;
        live += h->h.state == PS_PLANTED_ALLOCATED;
    }
    cr_assert_gt(gone, 500);
    /* Blocks whose subsegment has its first page in no file. */
    cr_assert_lt(live, gone / 2);
    hw_drop(&m);
    hw_drop(&all);
    ps_recipe_free(whole);
    ps_recipe_free(r);
}

Test(recipe_heap, one_seed_gives_one_image)
{
    const struct hw_layout *l = &layouts[6];
    struct ps_recipe *r = parse(l, "9", "0"), *again = parse(l, "9", "0");
    struct ps_recipe *other = parse(l, "10", "0");
    struct hw_memory a = hw_build(r, DTB, 1), b = hw_build(other, DTB, 1);
    unsigned different = 0;

    /* Backwards: no page depends on one that was built before. */
    for (uint64_t page = a.n_pages; page-- > 0;) {
        uint8_t one[HW_PAGE];
        struct ps_err err = {0};

        cr_assert_geq(ps_recipe_page(again, page, one, NULL, &err), 0);
        cr_assert_arr_eq(one, a.b + page * HW_PAGE, HW_PAGE);
        different += memcmp(one, b.b + page * HW_PAGE, HW_PAGE) != 0;
    }
    cr_assert_gt(different, 1500);
    hw_drop(&a);
    hw_drop(&b);
    ps_recipe_free(r);
    ps_recipe_free(again);
    ps_recipe_free(other);
}

/* --- refusals --- */

#define HEAPS "size 4M\ntags t Aaaa\nsystem cr3=0x10 frames=0x20-0x3f\n"
#define HEAP  HEAPS "heap va=0xffffa80000000000 pages=0x100-0x1ff tags=t"

static const struct {
    const char *text;
    uint64_t line;
    const char *says;
} wrong[] = {
    {"size 1M\ntags t Aaaa\nheap va=0xffffa80000000000 pages=1-9 tags=t\n", 3, "page tables"},
    {"size 1M\nbuild 17134\nsystem cr3=1 frames=2-3\nheaps\n", 4, "17763"},
    {"size 1M\narch x86\nbuild 17763\nsystem cr3=1 frames=2-3\nheaps\n", 5, "18362"},
    {HEAPS "heaps signature=newer\n", 4, "old or new"},
    {HEAPS "heaps state=0x10\n", 4, ".data"},
    {HEAPS "heaps pools=0x10\n", 4, "pools is"},
    {HEAPS "heaps encodekey\n", 4, "26100"},
    {HEAPS "heap va=0xffffa80000000000 pages=0x100-0x1ff\n", 4, "write: heap"},
    {HEAPS "heap va=0xffffa80000001000 pages=0x100-0x1ff tags=t\n", 4, "1 MiB"},
    {HEAPS "heap va=0x100000 pages=0x100-0x1ff tags=t\n", 4, "kernel half"},
    {HEAPS "heap va=0xffffa80000000000 pages=0x100-0x101 tags=t\n", 4, "4 to"},
    {HEAP " pool=session\n", 4, "pool is"},
    {HEAP " private=10\n", 4, "26100"},
    {HEAP " wide=0xffffa80000100000\n", 4, "16 MiB"},
    {HEAP " wide=0xffffa80001000000 widepages=256\n", 4, "widepages"},
    {HEAP " freed=101\n", 4, "at most 100"},
    {HEAP " freed=60 never=60\n", 4, "together"},
    {HEAP " lfh=0 vs=0 large=0\n", 4, "cannot all"},
    {HEAP " file=0x1-0x2\n", 4, "page file"},
    {HEAP "\nheaps\n", 5, "above the first heap"},
    {HEAP "\nheap va=0xffffa80100000000 pages=0x1ff-0x2ff tags=t\n", 5, "line 4"},
    {HEAP "\nheap va=0xffffa80000000000 pages=0x200-0x2ff tags=t\n", 5, "already"},
    {HEAPS "heap va=0xfffffffffff00000 pages=0x100-0x3ff tags=t\n", 4, "no room"},
    {HEAP "\nkernel va=0xfffff80000200000 size=0x20000\nheap va=0xffffa80100000000 "
          "at=0xffffa80080000000 pages=0x200-0x2ff tags=t pool=paged\nheaps\n",
     7, "above"},
};

Test(recipe_heap, mistakes_have_a_line_and_a_reason)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ps_recipe *r = NULL;
        struct ps_err err = {0};

        cr_assert_lt(ps_recipe_parse(&r, wrong[i].text, strlen(wrong[i].text), NULL, 0, &err), 0,
                     "%zu", i);
        cr_assert_null(r);
        cr_assert_eq(err.at, wrong[i].line, "%zu: line %llu: %s", i, (unsigned long long)err.at,
                     err.msg);
        cr_assert(strstr(err.msg, wrong[i].says), "%zu: %s", i, err.msg);
    }
}
