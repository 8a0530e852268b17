/* The backend of a device: opening it, and the five calls of backend.h. What happens to one chunk
 * is in chunk.c.
 *
 * takes_mapped is 0 everywhere. A discrete device would copy a mapping through its own pinned
 * memory anyway. A device that shares the host's memory could read a mapped file in place, but when
 * the file is cut short meanwhile the SIGBUS comes in a thread of the driver (a worker of PoCL, or
 * a fault inside a GPU), where nobody can guard against it. */
#include "host/opencl/chunk.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/opencl/device/clerr.h"
#include "host/opencl/device/device.h"
#include "kernels/pool_header.h"

/* Work-items per compute unit: several waves of the largest units there are (2048 resident). */
#define ITEMS_PER_UNIT ((size_t)2048)
#define LOCAL_SIZE     ((size_t)256)

static void cl_backend_close(struct ps_backend *base)
{
    struct cl_backend *b = (struct cl_backend *)base;

    if (b->kernel)
        b->cl->clReleaseKernel(b->kernel);
    if (b->plan)
        b->cl->clReleaseMemObject(b->plan);
    ps_cl_program_put(b->program);
    free(b);
}

/* One chunk is being filled, one is on the bus, one is scanned. */
static const struct ps_backend_ops discrete_ops = {
    .takes_mapped = 0,
    .depth = 3,
    .chunk_init = cl_chunk_init,
    .submit = cl_chunk_submit,
    .wait = cl_chunk_wait,
    .chunk_fini = cl_chunk_fini,
    .close = cl_backend_close,
};

/* Nothing travels: one chunk is being filled while the other is scanned. */
static const struct ps_backend_ops unified_ops = {
    .takes_mapped = 0,
    .depth = 2,
    .chunk_init = cl_chunk_init,
    .submit = cl_chunk_submit,
    .wait = cl_chunk_wait,
    .chunk_fini = cl_chunk_fini,
    .close = cl_backend_close,
};

/* PS_CL_AS_GPU=1 runs any device the way a discrete GPU is run, with one work-group that goes round
 * many times, so that tests reach that code where there is no GPU. */
static int run_as_gpu(void)
{
    const char *as_gpu = getenv("PS_CL_AS_GPU");

    return as_gpu && as_gpu[0] == '1';
}

static int check_limits(const struct ps_cl_device *d, size_t max_pages, struct ps_err *err)
{
    if (max_pages < 1 || max_pages > PS_MAX_PAGES)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "a chunk of %zu pages is not possible",
                       max_pages);
    if (max_pages > d->max_alloc_bytes / PS_PAGE_BYTES)
        return ps_fail(
            err, PS_EDEVICE, PS_AT_NONE,
            "%.60s takes %llu MiB at once and the chunk is larger; use a smaller --chunk", d->name,
            (unsigned long long)(d->max_alloc_bytes >> 20));
    return 0;
}

/* The local size is the same for every chunk: some drivers compile once more for each new one. A
 * page has 256 units, so that it divides every chunk. */
static int set_sizes(struct cl_backend *b, const struct ps_cl_device *d, struct ps_err *err)
{
    size_t most = 0;
    cl_int rc = b->cl->clGetKernelWorkGroupInfo(
        b->kernel, b->program->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL);

    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clGetKernelWorkGroupInfo", rc);
    b->local_size = LOCAL_SIZE;
    while (b->local_size > most && b->local_size > 1)
        b->local_size /= 2;
    /* A CPU runs the work-items of a group one after the other, each to its end: with one unit
     * each they walk through memory in order. */
    b->max_items = d->is_gpu ? d->compute_units * ITEMS_PER_UNIT : SIZE_MAX;
    if (b->max_items < LOCAL_SIZE || run_as_gpu())
        b->max_items = LOCAL_SIZE;
    return 0;
}

static int open_device(struct cl_backend *b, const struct ps_plan *plan, unsigned number,
                       struct ps_err *err)
{
    struct ps_cl_device info;
    cl_device_id device;
    cl_int status;
    int rc;

    b->cl = ps_cl_api(err);
    rc = b->cl ? ps_cl_device_open(b->cl, number, &device, &info, err) : -err->code;
    if (rc == 0)
        rc = check_limits(&info, b->max_pages, err);
    if (rc == 0)
        rc = ps_cl_program_get(&b->program, b->cl, device, info.name, err);
    if (rc < 0)
        return rc;
    b->unified = info.unified_memory && !run_as_gpu();
    b->base.ops = b->unified ? &unified_ops : &discrete_ops;
    snprintf(b->base.name, sizeof b->base.name, "opencl/%.50s", info.name);
    b->kernel = b->cl->clCreateKernel(b->program->program, "scan_pages", &status);
    if (status != CL_SUCCESS)
        return ps_cl_fail(err, "clCreateKernel", status);
    b->plan = b->cl->clCreateBuffer(b->program->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR,
                                    plan->n_bytes, (void *)(uintptr_t)plan, &status);
    if (status != CL_SUCCESS)
        return ps_cl_fail(err, "clCreateBuffer", status);
    return set_sizes(b, &info, err);
}

int ps_backend_opencl_open(struct ps_backend **out, const struct ps_plan *plan, unsigned number,
                           size_t max_pages, struct ps_err *err)
{
    struct cl_backend *b = calloc(1, sizeof *b);
    int rc;

    if (!b)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for an OpenCL backend");
    b->max_pages = max_pages;
    rc = open_device(b, plan, number, err);
    if (rc < 0) {
        cl_backend_close(&b->base);
        return rc;
    }
    *out = &b->base;
    return 0;
}
