#include "scan/windows/paging/pte.h"

#include <criterion/criterion.h>

static struct ps_pte decode(enum ps_paging_mode mode, uint32_t build, unsigned level, uint64_t raw)
{
    struct ps_pte pte;

    ps_pte_decode(ps_pte_format_of(mode, build), level, raw, &pte);
    return pte;
}

#define MIB UINT64_C(0x100000)

Test(pte, valid_page_with_no_execute)
{
    struct ps_pte pte = decode(PS_PAGING_X64, 19041, 1, 0x8a00000123456863);

    cr_assert_eq(pte.kind, PS_PTE_PAGE);
    cr_assert_eq(pte.phys, 0x123456000);
    cr_assert_eq(pte.page_bytes, 4096);
    cr_assert(pte.no_execute && pte.writable && !pte.user);
}

Test(pte, large_pages)
{
    static const struct {
        enum ps_paging_mode mode;
        unsigned level;
        uint64_t raw, phys, bytes;
    } want[] = {
        {PS_PAGING_X64, 2, 0x0a000001234008e3, 0x123400000, 2 * MIB},
        {PS_PAGING_X64, 3, 0x0a000001400008e3, 0x140000000, 1024 * MIB},
        /* Bit 12 of a large entry is PAT, no part of the address. */
        {PS_PAGING_X64, 2, 0x00000001234018e3, 0x123400000, 2 * MIB},
        {PS_PAGING_PAE, 2, 0x80000001234001e3, 0x123400000, 2 * MIB},
        {PS_PAGING_X86, 2, 0x004001e3, 0x00400000, 4 * MIB},
        /* PSE-36: bits 13 and 14 are bits 32 and 33. */
        {PS_PAGING_X86, 2, 0x004061e3, 0x300400000, 4 * MIB},
    };

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct ps_pte pte = decode(want[i].mode, 9600, want[i].level, want[i].raw);

        cr_expect_eq(pte.kind, PS_PTE_PAGE, "row %zu", i);
        cr_expect_eq(pte.phys, want[i].phys, "row %zu", i);
        cr_expect_eq(pte.page_bytes, want[i].bytes, "row %zu", i);
    }
}

Test(pte, bit_7_is_reserved_at_the_top)
{
    cr_assert_eq(decode(PS_PAGING_X64, 0, 4, 0x10e3).kind, PS_PTE_BAD);
    cr_assert_eq(decode(PS_PAGING_PAE, 0, 3, 0x1081).kind, PS_PTE_BAD);
    cr_assert_eq(decode(PS_PAGING_X64, 0, 4, 0x1063).kind, PS_PTE_TABLE);
    cr_assert_eq(decode(PS_PAGING_X64, 0, 1, 0x10e3).kind, PS_PTE_PAGE);
}

Test(pte, pae_directory_pointers_restrict_nothing)
{
    struct ps_pte pte = decode(PS_PAGING_PAE, 2600, 3, 0x1001);

    cr_assert_eq(pte.kind, PS_PTE_TABLE);
    cr_assert_eq(pte.phys, 0x1000);
    cr_assert(pte.writable && pte.user);
}

Test(pte, transition)
{
    struct ps_pte pte = decode(PS_PAGING_X64, 19041, 1, 0x00002001234c0880);

    cr_assert_eq(pte.kind, PS_PTE_TRANSITION);
    cr_assert_eq(pte.phys, 0x1234c0000);
    cr_assert_eq(pte.protection, 4);
    pte = decode(PS_PAGING_PAE, 2600, 1, 0x8000003fffffe880);
    cr_assert_eq(pte.kind, PS_PTE_TRANSITION);
    cr_assert_eq(pte.phys, 0x3fffffe000);
    pte = decode(PS_PAGING_X86, 2600, 1, 0x12345880);
    cr_assert_eq(pte.kind, PS_PTE_TRANSITION);
    cr_assert_eq(pte.phys, 0x12345000);
}

