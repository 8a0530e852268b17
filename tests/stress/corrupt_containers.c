/* Containers that make_container wrote, damaged at random: counts, offsets and sizes that lie,
 * flipped bits, a piece of noise, an end that is missing. The program must end by itself with a
 * documented exit status, say why in sentences, and keep within a memory bound. PS_SEED repeats a
 * run, PS_CORRUPT_ROUNDS is how many there are for each container, PS_CORRUPT_KEEP a folder for
 * the files that failed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/rng.h"
#include "tests/support/tmpdir.h"

#define ROUNDS       12u
#define MAX_ARGS     16u
#define HANG_SECONDS 60u /* far beyond what any of them takes */
#define LEAST_BYTES  20000u

/* Of a process that scans 3 MiB. A sanitizer's own memory would have to be known, so nothing is
 * asserted there. */
#define MAX_RSS_KIB (256L * 1024)

/* Memory below 1 MiB, at 1 MiB, and above 4 GiB, where the container can say so. */
static const char recipe_x64[] = "size 0x100080000\nseed 3\narch x64\nbuild 19041\n"
                                 "tags a File:0x150*8 \"Irp \":0x120-0x220*4 Even:0x80*8\n"
                                 "pages 0x1-0x8f classic tags=a\npages 0x100-0x11f classic tags=a\n"
                                 "pages 0x100000-0x10007f classic tags=a\n";
static const char recipe_x86[] =
    "size 0x200000\nseed 4\narch x86\nbuild 9200\n"
    "tags a File:0x98*8 \"Irp \":0x80-0x180*4 Even:0x30*8\n"
    "pages 0x1-0x8f classic tags=a\npages 0x100-0x1ff classic tags=a\n";

struct container {
    const char *format, *options; /* of make_container */
    int is_x86;
    uint32_t n_head;  /* the bytes that say the most */
    const char *pack; /* a command of the shell that packs file $1 to file $2, or NULL */
};

static const struct container containers[] = {
    {"lime", "", 0, 64, NULL},
    {"elf64", "--variant qemu --processors 2", 0, 2048, NULL},
    {"elf64", "--variant paging --xnum", 0, 1024, NULL},
    {"elf64", "--variant vbox --split 0x10000", 0, 2048, NULL},
    {"elf32", "--x86 --variant qemu", 1, 1024, NULL},
    {"dump64", "--build 19041 --dtb 0x1ad000", 0, 0x2000, NULL},
    {"dump64", "--variant bitmap", 0, 0x2100, NULL},
    {"dump64", "--variant live", 0, 0x2100, NULL},
    {"dump64", "--variant rdmp-kernel", 0, 0x2100, NULL},
    {"dump64", "--variant rdmp-complete", 0, 0x2100, NULL},
    {"dump32", "", 1, 0x1000, NULL},
    {"vmware", "--variant embedded", 0, 1024, NULL},
    {"vmware", "--variant embedded --number 0", 0, 1024, NULL},
    {"hiber8", "--variant mixed", 0, 0x5100, NULL},
    {"hiber8", "--variant huffman --number 0x4d8", 0, 0x5100, NULL},
    {"hiber8", "--x86 --variant xpress", 1, 0x5100, NULL},
    {"hiber7", "--variant 7-x64", 0, 0x4100, NULL},
    {"hiber7", "--x86 --variant xp-x86", 1, 0x4100, NULL},
    {"lime", "", 0, 256, "gzip -1 <$1 >$2"},
    {"lime", "", 0, 256, "split -b 300000 --filter='gzip -1' $1 >$2"},
    {"lime", "", 0, 256, "zstd -q -1 <$1 >$2"},
    {"dump64", "", 0, 256, "split -b 300000 --filter='zstd -q -1' $1 >$2"},
    {"elf64", "", 0, 256, "lz4 -q -1 -B4 <$1 >$2"},
    {"dump64", "", 0, 256, "xz -q -0 --block-size=65536 <$1 >$2"},
    {"dump64", "", 0, 0x1100, "\"$MAKE_CONTAINER\" zdmp $1 $2 --number 65536"},
};

struct test {
    const char *poolscan, *make_container;
    struct ps_tmpdir dir;
    char raw[2][512], made[512], out[512], err[512];
    const struct container *container;
    uint64_t seed; /* of the round */
    char story[1024];
    uint8_t *base, *bytes;
    size_t n_base, n_bytes;
    int n_wrong, n_kept;
    long n_runs, n_read, max_rss;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    exit(1);
}

static void tell(struct test *t, const char *what, uint64_t value)
{
    const size_t n = strlen(t->story);

    snprintf(t->story + n, sizeof t->story - n, " %s 0x%" PRIx64 ";", what, value);
}

static void write_file(const char *path, const void *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file))
        die(path);
}

