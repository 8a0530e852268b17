#include "scan/windows/kernel/kernel_image.h"

#include <criterion/criterion.h>
#include <string.h>

#include "scan/windows/kernel/mapped_pages.h"
#include "tests/support/pe_image.h"
#include "tests/support/rng.h"
#include "tests/support/small_memory.h"

#define FRAME(n) (UINT64_C(4096) * (n))
#define VALID    0x63 /* writable */
#define READONLY 0x61
#define REGION   UINT64_C(0xfffff80312200000) /* the 2 MiB that the tables map */
#define FAR      UINT64_C(0xffffb80000000000) /* another 2 MiB, in no region of the kernel */
#define PAGES    (PE_IMAGE_BYTES / 4096)

static struct small_memory m;
static struct ps_paging paging;
static struct ps_kernel_image found;

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, entry);
}

static void map(uint64_t va, uint64_t frame, uint64_t bits)
{
    put(va >> 21 == REGION >> 21 ? 4 : 7, va >> 12 & 511, FRAME(frame) | bits);
}

/* Top table in frame 1; 2 to 4 lead to REGION, 5 to 7 to FAR. */
static void init(void)
{
    small_memory_init(&m);
    put(1, REGION >> 39 & 511, FRAME(2) | VALID);
    put(2, REGION >> 30 & 511, FRAME(3) | VALID);
    put(3, REGION >> 21 & 511, FRAME(4) | VALID);
    put(1, FAR >> 39 & 511, FRAME(5) | VALID);
    put(5, FAR >> 30 & 511, FRAME(6) | VALID);
    put(6, FAR >> 21 & 511, FRAME(7) | VALID);
}

TestSuite(kernel_image, .init = init);

static void plant_options(uint64_t va, uint64_t frame, const struct pe_image_options *o)
{
    pe_image_write(m.bytes + FRAME(frame), o);
    for (uint64_t i = 0; i < PAGES; i++)
        map(va + FRAME(i), frame + i, VALID);
}

static void plant(uint64_t va, uint64_t frame, const char *export_name, const char *pdb_name,
                  uint64_t system_process)
{
    const struct pe_image_options o = {.is_x64 = 1,
                                       .base = va,
                                       .export_name = export_name,
                                       .pdb_name = pdb_name,
                                       .build = 7601,
                                       .system_process = system_process};

    plant_options(va, frame, &o);
}

static int find(uint64_t hint)
{
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X64, 0), FRAME(1));
    return ps_kernel_image_find(&paging, hint, &found);
}

Test(kernel_image, by_region)
{
    struct ps_va_range range[8];
    const uint64_t base = REGION + FRAME(9);

    map(FAR, 60, VALID);
    plant(base, 10, "ntoskrnl.exe", "ntkrnlmp.pdb", FAR);
    cr_assert_eq(find(0), 1);
    cr_assert_eq(found.base, base);
    cr_assert_eq(found.n_bytes, PE_IMAGE_BYTES);
    cr_assert_eq(found.method, PS_KERNEL_REGION);
    cr_assert_eq(found.build, 7601);
    cr_assert_eq(found.initial_system_process, PE_INITIAL_SYSTEM_PROCESS);
    cr_assert_eq(found.loaded_module_list, PE_LOADED_MODULE_LIST);
    cr_assert(found.has_pdb);
    cr_assert_eq(found.pdb.age, PE_AGE);
    cr_assert_eq(ps_kernel_data_ranges(&found, range, 8), 1, ".data and ALMOSTRO touch");
    cr_assert_eq(range[0].va, base + PE_DATA);
    cr_assert_eq(range[0].n_bytes, 0x2ff0);
    cr_assert_eq(ps_kernel_data_ranges(&found, NULL, 0), 1);
}

Test(kernel_image, near_the_low_stub)
{
    const uint64_t base = FAR + FRAME(9);

    map(FAR, 60, VALID);
    plant(base, 10, "ntoskrnl.exe", "ntkrnlmp.pdb", FAR);
    cr_assert_eq(find(0), 0, "in no region");
    cr_assert_eq(find(base + 0x1234), 1);
    cr_assert_eq(found.method, PS_KERNEL_NEAR_STUB);
    cr_assert_eq(found.base, base);
    cr_assert_eq(find(base - FRAME(8)), 1, "above the address too");
    cr_assert_eq(find(1), 0, "an address of the user half is no hint");
    cr_assert_eq(find(UINT64_MAX), 0);
}

/* A copy that nobody runs, a driver, and a file as it is on disk: the live one wins. */
Test(kernel_image, copies_are_told_apart)
{
    const uint64_t base = REGION + FRAME(300);

    map(FAR, 60, VALID);
    plant(REGION, 10, "ntoskrnl.exe", "ntkrnlmp.pdb", 0);
    plant(REGION + FRAME(100), 20, "disk.sys", "disk.pdb", FAR);
    plant(base, 40, "ntoskrnl.exe", "ntkrnlmp.pdb", FAR);
    cr_assert_eq(find(0), 1);
    cr_assert_eq(found.base, base);
    cr_assert_eq(found.n_candidates, 2, "the driver is none");
}

/* Of two that are not alive, the one that was loaded where it is. */
Test(kernel_image, own_base_decides)
{
    const struct pe_image_options moved = {
        .is_x64 = 1, .base = REGION, .export_name = "ntoskrnl.exe", .pdb_name = "ntkrnlmp.pdb"};

    plant_options(REGION + FRAME(50), 10, &moved);
    plant(REGION + FRAME(100), 20, "ntoskrnl.exe", "ntkrnlmp.pdb", 0);
    cr_assert_eq(find(0), 1);
    cr_assert_eq(found.base, REGION + FRAME(100));
}

