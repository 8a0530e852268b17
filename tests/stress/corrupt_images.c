/* Images whose page tables, big-pool table, tracker table, segment heaps, Windows kernel or
 * KUSER_SHARED_DATA are damaged at random (tests/support/corrupt.h), given to every verb that looks
 * at them. The program must end by itself with a documented exit status, speak in sentences, keep
 * within a memory bound, and report the headers of all pages that were not written to as it does
 * with --physical-only on the image as it was built. PS_SEED repeats a run, PS_CORRUPT_ROUNDS is
 * how many there are for each recipe, PS_CORRUPT_KEEP a folder for the images that failed. */
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/corrupt.h"
#include "tests/support/tmpdir.h"

#define ROUNDS       8u
#define MAX_HEADERS  65536u
#define HANG_SECONDS 120u /* far beyond what any of them takes */

/* Of a process that scans 32 MiB; most of it is the image itself, which is mapped. A sanitizer's
 * own memory would have to be known, so nothing is asserted there. */
#define MAX_RSS_KIB (256L * 1024)

struct header {
    uint64_t offset, n_bytes;
    uint32_t tag;
};

struct headers {
    struct header h[MAX_HEADERS];
    size_t n;
};

struct test {
    const char *poolscan;
    struct ps_tmpdir dir;
    char image[512], truth[512], out[512], err[512];
    char arch[16], build[16]; /* of the recipe */
    const char *recipe;
    uint64_t seed; /* of the round */
    struct corrupt_image c;
    struct headers want, got;
    int n_wrong, n_kept;
    long n_commands, n_compared, max_rss;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    exit(1);
}

static void keep_image(struct test *t)
{
    const char *folder = getenv("PS_CORRUPT_KEEP");
    char path[512];
    FILE *file;

    if (!folder)
        return;
    snprintf(path, sizeof path, "%.300s/%016" PRIx64 "-%d.raw", folder, t->seed, t->n_kept++);
    file = fopen(path, "wb");
    if (!file || fwrite(t->c.bytes, 1, t->c.n_bytes, file) != t->c.n_bytes || fclose(file))
        die(path);
    fprintf(stderr, "  image kept: %s\n", path);
}

static void wrong(struct test *t, const char *const *argv, const char *what, long value)
{
    fprintf(stderr, "FAILED: %s %ld: PS_SEED=0x%" PRIx64 " PS_CORRUPT_ROUNDS=1, %s, damage: %s\n ",
            what, value, t->seed, t->recipe, t->c.story);
    for (; *argv; argv++)
        fprintf(stderr, " %s", *argv);
    fputc('\n', stderr);
    keep_image(t);
    t->n_wrong++;
}

/* The wait status. */
static int run(struct test *t, const char *const *argv)
{
    struct ps_child child;

    if (ps_child_run(&child, argv, t->out, t->err, HANG_SECONDS) < 0)
        die(argv[0]);
    t->n_commands++;
    if (child.max_rss_kib > t->max_rss)
        t->max_rss = child.max_rss_kib;
    if (!PS_IS_SANITIZED && child.max_rss_kib > MAX_RSS_KIB)
        wrong(t, argv, "memory in KiB", child.max_rss_kib);
    return child.status;
}

static void check_sentences(struct test *t, const char *const *argv)
{
    const long bad = ps_child_speaks(t->err);

    if (bad < 0)
        die(t->err);
    if (bad)
        wrong(t, argv, "no sentence on standard error, length", bad);
}

/* 'may_refuse': 65, and 64 where an address of one kind of Windows is none of another. */
static void check(struct test *t, const char *const *argv, int may_refuse)
{
    const int status = run(t, argv);

    if (WIFSIGNALED(status))
        wrong(t, argv, "ended by signal", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0 &&
             !(may_refuse && (WEXITSTATUS(status) == 64 || WEXITSTATUS(status) == 65)))
        wrong(t, argv, "exit status", WEXITSTATUS(status));
    check_sentences(t, argv);
}

/* Headers. */

static int field(const char *line, const char *key, int base, uint64_t *out)
{
    const char *at = strstr(line, key);

    if (!at)
        return 0;
    *out = strtoull(at + strlen(key), NULL, base);
    return 1;
}

static void read_headers(const struct test *t, struct headers *to)
{
    FILE *file = fopen(t->out, "r");
    char line[8192];

    if (!file)
        die(t->out);
    to->n = 0;
    while (fgets(line, sizeof line, file)) {
        struct header *h = &to->h[to->n];
        uint64_t tag;

        if (!strstr(line, "\"Source\":\"header\""))
            continue;
        if (to->n + 1 == MAX_HEADERS || !field(line, "\"Offset\":\"", 16, &h->offset) ||
            !field(line, "\"TagRaw\":\"", 16, &tag) ||
            !field(line, "\"NumberOfBytes\":", 10, &h->n_bytes))
            die(line);
        h->tag = (uint32_t)tag;
        to->n++;
    }
    fclose(file);
}

