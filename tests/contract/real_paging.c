/* The page tables of the real images against their truth files: the DTB is the one that the system
 * ran with, and each entry of its big-page table translates to the frame that it names. Without
 * the images (PS_SHARED, else ../shared beside the source) the test is skipped, loudly. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/options.h"
#include "host/virtual/address_space.h"
#include "scan/windows/paging/inverse_map.h"
#include "tests/real/each_image.h"

static const struct real_image {
    const char *name;
    enum ps_paging_mode mode;
    size_t n_big;    /* rows of the big-page table */
    size_t n_absent; /* of them: with no page yet, by the truth */
    uint64_t kuser;
} images[] = {
    {"reactos-0.4.13-x86-desktop", PS_PAGING_X86, 858, 0, 0x99000},
    {"reactos-0.4.16-x64-pools", PS_PAGING_X64, 404, 5, 0x93000},
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

/* Is va among the addresses of its frame, when the file has that frame and not a hole? */
static int map_agrees(const struct ps_inverse_map *map, const struct ps_address_space *as,
                      uint64_t phys, uint64_t va)
{
    struct ps_mapping got[64];
    size_t n = ps_inverse_map_find(map, phys, got, 64);

    if (!ps_image_has(as->image, phys))
        return n == 0;
    for (size_t i = 0; i < n && i < 64; i++)
        if (got[i].va == va)
            return 1;
    return 0;
}

static void check_big_pages(const struct real_image *image, const struct ps_address_space *as,
                            const json_t *rows)
{
    struct ps_inverse_map *map = NULL;
    struct ps_err err;
    size_t i, right = 0, mapped = 0, absent = 0;
    const json_t *row;

    if (ps_inverse_map_build(&map, &as->memory.mem, as->dtb.mode, as->dtb.root, &err) < 0) {
        expect(0, image->name, err.msg);
        return;
    }
    json_array_foreach(rows, i, row)
    {
        uint64_t va = number(row, "va"), phys = 0;

        /* No frame: allocated, but never touched. */
        if (json_is_null(json_object_get(row, "first_pa"))) {
            absent += !ps_paging_translate(as->paging, va, &phys);
            continue;
        }

        if (ps_paging_translate(as->paging, va, &phys) && phys == number(row, "first_pa"))
            right++;
        mapped += (size_t)map_agrees(map, as, number(row, "first_pa"), va);
    }
    printf(
        "%s: %zu big allocations translate, %zu agree with the inverse map, %zu have no page yet\n",
        image->name, right, mapped, absent);
    expect(json_array_size(rows) == image->n_big, image->name, "number of rows");
    expect(absent == image->n_absent, image->name, "those without a page do not translate");
    expect(right == image->n_big - absent, image->name, "big allocations translate");
    expect(mapped == image->n_big - absent, image->name, "the inverse map has them");
    ps_inverse_map_free(map);
}

static void check_image(const struct real_image *image, const char *raw, const json_t *truth)
{
    const struct ps_options opt = {.arch = "auto"};
    struct ps_address_space as;
    struct ps_err err;

    if (ps_address_space_open(&as, &opt, raw, &err) < 0) {
        expect(0, image->name, err.msg);
    } else if (!as.has_dtb) {
        expect(0, image->name, "no page tables found");
    } else {
        printf("%s: DTB 0x%llx, %u candidates, %llu kernel pages\n", image->name,
               (unsigned long long)as.dtb.root, as.dtb.n_candidates,
               (unsigned long long)as.dtb.n_pages);
        expect(as.dtb.root == number(truth, "cr3"), image->name, "the DTB is cr3");
        expect(as.dtb.mode == image->mode, image->name, "mode");
        expect(as.dtb.maps_kuser && as.dtb.kuser == image->kuser, image->name, "KUSER");
        check_big_pages(image, &as, json_object_get(truth, "big_pages"));
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
