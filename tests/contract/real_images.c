/* The real images against two witnesses that share no code with the scanner: the pool tracker and
 * the big-page table (truth file), and a plain chain walk over the pages that the Windows kernel
 * half of the page tables maps. Every kernel of the table must give the same findings. Without
 * the images (PS_SHARED, else ../shared beside the source) the test is skipped, loudly. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/digest.h"
#include "host/image/image.h"
#include "kernels/kernel.h"
#include "scan/plan_compile.h"
#include "scan/pool/page_judge.h"
#include "scan/windows/kuser.h"
#include "tests/real/mapped.h"
#include "tests/real/truth.h"
#include "tests/real/unpack.h"
#include "tests/real/witness.h"
#include "tests/support/tmpdir.h"

#define CHUNK_PAGES ((size_t)256)
#define CHUNK_HITS  (CHUNK_PAGES * 512)

/* What the README of the images promises of a plain walk is the least we accept. */
static const struct real_image {
    const char *name;
    int x64;
    uint64_t kuser_pa;
    size_t least_exact; /* tags for which found + big equals the tracker */
    size_t least_blocks;
} images[] = {
    {"reactos-0.4.13-x86-desktop", 0, 0x99000, 226, 40000},
    {"reactos-0.4.16-x64-pools", 1, 0x93000, 253, 25000},
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

static void die(const char *what, const struct ps_err *err)
{
    fprintf(stderr, "%s: %s\n", what, err->msg);
    exit(1);
}

struct findings {
    struct ps_finding *at;
    size_t n, room;
};

static struct ps_finding *append(struct findings *f, size_t n)
{
    if (n > f->room - f->n) {
        f->room = 2 * f->room + n;
        f->at = realloc(f->at, f->room * sizeof *f->at);
        if (!f->at)
            abort();
    }
    f->n += n;
    return f->at + f->n - n;
}

struct scanner {
    const struct ps_era *era;
    struct ps_tagdb *db;
    struct ps_ruleset rules;
    struct ps_plan *plan;
    struct ps_image *image;
};

static void scanner_open(struct scanner *s, const char *path, const struct ps_era *era)
{
    struct ps_ruleset_spec spec = {.any_tag = 1};
    struct ps_err err = {0};

    memset(s, 0, sizeof *s);
    s->era = era;
    if (ps_tagdb_new(&s->db, &err) < 0 || ps_tagdb_add_builtin(s->db, &err) < 0)
        die("tags", &err);
    spec.db = s->db;
    if (ps_ruleset_build(&s->rules, &spec, &err) < 0 ||
        ps_plan_compile(&s->plan, era, &s->rules, 1, &err) < 0 ||
        ps_image_open(&s->image, path, NULL, &err) < 0)
        die(path, &err);
}

static void scanner_close(struct scanner *s)
{
    ps_image_close(s->image);
    free(s->plan);
    ps_ruleset_free(&s->rules);
    ps_tagdb_free(s->db);
}

/* Hits of one chunk, page by page through the judge. */
static void judge_chunk(const struct scanner *s, const uint8_t *bytes, uint64_t phys,
                        const struct ps_hit *hits, size_t n_hits, struct findings *out)
{
    uint32_t per_page = s->plan->slots_per_page;

    for (size_t i = 0, end; i < n_hits; i = end) {
        uint32_t page = hits[i].slot / per_page;
        struct ps_finding *f;

        for (end = i; end < n_hits && hits[end].slot / per_page == page; end++)
            ;
        f = append(out, end - i);
        memset(f, 0, (end - i) * sizeof *f);
        ps_page_judge(s->era, &s->rules, bytes + ((size_t)page << 12), hits + i, end - i, f);
        for (size_t k = 0; k < end - i; k++)
            f[k].phys = phys + ((uint64_t)hits[i + k].slot << s->plan->slot_shift);
    }
}

static void scan_extent(const struct scanner *s, const struct ps_kernel *kernel,
                        const struct ps_extent *extent, struct findings *out)
{
    static uint8_t bytes[CHUNK_PAGES << 12] __attribute__((aligned(64)));
    static struct ps_hit hits[CHUNK_HITS];
    struct ps_err err = {0};

    for (uint64_t done = 0; done < extent->n_bytes;) {
        uint64_t left = extent->n_bytes - done;
        size_t n_bytes = left < sizeof bytes ? (size_t)left : sizeof bytes;
        size_t n_hits;

        if (ps_image_read(s->image, extent->phys + done, bytes, n_bytes, &err) < 0)
            die("read", &err);
        n_hits = kernel->scan(s->plan, bytes, n_bytes >> 12, hits, CHUNK_HITS);
        judge_chunk(s, bytes, extent->phys + done, hits, n_hits, out);
        done += n_bytes;
    }
}

static void scan_image(const struct scanner *s, const struct ps_kernel *kernel,
                       struct findings *out, char hex[PS_DIGEST_HEX_BYTES])
{
    struct ps_digest *digest = ps_digest_new();
    size_t n_extents;
    const struct ps_extent *extents = ps_image_extents(s->image, &n_extents);

    out->n = 0;
    for (size_t i = 0; i < n_extents; i++)
        scan_extent(s, kernel, &extents[i], out);
    ps_digest_update(digest, out->at, out->n * sizeof *out->at);
    ps_digest_hex(digest, hex);
    ps_digest_free(digest);
    printf("  kernel %-8s %zu headers, digest %s\n", kernel->name, out->n, hex);
}

/* All kernels that this CPU can run; 'out' keeps what the last one, scalar, found. */
static void scan_with_all(const struct scanner *s, struct findings *out)
{
    char first[PS_DIGEST_HEX_BYTES] = "", hex[PS_DIGEST_HEX_BYTES];

    for (size_t i = 0; i < ps_n_kernels; i++) {
        if (!ps_kernel_pick(ps_kernels[i].name)) {
            printf("  kernel %-8s not on this CPU\n", ps_kernels[i].name);
            continue;
        }
        scan_image(s, &ps_kernels[i], out, hex);
        if (first[0] == '\0')
            strcpy(first, hex);
        check(strcmp(first, hex) == 0, "kernel %s found something else", ps_kernels[i].name);
    }
}

static const struct ps_era *find_era(const struct real_image *image, const struct memory *mem)
{
    struct ps_windows_version v = {0};
    uint64_t at = 0;
    size_t n = 0;

    for (uint64_t pa = 0; pa + 4096 <= mem->n_bytes; pa += 4096) {
        if (!ps_kuser_probe(mem->bytes + pa, &v))
            continue;
        at = pa;
        n++;
    }
    check(n == 1 && at == image->kuser_pa, "KUSER_SHARED_DATA on %zu pages, last at %#" PRIx64, n,
          at);
    check(v.major == 5 && v.minor == 2 && v.arch == (image->x64 ? PS_ARCH_X64 : PS_ARCH_X86),
          "Windows %u.%u", v.major, v.minor);
    printf("  KUSER_SHARED_DATA at %#" PRIx64 ": %u.%u build %u\n", at, v.major, v.minor, v.build);
    return ps_era_pick(v.arch, v.build);
}

static const struct ps_finding *finding_at(const struct findings *f, uint64_t phys)
{
    size_t low = 0, high = f->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (f->at[mid].phys < phys)
            low = mid + 1;
        else
            high = mid;
    }
    return low < f->n && f->at[low].phys == phys ? &f->at[low] : NULL;
}

