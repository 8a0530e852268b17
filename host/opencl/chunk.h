/* A chunk on a device: its memory on both sides, and its way there and back. */
#ifndef PS_HOST_OPENCL_CHUNK_H
#define PS_HOST_OPENCL_CHUNK_H

#include "host/backend/backend.h"
#include "host/opencl/program.h"

struct cl_backend {
    struct ps_backend base;
    const struct ps_cl_api *cl;
    struct ps_cl_program *program;
    cl_kernel kernel;
    cl_mem plan;
    size_t max_pages;
    size_t local_size;
    size_t max_items; /* upper bound of the global size, a multiple of local_size */
    int unified;      /* the device works in host memory: no transfer */
};

/* The entries of struct ps_backend_ops. */
int cl_chunk_init(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
int cl_chunk_submit(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
int cl_chunk_wait(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
void cl_chunk_fini(struct ps_backend *b, struct ps_chunk *c);

/* For measuring the way there alone, on a device that is not unified: start it, wait for it. */
int cl_chunk_send(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
int cl_chunk_arrived(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);

#endif
