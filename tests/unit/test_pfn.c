/* The PFN database: entries of each layout, where page tables show themselves, what an entry means,
 * and how the database is found and read in a memory made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "scan/merge/page_use.h"
#include "scan/windows/pfn/locate.h"
#include "tests/support/small_memory.h"

/* Frames: 1 root, 2 to 4 the tables below it, 5 and 6 the database, 7 data of the Windows kernel,
 * 10 to 49 pages that are mapped once. */
#define BASE     UINT64_C(0xffffb58593e00000)
#define DB_VA    (BASE + 400 * UINT64_C(4096))
#define DATA_VA  (BASE + 410 * UINT64_C(4096))
#define FRAME(n) (UINT64_C(4096) * (n))
#define VALID    0x63
#define SELF     0x1edu
#define SELF_VA  UINT64_C(0xfffff68000000000)
#define USER     UINT64_C(0x00007ff612345000)

static struct small_memory m;
static struct ps_paging p;
static struct ps_inverse_map *map;
static struct ps_err err;

static uint64_t entry_of(uint64_t va)
{
    return SELF_VA + ((va & UINT64_C(0x0000ffffffffffff)) >> 9 & ~UINT64_C(7));
}

static void put_pte(uint64_t frame, uint64_t index, uint64_t to)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, FRAME(to) | VALID);
}

/* An entry as 10 x64 has it, in the database at frames 5 and 6. */
static void put_pfn(uint64_t frame, uint64_t pte, unsigned location)
{
    const uint64_t at = FRAME(5) + DB_VA % 4096 + frame * 0x30;

    small_memory_put64(&m, at + 8, pte);
    m.bytes[at + 0x22] = (uint8_t)(0xf8 | location);
}

static void make(void)
{
    small_memory_init(&m);
    put_pte(1, SELF, 1);
    put_pte(1, BASE >> 39 & 511, 2);
    put_pte(2, BASE >> 30 & 511, 3);
    put_pte(3, BASE >> 21 & 511, 4);
    for (uint64_t i = 10; i < 50; i++)
        put_pte(4, i, i);
    put_pte(4, 400, 5);
    put_pte(4, 401, 6);
    put_pte(4, 410, 7);
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64, 19041), FRAME(1));
    for (uint64_t i = 10; i < 50; i++)
        put_pfn(i, entry_of(BASE + FRAME(i)) | 1, PS_PFN_ACTIVE);
    cr_assert_eq(ps_inverse_map_build(&map, &m.mem, PS_PAGING_X64, FRAME(1), &err), 0);
}

static void forget(void)
{
    ps_inverse_map_free(map);
    map = NULL;
}

TestSuite(pfn, .init = make, .fini = forget);

static struct ps_pfn_spec spec(uint32_t build)
{
    static struct ps_va_range data;

    data = (struct ps_va_range){DATA_VA, 4096};
    return (struct ps_pfn_spec){
        .arch = PS_ARCH_X64, .build = build, .data = &data, .n_data = 1, .mem = &m.mem, .map = map};
}

