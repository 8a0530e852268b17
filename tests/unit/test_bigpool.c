/* Entries, hashes and names of the big-pool table. The rows are of a table that a debugger printed:
 * bytes of its first slots, fields of the others; 0x4000 slots of 0x18 bytes, Windows 10 x64. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "scan/bigpool/entry.h"
#include "scan/bigpool/hash.h"
#include "scan/bigpool/layout.h"
#include "scan/bigpool/type_name.h"

#define N_SLOTS 0x4000u

static const struct seen {
    uint32_t slot, home;
    uint64_t va; /* as stored */
    char tag[5];
    uint32_t type;
    uint64_t n_bytes;
    enum ps_bigpool_state state;
} seen[] = {
    {0x0000, 0x0000, 0xffffc7065d778000, "MmRe", 0x401, 0x8000, PS_BIGPOOL_ALLOCATED},
    {0x0001, 0x0001, 0xffffb585977f7000, "smBt", 0x200, 0x1000, PS_BIGPOOL_ALLOCATED},
    {0x0004, 0x0004, 0xffffc70658df4000, "CM25", 0x005, 0x1000, PS_BIGPOOL_ALLOCATED},
    {0x0005, 0x0005, 0xffffd880bc354000, "ConT", 0x200, 0x3000, PS_BIGPOOL_ALLOCATED},
    {0x0006, 0x0006, 0xffffc70658932000, "CM25", 0x005, 0x1000, PS_BIGPOOL_ALLOCATED},
    {0x0007, 0x0007, 0xffffc706586d1000, "CM25", 0x005, 0x1000, PS_BIGPOOL_ALLOCATED},
    {0x0008, 0x0005, 0xffffc70658b93000, "CM25", 0x005, 0x1000, PS_BIGPOOL_ALLOCATED},
    {0x3ff4, 0x3ff3, 0xffffc7065e165000, "Vi25", 0x001, 0x3000, PS_BIGPOOL_ALLOCATED},
    {0x3ff5, 0x3ff5, 0xffffb585979c3001, "smWw", 0x200, 0x1000, PS_BIGPOOL_FREED},
    {0x3ffa, 0x3ffa, 0xffffc7065b6ce000, "CM16", 0x001, 0x1000, PS_BIGPOOL_ALLOCATED},
    {0x3ffb, 0x3ffb, 0xffffd880bc16e000, "ConT", 0x200, 0x3000, PS_BIGPOOL_ALLOCATED},
    {0x3ffc, 0x3ffa, 0xffffc7065f6ce001, "MmSt", 0x001, 0x2530, PS_BIGPOOL_FREED},
    {0x3fff, 0x3fff, 0xffffb585945a8001, "Mmxx", 0x600, 0x1e000, PS_BIGPOOL_FREED},
};

#define N_SEEN (sizeof seen / sizeof *seen)

static const uint8_t first_slots[5][0x18] = {
    {0x00, 0x80, 0x77, 0x5d, 0x06, 0xc7, 0xff, 0xff, 'M', 'm', 'R', 'e', 0x00, 0x01, 0x04, 0x00,
     0x00, 0x80},
    {0x00, 0x70, 0x7f, 0x97, 0x85, 0xb5, 0xff, 0xff, 's', 'm', 'B', 't', 0x00, 0x00, 0x02, 0x00,
     0x00, 0x10},
    {0x01},
    {0x01},
    {0x00, 0x40, 0xdf, 0x58, 0x06, 0xc7, 0xff, 0xff, 'C', 'M', '2', '5', 0x00, 0x05, 0x00, 0x00,
     0x00, 0x10},
};

static uint32_t tag_of(const char *text)
{
    uint32_t tag;

    memcpy(&tag, text, sizeof tag);
    return tag;
}

static const struct ps_bigpool_layout *windows_10(void)
{
    const struct ps_bigpool_layout *l = ps_bigpool_layout_pick(PS_ARCH_X64, 19041);

    cr_assert(l && l->entry_bytes == 0x18 && l->word == PS_BIGPOOL_PACKED);
    return l;
}

static void expect_row(const struct seen *want, const uint8_t *bytes)
{
    struct ps_bigpool_entry e;

    cr_assert(ps_bigpool_entry_decode(windows_10(), bytes, 0x18, &e));
    cr_expect_eq(e.va, want->va & ~UINT64_C(1), "slot %x", want->slot);
    cr_expect_eq(e.tag, tag_of(want->tag), "slot %x", want->slot);
    cr_expect_eq(e.type, want->type, "slot %x: type %x", want->slot, e.type);
    cr_expect_eq(e.n_bytes, want->n_bytes, "slot %x", want->slot);
    cr_expect_eq(e.state, want->state, "slot %x", want->slot);
    cr_expect(e.pattern == 0 && e.slush == 0 && e.billed == 0, "slot %x", want->slot);
    cr_expect(ps_bigpool_entry_legal(windows_10(), bytes, 0x18), "slot %x", want->slot);
}