static void wrong(struct test *t, const char *what, long value)
{
    const char *folder = getenv("PS_CORRUPT_KEEP");
    char path[512];

    fprintf(stderr,
            "FAILED: %s %ld: PS_SEED=0x%" PRIx64 " PS_CORRUPT_ROUNDS=1, %s %s %s, damage:%s\n",
            what, value, t->seed, t->container->format, t->container->options,
            t->container->pack ? t->container->pack : "", t->story);
    t->n_wrong++;
    if (!folder)
        return;
    snprintf(path, sizeof path, "%.300s/%016" PRIx64 "-%d.%s", folder, t->seed, t->n_kept++,
             t->container->format);
    write_file(path, t->bytes, t->n_bytes);
    fprintf(stderr, "  kept: %s\n", path);
}

/* Commands. */

/* The wait status. */
static int run(struct test *t, const char *const *argv)
{
    struct ps_child child;

    if (ps_child_run(&child, argv, t->out, t->err, HANG_SECONDS) < 0)
        die(argv[0]);
    if (child.max_rss_kib > t->max_rss)
        t->max_rss = child.max_rss_kib;
    return child.status;
}

static void check_sentences(struct test *t)
{
    const long bad = ps_child_speaks(t->err);

    if (bad < 0)
        die(t->err);
    if (bad)
        wrong(t, "no sentence on standard error, length", bad);
}

/* 66 is for the memory that lies in another file, when a damaged state does not have it. */
static int is_documented(const struct test *t, int exit_status)
{
    return exit_status == 0 || exit_status == 65 || exit_status == 74 ||
           (exit_status == 66 && strcmp(t->container->format, "vmware") == 0);
}

static void check(struct test *t, const char *const *argv)
{
    const int status = run(t, argv);

    t->n_runs++;
    if (WIFSIGNALED(status))
        wrong(t, "ended by signal", WTERMSIG(status));
    else if (!is_documented(t, WEXITSTATUS(status)))
        wrong(t, "exit status", WEXITSTATUS(status));
    else
        t->n_read += WEXITSTATUS(status) == 0;
    if (!PS_IS_SANITIZED && t->max_rss > MAX_RSS_KIB)
        wrong(t, "memory in KiB", t->max_rss);
    check_sentences(t);
}

/* Damage. */

static uint64_t draw_number(const struct test *t, struct rng *r)
{
    const uint64_t numbers[] = {0,
                                1,
                                UINT64_MAX,
                                UINT32_MAX,
                                INT64_MAX,
                                UINT64_C(1) << 31,
                                UINT64_C(1) << 52,
                                t->n_base,
                                t->n_base - 1,
                                t->n_base / 4096,
                                UINT64_MAX - 4095,
                                rng_next(r) >> rng_below(r, 64)};

    return numbers[rng_below(r, sizeof numbers / sizeof *numbers)];
}

static void lie(struct test *t, struct rng *r, size_t limit)
{
    const size_t n = rng_below(r, 3) ? 4 : 8;
    const size_t at = rng_below(r, (uint32_t)(limit - 8)) & ~(size_t)3;
    const uint64_t number = draw_number(t, r);

    for (size_t i = 0; i < n; i++)
        t->bytes[at + i] = (uint8_t)(number >> 8 * i);
    tell(t, "at", at);
    tell(t, "stands", number);
}

/* One field of the head says what another one says. */
static void repeat(struct test *t, struct rng *r, size_t limit)
{
    const size_t from = rng_below(r, (uint32_t)(limit - 16)) & ~(size_t)7;
    const size_t to = rng_below(r, (uint32_t)(limit - 16)) & ~(size_t)7;

    memcpy(t->bytes + to, t->base + from, 16);
    tell(t, "at", to);
    tell(t, "stands what is at", from);
}

static void flip(struct test *t, struct rng *r, size_t limit)
{
    for (uint32_t n = 1 + rng_below(r, 8); n > 0; n--) {
        const size_t at = rng_below(r, (uint32_t)limit);

        t->bytes[at] ^= (uint8_t)(1u << rng_below(r, 8));
        tell(t, "a bit flipped at", at);
    }
}

static void noise(struct test *t, struct rng *r)
{
    const size_t at = rng_below(r, (uint32_t)t->n_bytes - 4096);

    rng_fill(r, t->bytes + at, 1 + rng_below(r, 4095));
    tell(t, "noise from", at);
}

static void cut(struct test *t, struct rng *r)
{
    t->n_bytes = rng_below(r, 3) ? 4096 + rng_below(r, (uint32_t)t->n_bytes - 4096)
                                 : 1 + rng_below(r, t->container->n_head);
    tell(t, "cut at", t->n_bytes);
}

