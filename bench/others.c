/* bench_others IMAGE FOLDER POOLSCAN REPEATS: rows of other programs in the columns of the verb
 * bench.
 *
 * FOLDER holds what bench_inputs wrote. Each is measured in turn with a sum over the mapped file,
 * one thread. A program is timed from its start to its end. None of them checks a header: what they
 * count is how often the bytes of a tag occur (ripgrep: in how many lines). */
#include "bench/others.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/bench/data/file_read.h"
#include "host/bench/data/tag_set.h"
#include "host/bench/report/report.h"
#include "kernels/cpu.h"

extern char **environ;

#define MAX_PATH 4096

struct compare {
    const char *image;
    const char *poolscan;
    char tags[MAX_PATH], fixed[MAX_PATH], regex[MAX_PATH], regexes[MAX_PATH];
    uint64_t n_bytes;
    unsigned repeats;
    ps_memory_sum_fn *sum;
    struct ps_bench_report *report;
};

/* One thing to measure: 'run' does it once and gives its time and count. */
struct contender {
    const char *name;
    int (*run)(struct compare *c, const struct contender *who, double *seconds, uint64_t *count,
               struct ps_err *err);
    const char *const *args; /* of a program */
    struct hs_job *job;
};

/* Run a program, its standard output in 'out'. */
static int run_program(struct compare *c, const struct contender *who, double *seconds,
                       uint64_t *count, struct ps_err *err)
{
    posix_spawn_file_actions_t actions;
    double start = ps_bench_now();
    char text[64] = "";
    int fds[2];
    int status = 0;
    pid_t child;
    int failed;

    (void)c;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "no pipe (%s)", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    failed = posix_spawnp(&child, who->args[0], &actions, NULL, (char *const *)(uintptr_t)who->args,
                          environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (!failed) {
        ssize_t n = read(fds[0], text, sizeof text - 1);

        text[n > 0 ? n : 0] = 0;
        waitpid(child, &status, 0);
    }
    close(fds[0]);
    *seconds = ps_bench_now() - start;
    *count = text[0] ? strtoull(text, NULL, 10) : PS_NO_HITS;
    if (failed || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE, "%s cannot be run", who->args[0]);
    return 0;
}

/* Map, look, unmap, as the sum that it is held against. */
static int run_hyperscan(struct compare *c, const struct contender *who, double *seconds,
                         uint64_t *count, struct ps_err *err)
{
    double start = ps_bench_now();
    int fd = open(c->image, O_RDONLY | O_CLOEXEC);
    void *mem = fd < 0 ? MAP_FAILED : mmap(NULL, c->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    int rc;

    if (fd >= 0)
        close(fd);
    if (mem == MAP_FAILED)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "%.100s: %s", c->image, strerror(errno));
    rc = hs_job_scan(who->job, mem, c->n_bytes, count, err);
    munmap(mem, c->n_bytes);
    *seconds = ps_bench_now() - start;
    return rc;
}

static int measure(struct compare *c, const struct contender *who, struct ps_err *err)
{
    struct ps_series *s = calloc(3, sizeof *s);
    struct ps_bench_row row = {.group = "other",
                               .name = who->name,
                               .pages =
                                   strrchr(c->image, '/') ? strrchr(c->image, '/') + 1 : c->image,
                               .n_tags = PS_BENCH_ALL_TAGS,
                               .threads = 1,
                               .n_bytes = c->n_bytes,
                               .unit = "GB/s",
                               .ceiling = ps_file_readers[0].name};
    int rc = s ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    for (unsigned i = 0; i < c->repeats && rc == 0; i++) {
        double ceiling = 0, seconds = 0;
        uint64_t sum;

        rc = ps_file_read_once(&ps_file_readers[0], c->image, 1, c->sum, &ceiling, &sum, err);
        if (rc == 0)
            rc = who->run(c, who, &seconds, &row.hits, err);
        ps_series_add(&s[0], (double)c->n_bytes / seconds / 1e9);
        ps_series_add(&s[1], (double)c->n_bytes / ceiling / 1e9);
        ps_series_add(&s[2], ceiling / seconds);
    }
    if (rc == 0) {
        row.value = ps_series_stat(&s[0]);
        row.limit = ps_series_stat(&s[1]);
        row.ratio = ps_series_stat(&s[2]);
        rc = ps_bench_report_row(c->report, &row, err);
    }
    free(s);
    return rc;
}

/* Not being installed is no failure. */
static int try_contender(struct compare *c, const struct contender *who, struct ps_err *err)
{
    int rc = measure(c, who, err);

    if (rc != -PS_EDEVICE)
        return rc;
    fprintf(stderr, "bench_others: no row for %s: %s\n", who->name, err->msg);
    return 0;
}

static int measure_programs(struct compare *c, struct ps_err *err)
{
    const char *const scan[] = {c->poolscan, "scan", "-q",         "--format", "none",
                                "--threads", "1",    "--tag-file", c->tags,    "--no-builtin-tags",
                                c->image,    NULL};
    const char *const fixed[] = {"rg", "-c", "-a",     "--no-unicode", "-j", "1",
                                 "-F", "-f", c->fixed, c->image,       NULL};
    const char *const regex[] = {
        "rg", "-c", "-a",     "--no-unicode", "-j", "1", "--dfa-size-limit",
        "1G", "-f", c->regex, c->image,       NULL};
    const struct contender all[] = {
        {"poolscan scan", run_program, scan, NULL},
        {"ripgrep fixed strings", run_program, fixed, NULL},
        {"ripgrep header regex", run_program, regex, NULL},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof all / sizeof *all && rc == 0; i++)
        rc = try_contender(c, &all[i], err);
    return rc;
}

static int measure_hyperscan(struct compare *c, int literal, struct ps_err *err)
{
    struct contender who = {literal ? "hyperscan fixed strings" : "hyperscan header regex",
                            run_hyperscan, NULL, NULL};
    int rc = hs_job_new(&who.job, literal ? c->fixed : NULL, literal ? NULL : c->regexes, err);

    if (rc < 0) {
        fprintf(stderr, "bench_others: no row for %s: %s\n", who.name, err->msg);
        return 0;
    }
    rc = try_contender(c, &who, err);
    hs_job_free(who.job);
    return rc;
}

static ps_memory_sum_fn *best_sum(void)
{
    size_t i = 0;

    while (ps_memory_readers[i].cpu_needs & ~ps_cpu_features())
        i++;
    return ps_memory_readers[i].sum;
}

static int run(struct compare *c, struct ps_err *err)
{
    const struct ps_facts none = {0};
    struct ps_err ignored;
    int rc = ps_bench_report_open(&c->report, "csv", NULL, &none, err);

    if (rc == 0)
        rc = measure_programs(c, err);
    if (rc == 0)
        rc = measure_hyperscan(c, 1, err);
    if (rc == 0)
        rc = measure_hyperscan(c, 0, err);
    ps_bench_report_close(c->report, 1, &ignored);
    return rc;
}

int main(int argc, char **argv)
{
    struct compare c = {.sum = best_sum()};
    struct ps_err err;
    struct stat st;

    if (argc != 5 || stat(argv[1], &st) != 0) {
        fputs("usage: bench_others IMAGE FOLDER POOLSCAN REPEATS\n", stderr);
        return 64;
    }
    c.image = argv[1];
    c.poolscan = argv[3];
    c.n_bytes = (uint64_t)st.st_size;
    c.repeats = (unsigned)strtoul(argv[4], NULL, 10);
    snprintf(c.tags, sizeof c.tags, "%s/made-up.tags", argv[2]);
    snprintf(c.fixed, sizeof c.fixed, "%s/fixed.txt", argv[2]);
    snprintf(c.regex, sizeof c.regex, "%s/header.regex", argv[2]);
    snprintf(c.regexes, sizeof c.regexes, "%s/headers.regex", argv[2]);
    fprintf(stderr, "bench_others: Hyperscan %s\n", hs_version_text());
    if (run(&c, &err) == 0)
        return 0;
    fprintf(stderr, "bench_others: %s\n", err.msg);
    return 70;
}