/* What the chain walk of the test saw. One byte per page: its blocks are pool blocks. */
struct witnessed {
    uint8_t *is_pool;
    size_t n_pages, n_in_use, n_free, n_other_pages;
};

static int printable(uint32_t tag)
{
    for (int i = 0; i < 4; i++) {
        uint32_t c = tag >> (8 * i) & (i == 3 ? 0x7f : 0xff);

        if (c < 0x20 || c > 0x7e)
            return 0;
    }
    return 1;
}

/* Chains close in pictures and sound as well: pool is where the tracker knows all tags. */
static int is_pool_page(const struct truth *truth, const struct witness_block *block, size_t n)
{
    size_t n_in_use = 0;

    for (size_t i = 0; i < n; i++) {
        n_in_use += block[i].type != 0;
        if (block[i].type != 0 && !truth_find(truth, block[i].tag))
            return 0;
    }
    return n_in_use > 0;
}

static void compare_block(const struct findings *f, uint64_t phys, const struct witness_block *b)
{
    const struct ps_finding *got = finding_at(f, phys);
    int in_use = b->type != 0;

    if (!in_use && !printable(b->tag))
        return;
    check(got, "%s block at %#" PRIx64 " is not found, tag %#x", in_use ? "allocated" : "free",
          phys, b->tag);
    if (!got)
        return;
    check(got->tag == b->tag && got->n_bytes == b->n_bytes,
          "%#" PRIx64 ": tag %#x, %u bytes; chain walk: tag %#x, %u bytes", phys, got->tag,
          (unsigned)got->n_bytes, b->tag, b->n_bytes);
    check(got->status == (in_use ? PS_STATUS_ALLOCATED : PS_STATUS_FREE), "%#" PRIx64 ": status %s",
          phys, ps_status_name(got->status));
    check(!in_use || got->confidence >= 90, "%#" PRIx64 ": confidence %d", phys, got->confidence);
}

