/* bench_known_pages IMAGE ARCH BUILD REPEATS: would a scan be faster if it remembered the pages of
 * images that were scanned before?
 *
 * Every page with hits of the raw IMAGE is known here, which no fleet can better. Then
 *
 *   judge    what a scan does with such a page: ps_page_judge
 *   known    what it would do instead: XXH3-128 of the page, look it up among some eight million
 *            pages of other images, take over what was kept of each header
 *   unknown  what a page costs more that is not known: hash and look-up
 *
 * are timed in turn, each behind the scan of its pages, as in a lane. Prints one line of
 * comma-separated values: image, pages with hits, hits in a page, and nanoseconds a page of the
 * three. Exits with 70 when a finding that was taken over is not what the judge says. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "host/bench/report/series.h"
#include "host/options.h"
#include "host/run/tag_source.h"
#include "kernels/kernel.h"
#include "kernels/plan.h"
#include "kernels/pool_header.h"
#include "scan/plan_compile.h"
#include "scan/pool/page_judge.h"

#define CHUNK_PAGES 256u
#define MAX_HITS    (CHUNK_PAGES * 512u)
#define PLACES      ((uint64_t)1 << 24)

/* What the judge says of a header; the rest is in the hit. */
struct kept {
    uint32_t n_bytes, info, evidence;
    uint8_t confidence, status, allocator, pool;
};

struct place {
    XXH128_hash_t key; /* zero: free */
    uint32_t first, n; /* of what is kept */
};

struct trial {
    const uint8_t *mem;
    size_t n_pages;
    const struct ps_era *era;
    struct ps_ruleset rules;
    struct ps_plan *plan;
    const struct ps_kernel *kernel;
    struct place *place;
    struct kept *kept;
    uint64_t n_kept, cap_kept;
    struct ps_hit *hit;
    struct ps_finding *out, *want;
    uint64_t n_with_hits, n_hits; /* of the last pass */
    uint64_t sum;                 /* of what would not be used otherwise */
};

/* One page: its bytes and n hits, findings to 'out'. */
typedef void page_fn(struct trial *t, const uint8_t *page, const struct ps_hit *hit, size_t n,
                     struct ps_finding *out);

static void die(const char *what)
{
    fprintf(stderr, "bench_known_pages: %s\n", what);
    exit(70);
}

static void *need(void *p)
{
    if (!p)
        die("out of memory");
    return p;
}

static struct place *look_up(const struct trial *t, XXH128_hash_t key)
{
    uint64_t i = key.low64 % PLACES;

    while ((t->place[i].key.low64 | t->place[i].key.high64) != 0 &&
           !XXH128_isEqual(t->place[i].key, key))
        i = (i + 1) % PLACES;
    return &t->place[i];
}

/* Pages of other images: half of the places. */
static void fill(struct trial *t)
{
    for (uint64_t i = 0; i < PLACES / 2; i++) {
        XXH128_hash_t key = XXH3_128bits(&i, sizeof i);

        look_up(t, key)->key = key;
    }
}

static void judge(struct trial *t, const uint8_t *page, const struct ps_hit *hit, size_t n,
                  struct ps_finding *out)
{
    ps_page_judge(t->era, &t->rules, page, hit, n, out);
}

static void learn(struct trial *t, const uint8_t *page, const struct ps_hit *hit, size_t n,
                  struct ps_finding *out)
{
    struct place *place = look_up(t, XXH3_128bits(page, PS_PAGE_BYTES));

    judge(t, page, hit, n, out);
    if (t->n_kept + n > t->cap_kept) {
        t->cap_kept = 2 * (t->n_kept + n);
        t->kept = need(realloc(t->kept, t->cap_kept * sizeof *t->kept));
    }
    place->key = XXH3_128bits(page, PS_PAGE_BYTES);
    place->first = (uint32_t)t->n_kept;
    place->n = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        t->kept[t->n_kept++] = (struct kept){
            .n_bytes = (uint32_t)out[i].n_bytes,
            .info = out[i].info,
            .evidence = out[i].evidence,
            .confidence = out[i].confidence,
            .status = out[i].status,
            .allocator = out[i].allocator,
            .pool = out[i].pool,
        };
}

static void take_over(struct trial *t, const uint8_t *page, const struct ps_hit *hit, size_t n,
                      struct ps_finding *out)
{
    const struct place *place = look_up(t, XXH3_128bits(page, PS_PAGE_BYTES));
    const struct kept *kept = t->kept + place->first;

