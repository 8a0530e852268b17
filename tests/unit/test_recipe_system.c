/* Page tables of recipes: what an entry holds, bit by bit, and what is refused. */
#include "host/recipe/recipe.h"

#include <stddef.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define X64 "size 1M\nseed 3\nsystem cr3=0x10 frames=0x20-0x3f shuffle selfmap=0x1f0\n"
#define MODULES X64 "modules list=0xffffa80100000000\n"
#define PAE "size 1M\narch x86\nbuild 2600\nsystem mode=pae cr3=0x10 frames=0x20-0x3f\n"
#define BIG X64 "tags t Aaaa\nbigtable va=0xffffa80000000000 slots=0x40\n"

/* clang-format off */
static const struct {
    const char *text;
    uint64_t line;
    const char *says;
} wrong[] = {
    {"size 1M\nmap 0xffffa80000000000 pages=1\n", 2, "page tables"},
    {"system cr3=1 frames=2-3\n", 1, "size of the image first"},
    {"size 1M\nsystem cr3=1\n", 2, "frames="},
    {"size 1M\nsystem cr3=0x100 frames=2-3\n", 2, "pages of the image"},
    {"size 1M\nsystem cr3=1 frames=2-0x100\n", 2, "last page"},
    {"size 1M\nsystem cr3=1 frames=2-3 mode=pae\n", 2, "mode"},
    {"size 1M\nsystem cr3=1 frames=2-3 mode=arm\n", 2, "cannot be read"},
    {"size 1M\nsystem cr3=1 frames=2-3 selfmap=0x10\n", 2, "kernel half"},
    {"size 1M\nsystem cr3=1 frames=2-3 entry=1\n", 2, "entry"},
    {"size 1M\npfndb va=0xffffca0000000000\n", 2, "page tables"},
    {"size 1M\nsystem cr3=1 frames=2-30\npfndb va=0x1000\n", 3, "kernel half"},
    {"size 1M\nsystem cr3=1 frames=2-30\npfndb va=0xffffca0000000000 at=4\n", 3, "0x4000"},
    {"size 1M\nsystem cr3=1 frames=2-30\npfndb va=0xffffca0000000000\n"
     "pfndb va=0xffffca0000000000\n", 4, "one PFN database"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse pages=3\n", 3, "zeroed|free"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse free\n", 3, "zeroed|free"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse free va=1\n", 3, "pages=A-B"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse free pages=40 standby\n", 3, "pages=A-B"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse process pages=40\n", 3, "user space"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse process pages=40 va=0x7fff00000000\n", 3,
     "user space"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse file pages=40 va=0x1000\n", 3, "kernel half"},
    {"size 1M\nsystem cr3=1 frames=2-30\nuse file pages=0x100 va=0x1000\n", 3, "last page"},
    {"size 1M\nsystem cr3=1 cr3=2 frames=2-3\n", 2, "twice"},
    {"size 1M\nsystem cr3=1 frames=2-3 large\n", 2, "does not take"},
    {"size 1M\nsystem cr3=1 frames=2-3 shuffle=1\n", 2, "stands alone"},
    {"size 1G\nsystem cr3=1 frames=2-0x8000\n", 2, "at most"},
    {"size 1M\nsystem cr3=1 frames=2-3 at=0x20\n", 2, "PAE"},
    {"size 1M\narch x86\nsystem mode=pae cr3=1 frames=2-3 at=0x21\n", 3, "multiple of 32"},
    {X64 "system cr3=1 frames=2-3\n", 4, "one system"},
    {X64 "map x pages=1\n", 4, "ADDRESS"},
    {X64 "map 0x1000 pages=1\n", 4, "kernel half"},
    {X64 "map 0xffffa80000000800 pages=1\n", 4, "page address"},
    {X64 "map 0xfffffffffffff000 pages=1-2\n", 4, "room"},
    {X64 "map 0xfffff80000000000 pages=1\n", 4, "map themselves"},
    {X64 "map 0xffffa80000000000\n", 4, "ADDRESS"},
    {X64 "map 0xffffa80000000000 nx\n", 4, "what is mapped"},
    {X64 "map 0xffffa80000000000 pages=1 count=1\n", 4, "what is mapped"},
    {X64 "map 0xffffa80000000000 pages=1 large\n", 4, "aligned"},
    {X64 "map 0xffffa80000000000 pages=1 transition=101\n", 4, "at most 100"},
    {X64 "map 0xffffa80000000000 pages=0x100\n", 4, "last page"},
    {X64 "map 0xffffa80000000000 pages=1\nmap 0xffffa80000000000 pages=2\n", 5, "already"},
    {"size 1M\nsystem cr3=1 frames=2-3\nmap 0xffffa80000000000 pages=9\n", 3, "used up"},
    {X64 "page 0x99 zero\npagefile pages=1\n", 5, "at least 2"},
    {X64 "pagefile pages=2\npagefile pages=2\n", 5, "once"},
    {X64 "table\n", 4, "write: table"},
    {X64 "table 0xffffa80000000000 burnt\n", 4, "write: table"},
    {X64 "table 0xffffa80000000000 lost\n", 4, "no table maps"},
    {X64 "map 0xffffa80000000000 pages=1\ntable 0xffffa80000000000 lost\n"
         "table 0xffffa80000001000 beyond\n", 6, "line 5"},
    {X64 "decoy\n", 4, "decoy tables"},
    {X64 "decoy tables\n", 4, "to=A-B"},
    {X64 "decoy tables to=0x10\n", 4, "twice"},
    {X64 "decoy bigtable to=0x50\n", 4, "no bigtable"},
    {X64 "big tag=Abcd va=0xffffa80000000000\n", 4, "table first"},
    {X64 "bigtable va=0xffffa80000000000 slots=48\n", 4, "power of two"},
    {X64 "bigtable va=0xffffa80000000000 hash=md5\n", 4, "cannot be read"},
    {BIG "bigtable va=0xffffa80000000000\n", 6, "one bigtable"},
    {BIG "big va=0xffffa90000000000\n", 6, "big tag="},
    {BIG "big tag=Abcd va=0xffffa90000000000 type=0x1000\n", 6, "0xfff"},
    {BIG "big tag=Abcd va=0xffffa90000000000 bytes=0x1001 pages=1\n", 6, "2 pages"},
    {BIG "bigs count=1 tags=t\n", 6, "bigs count"},
    {BIG "bigs count=64 tags=t pages=0x50-0x5f paged=0xffffa90000000000 "
         "nonpaged=0xffffaa0000000000\n",
     5, "do not fit"},
    {X64 "tracker va=0xffffa80000000000 slots=512\n", 4, "power of two"},
    {X64 "tracker va=0xffffa80000000000 cpus=65\n", 4, "cpus is"},
    {PAE "tracker va=0x81000000 cpus=2\n", 5, "cpus is"},
    {X64 "tracker va=0x1000\n", 4, "kernel half"},
    {X64 "tracker va=0xffffa80000000000 slots=257\n"
         "tracker va=0xffffa80000000000\n", 5, "one tracker"},
    {X64 "tags p Aaaa\npages 0x50-0x8f classic tags=p\n"
         "tracker va=0xffffa80000000000 cpus=2\n", 6, "used up"},
    {X64 "kernel va=0xffffa80000000000 size=0x1000\n", 4, "size is"},
    {X64 "kernel va=0xffffa80000000000 guid=12\n", 4, "cannot be read"},
    {X64 "kernel va=0xffffa80000000000 table=0x10\n", 4, "addresses in .data"},
    {X64 "kernel va=0xffffa80000000000 large=0x50-0x5f\n", 4, "2 MiB"},
    {X64 "kernel va=0xffffa80000000000\nkernel va=0xffffa80000000000\n", 5, "one kernel"},
    {X64 "module name=a va=0xffffa80000000000 pages=1\n", 4, "below a modules statement"},
    {MODULES "modules list=0xffffa80100000000\n", 5, "one modules"},
    {X64 "modules list=0xffffa80100000000 at=0x10\n", 4, "in .data"},
    {X64 "modules list=0x1000\n", 4, "kernel half"},
    {MODULES "module va=0xffffa80000000000 pages=1\n", 5, "name=TEXT"},
    {MODULES "module name=a va=0xffffa80000000000\n", 5, "name=TEXT"},
    {MODULES "module name=a va=0xffffa80000000000 pages=1\n", 4, "need a kernel"},
};
/* clang-format on */

Test(recipe_system, mistakes_are_refused_with_their_line)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ps_recipe *recipe = NULL;
        struct ps_err err = {.at = PS_AT_NONE};
        int rc = ps_recipe_parse(&recipe, wrong[i].text, strlen(wrong[i].text), NULL, 0, &err);

        cr_expect(rc == -PS_EARG && recipe == NULL, "row %zu was taken", i);
        cr_expect(err.at == wrong[i].line, "row %zu: line %llu: %s", i, (unsigned long long)err.at,
                  err.msg);
        cr_expect(strstr(err.msg, wrong[i].says) != NULL, "row %zu: %s", i, err.msg);
        ps_recipe_free(recipe);
    }
}

