/* The big-pool tables of the real images, carved without page tables and found through them,
 * against the rows that the imaged kernel's own variables lead to (truth file). Without the images
 * the test is skipped, loudly. */
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/virtual/pool/bigpool.h"
#include "scan/bigpool/carve/carve.h"
#include "tests/real/unpack.h"
#include "tests/support/tmpdir.h"

static const struct real_image {
    const char *name;
    size_t n_rows;
    uint32_t n_slots;
    size_t entry_bytes;
    enum ps_bigpool_method carved;
    enum ps_bigpool_hash hash;
} images[] = {
    {"reactos-0.4.13-x86-desktop", 858, 4096, 0x10, PS_BIGPOOL_CARVED, PS_BIGPOOL_FOLD},
    {"reactos-0.4.16-x64-pools", 404, 1024, 0x18, PS_BIGPOOL_CARVED_RUN, PS_BIGPOOL_NO_HASH},
};

static int failures;

#define check(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("FAILED %s:%d: ", __FILE__, __LINE__);                                          \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static uint64_t hex(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    if (!text)
        abort();
    return strtoull(text, NULL, 16);
}

/* The live row with this address, NULL if none. */
static const struct ps_bigpool_row *live_row(const struct ps_bigpool_table *t, uint64_t va)
{
    for (size_t i = 0; i < t->n_rows; i++)
        if (t->row[i].entry.va == va && t->row[i].entry.state == PS_BIGPOOL_ALLOCATED)
            return &t->row[i];
    return NULL;
}

static void compare_row(const json_t *want, const struct ps_bigpool_table *t)
{
    const struct ps_bigpool_row *got = live_row(t, hex(want, "va"));
    const char *tag = json_string_value(json_object_get(want, "tag"));
    uint64_t n_pages = (uint64_t)json_integer_value(json_object_get(want, "pages"));

    check(got, "allocation %#" PRIx64 " is not listed", hex(want, "va"));
    if (!got)
        return;
    check(memcmp(&got->entry.tag, tag, 4) == 0, "%#" PRIx64 ": not tag %s", got->entry.va, tag);
    check(got->entry.n_bytes == n_pages * 4096,
          "%#" PRIx64 ": %" PRIu64 " bytes, not %" PRIu64 " pages", got->entry.va,
          got->entry.n_bytes, n_pages);
}

static void compare(const struct real_image *image, const json_t *truth,
                    const struct ps_bigpool_table *t)
{
    const json_t *rows = json_object_get(truth, "big_pages");
    uint64_t first = t->n_rows ? t->row[0].phys - (uint64_t)t->row[0].slot * image->entry_bytes : 0;

    if (!json_is_array(rows))
        abort();
    printf("  %s, %s, hash %s: %u slots, %zu allocated, %zu freed, %zu obey, pages %zu of %zu, "
           "%zu empty, %zu missing, %zu other\n",
           ps_bigpool_method_name(t->method), t->layout ? t->layout->name : "-",
           ps_bigpool_hash_name(t->hash), t->n_slots, t->n_allocated, t->n_freed, t->n_obey,
           t->n_pages_found, t->n_pages, t->n_pages_empty, t->n_pages_missing, t->n_pages_other);
    check(json_array_size(rows) == image->n_rows, "the truth has %zu rows", json_array_size(rows));
    check(t->hash == image->hash, "another hash");
    check(t->n_slots == image->n_slots, "%u slots", t->n_slots);
    check(t->n_allocated == image->n_rows, "%zu rows, not %zu", t->n_allocated, image->n_rows);
    check(first == hex(truth, "PoolBigPageTable_pa"), "the table begins at %#" PRIx64, first);
    for (size_t i = 0; i < json_array_size(rows); i++)
        compare_row(json_array_get(rows, i), t);
}

static void carve(const uint8_t *bytes, uint64_t n_bytes, struct ps_bigpool_table *t)
{
    const struct ps_bigpool_spec spec = {.arches = PS_BIGPOOL_X86 | PS_BIGPOOL_X64};
    struct ps_bigpool_carver *carver;
    struct ps_err err = {0};

    if (ps_bigpool_carver_new(&carver, &spec, &err) < 0)
        abort();
    for (uint64_t pa = 0; pa + 4096 <= n_bytes; pa += 4096)
        if (ps_bigpool_carver_page(carver, pa, bytes + pa, &err) < 0)
            abort();
    if (ps_bigpool_carver_finish(carver, t, &err) < 0)
        abort();
    ps_bigpool_carver_free(carver);
}

