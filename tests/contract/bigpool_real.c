/* The big-pool tables of the real images, carved without page tables, against the rows that the
 * imaged kernel's own variables lead to (truth file). Without the images the test is skipped,
 * loudly. */
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan/bigpool/carve/carve.h"
#include "tests/real/unpack.h"
#include "tests/support/tmpdir.h"

static const struct real_image {
    const char *name;
    size_t n_rows;
    uint32_t n_slots;
    size_t entry_bytes;
    enum ps_bigpool_method method;
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

static void compare(const struct real_image *image, const char *truth_path,
                    const struct ps_bigpool_table *t)
{
    json_t *truth = json_load_file(truth_path, JSON_ALLOW_NUL, NULL);
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
    check(t->method == image->method && t->hash == image->hash, "another method or hash");
    check(t->n_slots == image->n_slots, "%u slots", t->n_slots);
    check(t->n_allocated == image->n_rows, "%zu rows, not %zu", t->n_allocated, image->n_rows);
    check(first == hex(truth, "PoolBigPageTable_pa"), "the table begins at %#" PRIx64, first);
    for (size_t i = 0; i < json_array_size(rows); i++)
        compare_row(json_array_get(rows, i), t);
    json_decref(truth);
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

static void test_image(const struct real_image *image, const char *folder)
{
    struct ps_bigpool_table t;
    struct ps_tmpdir dir;
    struct stat st;
    char path[1024];
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
    compare(image, path, &t);
    ps_bigpool_table_free(&t);
    munmap(bytes, (size_t)st.st_size);
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
