#include "scan/windows/paging/paging.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/small_memory.h"

/* Frames: 1 root, 2 to 4 the tables below it, 5 and 6 data, 7 table, 8 page of prototypes. */
#define X64_VA         UINT64_C(0xffffb58593e6f000)
#define X64_IDX(level) ((X64_VA >> (12 + 9 * ((level)-1))) & 511)
#define FRAME(n)       (UINT64_C(4096) * (n))
#define VALID          0x63

static struct small_memory m;
static struct ps_paging p;

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, entry);
}

static void use(enum ps_paging_mode mode, uint32_t build)
{
    ps_paging_init(&p, &m.mem, ps_pte_format_of(mode, build), FRAME(1) + 2);
}

static void make_x64(void)
{
    small_memory_init(&m);
    put(1, X64_IDX(4), FRAME(2) | VALID);
    put(2, X64_IDX(3), FRAME(3) | VALID);
    put(3, X64_IDX(2), FRAME(4) | VALID);
    put(4, X64_IDX(1), FRAME(5) | VALID);
    use(PS_PAGING_X64, 19041);
}

TestSuite(paging, .init = make_x64);

Test(paging, x64_walk_reports_each_entry)
{
    static const char *const names[] = {"PML4E", "PDPTE", "PDE", "PTE"};
    struct ps_walk w;

    cr_assert_eq(ps_paging_walk(&p, X64_VA + 0x123, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5) + 0x123);
    cr_assert_eq(w.page_bytes, 4096);
    cr_assert_eq(w.n_steps, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_str_eq(w.step[i].name, names[i]);
        cr_expect_eq(w.step[i].index, X64_IDX(4 - i));
        cr_expect_eq(w.step[i].at, FRAME(1 + i) + 8 * X64_IDX(4 - i));
        cr_expect_eq(w.step[i].raw, FRAME(2 + i) | VALID);
    }
}

Test(paging, access_is_the_least_of_all_levels)
{
    struct ps_walk w;

    put(3, X64_IDX(2), FRAME(4) | VALID | 4);
    put(2, X64_IDX(3), (FRAME(3) | 0x61) | UINT64_C(1) << 63);
    ps_paging_walk(&p, X64_VA, &w);
    cr_assert(!w.user && !w.writable && w.no_execute);
}

Test(paging, large_pages_of_x64)
{
    struct ps_walk w;

    put(3, X64_IDX(2), 0x234000e3);
    cr_assert_eq(ps_paging_walk(&p, X64_VA + 5, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, 0x23400000 + (X64_VA + 5) % 0x200000);
    cr_assert_eq(w.n_steps, 3);
    put(2, X64_IDX(3), 0x800000e3);
    use(PS_PAGING_X64, 0);
    cr_assert_eq(ps_paging_walk(&p, X64_VA + 5, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, 0x80000000 + (X64_VA + 5) % 0x40000000);
    cr_assert_eq(w.page_bytes, 0x40000000);
    cr_assert_eq(w.n_steps, 2);
}

Test(paging, only_canonical_addresses)
{
    struct ps_walk w;

    cr_assert_eq(ps_paging_walk(&p, X64_VA & 0x0000ffffffffffff, &w), PS_WALK_NOT_CANONICAL);
    cr_assert_eq(w.n_steps, 0);
    use(PS_PAGING_X86, 0);
    cr_assert_eq(ps_paging_walk(&p, UINT64_C(0x180000000), &w), PS_WALK_NOT_CANONICAL);
}

Test(paging, transition_counts_as_memory_at_every_level)
{
    struct ps_walk w;

    put(4, X64_IDX(1), FRAME(5) | 0x880);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5));
    cr_assert_eq(w.step[3].pte.kind, PS_PTE_TRANSITION);
    put(3, X64_IDX(2), FRAME(4) | 0x880);
    use(PS_PAGING_X64, 0);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5));
}

/* The prototype lies in frame 8, which the page behind X64_VA's maps. */
static void plant_prototype(uint64_t entry)
{
    put(4, X64_IDX(1), (X64_VA + 0x1010) << 16 | 0x400);
    put(4, X64_IDX(1) + 1, FRAME(8) | VALID);
    small_memory_put64(&m, FRAME(8) + 0x10, entry);
    use(PS_PAGING_X64, 19041);
}

Test(paging, prototype_is_followed_through_the_same_tables)
{
    struct ps_walk w;

    plant_prototype(FRAME(6) | VALID);
    cr_assert_eq(ps_paging_walk(&p, X64_VA + 7, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(6) + 7);
    cr_assert_eq(w.n_steps, 5);
    cr_assert_eq(w.step[4].at, FRAME(8) + 0x10);
    cr_assert_eq(w.step[4].at_va, X64_VA + 0x1010);
    plant_prototype(FRAME(6) | 0x880);
    cr_assert_eq(ps_paging_walk(&p, X64_VA + 7, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(6) + 7);
    plant_prototype(0xa0);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_NOT_RESIDENT);
    cr_assert_eq(w.step[4].pte.kind, PS_PTE_DEMAND_ZERO);
    plant_prototype(0xb585977f70000400);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_NOT_RESIDENT);
    cr_assert_eq(w.step[4].pte.kind, PS_PTE_FILE);
}

/* The bits of a prototype entry where a table should be: no page of this address. */
Test(paging, prototype_counts_on_the_last_level_only)
{
    struct ps_walk w;

    plant_prototype(FRAME(6) | VALID);
    put(3, X64_IDX(2) + 1, (X64_VA + 0x1010) << 16 | 0x400);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_MAPPED);
    cr_assert_eq(ps_paging_walk(&p, X64_VA + (1 << 21), &w), PS_WALK_NOT_RESIDENT);
    cr_assert_eq(w.n_steps, 3);
    cr_assert_eq(w.step[2].pte.kind, PS_PTE_PROTOTYPE);
}