static struct ps_recipe *parse(const char *text)
{
    struct ps_recipe *recipe = NULL;
    struct ps_err err = {.at = PS_AT_NONE};
    int rc = ps_recipe_parse(&recipe, text, strlen(text), NULL, 0, &err);

    cr_assert(rc == 0, "line %llu: %s", (unsigned long long)err.at, err.msg);
    return recipe;
}

/* Entry i of the table in a page. */
static uint64_t entry(const struct ps_recipe *recipe, uint64_t page, size_t i)
{
    uint8_t b[PS_RECIPE_PAGE];
    struct ps_err err;
    uint64_t v = 0;

    cr_assert(ps_recipe_page(recipe, page, b, NULL, &err) >= 0);
    for (size_t k = 8; k-- > 0;)
        v = v << 8 | b[8 * i + k];
    return v;
}

static uint64_t frame(uint64_t e)
{
    return e >> 12 & 0xfffffffffull;
}

/* Down the four tables of 0xffffa80000000000 + 4096 * i. */
static uint64_t leaf(const struct ps_recipe *recipe, size_t i)
{
    uint64_t page = 0x10;

    page = frame(entry(recipe, page, 0x150));
    page = frame(entry(recipe, page, 0));
    page = frame(entry(recipe, page, 0));
    return entry(recipe, page, i);
}

