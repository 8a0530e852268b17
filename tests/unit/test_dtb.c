#include "scan/windows/paging/dtb.h"

#include <criterion/criterion.h>
#include <string.h>

#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/paging/paging.h"
#include "tests/support/small_memory.h"

#define FRAME(n) (UINT64_C(4096) * (n))
#define VALID    0x63
#define SLOT     0x1ed

static struct small_memory m;
static struct ps_err err;

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, entry);
}

static void put32(uint64_t frame, uint64_t index, uint32_t entry)
{
    small_memory_put32(&m, FRAME(frame) + 4 * index, entry);
}

static void make_kuser(uint64_t frame, uint32_t machine)
{
    static const char root[] = "C:\\Windows";
    uint64_t at = FRAME(frame);

    small_memory_put32(&m, at + 0x2c, machine | machine << 16);
    for (size_t i = 0; root[i]; i++)
        m.bytes[at + 0x30 + 2 * i] = (uint8_t)root[i];
    small_memory_put32(&m, at + 0x260, 19041);
    small_memory_put32(&m, at + 0x264, 1);
    small_memory_put32(&m, at + 0x268, 1);
    small_memory_put32(&m, at + 0x26c, 10);
}

/* PML4 'root', then PDPT, PD and PT in the next three frames: KUSER_SHARED_DATA in frame 40, and
 * n_pages at ffffb80000000000 through the same PDPT. */
static void make_x64(uint64_t root, uint64_t n_pages)
{
    put(root, SLOT, FRAME(root) | VALID);
    put(root, 0x1ef, FRAME(root + 1) | VALID);
    put(root, 0x170, FRAME(root + 4) | VALID);
    put(root + 1, 0, FRAME(root + 2) | VALID);
    put(root + 2, 0, FRAME(root + 3) | VALID);
    put(root + 3, 0, FRAME(40) | VALID);
    put(root + 4, 0, FRAME(root + 5) | VALID);
    put(root + 5, 0, FRAME(root + 6) | VALID);
    for (uint64_t i = 0; i < n_pages; i++)
        put(root + 6, i, FRAME(41 + i) | VALID);
    make_kuser(40, 0x8664);
}

static void init(void)
{
    small_memory_init(&m);
}

TestSuite(dtb, .init = init);
TestSuite(inverse, .init = init);

static struct ps_dtb find(unsigned modes)
{
    struct ps_dtb d = {0};

    cr_assert_eq(ps_dtb_find(&m.mem, modes, &d, &err), 1);
    return d;
}

Test(dtb, x64_self_map)
{
    struct ps_dtb d;

    make_x64(10, 3);
    d = find(PS_DTB_MODES_X64 | PS_DTB_MODES_X86);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.mode, PS_PAGING_X64);
    cr_assert_eq(d.method, PS_DTB_SELF_MAP);
    cr_assert(d.maps_kuser);
    cr_assert_eq(d.kuser, FRAME(40));
    cr_assert_eq(d.n_pages, 4);
}

Test(dtb, the_system_process_comes_first_the_shadow_loses)
{
    struct ps_dtb d;

    make_x64(2, 0);   /* a shadow: maps next to nothing */
    make_x64(10, 20); /* the system process */
    make_x64(20, 22); /* another one, with its session space */
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.n_candidates, 3);
}

Test(dtb, a_copy_of_the_top_table_is_none)
{
    make_x64(10, 3);
    memcpy(m.bytes + FRAME(5), m.bytes + FRAME(10), 4096);
    cr_assert_eq(find(PS_DTB_MODES_X64).root, FRAME(10));
    cr_assert_eq(find(PS_DTB_MODES_X64).n_candidates, 1);
}

Test(dtb, low_stub)
{
    struct ps_dtb d;

    make_x64(10, 3);
    put(10, SLOT, 0); /* nothing but the stub tells */
    small_memory_put64(&m, FRAME(3), UINT64_C(0x00000001000612e9));
    small_memory_put64(&m, FRAME(3) + 0x70, UINT64_C(0xfffff80312345678));
    small_memory_put64(&m, FRAME(3) + 0xa0, FRAME(10));
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.method, PS_DTB_LOW_STUB);
}