/* The next header from h[*at] on that is in a page as it was built. */
static const struct header *next_untouched(const struct test *t, const struct headers *list,
                                           size_t *at)
{
    while (*at < list->n && t->c.touched[list->h[*at].offset / CORRUPT_PAGE])
        ++*at;
    return *at < list->n ? &list->h[(*at)++] : NULL;
}

static void compare(struct test *t, const char *const *argv)
{
    size_t i = 0, k = 0;

    read_headers(t, &t->got);
    for (;;) {
        const struct header *want = next_untouched(t, &t->want, &i);
        const struct header *got = next_untouched(t, &t->got, &k);

        if (!want && !got)
            return;
        if (!want || !got || want->offset != got->offset || want->tag != got->tag ||
            want->n_bytes != got->n_bytes) {
            fprintf(stderr, "  header at 0x%" PRIx64 " expected, 0x%" PRIx64 " found\n",
                    want ? want->offset : 0, got ? got->offset : 0);
            wrong(t, argv, "headers differ, the number of them is", (long)t->got.n);
            return;
        }
        t->n_compared++;
    }
}

/* Commands. */

static void scan(struct test *t, int says_version)
{
    const char *const auto_argv[] = {
        t->poolscan,        "scan", t->image,           "--format", "jsonl",
        "--min-confidence", "0",    "--include-copies", NULL};
    const char *const argv[] = {t->poolscan, "scan",
                                t->image,    "--format",
                                "jsonl",     "--min-confidence",
                                "0",         "--include-copies",
                                "--arch",    t->arch,
                                "--build",   t->build,
                                NULL};

    check(t, says_version ? argv : auto_argv, 0);
    if (says_version || !t->c.may_look_like_another)
        compare(t, says_version ? argv : auto_argv);
}

static void draw_address(const struct test *t, struct rng *r, char *text, size_t n)
{
    const uint64_t from[] = {t->c.big_table, t->c.kernel, t->c.tracker,
                             UINT64_C(0xffff800000000000) | rng_next(r) >> 17};
    uint64_t va = from[rng_below(r, 4)] + rng_below(r, 0x100000);

    snprintf(text, n, "%" PRIx64, t->c.is_x86 ? va & UINT32_MAX : va);
}

static void other_verb(struct test *t, struct rng *r)
{
    static const char *const verbs[] = {"info", "bigpools", "used", "find", "pool",
                                        "pool", "ptov",     "vtop", "scan"};
    static const char *const tags[] = {"File", "Irp ", "MmSt", "CM*", "Thre"};
    const char *argv[] = {
        t->poolscan, verbs[rng_below(r, sizeof verbs / sizeof *verbs)], t->image, NULL, NULL, NULL};
    char address[40], phys[40];

    draw_address(t, r, address, sizeof address);
    snprintf(phys, sizeof phys, "phys:%" PRIx64,
             t->want.h[rng_below(r, (uint32_t)t->want.n)].offset);
    if (strcmp(argv[1], "find") == 0)
        argv[3] = tags[rng_below(r, sizeof tags / sizeof *tags)];
    else if (strcmp(argv[1], "pool") == 0)
        argv[3] = rng_below(r, 2) ? address : phys;
    else if (strcmp(argv[1], "vtop") == 0)
        argv[3] = address;
    else if (strcmp(argv[1], "ptov") == 0)
        argv[3] = phys + strlen("phys:");
    else if (strcmp(argv[1], "bigpools") == 0)
        argv[3] = "--show-free";
    check(t, argv, strcmp(argv[1], "scan") != 0);
}

/* Images. */

static int is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, CORRUPT_PAGE - 1) == 0;
}

/* The pages that were touched; what is cut off or zero again becomes a hole, as in the file that
 * was built. */
static void write_touched(const struct test *t)
{
    int fd = open(t->image, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)t->c.n_bytes) < 0)
        die(t->image);
    for (size_t i = 0; i < t->c.n_pages && i * CORRUPT_PAGE < t->c.n_bytes; i++) {
        const size_t left = t->c.n_bytes - i * CORRUPT_PAGE;
        const size_t n = left < CORRUPT_PAGE ? left : CORRUPT_PAGE;
        const uint8_t *page = t->c.bytes + i * CORRUPT_PAGE;

        if (!t->c.touched[i])
            continue;
        if (is_zero(page) && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                       (off_t)(i * CORRUPT_PAGE), CORRUPT_PAGE) == 0)
            continue;
        if (pwrite(fd, page, n, (off_t)(i * CORRUPT_PAGE)) != (ssize_t)n)
            die(t->image);
    }
    close(fd);
}

