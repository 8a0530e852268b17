/* Pages travel to a device as in a scan, and nothing is done with them there. */
#include "host/opencl/chunk.h"
#include "host/opencl/opencl.h"

#include <string.h>
#include <time.h>

#include "kernels/pool_header.h"

#define MAX_DEPTH 4u

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Chunks in turn; one is sent again when it has arrived. */
static int send_all(struct ps_backend *b, struct ps_chunk *chunk, unsigned n_chunks,
                    uint64_t n_bytes, struct ps_err *err)
{
    uint64_t left = n_bytes / PS_PAGE_BYTES;
    int rc = 0;

    for (unsigned i = 0; left && rc == 0; i = (i + 1) % n_chunks) {
        struct ps_chunk *c = &chunk[i];

        c->n_pages = left < c->max_pages ? (size_t)left : c->max_pages;
        left -= c->n_pages;
        rc = cl_chunk_arrived(b, c, err);
        if (rc == 0)
            rc = cl_chunk_send(b, c, err);
    }
    for (unsigned i = 0; i < n_chunks && rc == 0; i++)
        rc = cl_chunk_arrived(b, &chunk[i], err);
    return rc;
}

static int transfer(struct ps_backend *b, size_t chunk_pages, uint64_t n_bytes, double *seconds,
                    struct ps_err *err)
{
    const unsigned depth = b->ops->depth < MAX_DEPTH ? b->ops->depth : MAX_DEPTH;
    struct ps_chunk chunk[MAX_DEPTH] = {0};
    unsigned n = 0;
    int rc = 0;

    for (; n < depth && rc == 0; n += rc == 0) {
        chunk[n].max_pages = chunk_pages;
        rc = cl_chunk_init(b, &chunk[n], err);
        if (rc == 0) {
            chunk[n].pages = chunk[n].buffer;
            memset(chunk[n].buffer, 1, chunk_pages * PS_PAGE_BYTES);
        }
    }
    /* Once round unmeasured: a device allocates when it is first written to. */
    if (rc == 0)
        rc = send_all(b, chunk, depth, (uint64_t)depth * chunk_pages * PS_PAGE_BYTES, err);
    *seconds = seconds_now();
    if (rc == 0)
        rc = send_all(b, chunk, depth, n_bytes, err);
    *seconds = seconds_now() - *seconds;
    while (n > 0)
        cl_chunk_fini(b, &chunk[--n]);
    return rc;
}

int ps_cl_transfer(const struct ps_plan *plan, unsigned number, size_t chunk_pages,
                   uint64_t n_bytes, double *seconds, struct ps_err *err)
{
    struct ps_backend *b = NULL;
    int rc = ps_backend_opencl_open(&b, plan, number, chunk_pages, err);

    if (rc == 0 && ((struct cl_backend *)b)->unified)
        rc = 1;
    else if (rc == 0)
        rc = transfer(b, chunk_pages, n_bytes, seconds, err);
    ps_backend_close(b);
    return rc;
}