/* A stub of an older boot, say, whose table is a copy: that does not map itself. */
Test(dtb, low_stub_that_leads_to_a_copy)
{
    struct ps_dtb d;

    make_x64(10, 3);
    memcpy(m.bytes + FRAME(5), m.bytes + FRAME(10), 4096);
    put(5, 0x171, FRAME(14) | VALID); /* and it maps more */
    small_memory_put64(&m, FRAME(3), UINT64_C(0x00000001000612e9));
    small_memory_put64(&m, FRAME(3) + 0x70, UINT64_C(0xfffff80312345678));
    small_memory_put64(&m, FRAME(3) + 0xa0, FRAME(5));
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.method, PS_DTB_SELF_MAP);
    cr_assert_eq(d.n_candidates, 2);
}

Test(dtb, x86_without_pae)
{
    struct ps_dtb d;

    put32(9, 0x300, FRAME(9) | VALID);
    put32(9, 0x3ff, FRAME(11) | VALID);
    put32(11, 0x1f0, FRAME(40) | VALID);
    make_kuser(40, 0x14c);
    d = find(PS_DTB_MODES_X64 | PS_DTB_MODES_X86);
    cr_assert_eq(d.root, FRAME(9));
    cr_assert_eq(d.mode, PS_PAGING_X86);
    cr_assert(d.maps_kuser);
}

Test(dtb, x86_pae)
{
    struct ps_dtb d;

    for (unsigned i = 0; i < 4; i++) {
        put(9, i, FRAME(10 + i) | 1);
        put(13, i, FRAME(10 + i) | VALID);
    }
    put(13, 0x1fe, FRAME(20) | VALID);
    put(20, 0x1f0, FRAME(40) | VALID);
    make_kuser(40, 0x14c);
    d = find(PS_DTB_MODES_X64 | PS_DTB_MODES_X86);
    cr_assert_eq(d.root, FRAME(9));
    cr_assert_eq(d.mode, PS_PAGING_PAE);
    cr_assert(d.maps_kuser);
    cr_assert_eq(d.n_pages, 1);
}

/* Three pointer tables in one page, the second of them complete; below it a copy of a directory. */
static void make_pae(uint64_t at)
{
    for (unsigned i = 0; i < 4; i++) {
        small_memory_put64(&m, at - 32 + 8 * i, FRAME(50 + i) | 1);
        small_memory_put64(&m, at + 8 * i, FRAME(10 + i) | 1);
        put(13, i, FRAME(10 + i) | VALID);
    }
    small_memory_put64(&m, at + 32, FRAME(10) | 1);
    put(13, 0x1fe, FRAME(20) | VALID);
    put(20, 0x1f0, FRAME(40) | VALID);
    make_kuser(40, 0x14c);
    memcpy(m.bytes + FRAME(8), m.bytes + FRAME(13), 4096);
}

Test(dtb, x86_pae_tables_stand_side_by_side)
{
    struct ps_dtb d;

    for (uint64_t at = 0x40; at < 0x1000 - 32; at += 0x1a0) {
        small_memory_init(&m);
        make_pae(FRAME(9) + at);
        d = find(PS_DTB_MODES_X86);
        cr_assert_eq(d.root, FRAME(9) + at);
        cr_assert_eq(d.mode, PS_PAGING_PAE);
        cr_assert_eq(d.method, PS_DTB_SELF_MAP);
        cr_assert_eq(d.proof, PS_DTB_PROOF_SELF | PS_DTB_PROOF_KUSER);
        cr_assert_eq(d.n_candidates, 1);
    }
}

Test(dtb, a_stale_copy_of_a_directory_is_none)
{
    put32(9, 0x300, FRAME(9) | VALID);
    put32(9, 0x3ff, FRAME(11) | VALID);
    put32(11, 0x1f0, FRAME(40) | VALID);
    make_kuser(40, 0x14c);
    memcpy(m.bytes + FRAME(3), m.bytes + FRAME(9), 4096);
    put32(3, 0x3fe, FRAME(11) | VALID); /* it maps more than the true one */
    cr_assert_eq(find(PS_DTB_MODES_X86).root, FRAME(9));
    cr_assert_eq(find(PS_DTB_MODES_X86).n_candidates, 1);
}