Test(paging, prototypes_that_lead_to_themselves_end)
{
    struct ps_walk w;

    put(4, X64_IDX(1), X64_VA << 16 | 0x400);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_NOT_RESIDENT);
    cr_assert_eq(w.step[w.n_steps - 1].pte.kind, PS_PTE_PROTOTYPE);
    put(4, X64_IDX(1), UINT64_C(0x1234560000) | 0x400); /* user half */
    use(PS_PAGING_X64, 0);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_NOT_RESIDENT);
}

Test(paging, table_outside_the_image)
{
    struct ps_walk w;

    put(3, X64_IDX(2), UINT64_C(0xfffffffff000) | VALID);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_UNREADABLE);
    cr_assert_eq(w.phys, UINT64_C(0xfffffffff000) + 8 * X64_IDX(1));
    cr_assert_eq(w.n_steps, 3);
    small_memory_hole(&m, 2, 3);
    use(PS_PAGING_X64, 0);
    cr_assert_eq(ps_paging_walk(&p, X64_VA, &w), PS_WALK_UNREADABLE);
    cr_assert_eq(w.n_steps, 1);
}

/* Frame 10 above the tables of make_x64: the same page at its old address and at a longer one. */
Test(paging, five_levels)
{
    const uint64_t far = (X64_VA & UINT64_C(0x0000ffffffffffff)) | UINT64_C(0x123) << 48;
    struct ps_walk w;

    put(10, 511, FRAME(1) | VALID);
    put(10, 0x123, FRAME(1) | VALID);
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64_LA57, 26100), FRAME(10));
    cr_assert_eq(ps_paging_walk(&p, X64_VA + 9, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5) + 9);
    cr_assert_eq(w.n_steps, 5);
    cr_assert_str_eq(w.step[0].name, "PML5E");
    cr_assert_eq(w.step[0].index, 511);
    cr_assert_eq(ps_paging_walk(&p, far | UINT64_C(0xfe) << 56, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5));
    cr_assert_eq(w.step[0].index, 0x123);
    cr_assert_eq(ps_paging_walk(&p, far, &w), PS_WALK_NOT_CANONICAL, "bit 56 is set, 57 is not");
    cr_assert_eq(ps_paging_walk(&p, UINT64_C(0x00ffb58593e6f000), &w), PS_WALK_NOT_RESIDENT);
}

Test(paging, self_map_shows_the_tables)
{
    uint64_t pte_base = UINT64_C(0xffff000000000000) | UINT64_C(0x1ed) << 39;
    uint64_t phys = 0;

    put(1, 0x1ed, FRAME(1) | VALID);
    use(PS_PAGING_X64, 0);
    cr_assert(ps_paging_translate(&p, pte_base + ((X64_VA >> 9) & 0x7ffffffff8), &phys));
    cr_assert_eq(phys, FRAME(4) + 8 * X64_IDX(1));
}

Test(paging, pae)
{
    struct ps_walk w;

    small_memory_init(&m);
    put(1, 2, FRAME(2) | 1);
    put(2, 8, FRAME(3) | VALID);
    put(3, 0x45, FRAME(5) | VALID | UINT64_C(1) << 63);
    put(2, 9, 0x2000e3);
    use(PS_PAGING_PAE, 2600);
    cr_assert_eq(ps_paging_walk(&p, 0x81045678, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5) + 0x678);
    cr_assert_eq(w.n_steps, 3);
    cr_assert(w.no_execute);
    cr_assert_eq(ps_paging_walk(&p, 0xffffffff81234567, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, 0x234567);
    cr_assert_eq(w.page_bytes, 0x200000);
}

Test(paging, pae_root_is_aligned_to_32_bytes)
{
    uint64_t phys;

    small_memory_init(&m);
    small_memory_put64(&m, FRAME(1) + 0x20 + 16, FRAME(2) | 1);
    put(2, 9, 0x2000e3);
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_PAE, 0), FRAME(1) + 0x20);
    cr_assert(ps_paging_translate(&p, 0x81234567, &phys));
    cr_assert_eq(phys, 0x234567);
}

Test(paging, x86_without_pae)
{
    struct ps_walk w;

    small_memory_init(&m);
    small_memory_put32(&m, FRAME(1) + 4 * 0x204, FRAME(2) | VALID);
    small_memory_put32(&m, FRAME(2) + 4 * 0x45, FRAME(5) | VALID);
    small_memory_put32(&m, FRAME(1) + 4 * 0x205, 0x004021e3);
    use(PS_PAGING_X86, 2600);
    cr_assert_eq(ps_paging_walk(&p, 0x81045678, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, FRAME(5) + 0x678);
    cr_assert_eq(w.n_steps, 2);
    cr_assert_eq(ps_paging_walk(&p, 0x81612345, &w), PS_WALK_MAPPED);
    cr_assert_eq(w.phys, UINT64_C(0x100612345));
    cr_assert_eq(w.page_bytes, 0x400000);
}

Test(paging, reads_across_pages_and_stops_at_the_first_gap)
{
    uint8_t got[3 * 4096];

    put(4, X64_IDX(1) + 1, FRAME(20) | VALID);
    memset(m.bytes + FRAME(5), 0x55, 4096);
    memset(m.bytes + FRAME(20), 0x66, 4096);
    use(PS_PAGING_X64, 0);
    cr_assert_eq(ps_paging_read(&p, X64_VA + 0xff0, got, sizeof got), 0x10 + 4096);
    cr_assert_eq(got[0x0f], 0x55);
    cr_assert_eq(got[0x10], 0x66);
    cr_assert_eq(ps_paging_read(&p, UINT64_MAX, got, sizeof got), 0);
}
