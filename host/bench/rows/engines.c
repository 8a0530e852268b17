#include "host/bench/rows/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/opencl/opencl.h"
#include "kernels/cpu.h"
#include "kernels/kernel.h"

static struct ps_bench_engine *add(struct ps_bench_engines *list, const char *backend,
                                   unsigned threads, unsigned repeats)
{
    struct ps_bench_engine *e = &list->engine[list->n];

    if (list->n < PS_BENCH_MAX_ENGINES - 1)
        list->n++;
    *e = (struct ps_bench_engine){.backend = backend, .threads = threads, .repeats = repeats};
    snprintf(e->name, sizeof e->name, "%s", backend);
    return e;
}

static void add_cpu(struct ps_bench_engines *list, const char *kernel, unsigned threads,
                    unsigned repeats)
{
    struct ps_bench_engine *e = add(list, "cpu", threads, repeats);

    e->kernel = kernel;
    snprintf(e->name, sizeof e->name, "cpu/%s", kernel);
}

static int wants(const struct ps_options *opt, const char *backend)
{
    const int opencl = opt->gpu || opt->devices.n > 0;

    if (opencl)
        return strcmp(backend, "opencl") == 0;
    return !opt->backend || strcmp(opt->backend, "auto") == 0 || strcmp(opt->backend, backend) == 0;
}

/* 1, 2, 4 ... and all; or what --threads says. */
static unsigned next_threads(const struct ps_bench *b, unsigned threads)
{
    const unsigned n_pus = ps_topology_machine(b->topology)->n_pus;

    if (threads == 0)
        return b->opt->threads ? b->opt->threads : 1;
    if (b->opt->threads || threads >= n_pus)
        return 0;
    return threads * 2 < n_pus ? threads * 2 : n_pus;
}

static void add_kernels(struct ps_bench_engines *list, const struct ps_bench *b)
{
    const struct ps_kernel *best = ps_kernel_pick(b->opt->kernel);

    for (unsigned t = next_threads(b, 0); t && best; t = next_threads(b, t))
        add_cpu(list, best->name, t, b->repeats);
    for (size_t i = 0; i < ps_n_kernels && !b->opt->kernel; i++)
        if (&ps_kernels[i] != best && (ps_kernels[i].cpu_needs & ~ps_cpu_features()) == 0)
            add_cpu(list, ps_kernels[i].name, next_threads(b, 0), b->repeats);
}

static void add_null(struct ps_bench_engines *list, const struct ps_bench *b)
{
    for (unsigned t = next_threads(b, 0); t; t = next_threads(b, t))
        add(list, "null", t, b->repeats)->finds_nothing = 1;
}

static void add_device(struct ps_bench_engines *list, const struct ps_bench *b,
                       const struct ps_cl_device *d, int optional)
{
    struct ps_bench_engine *e = add(list, "opencl", 0, b->repeats);

    snprintf(e->name, sizeof e->name, "opencl/%.60s", d->name);
    snprintf(e->device, sizeof e->device, "%u", d->number);
    e->optional = optional;
}

static int is_named(const struct ps_options *opt, const struct ps_cl_device *d)
{
    for (size_t i = 0; i < opt->devices.n; i++)
        if (strtoul(opt->devices.item[i], NULL, 10) == d->number)
            return 1;
    return opt->devices.n == 0;
}

static int add_devices(struct ps_bench_engines *list, const struct ps_bench *b, struct ps_err *err)
{
    const struct ps_options *opt = b->opt;
    const int asked = !wants(opt, "cpu");
    const unsigned before = list->n;
    struct ps_cl_device *d = NULL;
    size_t n = 0;
    int rc = ps_cl_devices(&d, &n, err);

    for (size_t i = 0; i < n && rc == 0; i++)
        if (d[i].usable && is_named(opt, &d[i]) && (!opt->gpu || opt->any_device || d[i].is_gpu))
            add_device(list, b, &d[i], !asked);
    free(d);
    if (rc < 0 && !asked)
        return 0;
    if (rc == 0 && asked && list->n == before)
        rc = ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                     "none of %zu OpenCL devices is what was asked for; see poolscan devices", n);
    return rc;
}

static int kernel_is_usable(const char *name, struct ps_err *err)
{
    if (!name || ps_kernel_pick(name))
        return 0;
    return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                   "--kernel %s: this CPU lacks the instructions; see poolscan devices", name);
}

int ps_bench_engines_list(struct ps_bench_engines *list, const struct ps_bench *b,
                          struct ps_err *err)
{
    int rc = kernel_is_usable(b->opt->kernel, err);

    list->n = 0;
    if (rc < 0)
        return rc;
    add_cpu(list, "scalar", ps_topology_machine(b->topology)->n_pus, 0);
    if (wants(b->opt, "cpu"))
        add_kernels(list, b);
    if (wants(b->opt, "null"))
        add_null(list, b);
    return wants(b->opt, "opencl") ? add_devices(list, b, err) : 0;
}

void ps_bench_engine_options(const struct ps_bench *b, const struct ps_bench_engine *engine,
                             struct ps_bench_scan_options *out)
{
    struct ps_options *opt = &out->opt;

    *opt = *b->opt;
    opt->verb = PS_VERB_SCAN;
    opt->backend = engine->backend;
    opt->kernel = engine->kernel;
    opt->threads = engine->threads;
    opt->gpu = 0;
    opt->any_device = 1;
    opt->devices = (struct ps_strings){0};
    if (engine->device[0]) {
        out->device[0] = engine->device;
        opt->devices = (struct ps_strings){out->device, 1};
    }
    if (opt->tag_files.n == 0) {
        out->tag_file[0] = b->made_tags;
        opt->tag_files = (struct ps_strings){out->tag_file, 1};
        opt->no_builtin_tags = 1;
    }
}