/* The first page of an allocation is where the truth says, or nowhere. */
static void compare_frames(const json_t *truth, const struct ps_bigpool_table *t)
{
    const json_t *rows = json_object_get(truth, "big_pages");
    size_t n_resident = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *want = json_array_get(rows, i);
        const struct ps_bigpool_row *got = live_row(t, hex(want, "va"));
        const char *pa = json_string_value(json_object_get(want, "first_pa"));
        const uint64_t phys = pa ? strtoull(pa, NULL, 16) : PS_BIGPOOL_NO_PHYS;

        check(got && got->first_phys == phys, "%#" PRIx64 ": not at %s", hex(want, "va"),
              pa ? pa : "no frame");
        n_resident += pa != NULL;
    }
    printf("  first pages resident: %zu\n", n_resident);
    check(n_resident > 300, "only %zu allocations have a frame in the truth", n_resident);
}

/* Method A, for which the image's own page tables and pointers are all that is needed. */
static void locate(const struct real_image *image, const char *path, const json_t *truth)
{
    const struct ps_options opt = {0};
    struct ps_address_space as;
    struct ps_bigpool_table t;
    struct ps_err err = {0};
    uint64_t n_unreadable = 0;

    if (ps_address_space_open(&as, &opt, path, &err) < 0 ||
        ps_address_space_bigpool(&as, &opt, NULL, &t, &n_unreadable, &err) < 0) {
        check(0, "%s", err.msg);
        return;
    }
    compare(image, truth, &t);
    compare_frames(truth, &t);
    printf("  at %#" PRIx64 ", pointer at %#" PRIx64 ", %zu candidates\n", t.va, t.pointer_va,
           t.n_candidates);
    check(t.method == PS_BIGPOOL_BY_POINTER, "method %s", ps_bigpool_method_name(t.method));
    check(t.va == hex(truth, "PoolBigPageTable"), "the table is at %#" PRIx64, t.va);
    check(t.n_slots == json_integer_value(json_object_get(truth, "PoolBigPageTableSize")),
          "%u slots", t.n_slots);
    check(t.n_pages_missing == 0 && t.n_pages_damaged == 0, "pages are missing or damaged");
    ps_bigpool_table_free(&t);
    ps_address_space_close(&as);
}

static void test_image(const struct real_image *image, const char *folder)
{
    struct ps_bigpool_table t;
    struct ps_tmpdir dir;
    struct stat st;
    char path[1024];
    json_t *truth;
    void *bytes;
    int fd;

    printf("%s\n", image->name);
    snprintf(path, sizeof path, "%.700s/%s.raw.xz", folder, image->name);
    ps_tmpdir_make(&dir);
    unpack_xz(path, ps_tmpdir_file(&dir, "image.raw"));
    fd = open(dir.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        abort();
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        abort();
    close(fd);
    carve(bytes, (uint64_t)st.st_size, &t);
    snprintf(path, sizeof path, "%.700s/%s.truth.json", folder, image->name);
    truth = json_load_file(path, JSON_ALLOW_NUL, NULL);
    compare(image, truth, &t);
    check(t.method == image->carved, "method %s", ps_bigpool_method_name(t.method));
    ps_bigpool_table_free(&t);
    munmap(bytes, (size_t)st.st_size);
    locate(image, ps_tmpdir_file(&dir, "image.raw"), truth);
    json_decref(truth);
    ps_tmpdir_remove(&dir);
}

int main(void)
{
    const char *shared = getenv("PS_SHARED");
    const char *source = getenv("PS_SOURCE");
    char folder[800];

    snprintf(folder, sizeof folder, "%.600s%s/images",
             shared   ? shared
             : source ? source
                      : ".",
             shared ? "" : "/../shared");
    if (access(folder, R_OK) != 0) {
        printf("##### SKIPPED: no real images in %s #####\n", folder);
        return 77;
    }
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        test_image(&images[i], folder);
    printf("%d failures\n", failures);
    return failures != 0;
}