Test(pte, prototype)
{
    struct ps_pte pte = decode(PS_PAGING_X64, 19041, 1, 0xb585977f70000400);

    cr_assert_eq(pte.kind, PS_PTE_PROTOTYPE);
    cr_assert_eq(pte.proto, 0xffffb585977f7000);
    pte = decode(PS_PAGING_PAE, 2600, 1, 0xe1234568000004c0);
    cr_assert_eq(pte.kind, PS_PTE_PROTOTYPE);
    cr_assert_eq(pte.proto, 0xe1234568);
    /* 0x80000000 | 0x00400000 >> 1 & 0x7ffffc00 | 0xa0 << 1 */
    pte = decode(PS_PAGING_X86, 2600, 1, 0x004004a0);
    cr_assert_eq(pte.kind, PS_PTE_PROTOTYPE);
    cr_assert_eq(pte.proto, 0x80200140);
    /* Combined: transition's bit too, and still a prototype. */
    cr_assert_eq(decode(PS_PAGING_X64, 19041, 1, 0xb585977f70000c00).kind, PS_PTE_PROTOTYPE);
    cr_assert_eq(decode(PS_PAGING_X64, 19041, 1, 0xffffffff00000420).kind, PS_PTE_VAD);
    cr_assert_eq(decode(PS_PAGING_X86, 2600, 1, 0xfffff420).kind, PS_PTE_VAD);
}

Test(pte, pagefile_in_both_generations)
{
    struct ps_pte pte = decode(PS_PAGING_X64, 19041, 1, 0x00012345000010a0);

    cr_assert_eq(pte.kind, PS_PTE_PAGEFILE);
    cr_assert_eq(pte.file, 1);
    cr_assert_eq(pte.offset, 0x10345);
    cr_assert_eq(pte.protection, 5);
    /* Swizzle bit set: as it stands. */
    cr_assert_eq(decode(PS_PAGING_X64, 19041, 1, 0x00012345000010b0).offset, 0x12345);
    pte = decode(PS_PAGING_X64, 7601, 1, 0x00012345000010a4);
    cr_assert_eq(pte.kind, PS_PTE_PAGEFILE);
    cr_assert_eq(pte.file, 2);
    cr_assert_eq(pte.offset, 0x12345);
    pte = decode(PS_PAGING_X86, 2600, 1, 0x12345086);
    cr_assert_eq(pte.kind, PS_PTE_PAGEFILE);
    cr_assert_eq(pte.file, 3);
    cr_assert_eq(pte.offset, 0x12345);
}

Test(pte, nothing_and_demand_zero)
{
    struct ps_pte pte = decode(PS_PAGING_X64, 19041, 1, 0xa0);

    cr_assert_eq(pte.kind, PS_PTE_DEMAND_ZERO);
    cr_assert_eq(pte.protection, 5);
    cr_assert_eq(decode(PS_PAGING_X64, 19041, 1, 0).kind, PS_PTE_NONE);
}

Test(pte, file_backed_entries_since_22621)
{
    cr_assert_eq(decode(PS_PAGING_X64, 22621, 1, 0xffff8123456780a0).kind, PS_PTE_FILE);
    cr_assert_eq(decode(PS_PAGING_X64, 19041, 1, 0xffff8123456780a0).kind, PS_PTE_PAGEFILE);
}

Test(pte, prototype_bit_in_a_prototype_is_a_file)
{
    struct ps_pte pte;

    ps_pte_decode_prototype(ps_pte_format_of(PS_PAGING_X64, 0), 0xb585977f70000400, &pte);
    cr_assert_eq(pte.kind, PS_PTE_FILE);
    ps_pte_decode_prototype(ps_pte_format_of(PS_PAGING_X64, 0), 0x00000000012348c0, &pte);
    cr_assert_eq(pte.kind, PS_PTE_TRANSITION);
    cr_assert_eq(pte.phys, 0x1234000);
}
