#include "host/opencl/chunk.h"

#include <stdlib.h>

#include "host/opencl/device/clerr.h"
#include "kernels/pool_header.h"

/* Hits of a chunk that a device can keep before its buffer has to grow: 1 MiB. */
#define FIRST_HITS_CAP ((size_t)65536)

/* Units of scan_pages.cl. */
#define UNIT_BYTES     16u
#define UNITS_PER_PAGE (PS_PAGE_BYTES / UNIT_BYTES)

/* One in-order queue per chunk, so that the transfer of one overlaps the scan of another.
 *
 * Discrete device: 'pinned' is host memory that the driver can transfer from directly, mapped once
 * for good and given to the pipeline; 'pages' is the device's own.
 * Unified memory: 'pages' is made of 'memory', and mapped whenever the host has the chunk. */
struct cl_chunk {
    cl_command_queue queue;
    cl_mem pinned;
    cl_mem pages;
    cl_mem hits;
    cl_mem count;
    size_t n_bytes;  /* of the pages */
    size_t cap;      /* hits that fit 'hits' */
    void *memory;    /* unified: page-aligned, from the host */
    void *mapped;    /* of 'pinned' or 'pages', while mapped */
    cl_uint n_found; /* written by the device until 'done' */
    cl_event done;
};

static cl_mem new_buffer(const struct cl_backend *b, cl_mem_flags flags, size_t n_bytes,
                         void *memory, struct ps_err *err)
{
    cl_int rc;
    cl_mem mem = b->cl->clCreateBuffer(b->program->context, flags, n_bytes, memory, &rc);

    if (rc != CL_SUCCESS) {
        ps_cl_fail(err, "clCreateBuffer", rc);
        return NULL;
    }
    return mem;
}

/* Map for reading too: the neighbour check reads pages of the chunk, and memory mapped only for
 * writing may be uncached. */
static int map(const struct cl_backend *b, struct cl_chunk *k, cl_mem mem, struct ps_err *err)
{
    cl_int rc;

    k->mapped = b->cl->clEnqueueMapBuffer(k->queue, mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                          k->n_bytes, 0, NULL, NULL, &rc);
    if (rc != CL_SUCCESS) {
        k->mapped = NULL;
        return ps_cl_fail(err, "clEnqueueMapBuffer", rc);
    }
    return 0;
}

static int init_discrete(const struct cl_backend *b, struct cl_chunk *k, struct ps_err *err)
{
    k->pages = new_buffer(b, CL_MEM_READ_ONLY | CL_MEM_HOST_WRITE_ONLY, k->n_bytes, NULL, err);
    if (!k->pages)
        return -err->code;
    k->pinned = new_buffer(b, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, k->n_bytes, NULL, err);
    if (!k->pinned)
        return -err->code;
    return map(b, k, k->pinned, err);
}

/* CL_MEM_USE_HOST_PTR and not ALLOC_HOST_PTR: the address of such a buffer stays the same each
 * time it is mapped, and page alignment lets every driver use it without a copy. */
static int init_unified(const struct cl_backend *b, struct cl_chunk *k, struct ps_err *err)
{
    k->memory = aligned_alloc(PS_PAGE_BYTES, k->n_bytes);
    if (!k->memory)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a chunk of %zu bytes",
                       k->n_bytes);
    k->pages = new_buffer(b, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, k->n_bytes, k->memory, err);
    if (!k->pages)
        return -err->code;
    return map(b, k, k->pages, err);
}

static int init_results(const struct cl_backend *b, struct cl_chunk *k, struct ps_err *err)
{
    size_t most = k->n_bytes / PS_PAGE_BYTES * (PS_PAGE_BYTES >> PS_SLOT_SHIFT_X86);

    k->cap = most < FIRST_HITS_CAP ? most : FIRST_HITS_CAP;
    k->hits = new_buffer(b, CL_MEM_WRITE_ONLY, k->cap * sizeof(struct ps_hit), NULL, err);
    if (!k->hits)
        return -err->code;
    k->count = new_buffer(b, CL_MEM_READ_WRITE, sizeof(cl_uint), NULL, err);
    return k->count ? 0 : -err->code;
}

static int init_chunk(const struct cl_backend *b, struct cl_chunk *k, struct ps_err *err)
{
    cl_int status;
    int rc;

    k->queue = b->cl->clCreateCommandQueue(b->program->context, b->program->device, 0, &status);
    if (status != CL_SUCCESS)
        return ps_cl_fail(err, "clCreateCommandQueue", status);
    rc = init_results(b, k, err);
    if (rc < 0)
        return rc;
    return b->unified ? init_unified(b, k, err) : init_discrete(b, k, err);
}

