#include "host/run/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pool_header.h"

/* Two lanes keep a device busy: one reads the file while the other's chunks are in flight. */
#define LANES_PER_DEVICE 2u
/* The devices of PoCL's "basic" driver run everything in the thread that asks, and its cache of
 * kernels aborts when two threads do. */
#define SINGLE_THREADED  "basic"
#define MAX_LANES        1024u

static int choose_cpu(struct ps_engine *e, const struct ps_options *opt, struct ps_err *err)
{
    const struct ps_machine *m = ps_topology_machine(e->topology);

    e->kernel = ps_kernel_pick(opt->kernel);
    if (!e->kernel && !ps_kernel_named(opt->kernel))
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--kernel %s: this build has no such kernel; see poolscan devices",
                       opt->kernel);
    if (!e->kernel)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                       "--kernel %s: this CPU lacks the instructions; see poolscan devices",
                       opt->kernel);
    e->n_lanes = opt->threads ? opt->threads : m->n_pus;
    return 0;
}

static int wants_device(const struct ps_options *opt, unsigned number)
{
    char text[16];

    snprintf(text, sizeof text, "%u", number);
    for (size_t i = 0; i < opt->devices.n; i++)
        if (strcmp(opt->devices.item[i], text) == 0)
            return 1;
    return 0;
}

/* Why device d may not be used although it was named; NULL if it may. */
static const char *refusal(const struct ps_options *opt, const struct ps_cl_device *d)
{
    if (!d->usable)
        return d->why_not;
    if (opt->gpu && !opt->any_device && !d->is_gpu)
        return "not a GPU (--any-device accepts it)";
    return NULL;
}

static int all_named_exist(const struct ps_options *opt, const struct ps_cl_device *d, size_t n,
                           struct ps_err *err)
{
    for (size_t i = 0; i < opt->devices.n; i++) {
        char *end;
        unsigned long number = strtoul(opt->devices.item[i], &end, 10);
        int found = 0;

        for (size_t k = 0; k < n; k++)
            found |= d[k].number == number;
        if (*end || !found)
            return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                           "--device %s: no OpenCL device with that number; see poolscan devices",
                           opt->devices.item[i]);
    }
    return 0;
}

/* Keep the devices to be used at the front of e->device. Without -d: every GPU; where only other
 * devices may be meant, the first of those. */
static int keep_devices(struct ps_engine *e, const struct ps_options *opt, size_t n,
                        struct ps_err *err)
{
    const int strict = opt->gpu && !opt->any_device;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const struct ps_cl_device d = e->device[i];
        const char *why_not = refusal(opt, &d);

        if (opt->devices.n && !wants_device(opt, d.number))
            continue;
        if (opt->devices.n && why_not)
            return ps_fail(err, PS_EDEVICE, PS_AT_NONE, "device %u (%s): %s", d.number, d.name,
                           why_not);
        if (!why_not && (opt->devices.n || d.is_gpu))
            e->device[kept++] = d;
    }
    for (size_t i = 0; i < n && kept == 0 && !strict; i++)
        if (e->device[i].usable)
            e->device[kept++] = e->device[i];
    e->n_devices = kept;
    if (kept == 0)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                       "no %s among %zu OpenCL device%s; see poolscan devices%s",
                       strict ? "GPU" : "usable device", n, n == 1 ? "" : "s",
                       strict ? ", or allow others with --any-device" : "");
    return 0;
}

static unsigned lanes_per_device(const struct ps_engine *e)
{
    for (size_t i = 0; i < e->n_devices; i++)
        if (strncmp(e->device[i].name, SINGLE_THREADED, sizeof SINGLE_THREADED - 1) == 0)
            return 1;
    return LANES_PER_DEVICE;
}

static int choose_opencl(struct ps_engine *e, const struct ps_options *opt, struct ps_err *err)
{
    size_t n = 0;
    int rc = ps_cl_devices(&e->device, &n, err);

    if (rc == 0)
        rc = all_named_exist(opt, e->device, n, err);
    if (rc == 0)
        rc = keep_devices(e, opt, n, err);
    if (rc == 0)
        e->n_lanes = (unsigned)e->n_devices * lanes_per_device(e);
    return rc;
}

/* 'auto' is the CPU: on a file in memory its threads reach what the memory gives, and a device
 * that nobody asked for may be somebody else's. */
