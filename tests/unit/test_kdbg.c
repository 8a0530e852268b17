#include "scan/windows/symbols/kdbg.h"

#include <criterion/criterion.h>
#include <string.h>

#define BASE  UINT64_C(0xfffff80002c00000)
#define DATA  (BASE + 0x1f0000)
#define BLOCK 0x1130u /* in the bytes below */

static uint8_t bytes[0x3000];
static uint64_t data_va;
static struct ps_symbols symbols;

static size_t read_bytes(void *arg, uint64_t va, void *buf, size_t n_bytes)
{
    const size_t off = (size_t)(va - data_va);

    (void)arg;
    if (va < data_va || off >= sizeof bytes)
        return 0;
    if (n_bytes > sizeof bytes - off)
        n_bytes = sizeof bytes - off;
    memcpy(buf, bytes + off, n_bytes);
    return n_bytes;
}

static void put(size_t at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        bytes[BLOCK + at + i] = (uint8_t)(value >> 8 * i);
}

static void make(uint64_t base, uint32_t size)
{
    memset(bytes, 0, sizeof bytes);
    memset(&symbols, 0, sizeof symbols);
    data_va = base + 0x1f0000;
    memcpy(bytes + 0x20, "KDBG", 4); /* a word in some other place */
    put(0, base + 0x1f1000);
    put(8, base + 0x1f1000);
    put(0x10, (uint64_t)size << 32);
    memcpy(bytes + BLOCK + 0x10, "KDBG", 4);
    put(0x18, base);
    put(0x48, base + 0x111000);
    put(0x50, base + 0x222000);
    put(0xc0, base + 0x333000);
    put(0x110, base + 0x444000);
    put(0x1b8, base + 0x210f88);
}

static uint64_t hint;

static int find(int is_x64, uint64_t base, uint32_t build)
{
    const struct ps_va_range range[] = {{data_va, 0x800}, {data_va + 0x1000, 0x2000}};
    const struct ps_kdbg_search search = {.memory = {.read = read_bytes},
                                          .is_x64 = is_x64,
                                          .base = base,
                                          .build = build,
                                          .hint = hint,
                                          .range = range,
                                          .n_ranges = 2};

    return ps_kdbg_find(&search, &symbols);
}

static void expect_symbol(enum ps_symbol symbol, uint32_t rva)
{
    cr_assert_eq(symbols.rva[symbol], rva, "%s: 0x%x", ps_symbol_name(symbol), symbols.rva[symbol]);
}

/* The distances of Windows 7 x64 are those of its line in the built-in table. */
Test(kdbg, windows_7_x64)
{
    uint64_t va;

    make(BASE, 0x340);
    cr_assert_eq(find(1, BASE, 7601), 1);
    cr_assert_eq(symbols.source, PS_SYMBOLS_KDBG);
    cr_assert_eq(symbols.base, BASE);
    expect_symbol(PS_SYMBOL_PsLoadedModuleList, 0x111000);
    expect_symbol(PS_SYMBOL_PsActiveProcessHead, 0x222000);
    expect_symbol(PS_SYMBOL_MmPfnDatabase, 0x333000);
    expect_symbol(PS_SYMBOL_MmNonPagedPoolStart, 0x444000);
    expect_symbol(PS_SYMBOL_MmPagedPoolStart, 0);
    expect_symbol(PS_SYMBOL_KdDebuggerDataBlock, 0x1f0000 + BLOCK);
    expect_symbol(PS_SYMBOL_PoolTrackTable, 0x210f88);
    expect_symbol(PS_SYMBOL_PoolBigPageTable, 0x210f60);
    expect_symbol(PS_SYMBOL_PoolBigPageTableSize, 0x210f58);
    cr_assert_eq(symbols.guessed,
                 1u << PS_SYMBOL_PoolBigPageTable | 1u << PS_SYMBOL_PoolBigPageTableSize);
    cr_assert(ps_symbols_find(&symbols, PS_SYMBOL_PoolTrackTable, &va));
    cr_assert_eq(va, BASE + 0x210f88);
    cr_assert_not(ps_symbols_find(&symbols, PS_SYMBOL_ExPoolState, &va));
}

Test(kdbg, the_base_may_be_unknown_but_not_another)
{
    make(BASE, 0x340);
    cr_assert_eq(find(1, 0, 0), 1);
    cr_assert_eq(symbols.base, BASE);
    cr_assert_eq(find(1, BASE + 0x1000, 0), 0);
}