Test(recipe_system, x64_tables_lead_to_the_pages)
{
    struct ps_recipe *r = parse(X64 "map 0xffffa80000000000 pages=0x50-0x51\n"
                                    "map 0xffffa80000002000 pages=0x52 nx ro\n"
                                    "map 0xffffa80000003000 pages=0x53 transition=100\n"
                                    "map 0xffffa80000004000 count=1\n");
    uint64_t transition;

    cr_expect_eq(entry(r, 0x10, 0x1f0) & 0xfffffff003ull, 0x10003u, "the top table maps itself");
    cr_expect_eq(entry(r, 0x10, 0x150) & 7, 3u);
    cr_expect_eq(leaf(r, 0), 0x0a00000000050963ull);
    cr_expect_eq(leaf(r, 1), 0x0a00000000051963ull);
    cr_expect_eq(leaf(r, 2) & 0x8000000fffffffffull, 0x8000000000052161ull);
    transition = leaf(r, 3);
    cr_expect_eq(transition & 0xc01, 0x800u);
    cr_expect_eq(frame(transition & ~(1ull << 45)), 0x53u);
    cr_expect_eq(leaf(r, 4), 0x80u, "demand zero has nothing but its protection");
    cr_expect_eq(leaf(r, 5), 0u);
    ps_recipe_free(r);
}

Test(recipe_system, a_page_can_be_in_the_page_file)
{
    struct ps_recipe *old = parse("size 1M\nbuild 7601\nsystem cr3=0x10 frames=0x20-0x3f\n"
                                  "pagefile pages=8 number=1\n"
                                  "map 0xffffa80000000000 pages=0x103\n");
    struct ps_recipe *new = parse(X64 "pagefile pages=8 number=2\n"
                                      "map 0xffffa80000000000 pages=0x103\n");
    uint64_t e = leaf(new, 0);

    cr_expect_eq(ps_recipe_size(old), 1u << 20);
    cr_expect_eq(leaf(old, 0), 0x0000000300000082ull);
    cr_expect_eq(e & 0xfc01, 0x2000u);
    cr_expect_eq((e & 0x10 ? e : e ^ 1ull << 45) >> 32, 3u);
    ps_recipe_free(old);
    ps_recipe_free(new);
}