/* The first thing is done more often to what says where everything is. */
static void damage(struct test *t, struct rng *r)
{
    const size_t head = t->container->n_head;

    for (uint32_t n = 1 + rng_below(r, 4); n > 0; n--) {
        switch (rng_below(r, 8)) {
        case 0:
            flip(t, r, head);
            break;
        case 1:
            flip(t, r, t->n_bytes);
            break;
        case 2:
            repeat(t, r, head);
            break;
        case 3:
            noise(t, r);
            break;
        default:
            lie(t, r, head);
            break;
        }
    }
    if (rng_below(r, 5) == 0)
        cut(t, r);
}

/* Files. */

static void make_raw(struct test *t, const char *recipe, char *path, size_t n_path,
                     const char *name)
{
    char text[512];
    const char *const argv[] = {t->poolscan, "mkimage", "-q", text, path, NULL};

    snprintf(path, n_path, "%s", ps_tmpdir_file(&t->dir, name));
    snprintf(text, sizeof text, "%.400s.recipe", path);
    write_file(text, recipe, strlen(recipe));
    if (run(t, argv) != 0)
        die("mkimage");
}

static void load(struct test *t)
{
    FILE *file = fopen(t->made, "rb");
    struct stat st;

    if (!file || fstat(fileno(file), &st) < 0 || st.st_size < (off_t)LEAST_BYTES)
        die(t->made);
    t->n_base = (size_t)st.st_size;
    t->base = malloc(t->n_base);
    t->bytes = malloc(t->n_base);
    if (!t->base || !t->bytes || fread(t->base, 1, t->n_base, file) != t->n_base)
        die(t->made);
    fclose(file);
}

static void pack(struct test *t)
{
    char packed[512 + 8];
    const char *const argv[] = {"/bin/sh", "-c", t->container->pack, "sh", t->made, packed, NULL};

    snprintf(packed, sizeof packed, "%s.packed", t->made);
    if (run(t, argv) != 0 || rename(packed, t->made) != 0)
        die(t->container->pack);
}

static void make(struct test *t)
{
    const struct container *c = t->container;
    const char *argv[MAX_ARGS] = {t->make_container, c->format, t->raw[c->is_x86], t->made};
    char options[256];
    size_t n = 4;

    snprintf(options, sizeof options, "%s", c->options);
    for (char *word = strtok(options, " "); word && n < MAX_ARGS - 1; word = strtok(NULL, " "))
        argv[n++] = word;
    if (run(t, argv) != 0)
        die(c->format);
    if (c->pack)
        pack(t);
    load(t);
}

static void one_container(struct test *t, unsigned number, uint64_t seed, unsigned rounds)
{
    const char *const scan[] = {t->poolscan,       "scan",  "--format", "none",
                                "--physical-only", t->made, NULL};
    const char *const info[] = {t->poolscan, "info", t->made, NULL};

    t->container = &containers[number];
    make(t);
    for (unsigned round = 0; round < rounds; round++) {
        struct rng r = rng_make((seed + round) ^ (uint64_t)number << 56);

        t->seed = seed + round;
        t->story[0] = '\0';
        memcpy(t->bytes, t->base, t->n_base);
        t->n_bytes = t->n_base;
        damage(t, &r);
        write_file(t->made, t->bytes, t->n_bytes);
        check(t, round % 4 == 3 ? info : scan);
    }
    free(t->base);
    free(t->bytes);
}

int main(void)
{
    struct test *t = calloc(1, sizeof *t);
    const char *rounds = getenv("PS_CORRUPT_ROUNDS");
    const uint64_t seed = rng_seed();
    const unsigned n = sizeof containers / sizeof *containers;
    int failed;

    if (!t || !(t->poolscan = getenv("POOLSCAN")) ||
        !(t->make_container = getenv("MAKE_CONTAINER")))
        die("POOLSCAN and MAKE_CONTAINER (the programs) must be set");
    ps_tmpdir_make(&t->dir);
    snprintf(t->made, sizeof t->made, "%s", ps_tmpdir_file(&t->dir, "made"));
    snprintf(t->out, sizeof t->out, "%s", ps_tmpdir_file(&t->dir, "out"));
    snprintf(t->err, sizeof t->err, "%s", ps_tmpdir_file(&t->dir, "err"));
    make_raw(t, recipe_x64, t->raw[0], sizeof t->raw[0], "x64.raw");
    make_raw(t, recipe_x86, t->raw[1], sizeof t->raw[1], "x86.raw");
    t->max_rss = 0;
    for (unsigned i = 0; i < n; i++)
        one_container(t, i, seed, rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS);
    printf("seed 0x%" PRIx64 ": %u containers, %ld runs, %ld of them with a result, at most %ld "
           "KiB, %d wrong\n",
           seed, n, t->n_runs, t->n_read, t->max_rss, t->n_wrong);
    failed = t->n_wrong || t->n_read == 0;
    ps_tmpdir_remove(&t->dir);
    free(t);
    return failed;
}