/* XP writes the addresses with or without the sign. */
Test(kdbg, xp_x86)
{
    make(0x804d7000, 0x290);
    cr_assert_eq(find(0, 0, 2600), 1);
    expect_symbol(PS_SYMBOL_PoolBigPageTable, 0x210f80);
    expect_symbol(PS_SYMBOL_PoolBigPageTableSize, 0x210f7c);
    put(0x1b8, UINT64_C(0xffffffff806e7f88));
    cr_assert_eq(find(0, 0x804d7000, 2600), 1);
    expect_symbol(PS_SYMBOL_PoolTrackTable, 0x210f88);
}

Test(kdbg, the_build_tells_8_from_8_1)
{
    make(0x81200000, 0x360);
    cr_assert_eq(find(0, 0, 9600), 1);
    expect_symbol(PS_SYMBOL_PoolBigPageTable, 0x210f88 - 116);
    cr_assert_eq(find(0, 0, 9200), 1);
    expect_symbol(PS_SYMBOL_PoolBigPageTableSize, 0x210f88 - 88);
    cr_assert_eq(find(0, 0, 0), 1);
    expect_symbol(PS_SYMBOL_PoolBigPageTable, 0);
    cr_assert_eq(symbols.guessed, 0);
    make(BASE, 0x360);
    cr_assert_eq(find(1, 0, 9200), 1);
    expect_symbol(PS_SYMBOL_PoolBigPageTable, 0x210f88 + 5200);
}

Test(kdbg, what_is_none)
{
    make(BASE, 0x100);
    cr_assert_eq(find(1, BASE, 0), 0, "too short");
    make(BASE, 0x1000);
    cr_assert_eq(find(1, BASE, 0), 0, "too long");
    make(BASE, 0x340);
    put(0, 0x1000);
    cr_assert_eq(find(1, BASE, 0), 0, "the list leads to the user half");
    make(BASE + 8, 0x340);
    cr_assert_eq(find(1, 0, 0), 0, "the base is no page");
    make(BASE, 0x340);
    cr_assert_eq(find(0, 0, 0), 0, "of x64");
    make(BASE, 0x340);
    memcpy(bytes + BLOCK + 0x10, "KDBx", 4);
    cr_assert_eq(find(1, BASE, 0), 0);
    cr_assert_eq(symbols.source, PS_SYMBOLS_NONE, "left as it was");
}

/* Addresses below the base, or far from it, are no variables of the kernel. */
Test(kdbg, addresses_outside)
{
    make(BASE, 0x340);
    put(0x1b8, BASE - 8);
    put(0x50, BASE + (UINT64_C(1) << 32));
    cr_assert_eq(find(1, BASE, 0), 1);
    expect_symbol(PS_SYMBOL_PoolTrackTable, 0);
    expect_symbol(PS_SYMBOL_PoolBigPageTable, 0);
    expect_symbol(PS_SYMBOL_PsActiveProcessHead, 0);
}

/* A second block below the true one, so that who looks first shows. */
Test(kdbg, the_hint_is_looked_at_first_and_has_to_prove_itself)
{
    make(BASE, 0x340);
    memcpy(bytes + 0x2000, bytes + BLOCK, 0x400);
    memcpy(bytes + 0x2400, bytes + BLOCK, 0x400);
    hint = data_va + 0x2000;
    cr_assert_eq(find(1, BASE, 7601), 1);
    expect_symbol(PS_SYMBOL_KdDebuggerDataBlock, 0x1f2000);
    for (unsigned damage = 0; damage < 4; damage++) {
        static const unsigned at[] = {0x2010, 0x2014, 0x2018, 0x2007};

        memcpy(bytes + 0x2000, bytes + BLOCK, 0x400);
        bytes[at[damage]] ^= 0xff;
        cr_assert_eq(find(1, BASE, 7601), 1);
        expect_symbol(PS_SYMBOL_KdDebuggerDataBlock, 0x1f0000 + BLOCK);
    }
    for (unsigned i = 0; i < 4; i++) {
        static const uint64_t none[] = {1, BASE + 1, UINT64_MAX - 3, UINT64_C(0x7ffe0000)};

        hint = none[i];
        cr_assert_eq(find(1, BASE, 7601), 1);
        expect_symbol(PS_SYMBOL_KdDebuggerDataBlock, 0x1f0000 + BLOCK);
    }
    hint = data_va + 0x2400;
    cr_assert_eq(find(1, BASE + 0x1000, 7601), 0);
}