Test(recipe_system, pae_tables_map_themselves)
{
    struct ps_recipe *r = parse(PAE "map 0x81000000 pages=0x55\n");
    struct ps_recipe *packed = parse("size 1M\narch x86\nsystem mode=pae cr3=0x10 at=0x260 "
                                     "frames=0x20-0x3f\nmap 0x81000000 pages=0x55\n");
    uint64_t last = frame(entry(r, 0x10, 3)), third = frame(entry(r, 0x10, 2));

    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(entry(r, 0x10, i) & 0xfff, 1u);
        cr_expect_eq(frame(entry(r, last, i)), frame(entry(r, 0x10, i)));
    }
    cr_expect_eq(entry(r, frame(entry(r, third, 8)), 0), 0x55963u);
    cr_expect_eq(entry(packed, 0x10, 0), 0u);
    third = frame(entry(packed, 0x10, 0x260 / 8 + 2));
    cr_expect_eq(entry(packed, frame(entry(packed, third, 8)), 0), 0x55963u);
    ps_recipe_free(packed);
    ps_recipe_free(r);
}

Test(recipe_system, a_lost_table_is_a_hole)
{
    struct ps_recipe *r = parse(X64 "map 0xffffa80000000000 pages=0x50\n"
                                    "map 0xffffa80000200000 pages=0x51\n"
                                    "table 0xffffa80000200000 lost\n");
    uint64_t page = frame(entry(r, frame(entry(r, 0x10, 0x150)), 0));
    uint8_t b[PS_RECIPE_PAGE];
    struct ps_err err;

    cr_expect_eq(leaf(r, 0) & 0xfffff000, 0x50000u);
    cr_expect_eq(ps_recipe_page(r, frame(entry(r, page, 1)), b, NULL, &err), 0);
    ps_recipe_free(r);
}

/* Two rows with the same home; the other slots were never used. */
Test(recipe_system, rows_stand_at_their_slots)
{
    struct ps_recipe *r = parse(BIG "big tag=Aaaa va=0xffffa90000001000 bytes=0x2530 type=0x401\n"
                                    "big tag=Bbbb va=0xffffa90000041000 free\n");
    uint64_t page = frame(leaf(r, 0));
    /* 40543 * 0x90000001 is 0x591570009e5f, whose halves give 0x7000c74a; 40543 * 0x90000041 is
     * 0x59157028361f, which gives 0x70286f0a. */
    size_t q = 0x0a * 3;

    cr_expect_eq(entry(r, page, q), 0xffffa90000001000ull);
    cr_expect_eq(entry(r, page, q + 1), 0x0004010061616141ull);
    cr_expect_eq(entry(r, page, q + 2), 0x2530u);
    cr_expect_eq(entry(r, page, q + 3), 0xffffa90000041001ull);
    cr_expect_eq(entry(r, page, q - 3), 1u);
    cr_expect_eq(entry(r, page, q + 6), 1u);
    ps_recipe_free(r);
}

/* One block and one big allocation of one tag, the past aside: the differences of the counters. */
Test(recipe_system, the_tracker_counts_what_is_planted)
{
    struct ps_recipe *r = parse(X64 "page 0x50 classic\n"
                                    "block tag=Aaaa protected size=0x40\n"
                                    "map 0xffffab0000000000 pages=0x50\n"
                                    "bigtable va=0xffffaa0000000000 slots=16\n"
                                    "big tag=Aaaa va=0xffffa90000001000 bytes=0x2530\n"
                                    "tracker va=0xffffa80000000000 slots=257\n");
    uint64_t page = frame(leaf(r, 0));
    /* 40543 * 0x61616141 is 0x3c3e3d29351f, whose halves give 0x3d290921: slot 0x21 of 0x38 bytes
     * each. Tag, bytes, allocs and frees of nonpaged pool. */
    size_t q = 0x21 * 7;

    cr_expect_eq(entry(r, page, q), 0x61616141u);
    cr_expect_eq(entry(r, page, q + 1), 0x2570u);
    cr_expect_eq(entry(r, page, q + 2) - entry(r, page, q + 3), 2u);
    ps_recipe_free(r);
}