/* Sources: docs/PAGING.md. */
Test(pfn_layout, fields_of_each)
{
    static const struct {
        const char *name;
        unsigned n_bytes, pte, location, last_build;
    } want[] = {
        {"5 x86", 0x18, 4, 0xf, 3790},      {"5 x86 long", 0x1c, 4, 0xf, 3790},
        {"5 x64", 0x30, 8, 0x1b, 3790},     {"6 x86", 0x18, 8, 0xe, 9600},
        {"6 x86 long", 0x1c, 8, 0xe, 9600}, {"6 x64", 0x30, 0x10, 0x1a, 9600},
        {"10 x86", 0x1c, 4, 0x16, 19045},   {"10 x64", 0x30, 8, 0x22, 26100},
    };

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct ps_pfn_layout *l = NULL;
        uint8_t b[PS_PFN_MAX_ENTRY_BYTES] = {0};
        struct ps_pfn pfn;

        for (size_t k = 0; k < ps_n_pfn_layouts; k++)
            if (strcmp(ps_pfn_layouts[k].name, want[i].name) == 0)
                l = &ps_pfn_layouts[k];
        cr_assert_not_null(l, "%s", want[i].name);
        cr_assert_eq(l->entry_bytes, want[i].n_bytes);
        for (unsigned k = 0; k < (l->arch == PS_ARCH_X64 ? 8u : 4u); k++)
            b[want[i].pte + k] = (uint8_t)(0x81 + k);
        b[want[i].location] |= 0x6;
        pfn = ps_pfn_decode(l, b);
        cr_assert_eq(pfn.pte, l->arch == PS_ARCH_X64 ? UINT64_C(0x8887868584838281) : 0x84838281);
        cr_assert_eq(pfn.location, 6, "%s", want[i].name);
        cr_assert(ps_pfn_layout_fits(l, l->arch, want[i].last_build));
        cr_assert(ps_pfn_layout_fits(l, l->arch, 0));
        cr_assert_not(ps_pfn_layout_fits(l, l->arch == PS_ARCH_X64 ? PS_ARCH_X86 : PS_ARCH_X64, 0));
    }
    for (uint32_t build = 2600; build <= 26100; build += 50)
        for (int arch = 0; arch < 2; arch++) {
            unsigned n = 0;

            for (size_t k = 0; k < ps_n_pfn_layouts; k++)
                n += ps_pfn_layout_fits(&ps_pfn_layouts[k], (enum ps_arch)arch, build) != 0;
            cr_assert_geq(n, 1, "build %u", build);
        }
}

Test(pfn_space, entries_and_back)
{
    static const struct {
        enum ps_paging_mode mode;
        uint64_t base, va, entry;
    } want[] = {
        {PS_PAGING_X64, SELF_VA, UINT64_C(0xfffff80000000000), UINT64_C(0xfffff6fc00000000)},
        {PS_PAGING_X64, SELF_VA, UINT64_C(0x00007fffffff0000), UINT64_C(0xfffff6bfffffff80)},
        {PS_PAGING_X86, 0xc0000000, 0x80000000, 0xc0200000},
        {PS_PAGING_X86, 0xc0000000, 0xfffff000, 0xc03ffffc},
        {PS_PAGING_PAE, 0xc0000000, 0x80000000, 0xc0400000},
        {PS_PAGING_PAE, 0xc0000000, 0x00400000, 0xc0002000},
        {PS_PAGING_X64_LA57, UINT64_C(0xffed000000000000), UINT64_C(0xff00000000001000),
         UINT64_C(0xffed800000000008)},
    };

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct ps_pte_space s = {want[i].mode, want[i].base};
        uint64_t va = 1;

        cr_assert_eq(ps_pte_space_entry(&s, want[i].va), want[i].entry, "row %zu", i);
        cr_assert_eq(ps_pte_space_va(&s, want[i].entry | 1, &va), 1, "row %zu", i);
        cr_assert_eq(va, want[i].va, "row %zu", i);
        cr_assert_eq(ps_pte_space_va(&s, want[i].base - 8, &va), 0, "row %zu", i);
    }
}

Test(pfn, the_self_map_is_found)
{
    struct ps_pte_space s;

    cr_assert_eq(ps_pte_space_find(&m.mem, PS_PAGING_X64, FRAME(1), &s), 1);
    cr_assert_eq(s.base, SELF_VA);
    small_memory_put64(&m, FRAME(1) + 8 * SELF, 0);
    cr_assert_eq(ps_pte_space_find(&m.mem, PS_PAGING_X64, FRAME(1), &s), 0);
    cr_assert_eq(ps_pte_space_find(&m.mem, PS_PAGING_PAE, FRAME(1), &s), 1);
    cr_assert_eq(s.base, 0xc0000000);
}