    if (place->n != n)
        die("a page with hits is not known");
    for (size_t i = 0; i < n; i++)
        out[i] = (struct ps_finding){
            .n_bytes = kept[i].n_bytes,
            .tag = hit[i].tag,
            .word0 = hit[i].word0,
            .info = kept[i].info,
            .evidence = kept[i].evidence,
            .confidence = kept[i].confidence,
            .status = kept[i].status,
            .allocator = kept[i].allocator,
            .source = PS_SOURCE_HEADER,
            .pool = kept[i].pool,
        };
}

static void miss(struct trial *t, const uint8_t *page, const struct ps_hit *hit, size_t n,
                 struct ps_finding *out)
{
    XXH128_hash_t key = XXH3_128bits(page, PS_PAGE_BYTES);

    (void)hit, (void)n, (void)out;
    key.low64 = ~key.low64;
    t->sum += look_up(t, key)->n;
}

/* Scan, and 'each' of the pages with hits: nanoseconds a page of the latter. 'check': what 'each'
 * gives is what the judge gives. */
static double pass(struct trial *t, page_fn *each, int check)
{
    const unsigned shift = PS_PAGE_SHIFT - t->plan->slot_shift;
    double seconds = 0;

    t->n_with_hits = t->n_hits = 0;
    for (size_t at = 0; at < t->n_pages; at += CHUNK_PAGES) {
        const uint8_t *chunk = t->mem + at * PS_PAGE_BYTES;
        const size_t left = t->n_pages - at;
        const size_t got = t->kernel->scan(t->plan, chunk, left < CHUNK_PAGES ? left : CHUNK_PAGES,
                                           t->hit, MAX_HITS);
        const double start = ps_bench_now();
        size_t n;

        for (size_t i = 0; i < got; i += n, t->n_with_hits++) {
            const size_t number = t->hit[i].slot >> shift;

            for (n = 1; i + n < got && t->hit[i + n].slot >> shift == number; n++)
                ;
            each(t, chunk + number * PS_PAGE_BYTES, t->hit + i, n, t->out + i);
            if (check) {
                judge(t, chunk + number * PS_PAGE_BYTES, t->hit + i, n, t->want + i);
                for (size_t k = i; k < i + n; k++)
                    t->want[k].phys = t->want[k].file_off = 0;
                if (memcmp(t->out + i, t->want + i, n * sizeof *t->out) != 0)
                    die("a finding that was taken over is not what the judge says");
            }
        }
        seconds += ps_bench_now() - start;
        t->n_hits += got;
    }
    return t->n_with_hits ? seconds / (double)t->n_with_hits * 1e9 : 0;
}

static void prepare(struct trial *t, char **argv)
{
    struct ps_options opt = {0};
    struct ps_ruleset_spec spec = {0};
    struct ps_tagdb *tags = NULL;
    struct ps_err err = {0};
    struct stat st;
    const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0)
        die("the image cannot be opened");
    t->n_pages = (size_t)st.st_size / PS_PAGE_BYTES;
    t->mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (t->mem == MAP_FAILED)
        die("the image cannot be mapped");
    t->era = ps_era_pick(strcmp(argv[2], "x86") == 0 ? PS_ARCH_X86 : PS_ARCH_X64,
                         (uint32_t)strtoul(argv[3], NULL, 10));
    if (ps_tag_source_load(&tags, &opt, &err) < 0)
        die(err.msg);
    spec.db = tags;
    if (ps_ruleset_build(&t->rules, &spec, &err) < 0 ||
        ps_plan_compile(&t->plan, t->era, &t->rules, 0, &err) < 0)
        die(err.msg);
    t->kernel = ps_kernel_pick(NULL);
    t->place = need(calloc(PLACES, sizeof *t->place));
    t->hit = need(malloc(MAX_HITS * sizeof *t->hit));
    t->out = need(calloc(MAX_HITS, sizeof *t->out));
    t->want = need(calloc(MAX_HITS, sizeof *t->want));
}

int main(int argc, char **argv)
{
    static struct trial t;
    static struct ps_series judged, known, unknown;

    if (argc != 5) {
        fputs("usage: bench_known_pages IMAGE ARCH BUILD REPEATS\n", stderr);
        return 64;
    }
    prepare(&t, argv);
    fill(&t);
    pass(&t, learn, 0);
    pass(&t, take_over, 1);
    for (unsigned i = 0; i < strtoul(argv[4], NULL, 10); i++) {
        ps_series_add(&judged, pass(&t, judge, 0));
        ps_series_add(&known, pass(&t, take_over, 0));
        ps_series_add(&unknown, pass(&t, miss, 0));
    }
    printf("%s,%llu,%.1f,%.0f,%.0f,%.0f\n", argv[1], (unsigned long long)t.n_with_hits,
           (double)t.n_hits / (double)t.n_with_hits, ps_series_stat(&judged).median,
           ps_series_stat(&known).median, ps_series_stat(&unknown).median);
    return 0;
}