/* A process block at 'at', which 'va' should show; its list head leads to itself. */
static void make_process(uint64_t at, uint64_t va, uint64_t cr3, const char *name)
{
    small_memory_put32(&m, at, 0x00b20003);
    small_memory_put64(&m, at + 8, va + 8);
    small_memory_put64(&m, at + 16, va + 8);
    small_memory_put64(&m, at + 0x28, cr3);
    memcpy(m.bytes + at + 0x438, name, strlen(name) + 1);
}

/* Neither stub nor self-map: frame 41 is shown at ffffb80000000000, 42 one page on. */
static void make_bare_x64(uint64_t root, uint64_t n_pages)
{
    make_x64(root, n_pages);
    put(root, SLOT, 0);
}

Test(dtb, process_block)
{
    struct ps_dtb d;

    make_bare_x64(10, 3);
    make_process(FRAME(41) + 0x40, UINT64_C(0xffffb80000000040), FRAME(10) | 2, "smss.exe");
    d = find(PS_DTB_MODES_X64 | PS_DTB_MODES_X86);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.method, PS_DTB_PROCESS);
    cr_assert_eq(d.process, FRAME(41) + 0x40);
    cr_assert_eq(d.proof, PS_DTB_PROOF_PROCESS | PS_DTB_PROOF_KUSER);
}

Test(dtb, process_block_of_system_goes_first)
{
    struct ps_dtb d;

    make_bare_x64(10, 4);
    make_bare_x64(20, 4);
    make_process(FRAME(41) + 0x40, UINT64_C(0xffffb80000000040), FRAME(10), "smss.exe");
    make_process(FRAME(42) + 0x80, UINT64_C(0xffffb80000001080), FRAME(20), "System");
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(d.root, FRAME(20));
    cr_assert(d.proof & PS_DTB_PROOF_SYSTEM);
    cr_assert_eq(d.n_candidates, 2);
}

Test(dtb, process_block_that_is_not_where_its_pointers_say)
{
    struct ps_dtb d;

    make_bare_x64(10, 3);
    make_process(FRAME(41) + 0x40, UINT64_C(0xffffb80000000040), FRAME(10), "System");
    memcpy(m.bytes + FRAME(45), m.bytes + FRAME(41), 4096); /* a copy */
    small_memory_put64(&m, FRAME(41) + 0x50, UINT64_C(0xffffb80000000058));
    cr_assert_eq(ps_dtb_find(&m.mem, PS_DTB_MODES_X64, &d, &err), 0);
    small_memory_put64(&m, FRAME(41) + 0x50, UINT64_C(0xffffb80000000048));
    small_memory_put64(&m, FRAME(41) + 0x68, FRAME(30));
    cr_assert_eq(ps_dtb_find(&m.mem, PS_DTB_MODES_X64, &d, &err), 0);
    small_memory_put64(&m, FRAME(41) + 0x68, FRAME(10));
    cr_assert_eq(ps_dtb_find_quick(&m.mem, PS_DTB_MODES_X64, &d, &err), 0);
    cr_assert_eq(ps_dtb_find(&m.mem, PS_DTB_MODES_X64, &d, &err), 1);
}

Test(dtb, process_block_of_x86)
{
    const uint32_t va = 0x80000048; /* of the list head */
    struct ps_dtb d;

    put32(9, 0x200, FRAME(12) | VALID);
    put32(12, 0, FRAME(41) | VALID);
    small_memory_put32(&m, FRAME(41) + 0x40, 0x001b0003);
    small_memory_put32(&m, FRAME(41) + 0x48, va);
    small_memory_put32(&m, FRAME(41) + 0x4c, va);
    small_memory_put32(&m, FRAME(41) + 0x58, FRAME(9));
    memcpy(m.bytes + FRAME(41) + 0x40 + 0x174, "System", 7);
    d = find(PS_DTB_MODES_X86);
    cr_assert_eq(d.root, FRAME(9));
    cr_assert_eq(d.mode, PS_PAGING_X86);
    cr_assert_eq(d.proof, PS_DTB_PROOF_PROCESS | PS_DTB_PROOF_SYSTEM);
}

/* A fifth level in frame 2 above the tables of make_x64, which map themselves no more. */
static void make_la57(uint64_t n_pages)
{
    make_bare_x64(10, n_pages);
    put(2, 511, FRAME(10) | VALID);
    put(2, 0x180, FRAME(10) | VALID);
    put(2, SLOT, FRAME(2) | VALID);
}