Test(pfn, what_an_entry_means)
{
    const struct ps_pte_space s = {PS_PAGING_X64, SELF_VA};
    const uint64_t proto = UINT64_C(0xffffd70e40800010);
    static const enum ps_page_use free_use = PS_PAGE_USE_FREE;

    for (uint8_t at = 0; at < 8; at++) {
        const int listed = at == PS_PFN_ZEROED || at == PS_PFN_FREE;
        const int bad = at == PS_PFN_BAD;
        const struct {
            uint64_t pte;
            enum ps_page_use use;
        } want[] = {
            {entry_of(USER), PS_PAGE_USE_PROCESS},
            {entry_of(BASE) | 1, PS_PAGE_USE_KERNEL},
            {proto, PS_PAGE_USE_FILE},
            {proto | 1, PS_PAGE_USE_FILE},
            {0, PS_PAGE_USE_UNKNOWN},
            {0xffff, PS_PAGE_USE_UNKNOWN},
            {UINT64_C(0x8000000000000000), PS_PAGE_USE_UNKNOWN},
            {UINT64_MAX, PS_PAGE_USE_UNKNOWN},
        };

        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
            const struct ps_pfn pfn = {want[i].pte, at};

            cr_assert_eq(ps_pfn_use(&s, &pfn),
                         listed ? free_use
                         : bad  ? PS_PAGE_USE_UNKNOWN
                                : want[i].use,
                         "location %u, row %zu", at, i);
        }
    }
}

Test(pfn, is_found_by_each_way)
{
    struct ps_pfn_place place;
    struct ps_pfn_spec s = spec(19041);

    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 0);
    cr_assert_eq(place.method, PS_PFN_NOT_FOUND);

    small_memory_put64(&m, FRAME(7) + 0x128, DB_VA);
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 1);
    cr_assert_eq(place.method, PS_PFN_POINTER);
    cr_assert_eq(place.va, DB_VA);
    cr_assert_eq(place.pointer_va, DATA_VA + 0x128);
    cr_assert_str_eq(place.layout->name, "10 x64");
    cr_assert_geq(place.n_agree, 30);

    s.symbol = DATA_VA + 0x128;
    s.n_data = 0;
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 1);
    cr_assert_eq(place.method, PS_PFN_SYMBOL);

    /* A symbol that leads elsewhere costs nothing. */
    s = spec(19041);
    s.symbol = DATA_VA + 0x800;
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 1);
    cr_assert_eq(place.method, PS_PFN_POINTER);
    /* Of another build, entries are of another form. */
    s = spec(9600);
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 0);
}

Test(pfn, needs_eight_that_agree)
{
    struct ps_pfn_place place;
    const struct ps_pfn_spec s = spec(19041);

    small_memory_put64(&m, FRAME(7), DB_VA);
    for (uint64_t i = 10; i < 50; i++)
        if (i % 5 != 0)
            put_pfn(i, UINT64_C(0xffffd70e40800000), PS_PFN_ACTIVE);
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 1);
    cr_assert_eq(place.n_agree, 8);
    put_pfn(10, 0, PS_PFN_ACTIVE);
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 0);
}

Test(pfn, mapped_pages_are_active)
{
    struct ps_pfn_place place;
    const struct ps_pfn_spec s = spec(19041);

    small_memory_put64(&m, FRAME(7), DB_VA);
    for (uint64_t i = 10; i < 50; i++)
        put_pfn(i, entry_of(BASE + FRAME(i)), i % 2 ? PS_PFN_ACTIVE : PS_PFN_STANDBY);
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 0);
}

static uint64_t n_reads;

static size_t read_memory(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    n_reads++;
    return m.mem.read(arg, phys, buf, n_bytes);
}

/* The database begins in the middle of a page here, so that one entry lies in two frames, which do
 * not follow each other. */