Test(bigpool, rows_with_bytes_decode)
{
    expect_row(&seen[0], first_slots[0]);
    expect_row(&seen[1], first_slots[1]);
    expect_row(&seen[2], first_slots[4]);
}

Test(bigpool, all_rows_decode)
{
    for (size_t i = 0; i < N_SEEN; i++) {
        uint8_t bytes[0x18];
        uint32_t word = seen[i].type << 8;

        memcpy(bytes, &seen[i].va, 8);
        memcpy(bytes + 8, seen[i].tag, 4);
        memcpy(bytes + 12, &word, 4);
        memcpy(bytes + 16, &seen[i].n_bytes, 8);
        expect_row(&seen[i], bytes);
    }
}

Test(bigpool, never_used_slots_are_empty)
{
    for (int i = 2; i <= 3; i++) {
        struct ps_bigpool_entry e;
        uint8_t bytes[0x18];

        cr_assert(ps_bigpool_entry_decode(windows_10(), first_slots[i], 0x18, &e));
        cr_expect_eq(e.state, PS_BIGPOOL_EMPTY);
        cr_expect(ps_bigpool_entry_legal(windows_10(), first_slots[i], 0x18));
        memcpy(bytes, first_slots[i], sizeof bytes);
        bytes[23] = 1;
        cr_expect(!ps_bigpool_entry_legal(windows_10(), bytes, 0x18), "it is not only empty");
    }
}

Test(bigpool, what_is_no_entry)
{
    static const struct {
        uint64_t va;
        enum ps_bigpool_state state;
    } cases[] = {
        {0, PS_BIGPOOL_ABSENT},
        {0xffffc7065d778800, PS_BIGPOOL_DAMAGED},
        {0xffffc7065d778003, PS_BIGPOOL_DAMAGED},
        {0x00007ff65d778000, PS_BIGPOOL_DAMAGED},
        {0x1000, PS_BIGPOOL_DAMAGED},
    };
    struct ps_bigpool_entry e;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(ps_bigpool_va_state(PS_ARCH_X64, cases[i].va), cases[i].state, "case %zu", i);
    cr_expect_eq(ps_bigpool_va_state(PS_ARCH_X86, 0x827d1000), PS_BIGPOOL_ALLOCATED);
    cr_expect_eq(ps_bigpool_va_state(PS_ARCH_X86, 0x827d1001), PS_BIGPOOL_FREED);
    cr_expect_eq(ps_bigpool_va_state(PS_ARCH_X86, 0x027d1000), PS_BIGPOOL_DAMAGED);
    cr_expect(!ps_bigpool_entry_decode(windows_10(), first_slots[0], 0x17, &e), "cut off");
}

Test(bigpool, homes_of_the_rows)
{
    for (size_t i = 0; i < N_SEEN; i++) {
        uint32_t home = ps_bigpool_home(PS_BIGPOOL_MUL32, seen[i].va, N_SLOTS);

        cr_expect_eq(home, seen[i].home, "slot %x: home %x", seen[i].slot, home);
        cr_expect_eq(ps_bigpool_distance(home, seen[i].slot, N_SLOTS), seen[i].slot - seen[i].home);
    }
    cr_expect_eq(ps_bigpool_distance(0x3fff, 2, N_SLOTS), 3, "around the end");
}

Test(bigpool, old_fold)
{
    cr_expect_eq(ps_bigpool_home(PS_BIGPOOL_FOLD, 0x827d1000, 0x1000), 0xffe);
    cr_expect_eq(ps_bigpool_home(PS_BIGPOOL_FOLD, 0xe1234000, 0x1000), 0xc28);
    cr_expect_eq(ps_bigpool_home(PS_BIGPOOL_FOLD, 0xe1234000, 0x2000), 0x1c28);
}

Test(bigpool, formula_of_24h2_differs)
{
    cr_expect_eq(ps_bigpool_home(PS_BIGPOOL_MUL64, seen[0].va, N_SLOTS), 0x984);
}