Test(dtb, five_levels)
{
    struct ps_dtb d;

    make_la57(3);
    d = find(PS_DTB_MODES_X64 | PS_DTB_MODES_X86);
    cr_assert_eq(d.root, FRAME(2));
    cr_assert_eq(d.mode, PS_PAGING_X64_LA57);
    cr_assert_eq(d.proof, PS_DTB_PROOF_SELF | PS_DTB_PROOF_KUSER);
    cr_assert_eq(d.n_candidates, 1);
    cr_assert_eq(ps_dtb_given(&m.mem, PS_DTB_MODES_X64, FRAME(2), &d, &err), 1);
    cr_assert_eq(d.mode, PS_PAGING_X64_LA57);
    put(2, SLOT, 0);
    small_memory_put64(&m, FRAME(3), UINT64_C(0x00000001000612e9));
    small_memory_put64(&m, FRAME(3) + 0x70, UINT64_C(0xfffff80312345678));
    small_memory_put64(&m, FRAME(3) + 0xa0, FRAME(2));
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(d.mode, PS_PAGING_X64_LA57);
    cr_assert_eq(d.method, PS_DTB_LOW_STUB);
    cr_assert_eq(d.kernel_va, UINT64_C(0xfffff80312345678));
}

Test(dtb, five_levels_by_a_process_block)
{
    struct ps_dtb d;

    make_la57(3);
    put(2, SLOT, 0);
    make_process(FRAME(41) + 0x40, UINT64_C(0xffffb80000000040), FRAME(2), "System");
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(d.root, FRAME(2));
    cr_assert_eq(d.mode, PS_PAGING_X64_LA57);
    cr_assert_eq(d.method, PS_DTB_PROCESS);
}

Test(dtb, four_levels_are_not_taken_for_five)
{
    make_x64(10, 20);
    put(10, 511, FRAME(11) | VALID);
    cr_assert_eq(find(PS_DTB_MODES_X64).mode, PS_PAGING_X64);
    cr_assert_eq(find(1u << PS_PAGING_X64).mode, PS_PAGING_X64);
}

Test(dtb, given_or_none)
{
    struct ps_dtb d;
    const unsigned all = PS_DTB_MODES_X64 | PS_DTB_MODES_X86;

    cr_assert_eq(ps_dtb_find(&m.mem, all, &d, &err), 0);
    cr_assert_eq(ps_dtb_given(&m.mem, all, FRAME(10), &d, &err), 0);
    cr_assert_eq(ps_dtb_given(&m.mem, all, UINT64_MAX, &d, &err), 0);
    make_x64(10, 3);
    cr_assert_eq(ps_dtb_given(&m.mem, all, FRAME(10) | 0x8000000000000002, &d, &err), 1);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.mode, PS_PAGING_X64);
    cr_assert_eq(d.method, PS_DTB_GIVEN);
}

/* What the search found stands in *d. */
static int join(int has_found, struct ps_dtb *d, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t cr3[] = {a, b, c};

    return ps_dtb_join(&m.mem, PS_DTB_MODES_X64 | PS_DTB_MODES_X86, cr3, 3, has_found, d, &err);
}

/* A process with its session space, named by a crash dump, is no better than the system's. */
Test(dtb, named_tables_do_not_replace_what_is_beyond_doubt)
{
    struct ps_dtb d;

    make_x64(10, 20);
    make_x64(20, 22);
    d = find(PS_DTB_MODES_X64);
    cr_assert_eq(join(1, &d, FRAME(20), 0, 0), 1);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.method, PS_DTB_SELF_MAP);
}

/* Of a table that does not map itself no search can know without a process block. */
Test(dtb, named_tables_help_where_nothing_is_found)
{
    struct ps_dtb d = {0};

    make_x64(10, 20);
    make_x64(20, 1); /* a shadow, or another process that has been swapped out */
    put(10, SLOT, 0);
    put(20, SLOT, 0);
    cr_assert_eq(ps_dtb_find(&m.mem, PS_DTB_MODES_X64, &d, &err), 0);
    cr_assert_eq(join(0, &d, FRAME(20), FRAME(10), UINT64_MAX), 1);
    cr_assert_eq(d.root, FRAME(10));
    cr_assert_eq(d.mode, PS_PAGING_X64);
    cr_assert_eq(d.method, PS_DTB_CONTAINER);
    cr_assert_eq(d.proof, PS_DTB_PROOF_KUSER);
}