int cl_chunk_init(struct ps_backend *base, struct ps_chunk *c, struct ps_err *err)
{
    struct cl_backend *b = (struct cl_backend *)base;
    struct cl_chunk *k;
    int rc;

    if (c->max_pages < 1 || c->max_pages > b->max_pages)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                       "a chunk of %zu pages on a backend opened for %zu", c->max_pages,
                       b->max_pages);
    k = calloc(1, sizeof *k);
    if (!k)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a chunk");
    c->priv = k;
    k->n_bytes = c->max_pages * PS_PAGE_BYTES;
    rc = init_chunk(b, k, err);
    if (rc < 0) {
        cl_chunk_fini(base, c);
        return rc;
    }
    c->buffer = k->mapped;
    return 0;
}

static void release_mem(const struct cl_backend *b, cl_mem mem)
{
    if (mem)
        b->cl->clReleaseMemObject(mem);
}

static void forget_done(const struct cl_backend *b, struct cl_chunk *k)
{
    if (k->done)
        b->cl->clReleaseEvent(k->done);
    k->done = NULL;
}

void cl_chunk_fini(struct ps_backend *base, struct ps_chunk *c)
{
    struct cl_backend *b = (struct cl_backend *)base;
    struct cl_chunk *k = c->priv;

    if (!k)
        return;
    if (k->queue) {
        /* A cancelled chunk may still be at work, in memory that is about to go. */
        b->cl->clFinish(k->queue);
        if (k->mapped)
            b->cl->clEnqueueUnmapMemObject(k->queue, k->pinned ? k->pinned : k->pages, k->mapped, 0,
                                           NULL, NULL);
        b->cl->clFinish(k->queue);
    }
    forget_done(b, k);
    release_mem(b, k->pages);
    release_mem(b, k->pinned);
    release_mem(b, k->hits);
    release_mem(b, k->count);
    if (k->queue)
        b->cl->clReleaseCommandQueue(k->queue);
    free(k->memory);
    free(k);
    c->priv = NULL;
    c->buffer = NULL;
}

/* Enqueue the kernel on n_pages pages with a counter of zero, and the reading of the counter, which
 * ends in k->done. */
static int enqueue_scan(const struct cl_backend *b, struct cl_chunk *k, size_t n_pages,
                        struct ps_err *err)
{
    static const cl_uint zero = 0;
    const cl_uint n_units = (cl_uint)(n_pages * UNITS_PER_PAGE);
    const cl_uint cap = (cl_uint)k->cap;
    size_t n_items = n_units < b->max_items ? n_units : b->max_items;
    const struct {
        size_t n_bytes;
        const void *value;
    } args[] = {
        {sizeof(cl_mem), &b->plan}, {sizeof(cl_mem), &k->pages}, {sizeof n_units, &n_units},
        {sizeof(cl_mem), &k->hits}, {sizeof cap, &cap},          {sizeof(cl_mem), &k->count},
    };
    cl_int rc;

    for (cl_uint i = 0; i < sizeof args / sizeof *args; i++) {
        rc = b->cl->clSetKernelArg(b->kernel, i, args[i].n_bytes, args[i].value);
        if (rc != CL_SUCCESS)
            return ps_cl_fail(err, "clSetKernelArg", rc);
    }
    rc = b->cl->clEnqueueWriteBuffer(k->queue, k->count, CL_FALSE, 0, sizeof zero, &zero, 0, NULL,
                                     NULL);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clEnqueueWriteBuffer", rc);
    rc = b->cl->clEnqueueNDRangeKernel(k->queue, b->kernel, 1, NULL, &n_items, &b->local_size, 0,
                                       NULL, NULL);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clEnqueueNDRangeKernel", rc);
    rc = b->cl->clEnqueueReadBuffer(k->queue, k->count, CL_FALSE, 0, sizeof k->n_found, &k->n_found,
                                    0, NULL, &k->done);
    return rc == CL_SUCCESS ? 0 : ps_cl_fail(err, "clEnqueueReadBuffer", rc);
}

/* Give the pages to the device. */
static int enqueue_pages(const struct cl_backend *b, struct cl_chunk *k, const struct ps_chunk *c,
                         struct ps_err *err)
{
    cl_int rc;

    if (!b->unified) {
        rc = b->cl->clEnqueueWriteBuffer(k->queue, k->pages, CL_FALSE, 0,
                                         c->n_pages * PS_PAGE_BYTES, c->pages, 0, NULL, NULL);
        return rc == CL_SUCCESS ? 0 : ps_cl_fail(err, "clEnqueueWriteBuffer", rc);
    }
    rc = b->cl->clEnqueueUnmapMemObject(k->queue, k->pages, k->mapped, 0, NULL, NULL);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clEnqueueUnmapMemObject", rc);
    k->mapped = NULL;
    return 0;
}