static void restore(struct test *t)
{
    uint8_t *touched = malloc(t->c.n_pages);

    if (!touched)
        die("out of memory");
    memcpy(touched, t->c.touched, t->c.n_pages);
    corrupt_restore(&t->c);
    memcpy(t->c.touched, touched, t->c.n_pages);
    write_touched(t);
    memset(t->c.touched, 0, t->c.n_pages);
    free(touched);
}

static void one_round(struct test *t, uint64_t seed, unsigned recipe)
{
    struct rng r = rng_make(seed ^ (uint64_t)recipe << 56);

    t->seed = seed;
    for (uint32_t n = rng_below(&r, 4) ? 1 + rng_below(&r, 3) : 1 + rng_below(&r, 40); n > 0; n--)
        corrupt_damage(&t->c, &r);
    write_touched(t);
    scan(t, rng_below(&r, 3) != 0);
    other_verb(t, &r);
    other_verb(t, &r);
    restore(t);
}

static void read_version(struct test *t)
{
    FILE *file = fopen(t->recipe, "r");
    char line[1024];

    if (!file)
        die(t->recipe);
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "arch %15s", t->arch);
        sscanf(line, "build %15s", t->build);
    }
    fclose(file);
}

static void one_recipe(struct test *t, const char *recipe, unsigned number, uint64_t seed,
                       unsigned rounds)
{
    const char *const build[] = {t->poolscan, "mkimage", "-q",     recipe,
                                 t->image,    "--truth", t->truth, NULL};
    const char *const base[] = {t->poolscan,
                                "scan",
                                t->image,
                                "--format",
                                "jsonl",
                                "--min-confidence",
                                "0",
                                "--physical-only",
                                "--include-copies",
                                "--arch",
                                t->arch,
                                "--build",
                                t->build,
                                NULL};

    t->recipe = recipe;
    read_version(t);
    check(t, build, 0);
    corrupt_load(&t->c, t->image, t->truth);
    check(t, base, 0);
    read_headers(t, &t->want);
    if (t->want.n < 100)
        die("too few headers to compare with");
    for (unsigned i = 0; i < rounds; i++)
        one_round(t, seed + i, number);
    corrupt_free(&t->c);
}

static void set_paths(struct test *t)
{
    ps_tmpdir_make(&t->dir);
    snprintf(t->image, sizeof t->image, "%s", ps_tmpdir_file(&t->dir, "image.raw"));
    snprintf(t->truth, sizeof t->truth, "%s", ps_tmpdir_file(&t->dir, "truth"));
    snprintf(t->out, sizeof t->out, "%s", ps_tmpdir_file(&t->dir, "out"));
    snprintf(t->err, sizeof t->err, "%s", ps_tmpdir_file(&t->dir, "err"));
}

int main(void)
{
    const char *source = getenv("PS_SOURCE"), *rounds = getenv("PS_CORRUPT_ROUNDS");
    struct test *t = calloc(1, sizeof *t);
    const uint64_t seed = rng_seed();
    char pattern[512];
    static const char *const folders[] = {"system", "heap", "heap/x86"};
    glob_t recipes;
    int n_wrong;

    if (!t || !source || !(t->poolscan = getenv("POOLSCAN")))
        die("POOLSCAN (the program) and PS_SOURCE (the source tree) must be set");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(pattern, sizeof pattern, "%.400s/tests/recipes/%s/*.recipe", source, folders[i]);
        if (glob(pattern, i == 0 ? 0 : GLOB_APPEND, NULL, &recipes) != 0)
            die("no recipes");
    }
    set_paths(t);
    for (size_t i = 0; i < recipes.gl_pathc; i++)
        one_recipe(t, recipes.gl_pathv[i], (unsigned)i, seed,
                   rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS);
    printf("seed 0x%" PRIx64 ": %zu recipes, %ld commands, %ld headers compared, at most %ld KiB, "
           "%d wrong\n",
           seed, recipes.gl_pathc, t->n_commands, t->n_compared, t->max_rss, t->n_wrong);
    n_wrong = t->n_wrong + (t->n_compared == 0);
    globfree(&recipes);
    ps_tmpdir_remove(&t->dir);
    free(t);
    return n_wrong != 0;
}