static enum ps_engine_kind kind_of(const struct ps_options *opt)
{
    if (opt->gpu || opt->devices.n || (opt->backend && strcmp(opt->backend, "opencl") == 0))
        return PS_ENGINE_OPENCL;
    if (opt->backend && strcmp(opt->backend, "null") == 0)
        return PS_ENGINE_NULL;
    return PS_ENGINE_CPU;
}

int ps_engine_choose(struct ps_engine *e, const struct ps_options *opt,
                     const struct ps_topology *topology, struct ps_err *err)
{
    int rc;

    *e = (struct ps_engine){.kind = kind_of(opt), .topology = topology};
    rc = e->kind == PS_ENGINE_OPENCL ? choose_opencl(e, opt, err) : choose_cpu(e, opt, err);
    if (rc < 0)
        return rc;
    if (e->n_lanes > MAX_LANES)
        e->n_lanes = MAX_LANES;
    e->lane = calloc(e->n_lanes, sizeof *e->lane);
    return e->lane ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static void close_lanes(struct ps_engine *e)
{
    for (unsigned i = 0; i < e->n_open; i++)
        ps_backend_close(e->lane[i].backend);
    e->n_open = 0;
}

static int open_lane(struct ps_engine *e, unsigned i, const struct ps_plan *plan,
                     struct ps_err *err)
{
    struct ps_lane_spec *l = &e->lane[i];
    const struct ps_cl_device *d;
    size_t max_pages = e->chunk_pages;
    int rc;

    *l = (struct ps_lane_spec){.pci_bus = -1};
    if (e->kind == PS_ENGINE_NULL)
        return ps_backend_null_open(&l->backend, err);
    if (e->kind == PS_ENGINE_CPU)
        return ps_backend_cpu_open(&l->backend, plan, e->kernel, err);
    d = &e->device[i / lanes_per_device(e)];
    l->pci_domain = d->pci_domain;
    l->pci_bus = d->pci_bus;
    l->pci_device = d->pci_device;
    l->pci_function = d->pci_function;
    if (max_pages < PS_SELF_TEST_PAGES)
        max_pages = PS_SELF_TEST_PAGES;
    rc = ps_backend_opencl_open(&l->backend, plan, d->number, max_pages, err);
    if (rc < 0)
        return rc;
    rc = ps_backend_self_test(l->backend, plan, err);
    if (rc < 0)
        ps_backend_close(l->backend);
    return rc;
}

/* What one device can hold of a chunk in one allocation. */
static size_t device_limit(const struct ps_engine *e)
{
    size_t most = PS_MAX_PAGES;

    for (size_t i = 0; i < e->n_devices; i++)
        if (e->device[i].max_alloc_bytes / PS_PAGE_BYTES < most)
            most = (size_t)(e->device[i].max_alloc_bytes / PS_PAGE_BYTES);
    return most ? most : 1;
}

int ps_engine_open(struct ps_engine *e, const struct ps_plan *plan, uint64_t chunk_bytes,
                   struct ps_err *err)
{
    const unsigned depth = e->kind == PS_ENGINE_OPENCL ? 3 : 1;

    close_lanes(e);
    e->chunk_pages = ps_pipeline_chunk_pages(ps_topology_machine(e->topology), e->n_lanes, depth,
                                             plan->slot_shift, chunk_bytes);
    if (e->chunk_pages > device_limit(e))
        e->chunk_pages = device_limit(e);
    for (unsigned i = 0; i < e->n_lanes; i++) {
        int rc = open_lane(e, i, plan, err);

        if (rc < 0)
            return rc;
        e->n_open++;
    }
    return 0;
}

void ps_engine_describe(const struct ps_engine *e, char *text, size_t n)
{
    const char *plural = e->n_lanes == 1 ? "" : "s";

    if (e->kind == PS_ENGINE_CPU)
        snprintf(text, n, "cpu/%s, %u thread%s", e->kernel->name, e->n_lanes, plural);
    else if (e->kind == PS_ENGINE_NULL)
        snprintf(text, n, "null, %u thread%s", e->n_lanes, plural);
    else if (e->n_devices == 1)
        snprintf(text, n, "opencl/%s", e->device[0].name);
    else
        snprintf(text, n, "opencl, %zu devices", e->n_devices);
}

void ps_engine_free(struct ps_engine *e)
{
    close_lanes(e);
    free(e->lane);
    free(e->device);
    *e = (struct ps_engine){0};
}
