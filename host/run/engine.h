/* What runs the scan: the backends that the options ask for, one per lane. */
#ifndef PS_HOST_RUN_ENGINE_H
#define PS_HOST_RUN_ENGINE_H

#include <stddef.h>

#include "host/opencl/opencl.h"
#include "host/options.h"
#include "host/pipeline/pipeline.h"
#include "host/topology.h"
#include "kernels/kernel.h"
#include "kernels/plan.h"
#include "scan/err.h"

enum ps_engine_kind { PS_ENGINE_CPU, PS_ENGINE_OPENCL, PS_ENGINE_NULL };

struct ps_engine {
    enum ps_engine_kind kind;
    const struct ps_topology *topology;
    const struct ps_kernel *kernel; /* CPU */
    struct ps_cl_device *device;    /* OpenCL: the chosen ones */
    size_t n_devices;
    struct ps_lane_spec *lane;
    unsigned n_lanes;
    unsigned n_open; /* lanes whose backend is open */
    size_t chunk_pages;
};

/* Resolve the options: PS_EARG for a kernel that does not exist, PS_EDEVICE for a kernel that this
 * CPU lacks or a device that is not there. Opens nothing. Free with ps_engine_free, also after a
 * failure. The topology outlives it. */
int ps_engine_choose(struct ps_engine *e, const struct ps_options *opt,
                     const struct ps_topology *topology, struct ps_err *err);

/* Open the backends for a plan, closing those of the plan before. Every device is compared with
 * the scalar kernel first: PS_EINTERNAL when it disagrees. The plan outlives them. */
int ps_engine_open(struct ps_engine *e, const struct ps_plan *plan, uint64_t chunk_bytes,
                   struct ps_err *err);

/* Name for people: "cpu/avx512, 2 threads". */
void ps_engine_describe(const struct ps_engine *e, char *text, size_t n);

void ps_engine_free(struct ps_engine *e); /* accepts a zeroed one */

#endif