static void compare_chains(const struct real_image *image, const struct memory *mem,
                           const struct mapped *mapped, const struct truth *truth,
                           const struct findings *f, struct witnessed *seen)
{
    static struct witness_block block[WITNESS_MAX_BLOCKS];

    for (size_t page = 0; page < mapped->n_pages; page++) {
        size_t n = witness_page(mem->bytes + (page << 12), image->x64, block);

        if (n == 0 || !mapped->is_mapped[page])
            continue;
        if (!is_pool_page(truth, block, n)) {
            seen->n_other_pages++;
            continue;
        }
        seen->is_pool[page] = 1;
        seen->n_pages++;
        for (size_t i = 0; i < n; i++) {
            seen->n_in_use += block[i].type != 0;
            seen->n_free += block[i].type == 0;
            compare_block(f, ((uint64_t)page << 12) + block[i].off, &block[i]);
        }
    }
    check(seen->n_in_use >= image->least_blocks, "only %zu blocks in use", seen->n_in_use);
    printf("  chain walk: %zu pool pages, %zu blocks in use, %zu free; %zu closed pages of "
           "other data\n",
           seen->n_pages, seen->n_in_use, seen->n_free, seen->n_other_pages);
}

/* Per tag: allocated headers on mapped pages and big allocations against allocations less frees. */
static void compare_tracker(const struct real_image *image, const struct truth *truth,
                            const struct mapped *mapped, const struct findings *f)
{
    size_t n_exact = 0, n_more = 0;
    int64_t surplus = 0, missing = 0, found = 0;

    for (size_t i = 0; i < f->n; i++) {
        struct truth_tag *tag = truth_find(truth, f->at[i].tag);

        if (tag && f->at[i].status == PS_STATUS_ALLOCATED && mapped->is_mapped[f->at[i].phys >> 12])
            tag->n_found++;
    }
    for (size_t i = 0; i < truth->n_tags; i++) {
        const struct truth_tag *tag = &truth->tags[i];
        int64_t more = tag->n_found + tag->n_big - tag->live;

        found += tag->n_found;
        n_exact += more == 0;
        n_more += more > 0;
        surplus += more > 0 ? more : 0;
        missing -= more < 0 ? more : 0;
        if (more < 0)
            printf("  tag %.4s: %" PRId64 " live by the tracker, %" PRId64 " found, %" PRId64
                   " big\n",
                   (const char *)&tag->tag, tag->live, tag->n_found, tag->n_big);
    }
    printf("  tracker: %zu tags, %zu exact, %zu with more (%" PRId64 " blocks), "
           "%" PRId64 " missing of which %zu are the pool tables themselves\n",
           truth->n_tags, n_exact, n_more, surplus, missing, truth->n_boot_tables);
    printf("  %" PRId64 " allocated small blocks and %zu big allocations of tags it knows\n", found,
           truth->n_big);
    check(n_exact >= image->least_exact, "only %zu tags agree exactly", n_exact);
    check(missing <= (int64_t)truth->n_boot_tables, "%" PRId64 " allocations are missing", missing);
}

enum group { ALLOCATED, FREE, STALE, COPY, STRAY, FALSE_HIT, N_GROUPS };

static const char *const group_names[N_GROUPS] = {
    [ALLOCATED] = "allocated: on a pool page of the chain walk",
    [FREE] = "free: likewise",
    [STALE] = "stale: inside a block of such a page",
    [COPY] = "copy: chained, but the page is not mapped by the kernel half",
    [STRAY] = "stray: chained on a mapped page that is no pool page",
    [FALSE_HIT] = "false: no chain",
};