/* Nonsense, tables that prove nothing, and a shadow beside a table that maps more. */
Test(dtb, named_tables_have_to_prove_themselves)
{
    struct ps_dtb d = {0};

    cr_assert_eq(join(0, &d, FRAME(10), UINT64_MAX, FRAME(1000000)), 0);
    make_x64(10, 20);
    make_x64(20, 0);
    put(10, SLOT, 0);
    put(10, 0x1ef, 0);
    cr_assert_eq(join(0, &d, FRAME(10), 0, 0), 0);
    put(10, SLOT, FRAME(10) | VALID);
    put(20, SLOT, 0);
    cr_assert_eq(ps_dtb_find(&m.mem, PS_DTB_MODES_X64, &d, &err), 1);
    cr_assert_eq(d.proof, PS_DTB_PROOF_SELF);
    cr_assert_eq(join(1, &d, FRAME(20), 0, 0), 1);
    cr_assert_eq(d.root, FRAME(10));
}

Test(dtb, a_named_page_of_pae_tables)
{
    struct ps_dtb d = {0};

    make_pae(FRAME(9) + 0x1a0);
    cr_assert_eq(join(0, &d, FRAME(9), 0, 0), 1);
    cr_assert_eq(d.root, FRAME(9) + 0x1a0);
    cr_assert_eq(d.mode, PS_PAGING_PAE);
    cr_assert_eq(d.method, PS_DTB_CONTAINER);
    cr_assert_eq(join(0, &d, FRAME(9) + 0x1a0, 0, 0), 1);
    cr_assert_eq(join(0, &d, FRAME(9) + 0x180, 0, 0), 0);
}

/* Frame 43 through tables of its own, far below where four levels begin. */
Test(inverse, five_levels)
{
    const uint64_t va = UINT64_C(0xff01000000000000) | UINT64_C(3) << 39 | UINT64_C(4) << 30 |
                        UINT64_C(5) << 21 | UINT64_C(6) << 12;
    struct ps_mapping got[4];
    struct ps_inverse_map *map = NULL;
    static struct ps_paging p;
    uint64_t phys = 0;

    make_la57(2);
    put(2, 0x180, 0);
    put(2, 0x101, FRAME(20) | VALID);
    put(20, 3, FRAME(21) | VALID);
    put(21, 4, FRAME(22) | VALID);
    put(22, 5, FRAME(23) | VALID);
    put(23, 6, FRAME(43) | VALID);
    cr_assert_eq(ps_inverse_map_build(&map, &m.mem, PS_PAGING_X64_LA57, FRAME(2), &err), 0);
    cr_assert_eq(ps_inverse_map_find(map, FRAME(40), got, 4), 1);
    cr_assert_eq(got[0].va, UINT64_C(0xfffff78000000000));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(41), got, 4), 1);
    cr_assert_eq(got[0].va, UINT64_C(0xffffb80000000000));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(43), got, 4), 1);
    cr_assert_eq(got[0].va, va);
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64_LA57, 0), FRAME(2));
    cr_assert(ps_paging_translate(&p, va + 5, &phys));
    cr_assert_eq(phys, FRAME(43) + 5);
    ps_inverse_map_free(map);
}

static struct ps_inverse_map *build(enum ps_paging_mode mode, uint64_t root)
{
    struct ps_inverse_map *map = NULL;

    cr_assert_eq(ps_inverse_map_build(&map, &m.mem, mode, root, &err), 0);
    return map;
}

