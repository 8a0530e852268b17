/* A build without OpenCL: the same functions, and one clear answer. */
#include "host/opencl/opencl.h"

static int not_built_in(struct ps_err *err)
{
    return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                   "this build has no OpenCL; configure with -DPOOLSCAN_OPENCL=ON");
}

int ps_cl_devices(struct ps_cl_device **out, size_t *n, struct ps_err *err)
{
    (void)out;
    (void)n;
    return not_built_in(err);
}

int ps_backend_opencl_open(struct ps_backend **out, const struct ps_plan *plan, unsigned number,
                           size_t max_pages, struct ps_err *err)
{
    (void)out;
    (void)plan;
    (void)number;
    (void)max_pages;
    return not_built_in(err);
}

int ps_cl_transfer(const struct ps_plan *plan, unsigned number, size_t chunk_pages,
                   uint64_t n_bytes, double *seconds, struct ps_err *err)
{
    (void)plan;
    (void)number;
    (void)chunk_pages;
    (void)n_bytes;
    (void)seconds;
    return not_built_in(err);
}

const char *ps_cl_loader_version(void)
{
    return "not built in";
}
