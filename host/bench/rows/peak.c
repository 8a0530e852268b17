/* Memory of a scan: this program once more as a process of its own, watched while it runs. Pages of
 * a mapped file count as resident too, so that they are told apart from the memory it asked for. */
#include "host/bench/rows/rows.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/bench/rows/engines.h"
#include "host/log.h"

/* What docs/ARCHITECTURE.md promises for a scan with the default options. */
#define BOUND_MIB 512.0
#define WATCH_US  1000
#define MAX_ARGS  96

/* "RssAnon:     1234 kB" in MiB; keeps the largest. */
static void keep_largest(const char *line, const char *name, double *most)
{
    const size_t n = strlen(name);
    double mib;

    if (strncmp(line, name, n) != 0)
        return;
    mib = strtod(line + n, NULL) / 1024.0;
    *most = mib > *most ? mib : *most;
}

static void look(pid_t child, struct ps_bench_peak *p)
{
    char path[64];
    char line[128];
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) {
        keep_largest(line, "RssAnon:", &p->anonymous);
        keep_largest(line, "RssFile:", &p->file);
        keep_largest(line, "VmHWM:", &p->total);
    }
    if (in)
        fclose(in);
}

/* Not the ru_maxrss of wait4: a child starts with its parent's there. */
static int watch(pid_t child, struct ps_bench_peak *p, struct ps_err *err)
{
    int status = 0;
    pid_t got;

    while ((got = waitpid(child, &status, WNOHANG)) == 0) {
        look(child, p);
        usleep(WATCH_US);
    }
    if (got < 0)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "lost a child process (%s)", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE, "a scan in a process of its own failed");
    return 0;
}

/* The command line of a scan on this engine. 'text' holds what is not there as a string yet. */
static void make_args(const struct ps_bench *b, const struct ps_bench_engine *e,
                      const struct ps_bench_scan_options *scan, char text[32], const char **args)
{
    unsigned n = 0;

    snprintf(text, 32, "%u", e->threads);
    args[n++] = "poolscan";
    args[n++] = "scan";
    args[n++] = "--quiet";
    args[n++] = "--format";
    args[n++] = "none";
    args[n++] = "--backend";
    args[n++] = e->backend;
    if (e->kernel) {
        args[n++] = "--kernel";
        args[n++] = e->kernel;
    }
    if (e->device[0]) {
        args[n++] = "--device";
        args[n++] = e->device;
    } else {
        args[n++] = "--threads";
        args[n++] = text;
    }
    args[n++] = "--arch";
    args[n++] = scan->opt.arch;
    if (scan->opt.no_builtin_tags)
        args[n++] = "--no-builtin-tags";
    for (size_t i = 0; i < scan->opt.tag_files.n && n + 4 < MAX_ARGS; i++) {
        args[n++] = "--tag-file";
        args[n++] = scan->opt.tag_files.item[i];
    }
    args[n++] = "--";
    args[n++] = b->image;
    args[n] = NULL;
}

int ps_bench_peak_apart(const char *const *args, struct ps_bench_peak *p, struct ps_err *err)
{
    pid_t child;
    int failed =
        posix_spawn(&child, "/proc/self/exe", NULL, NULL, (char **)(uintptr_t)args, environ);

    *p = (struct ps_bench_peak){0};
    if (failed)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "cannot start a scan of its own (%s)",
                       strerror(failed));
    return watch(child, p, err);
}

static int scan_apart(const struct ps_bench *b, const struct ps_bench_engine *e,
                      struct ps_bench_peak *p, struct ps_err *err)
{
    struct ps_bench_scan_options scan;
    const char *args[MAX_ARGS];
    char text[32];

    ps_bench_engine_options(b, e, &scan);
    make_args(b, e, &scan, text, args);
    return ps_bench_peak_apart(args, p, err);
}

static int write_row(struct ps_bench *b, const struct ps_bench_engine *e, const char *what,
                     double mib, int bounded, struct ps_err *err)
{
    const struct ps_stat value = {.n = 1, .median = mib, .min = mib, .max = mib};
    const struct ps_stat bound = {.n = 1, .median = BOUND_MIB};
    const struct ps_stat ratio = {.n = 1, .median = mib / BOUND_MIB};
    char name[128];
    struct ps_bench_row row = {.group = "peak-memory",
                               .name = name,
                               .pages = b->image_name,
                               .threads = e->threads,
                               .n_bytes = b->image_bytes,
                               .unit = "MiB",
                               .value = value,
                               .hits = PS_NO_HITS};

    snprintf(name, sizeof name, "%s %s", e->name, what);
    if (bounded) {
        row.ceiling = "bound";
        row.limit = bound;
        row.ratio = ratio;
    }
    return ps_bench_report_row(b->report, &row, err);
}

static int bench_engine(struct ps_bench *b, const struct ps_bench_engine *e, struct ps_err *err)
{
    struct ps_bench_peak p = {0};
    int rc = scan_apart(b, e, &p, err);

    if (rc == -PS_EDEVICE && e->optional) {
        ps_log(PS_LOG_WARN, "no peak memory of %s: %s", e->name, err->msg);
        return 0;
    }
    if (rc == 0)
        rc = write_row(b, e, "resident", p.total, 1, err);
    if (rc == 0)
        rc = write_row(b, e, "anonymous", p.anonymous, 0, err);
    return rc < 0 ? rc : write_row(b, e, "mapped", p.file, 0, err);
}

int ps_bench_peak(struct ps_bench *b, struct ps_err *err)
{
    struct ps_bench_engines engines;
    int rc = ps_bench_engines_list(&engines, b, err);

    for (unsigned i = 0; i < engines.n && rc == 0; i++)
        if (engines.engine[i].repeats && !engines.engine[i].finds_nothing)
            rc = bench_engine(b, &engines.engine[i], err);
    return rc;
}
