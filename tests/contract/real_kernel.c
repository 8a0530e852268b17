/* The Windows kernel of the real images against their truth files: the variables that hold the
 * addresses of the two pool tables lie in its data ranges, and where a symbol is known, the
 * variable it names holds the right one. The PFN database agrees with the page tables. Without the
 * images (PS_SHARED, else ../shared beside the source) the test is skipped, loudly. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/options.h"
#include "host/virtual/pfn.h"
#include "host/virtual/windows_kernel.h"
#include "tests/real/each_image.h"

static const struct real_image {
    const char *name;
    uint64_t base; /* 0: its header is not in the image */
    enum ps_kernel_method method;
    enum ps_symbol_source source;
    uint64_t pfn; /* PFN database, 0: it is not in the image */
} images[] = {
    {"reactos-0.4.13-x86-desktop", 0x80800000, PS_KERNEL_REGION, PS_SYMBOLS_EXPORTS, 0xb0000000},
    {"reactos-0.4.16-x64-pools", 0, PS_KERNEL_NO_HEADER, PS_SYMBOLS_KDBG, 0},
};

static int failures;

static void expect(int ok, const char *name, const char *what)
{
    if (!ok) {
        printf("FAILED: %s: %s\n", name, what);
        failures++;
    }
}

static uint64_t number(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    if (!text) {
        printf("truth file: no %s\n", name);
        exit(1);
    }
    return strtoull(text, NULL, 16);
}

static uint64_t read_pointer(const struct ps_address_space *as, uint64_t va)
{
    const size_t n = as->dtb.mode == PS_PAGING_X64 ? 8 : 4;
    uint64_t value = 0;

    return ps_paging_read(as->paging, va, &value, n) == n ? value : 0;
}

/* Pointers with this value in the data ranges. */
static size_t count_pointers(const struct ps_address_space *as, uint64_t value)
{
    const uint64_t step = as->dtb.mode == PS_PAGING_X64 ? 8 : 4;
    struct ps_va_range range[PS_KERNEL_MAX_RANGES];
    size_t n_ranges = ps_kernel_data_ranges(&as->kernel, range, PS_KERNEL_MAX_RANGES), n = 0;

    for (size_t i = 0; i < n_ranges; i++)
        for (uint64_t off = 0; off + step <= range[i].n_bytes; off += step)
            n += read_pointer(as, range[i].va + off) == value;
    return n;
}

static void check_symbol(const struct real_image *image, const struct ps_address_space *as,
                         uint64_t tracker)
{
    uint64_t va;

    if (image->source != PS_SYMBOLS_KDBG)
        return;
    expect(ps_address_space_symbol(as, PS_SYMBOL_PoolTrackTable, &va) &&
               read_pointer(as, va) == tracker,
           image->name, "PoolTrackTable holds the address of the table");
    expect(!(as->symbols.guessed >> PS_SYMBOL_PoolTrackTable & 1) &&
               (as->symbols.guessed >> PS_SYMBOL_PoolBigPageTable & 1),
           image->name, "what is a guess is called one");
}

/* What the Windows kernel half maps is neither free nor a process's, but for what was mapped when
 * it started; most of what it does not map is. */
static void check_uses(const struct real_image *image, const struct ps_address_space *as,
                       const struct ps_inverse_map *map, const struct ps_pfn_database *db)
{
    size_t n[2][PS_PAGE_USE_KERNEL + 1] = {{0}};

    for (size_t i = 0; i < as->memory.mem.n_runs; i++) {
        const struct ps_phys_run *r = &as->memory.mem.run[i];

        for (uint64_t phys = r->phys; phys - r->phys < r->n_bytes; phys += PS_FRAME_BYTES) {
            struct ps_mapping m;
            const int is_mapped = ps_inverse_map_find(map, phys, &m, 1) != 0;

            n[is_mapped][ps_pfn_database_use(db, phys)]++;
        }
    }
    for (int i = 0; i < 2; i++)
        printf("%s: %s: unknown %zu, free %zu, process %zu, file %zu, kernel %zu\n", image->name,
               i ? "mapped" : "unmapped", n[i][PS_PAGE_USE_UNKNOWN], n[i][PS_PAGE_USE_FREE],
               n[i][PS_PAGE_USE_PROCESS], n[i][PS_PAGE_USE_FILE], n[i][PS_PAGE_USE_KERNEL]);
    expect(n[1][PS_PAGE_USE_FREE] + n[1][PS_PAGE_USE_PROCESS] < n[1][PS_PAGE_USE_KERNEL] / 10,
           image->name, "mapped pages are the Windows kernel's");
    expect(n[0][PS_PAGE_USE_FREE] > n[0][PS_PAGE_USE_KERNEL] && n[0][PS_PAGE_USE_PROCESS] > 0,
           image->name, "free pages and pages of processes");
}

static void check_pfn(const struct real_image *image, struct ps_address_space *as,
                      const struct ps_options *opt)
{
    struct ps_inverse_map *map = NULL;
    struct ps_pfn_source pfn = {.db = NULL};
    struct ps_pfn_place place;
    struct ps_err err;
    int rc = ps_address_space_map(as, &map, &err);

    if (rc == 0)
        rc = ps_address_space_pfn_find(as, opt, map, &place, &err);
    expect(rc >= 0 && place.va == image->pfn, image->name, "place of the PFN database");
    if (rc > 0 && ps_address_space_pfn(as, opt, map, &pfn, &err) == 0 && pfn.db)
        check_uses(image, as, map, pfn.db);
    expect(image->pfn == 0 || pfn.db, image->name, "PFN database");
    ps_pfn_source_close(&pfn);
    ps_inverse_map_free(map);
}

static void check_image(const struct real_image *image, const char *raw, const json_t *truth)
{
    const struct ps_options opt = {.arch = "auto"};
    struct ps_address_space as;
    struct ps_err err;

    if (ps_address_space_open(&as, &opt, raw, &err) < 0 ||
        ps_address_space_kernel(&as, &opt, &err) < 0) {
        expect(0, image->name, err.msg);
    } else {
        const size_t n_big = count_pointers(&as, number(truth, "PoolBigPageTable"));
        const size_t n_tracker = count_pointers(&as, number(truth, "PoolTrackTable"));

        printf("%s: %s, base 0x%llx, %zu data ranges, %zu and %zu pointers to the tables\n",
               image->name, ps_kernel_method_name(as.kernel.method),
               (unsigned long long)as.kernel.base, as.kernel.n_ranges, n_big, n_tracker);
        expect(as.kernel.base == image->base, image->name, "base");
        expect(as.kernel.method == image->method, image->name, "method");
        expect(as.symbols.source == image->source, image->name, "source of symbols");
        expect(!as.kernel.has_pdb, image->name, "no RSDS record");
        expect(image->base == 0 || as.build == 3790, image->name, "NtBuildNumber");
        expect(n_big > 0 && n_tracker > 0, image->name, "the variables are in the data ranges");
        check_symbol(image, &as, number(truth, "PoolTrackTable"));
        check_pfn(image, &as, &opt);
    }
    ps_address_space_close(&as);
}

static void check_one(size_t i, const char *raw, const json_t *truth)
{
    check_image(&images[i], raw, truth);
}

int main(void)
{
    const char *const names[] = {images[0].name, images[1].name};

    if (real_each_image(names, sizeof names / sizeof *names, check_one) == 0)
        return 77;
    printf("%d failures\n", failures);
    return failures != 0;
}