/* The page file: its first page unused, then what the recipe puts behind the image. */
Test(recipe_system, the_page_file_is_written)
{
    struct ps_recipe *r = parse(X64 "pagefile pages=3\npage 0x101 ones\npage 0x102 +8 u32 5\n");
    struct ps_recipe *none = parse(X64);
    char path[] = "/tmp/poolscan-pagefile-XXXXXX";
    uint8_t b[3 * PS_RECIPE_PAGE + 1];
    struct ps_err err;
    int fd = mkstemp(path);
    FILE *f;

    cr_assert(fd >= 0);
    cr_expect_eq(ps_recipe_write_page_file(none, path, &err), -PS_EARG);
    cr_assert_eq(ps_recipe_write_page_file(r, path, &err), 0, "%s", err.msg);
    close(fd);
    f = fopen(path, "rb");
    cr_assert_not_null(f);
    cr_expect_eq(fread(b, 1, sizeof b, f), 3u * PS_RECIPE_PAGE);
    fclose(f);
    unlink(path);
    cr_expect_eq(b[0], 0);
    cr_expect_eq(b[PS_RECIPE_PAGE], 0xff);
    cr_expect_eq(b[2 * PS_RECIPE_PAGE - 1], 0xff);
    cr_expect_eq(b[2 * PS_RECIPE_PAGE + 8], 5);
    cr_expect_eq(ps_recipe_pages(r), 0x103u);
    ps_recipe_free(r);
    ps_recipe_free(none);
}

static const uint8_t *mapped(const struct ps_recipe *r, size_t i, uint8_t *b)
{
    struct ps_err err;

    cr_assert_eq(ps_recipe_page(r, frame(leaf(r, i)), b, NULL, &err), 1);
    return b;
}

Test(recipe_system, the_kernel_is_a_pe_image_with_its_pointers)
{
    struct ps_recipe *r = parse(X64 "bigtable va=0xffffa90000000000 slots=64\n"
                                    "kernel va=0xffffa80000000000 size=0x20000 age=3 table=0x5008 "
                                    "tablesize=0x6010 guid=00112233445566778899aabbccddeeff\n");
    static const uint8_t rsds[] = "RSDS\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee"
                                  "\xff\x03\0\0\0ntkrnlmp.pdb";
    uint8_t b[PS_RECIPE_PAGE];

    cr_expect(memcmp(mapped(r, 0, b), "MZ", 2) == 0);
    cr_expect(memcmp(b + b[0x3c], "PE\0\0\x64\x86", 6) == 0);
    cr_expect(memmem(b, sizeof b, "POOLCODE", 8) != NULL);
    cr_expect(memmem(mapped(r, 3, b), PS_RECIPE_PAGE, rsds, sizeof rsds) != NULL);
    cr_expect(memmem(b, sizeof b, "ntoskrnl.exe", 13) != NULL);
    cr_expect(memcmp(mapped(r, 5, b) + 8, "\0\0\0\0\0\xa9\xff\xff", 8) == 0);
    cr_expect_eq(mapped(r, 6, b)[0x10], 64);
    ps_recipe_free(r);
}

/* The copies are those of the pages that they name, and nothing maps them. */
Test(recipe_system, decoys_are_copies)
{
    struct ps_recipe *r = parse(BIG "big tag=Aaaa va=0xffffa90000001000\n"
                                    "decoy tables to=0x60-0x6f\ndecoy bigtable to=0x70\n"
                                    "decoy process to=0x80 keep=100\n");
    uint8_t table[PS_RECIPE_PAGE], b[PS_RECIPE_PAGE];
    struct ps_err err;

    mapped(r, 0, table);
    cr_expect_eq(ps_recipe_page(r, 0x70, b, NULL, &err), 1);
    cr_expect(memcmp(table, b, sizeof b) == 0);
    cr_expect_eq(entry(r, 0x60, 0x1f0), entry(r, 0x10, 0x1f0), "the top table, as it is");
    cr_expect_eq(frame(entry(r, 0x80, 0x1f0)), 0x80u, "another top table maps itself");
    cr_expect_eq(entry(r, 0x80, 0x150), entry(r, 0x10, 0x150));
    ps_recipe_free(r);
}