Test(inverse, every_address_of_a_frame)
{
    struct ps_mapping got[4];
    struct ps_inverse_map *map;

    make_x64(10, 3);
    put(16, 9, FRAME(42) | 0x61 | UINT64_C(1) << 63);
    put(16, 10, FRAME(42) | 0x880);
    map = build(PS_PAGING_X64, FRAME(10));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(42) + 5, got, 4), 3);
    cr_assert_eq(got[0].va, UINT64_C(0xffffb80000001000));
    cr_assert_eq(got[0].flags, PS_MAPPING_WRITABLE);
    cr_assert_eq(got[1].va, UINT64_C(0xffffb80000009000));
    cr_assert_eq(got[1].flags, PS_MAPPING_NO_EXECUTE);
    cr_assert_eq(got[2].va, UINT64_C(0xffffb8000000a000));
    cr_assert_eq(got[2].flags, PS_MAPPING_TRANSITION);
    cr_assert_eq(ps_inverse_map_find(map, FRAME(42), got, 1), 3, "the lowest fit");
    cr_assert_eq(got[0].va, UINT64_C(0xffffb80000001000));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(40), got, 4), 1);
    cr_assert_eq(got[0].va, UINT64_C(0xfffff78000000000));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(60), got, 4), 0);
    cr_assert_eq(ps_inverse_map_find(map, UINT64_MAX, got, 4), 0);
    cr_assert_eq(ps_inverse_map_frames(map), 4);
    cr_assert_not(ps_inverse_map_full(map));
    ps_inverse_map_free(map);
}

Test(inverse, large_page_covers_what_is_there)
{
    struct ps_mapping got[2];
    struct ps_inverse_map *map;

    make_x64(10, 0);
    put(15, 4, 0xe3); /* 2 MiB at 0: all 64 frames, of which a few are taken away */
    put(15, 5, 0x40000000 | 0xe3);
    small_memory_hole(&m, 50, 60);
    map = build(PS_PAGING_X64, FRAME(10));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(61) + 1, got, 2), 1);
    cr_assert_eq(got[0].va, UINT64_C(0xffffb80000800000) + FRAME(61));
    cr_assert_eq(got[0].flags, PS_MAPPING_WRITABLE | PS_MAPPING_LARGE);
    cr_assert_eq(ps_inverse_map_find(map, FRAME(55), got, 2), 0);
    cr_assert_eq(ps_inverse_map_counts(map)->pages, 54 + 1);
    cr_assert_eq(ps_inverse_map_counts(map)->outside, 1);
    ps_inverse_map_free(map);
}

/* Every table entry of every table leads somewhere into the same few tables. */
Test(inverse, cycles_end)
{
    struct ps_inverse_map *map;

    for (uint64_t frame = 10; frame < 14; frame++)
        for (uint64_t i = 0; i < 512; i++)
            put(frame, i, FRAME(10 + i % 4) | VALID);
    map = build(PS_PAGING_X64, FRAME(10));
    cr_assert_leq(ps_inverse_map_counts(map)->tables, 4);
    cr_assert_gt(ps_inverse_map_counts(map)->refused, 100);
    ps_inverse_map_free(map);
}

/* 60 tables whose every entry maps the one frame: more mappings than are kept. */
Test(inverse, a_full_map_says_so)
{
    struct ps_inverse_map *map;

    put(0, 256, FRAME(1) | VALID);
    put(1, 0, FRAME(2) | VALID);
    for (uint64_t t = 0; t < 60; t++) {
        put(2, t, FRAME(3 + t) | VALID);
        for (uint64_t i = 0; i < 512; i++)
            put(3 + t, i, FRAME(63) | VALID);
    }
    map = build(PS_PAGING_X64, 0);
    cr_assert(ps_inverse_map_full(map));
    cr_assert_eq(ps_inverse_map_find(map, FRAME(63), NULL, 0),
                 SMALL_MEMORY_FRAMES * PS_INVERSE_PER_FRAME);
    ps_inverse_map_free(map);
}

/* The self-map of PAE shows tables at c0000000; that is no memory of its own. */
Test(inverse, pae)
{
    struct ps_mapping got[2];
    struct ps_inverse_map *map;

    for (unsigned i = 0; i < 4; i++) {
        small_memory_put64(&m, FRAME(9) + 0x20 + 8 * i, FRAME(10 + i) | 1);
        put(13, i, FRAME(10 + i) | VALID);
    }
    put(12, 8, FRAME(20) | VALID);
    put(20, 3, FRAME(41) | VALID);
    map = build(PS_PAGING_PAE, FRAME(9) + 0x20);
    cr_assert_eq(ps_inverse_map_find(map, FRAME(41), got, 2), 1);
    cr_assert_eq(got[0].va, 0x81003000);
    cr_assert_eq(ps_inverse_map_frames(map), 1);
    ps_inverse_map_free(map);
}
