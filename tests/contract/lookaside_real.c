/* Why the tracker of a real image counts fewer allocations than there are allocated headers: the
 * look-aside lists of the pool are followed in the x86 image, and hold for each tag exactly the
 * blocks that are too many. No code of the program is used. Without the image (PS_SHARED, else
 * ../shared beside the source) the test is skipped, loudly. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/real/mapped.h"
#include "tests/real/truth.h"
#include "tests/real/unpack.h"
#include "tests/real/witness.h"
#include "tests/support/tmpdir.h"

#define IMAGE     "reactos-0.4.13-x86-desktop"
#define N_RESTING 107
#define POOL_TAG  0x6c6f6f50u
/* What the pool made before it had a table of big allocations. */
#define N_EARLY 2

/* GENERAL_LOOKASIDE of x86: where its fields are. */
enum { NEXT = 0x0, LIST_DEPTH = 0x4, DEPTH = 0x8, TAG = 0x20, SIZE = 0x24, LOOKASIDE_BYTES = 0x28 };

struct world {
    struct memory mem;
    struct truth truth;
    struct mapped mapped;
    uint8_t *body; /* for each 8 bytes: 1 where an allocated block's body begins, 2 once it was seen
                    * on a list */
    int64_t *n_resting; /* beside truth.tags */
};

static uint32_t load(const struct world *w, uint64_t phys, unsigned width)
{
    uint32_t value = 0;

    if (phys <= w->mem.n_bytes - width)
        memcpy(&value, w->mem.bytes + phys, width);
    return value;
}

/* Physical address of a virtual one; 0: not mapped by a small page. */
static uint64_t translate(const struct world *w, uint32_t va)
{
    const uint32_t pde = load(w, w->truth.cr3 + 4 * (va >> 22), 4);
    const uint32_t pte = pde & 1 ? load(w, (pde & 0xfffff000) + 4 * (va >> 12 & 1023), 4) : 0;

    return pte & 1 ? (pte & 0xfffff000) + (va & 0xfff) : 0;
}

/* Note the blocks of a page if the tracker knows all of their tags. */
static void take_page(struct world *w, uint64_t page)
{
    struct witness_block block[WITNESS_MAX_BLOCKS];
    const size_t n = witness_page(w->mem.bytes + page, 0, block);

    for (size_t i = 0; i < n; i++)
        if (block[i].type != 0 && !truth_find(&w->truth, block[i].tag))
            return;
    for (size_t i = 0; i < n; i++) {
        if (block[i].type == 0)
            continue;
        truth_find(&w->truth, block[i].tag)->n_found++;
        w->body[(page + block[i].off + 8) / 8] = 1;
    }
}

/* Follow a list of n blocks. With 'take' 0 only look whether it is one; else note its blocks. */
static int follow(struct world *w, uint32_t va, uint32_t n, int take)
{
    for (; n > 0; n--) {
        const uint64_t phys = translate(w, va);

        if (phys == 0 || phys % 8 != 0 || phys > w->mem.n_bytes - 8 || w->body[phys / 8] == 0)
            return 0;
        if (take && w->body[phys / 8] == 1) {
            struct truth_tag *tag = truth_find(&w->truth, load(w, phys - 4, 4));

            w->body[phys / 8] = 2;
            w->n_resting[tag - w->truth.tags]++;
        }
        va = load(w, phys, 4);
    }
    return va == 0;
}

/* The list at 'phys', if that is a look-aside list of the pool with something on it. */
static int take_list(struct world *w, uint64_t phys)
{
    const uint32_t n = load(w, phys + LIST_DEPTH, 2), limit = load(w, phys + DEPTH, 2);
    const uint32_t size = load(w, phys + SIZE, 4), next = load(w, phys + NEXT, 4);

    if (load(w, phys + TAG, 4) != POOL_TAG || n == 0 || n > 256 || limit == 0 || limit > 256)
        return 0;
    if (size == 0 || size > 4096 || next < 0x80000000 || !follow(w, next, n, 0))
        return 0;
    follow(w, next, n, 1);
    return 1;
}

static int compare(const struct world *w)
{
    int64_t sum = 0;
    int failures = 0;

    for (size_t i = 0; i < w->truth.n_tags; i++) {
        const struct truth_tag *t = &w->truth.tags[i];
        const int64_t early = t->tag == POOL_TAG ? N_EARLY : 0;
        const int64_t surplus = t->n_found + t->n_big - t->live + early;

        sum += w->n_resting[i];
        if (surplus != w->n_resting[i]) {
            printf("FAILED: tag %#x: %lld too many, %lld on look-aside lists\n", t->tag,
                   (long long)surplus, (long long)w->n_resting[i]);
            failures++;
        }
    }
    printf("%lld blocks on look-aside lists\n", (long long)sum);
    return failures + (sum != N_RESTING);
}

static int run(struct world *w)
{
    size_t n_lists = 0;
    int failures;

    w->body = calloc((size_t)(w->mem.n_bytes / 8), 1);
    w->n_resting = calloc(w->truth.n_tags, sizeof *w->n_resting);
    if (!w->body || !w->n_resting)
        abort();
    mapped_walk(&w->mapped, &w->mem, w->truth.cr3, 0);
    for (uint64_t i = 0; i < w->mapped.n_pages; i++)
        if (w->mapped.is_mapped[i] && (i + 1) * 4096 <= w->mem.n_bytes)
            take_page(w, i * 4096);
    for (uint64_t i = 0; i < w->mapped.n_pages; i++)
        for (uint64_t at = i * 4096; w->mapped.is_mapped[i] && at < (i + 1) * 4096; at += 8)
            if (at <= w->mem.n_bytes - LOOKASIDE_BYTES)
                n_lists += (size_t)take_list(w, at);
    printf("%zu look-aside lists of the pool\n", n_lists);
    failures = compare(w);
    mapped_free(&w->mapped);
    free(w->body);
    free(w->n_resting);
    return failures;
}

static int run_image(const char *raw, const char *truth_path)
{
    const int fd = open(raw, O_RDONLY | O_CLOEXEC);
    struct world w = {.n_resting = NULL};
    struct stat st;
    void *bytes;
    int failures;

    if (fd < 0 || fstat(fd, &st) < 0)
        abort();
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        abort();
    w.mem = (struct memory){bytes, (uint64_t)st.st_size};
    truth_load(&w.truth, truth_path);
    failures = run(&w);
    truth_free(&w.truth);
    munmap(bytes, (size_t)st.st_size);
    return failures;
}

int main(void)
{
    const char *shared = getenv("PS_SHARED");
    const char *source = getenv("PS_SOURCE");
    struct ps_tmpdir dir;
    char folder[600], xz[700], truth[700];
    int failures;

    if (shared)
        snprintf(folder, sizeof folder, "%.500s/images", shared);
    else
        snprintf(folder, sizeof folder, "%.500s/../shared/images", source ? source : ".");
    snprintf(xz, sizeof xz, "%s/" IMAGE ".raw.xz", folder);
    snprintf(truth, sizeof truth, "%s/" IMAGE ".truth.json", folder);
    if (access(xz, R_OK) < 0 || access(truth, R_OK) < 0) {
        printf("##### SKIPPED: no real images in %s #####\n", folder);
        return 77;
    }
    ps_tmpdir_make(&dir);
    unpack_xz(xz, ps_tmpdir_file(&dir, "image.raw"));
    failures = run_image(dir.file, truth);
    ps_tmpdir_remove(&dir);
    printf("%d failures\n", failures);
    return failures != 0;
}