static enum group group_of(const struct ps_finding *f, const struct mapped *mapped,
                           const struct witnessed *seen)
{
    uint32_t chained = PS_EV_CHAIN_BOTH | PS_EV_CHAIN_ONE | PS_EV_PART_WALK;
    size_t page = (size_t)(f->phys >> 12);

    if (seen->is_pool[page] && (f->evidence & PS_EV_OVERLAP))
        return STALE;
    if (seen->is_pool[page])
        return f->status == PS_STATUS_FREE ? FREE : ALLOCATED;
    if (!(f->evidence & chained))
        return FALSE_HIT;
    return mapped->is_mapped[page] ? STRAY : COPY;
}

static void explain(const struct findings *f, const struct mapped *mapped,
                    const struct witnessed *seen)
{
    size_t n[N_GROUPS][4] = {{0}};

    for (size_t i = 0; i < f->n; i++) {
        size_t *row = n[group_of(&f->at[i], mapped, seen)];

        check(group_of(&f->at[i], mapped, seen) != STALE || f->at[i].status == PS_STATUS_STALE,
              "%#" PRIx64 ": status %s inside a block", f->at[i].phys,
              ps_status_name(f->at[i].status));
        row[0]++;
        row[1] += f->at[i].confidence < 30;
        row[2] += f->at[i].confidence >= 30 && f->at[i].confidence < 50;
        row[3] += f->at[i].confidence >= 50;
    }
    printf("  %-62s %8s %8s %8s %8s\n", "what", "headers", "0-29", "30-49", "50-100");
    for (int c = 0; c < N_GROUPS; c++)
        printf("  %-62s %8zu %8zu %8zu %8zu\n", group_names[c], n[c][0], n[c][1], n[c][2], n[c][3]);
    check(n[ALLOCATED][0] == seen->n_in_use, "%zu allocated, %zu by the chain walk",
          n[ALLOCATED][0], seen->n_in_use);
    check(n[FALSE_HIT][3] == 0, "%zu headers without a chain reach 50", n[FALSE_HIT][3]);
}

static void compare(const struct real_image *image, const char *raw_path, const char *truth_path,
                    const struct memory *mem)
{
    struct findings found = {0};
    struct witnessed seen = {0};
    struct scanner scanner;
    struct mapped mapped;
    struct truth truth;

    truth_load(&truth, truth_path);
    mapped_walk(&mapped, mem, truth.cr3, image->x64);
    printf("  page tables at %#" PRIx64 ": %zu pages mapped by the kernel half\n", truth.cr3,
           mapped.n_mapped);
    seen.is_pool = calloc(mapped.n_pages + 1, 1);
    if (!seen.is_pool)
        abort();
    scanner_open(&scanner, raw_path, find_era(image, mem));
    scan_with_all(&scanner, &found);
    compare_chains(image, mem, &mapped, &truth, &found, &seen);
    compare_tracker(image, &truth, &mapped, &found);
    explain(&found, &mapped, &seen);
    scanner_close(&scanner);
    free(seen.is_pool);
    free(found.at);
    mapped_free(&mapped);
    truth_free(&truth);
}

static void test_image(const struct real_image *image, const char *folder)
{
    struct memory mem;
    struct ps_tmpdir dir;
    struct stat st;
    char path[1024];
    int fd;
    void *bytes;

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
    mem.bytes = bytes;
    mem.n_bytes = (uint64_t)st.st_size;
    snprintf(path, sizeof path, "%.700s/%s.truth.json", folder, image->name);
    compare(image, dir.file, path, &mem);
    munmap(bytes, (size_t)st.st_size);
    close(fd);
    ps_tmpdir_remove(&dir);
}

int main(void)
{
    const char *shared = getenv("PS_SHARED");
    const char *source = getenv("PS_SOURCE");
    char folder[600];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (shared)
        snprintf(folder, sizeof folder, "%.500s/images", shared);
    else
        snprintf(folder, sizeof folder, "%.500s/../shared/images", source ? source : ".");
    if (access(folder, R_OK) < 0) {
        printf("SKIPPED: no real images at %s: set PS_SHARED to the folder that holds 'images'\n",
               folder);
        return 77;
    }
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        test_image(&images[i], folder);
    printf("%d failures\n", failures);
    return failures != 0;
}