Test(pfn, is_read_page_by_page)
{
    struct ps_pfn_place place = {
        .method = PS_PFN_POINTER, .va = DB_VA + 0x808, .space = {PS_PAGING_X64, SELF_VA}};
    struct ps_pfn_database *db = NULL;
    uint64_t straddling = 0;

    for (size_t i = 0; i < ps_n_pfn_layouts; i++)
        if (strcmp(ps_pfn_layouts[i].name, "10 x64") == 0)
            place.layout = &ps_pfn_layouts[i];
    memset(m.bytes + FRAME(5), 0, 8192);
    put_pte(4, 401, 8);
    for (uint64_t frame = 0; frame < SMALL_MEMORY_FRAMES; frame++) {
        for (unsigned k = 0; k < 0x30; k++) {
            const uint64_t at = 0x808 + frame * 0x30 + k;
            const uint64_t pte = frame < 20 ? entry_of(USER + FRAME(frame)) : entry_of(BASE);
            const uint8_t byte = k >= 8 && k < 16 ? (uint8_t)(pte >> 8 * (k - 8))
                                 : k == 0x22      ? 6
                                                  : 0;

            m.bytes[at < 4096 ? FRAME(5) + at : FRAME(8) + at - 4096] = byte;
        }
        if ((0x808 + frame * 0x30) / 4096 != (0x808 + frame * 0x30 + 0x2f) / 4096)
            straddling = frame;
    }
    cr_assert_neq(straddling, 0);
    cr_assert_eq(ps_pfn_database_open(&db, &place, &p, &m.mem, read_memory, &m, &err), 0);
    for (uint64_t frame = 0; frame < SMALL_MEMORY_FRAMES; frame++) {
        n_reads = 0;
        cr_assert_eq(ps_pfn_database_use(db, FRAME(frame) + 5),
                     frame < 20 ? PS_PAGE_USE_PROCESS : PS_PAGE_USE_KERNEL, "frame %u",
                     (unsigned)frame);
        cr_assert_eq(n_reads, frame == straddling ? 2 : 1);
    }
    /* Behind the end, and with a page that is gone. */
    cr_assert_eq(ps_pfn_database_use(db, FRAME(4096)), PS_PAGE_USE_UNKNOWN);
    small_memory_hole(&m, 8, 9);
    cr_assert_eq(ps_pfn_database_use(db, FRAME(straddling)), PS_PAGE_USE_UNKNOWN);
    cr_assert_eq(ps_pfn_database_use(db, FRAME(straddling - 1)), PS_PAGE_USE_KERNEL);
    ps_pfn_database_free(db);
}

Test(pfn, evidence_of_a_page)
{
    struct ps_pfn_place place;
    const struct ps_pfn_spec s = spec(19041);
    struct ps_pfn_database *db = NULL;

    small_memory_put64(&m, FRAME(7), DB_VA);
    cr_assert_eq(ps_pfn_find(&p, &s, &place, &err), 1);
    cr_assert_eq(ps_pfn_database_open(&db, &place, &p, &m.mem, read_memory, &m, &err), 0);
    put_pfn(51, entry_of(USER), PS_PFN_MODIFIED);
    put_pfn(52, UINT64_C(0xffffd70e40800010), PS_PFN_STANDBY);
    put_pfn(53, entry_of(USER), PS_PFN_ZEROED);
    cr_assert_eq(ps_page_use_evidence(db, FRAME(51), 0), PS_EV_USER_PAGE);
    cr_assert_eq(ps_page_use_evidence(db, FRAME(52), 0), PS_EV_FILE_PAGE);
    cr_assert_eq(ps_pfn_database_use(db, FRAME(53)), PS_PAGE_USE_FREE);
    cr_assert_eq(ps_page_use_evidence(db, FRAME(53), 0), 0);
    cr_assert_eq(ps_page_use_evidence(db, FRAME(20), 0), 0);
    /* What the Windows kernel half maps is in use, and only a file's page is none of a pool. */
    cr_assert_eq(ps_page_use_evidence(db, FRAME(51), 1), 0);
    cr_assert_eq(ps_page_use_evidence(db, FRAME(52), 1), PS_EV_FILE_PAGE);
    cr_assert_eq(ps_page_use_evidence(db, FRAME(53), 1), 0);
    cr_assert_eq(ps_page_use_evidence(NULL, FRAME(51), 0), 0);
    ps_pfn_database_free(db);
}