int cl_chunk_submit(struct ps_backend *base, struct ps_chunk *c, struct ps_err *err)
{
    struct cl_backend *b = (struct cl_backend *)base;
    struct cl_chunk *k = c->priv;
    cl_int status;
    int rc;

    if (c->n_pages > c->max_pages || c->pages != c->buffer)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE, "a chunk that is not in its own buffer");
    if (c->n_pages == 0)
        return 0;
    rc = enqueue_pages(b, k, c, err);
    if (rc == 0)
        rc = enqueue_scan(b, k, c->n_pages, err);
    if (rc < 0)
        return rc;
    status = b->cl->clFlush(k->queue);
    return status == CL_SUCCESS ? 0 : ps_cl_fail(err, "clFlush", status);
}

/* The counter, once the device has written it. */
static int wait_count(const struct cl_backend *b, struct cl_chunk *k, const struct ps_chunk *c,
                      struct ps_err *err)
{
    size_t most = c->n_pages * (PS_PAGE_BYTES >> PS_SLOT_SHIFT_X86);
    cl_int rc = b->cl->clWaitForEvents(1, &k->done);

    forget_done(b, k);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clWaitForEvents", rc);
    if (k->n_found > most)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                       "%s counted %u hits on %zu pages, which have room for %zu; do not trust it",
                       b->base.name, (unsigned)k->n_found, c->n_pages, most);
    return 0;
}

/* More hits than fit: a buffer for all of them, and once more over the pages, which the device
 * still has. The next chunks start with the larger buffer. */
static int grow_and_repeat(const struct cl_backend *b, struct cl_chunk *k, const struct ps_chunk *c,
                           struct ps_err *err)
{
    size_t cap = k->n_found;
    cl_mem hits = new_buffer(b, CL_MEM_WRITE_ONLY, cap * sizeof(struct ps_hit), NULL, err);
    int rc;

    if (!hits)
        return -err->code;
    release_mem(b, k->hits);
    k->hits = hits;
    k->cap = cap;
    rc = enqueue_scan(b, k, c->n_pages, err);
    if (rc == 0)
        rc = wait_count(b, k, c, err);
    if (rc < 0)
        return rc;
    if (k->n_found != cap)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                       "%s found %zu hits and then %u on the same pages; do not trust it",
                       b->base.name, cap, (unsigned)k->n_found);
    return 0;
}

static int by_slot(const void *a, const void *b)
{
    const struct ps_hit *x = a, *y = b;

    return (x->slot > y->slot) - (x->slot < y->slot);
}

static int read_hits(const struct cl_backend *b, struct cl_chunk *k, struct ps_chunk *c,
                     struct ps_err *err)
{
    cl_int rc;

    if (ps_hits_reserve(&c->hits, k->n_found, err) < 0)
        return -err->code;
    c->hits.n = k->n_found;
    if (k->n_found == 0)
        return 0;
    rc = b->cl->clEnqueueReadBuffer(k->queue, k->hits, CL_TRUE, 0,
                                    c->hits.n * sizeof(struct ps_hit), c->hits.hit, 0, NULL, NULL);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clEnqueueReadBuffer", rc);
    qsort(c->hits.hit, c->hits.n, sizeof(struct ps_hit), by_slot);
    return 0;
}

int cl_chunk_wait(struct ps_backend *base, struct ps_chunk *c, struct ps_err *err)
{
    struct cl_backend *b = (struct cl_backend *)base;
    struct cl_chunk *k = c->priv;
    int rc;

    c->hits.n = 0;
    if (c->n_pages == 0)
        return 0;
    rc = wait_count(b, k, c, err);
    if (rc == 0 && k->n_found > k->cap)
        rc = grow_and_repeat(b, k, c, err);
    if (rc == 0)
        rc = read_hits(b, k, c, err);
    if (rc == 0 && b->unified)
        rc = map(b, k, k->pages, err);
    return rc;
}

int cl_chunk_send(struct ps_backend *base, struct ps_chunk *c, struct ps_err *err)
{
    struct cl_backend *b = (struct cl_backend *)base;
    struct cl_chunk *k = c->priv;
    int rc = enqueue_pages(b, k, c, err);
    cl_int status;

    if (rc < 0)
        return rc;
    status = b->cl->clFlush(k->queue);
    return status == CL_SUCCESS ? 0 : ps_cl_fail(err, "clFlush", status);
}

int cl_chunk_arrived(struct ps_backend *base, struct ps_chunk *c, struct ps_err *err)
{
    struct cl_backend *b = (struct cl_backend *)base;
    struct cl_chunk *k = c->priv;
    cl_int status = b->cl->clFinish(k->queue);

    return status == CL_SUCCESS ? 0 : ps_cl_fail(err, "clFinish", status);
}