Test(kernel_image, by_pdb_name_alone)
{
    plant(REGION + FRAME(3), 10, NULL, "NTKRNLPA.PDB", 0);
    cr_assert_eq(find(0), 1);
    cr_assert_eq(found.base, REGION + FRAME(3));
    cr_assert_str_eq(found.export_name, "");
    cr_assert_eq(found.build, 0);
}

Test(kernel_image, not_of_the_other_architecture)
{
    const struct pe_image_options o = {.base = 0x80400000,
                                       .export_name = "ntoskrnl.exe",
                                       .pdb_name = "ntkrnlmp.pdb",
                                       .system_process = FAR};

    map(FAR, 60, VALID);
    plant_options(REGION, 10, &o);
    cr_assert_eq(find(0), 0);
}

/* Without its first page there is no header, but there are pages that can be written. */
Test(kernel_image, no_header)
{
    struct ps_va_range range[4];

    plant(REGION + FRAME(9), 10, "ntoskrnl.exe", "ntkrnlmp.pdb", FAR);
    map(REGION + FRAME(9), 0, 0);
    map(REGION + FRAME(12), 13, READONLY);
    map(REGION + FRAME(40), SMALL_MEMORY_FRAMES + 5, VALID); /* not in the image */
    cr_assert_eq(find(0), 0);
    cr_assert_eq(found.method, PS_KERNEL_NO_HEADER);
    cr_assert_not(found.has_header);
    cr_assert_eq(found.base, 0);
    cr_assert_eq(ps_kernel_data_ranges(&found, range, 4), 2);
    cr_assert_eq(range[0].va, REGION + FRAME(10));
    cr_assert_eq(range[0].n_bytes, FRAME(2));
    cr_assert_eq(range[1].va, REGION + FRAME(13));
    cr_assert_eq(range[1].n_bytes, FRAME(4));
}

Test(kernel_image, nothing_at_all)
{
    cr_assert_eq(find(0), 0);
    cr_assert_eq(found.method, PS_KERNEL_NOT_FOUND);
    cr_assert_eq(ps_kernel_data_ranges(&found, NULL, 0), 0);
}

/* One table that leads to itself maps the whole region to a page that says MZ. */
Test(kernel_image, endless_tables_end)
{
    for (uint64_t i = 0; i < 512; i++)
        put(1, i, FRAME(1) | VALID);
    m.bytes[FRAME(1) + 0] = 'M';
    m.bytes[FRAME(1) + 1] = 'Z';
    cr_assert_eq(find(REGION), 0);
    cr_assert_leq(found.n_ranges, PS_KERNEL_MAX_RANGES);
}

Test(kernel_image, x86)
{
    const struct pe_image_options o = {.base = 0x80800000,
                                       .export_name = "ntoskrnl.exe",
                                       .build = 2600,
                                       .system_process = 0x80810000};
    const uint64_t page = 0x80800000 >> 12 & 1023;

    small_memory_put32(&m, FRAME(8) + 4 * (0x80800000 >> 22), FRAME(9) | VALID);
    pe_image_write(m.bytes + FRAME(20), &o);
    for (uint64_t i = 0; i < PAGES; i++)
        small_memory_put32(&m, FRAME(9) + 4 * (page + i), (uint32_t)FRAME(20 + i) | VALID);
    small_memory_put32(&m, FRAME(9) + 4 * (page + 16), FRAME(40) | VALID);
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X86, 0), FRAME(8));
    cr_assert_eq(ps_kernel_image_find(&paging, 0, &found), 1);
    cr_assert_eq(found.base, 0x80800000);
    cr_assert_eq(found.build, 2600);
    cr_assert_not(found.has_pdb);
}

/* Page by page, what the walk of each address says. */
static void compare_with_walks(uint64_t from, uint64_t last, uint64_t seed)
{
    static struct ps_mapped_pages pages;
    struct ps_mapped_page page = {0};
    uint32_t budget = UINT32_MAX;
    uint64_t expected_from = from;
    struct ps_walk w;

    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X64, 0), FRAME(1));
    ps_mapped_pages_init(&pages, &paging);
    for (uint64_t va = from; va <= last; va += FRAME(1)) {
        const int is_mapped = ps_paging_walk(&paging, va, &w) == PS_WALK_MAPPED;

        if (va >= expected_from && is_mapped) {
            cr_assert(ps_mapped_pages_next(&pages, expected_from, last, &budget, &page),
                      "PS_SEED=%#llx", (unsigned long long)seed);
            cr_assert_eq(page.va, va, "PS_SEED=%#llx", (unsigned long long)seed);
            cr_assert_eq(page.last, va | (w.page_bytes - 1));
            cr_assert_eq(page.phys, w.phys);
            cr_assert_eq(page.writable, w.writable);
            expected_from = page.last + 1;
        }
    }
    cr_assert_not(ps_mapped_pages_next(&pages, expected_from, last, &budget, &page));
}

Test(kernel_image, mapped_pages_are_those_of_the_walks)
{
    static const uint64_t bits[] = {0, 0, 0x63, 0x61, 0x880, 0x400, 0x20, UINT64_C(1) << 63 | 0x63};
    const uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);

    for (unsigned round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 512; i++) {
            put(4, i, FRAME(rng_below(&r, 70)) | bits[rng_below(&r, 8)]);
            put(8, i, FRAME(rng_below(&r, 70)) | bits[rng_below(&r, 8)]);
        }
        put(3, (REGION >> 21 & 511) + 1, FRAME(512) | 0xe3); /* a large page beside it */
        put(3, (REGION >> 21 & 511) + 3, FRAME(8) | (round & 1 ? VALID : READONLY));
        compare_with_walks(REGION, REGION + (UINT64_C(10) << 20) - 1, seed);
    }
}