Test(bigpool, rows_vote_for_hash_and_size)
{
    static const struct {
        uint32_t n_slots;
        size_t n_agree;
    } sizes[] = {{0x1000, 13}, {0x2000, 13}, {0x4000, 13}, {0x8000, 7}, {0x10000, 2}};
    struct ps_bigpool_place place[N_SEEN];
    size_t n_agree;

    for (size_t i = 0; i < N_SEEN; i++)
        place[i] = (struct ps_bigpool_place){seen[i].va, seen[i].slot};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        cr_expect_eq(ps_bigpool_agree(PS_BIGPOOL_MUL32, place, N_SEEN, sizes[i].n_slots),
                     sizes[i].n_agree, "%x slots", sizes[i].n_slots);
    cr_expect_eq(ps_bigpool_vote(place, N_SEEN, N_SLOTS, &n_agree), PS_BIGPOOL_MUL32);
    cr_expect_eq(n_agree, 13);
}

Test(bigpool, layouts)
{
    static const struct {
        enum ps_arch arch;
        uint32_t build, entry_bytes;
        enum ps_bigpool_word word;
    } cases[] = {
        {PS_ARCH_X86, 2600, 0x0c, PS_BIGPOOL_PAGES},
        {PS_ARCH_X86, 3790, 0x10, PS_BIGPOOL_PAGES},
        {PS_ARCH_X64, 3790, 0x18, PS_BIGPOOL_PAGES},
        {PS_ARCH_X86, 7601, 0x10, PS_BIGPOOL_TYPE},
        {PS_ARCH_X64, 6000, 0x18, PS_BIGPOOL_TYPE},
        {PS_ARCH_X64, 9600, 0x18, PS_BIGPOOL_TYPE},
        {PS_ARCH_X86, 19041, 0x10, PS_BIGPOOL_PACKED},
        {PS_ARCH_X64, 10240, 0x18, PS_BIGPOOL_PACKED},
        {PS_ARCH_X64, 20348, 0x20, PS_BIGPOOL_PACKED},
        {PS_ARCH_X64, 26100, 0x20, PS_BIGPOOL_PACKED},
        {PS_ARCH_X86, 21292, 0x14, PS_BIGPOOL_PACKED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ps_bigpool_layout *l = ps_bigpool_layout_pick(cases[i].arch, cases[i].build);

        cr_assert(l, "case %zu", i);
        cr_expect_eq(l->entry_bytes, cases[i].entry_bytes, "case %zu", i);
        cr_expect_eq(l->word, cases[i].word, "case %zu", i);
    }
    cr_expect_null(ps_bigpool_layout_pick(PS_ARCH_X64, 0));
}

Test(bigpool, type_names)
{
    static const struct {
        enum ps_bigpool_names names;
        uint32_t type;
        const char *text;
    } cases[] = {
        {PS_BIGPOOL_POOL_TYPE, 0x000, "NonPagedPool"},
        {PS_BIGPOOL_POOL_TYPE, 0x001, "PagedPool"},
        {PS_BIGPOOL_POOL_TYPE, 0x401, "PagedPool|Zero"},
        {PS_BIGPOOL_POOL_TYPE, 0x600, "NonPagedPoolNx|Zero"},
        {PS_BIGPOOL_POOL_TYPE, 0x405, "PagedPoolCacheAligned|Zero"},
        {PS_BIGPOOL_POOL_TYPE, 0x220, "NonPagedPoolSessionNx"},
        {PS_BIGPOOL_POOL_TYPE, 0x009, "PagedPool|Quota"},
        {PS_BIGPOOL_POOL_TYPE, 0x151, "PagedPool|RaiseOnFailure|Verifier|Cold"},
        {PS_BIGPOOL_POOL_TYPE, 0xa00, "NonPagedPoolNx|0x800"},
        {PS_BIGPOOL_POOL_TYPE, 0x201, "0x201"},
        {PS_BIGPOOL_POOL_FLAGS, 0x040, "NonPaged"},
        {PS_BIGPOOL_POOL_FLAGS, 0x082, "NonPagedExecute|Uninitialized"},
        {PS_BIGPOOL_POOL_FLAGS, 0x10d, "Paged|Quota|Session|CacheAligned"},
        {PS_BIGPOOL_POOL_FLAGS, 0x242, "NonPaged|Uninitialized|0x200"},
        {PS_BIGPOOL_POOL_FLAGS, 0x140, "0x140"},
    };
    char text[PS_BIGPOOL_TYPE_TEXT_BYTES];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq(ps_bigpool_type_print(cases[i].names, cases[i].type, text), cases[i].text);
    for (size_t i = 0; i < N_SEEN; i++)
        cr_expect(!ps_bigpool_reads_as_flags(seen[i].type));
}
