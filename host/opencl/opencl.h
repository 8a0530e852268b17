/* The OpenCL devices. This folder is the only one that includes CL/cl.h; a build without
 * OpenCL has host/opencl/none.c instead, with the same functions. */
#ifndef PS_HOST_OPENCL_OPENCL_H
#define PS_HOST_OPENCL_OPENCL_H

#include <stddef.h>
#include <stdint.h>

#include "host/backend/backend.h"
#include "kernels/plan.h"
#include "scan/err.h"

struct ps_cl_device {
    unsigned number; /* 1-based, as -d counts, over all platforms in the loader's order */
    int is_gpu;      /* CL_DEVICE_TYPE_GPU or ACCELERATOR */
    int usable;      /* compiler available, little-endian, 64-bit or 32-bit address space ... */
    char name[128];
    char vendor[64];
    char platform[64];
    char version[64];
    char driver[64];
    char why_not[96]; /* when not usable */
    uint32_t compute_units;
    uint64_t global_bytes;
    uint64_t max_alloc_bytes;
    int unified_memory;
    int pci_domain;
    int pci_bus; /* -1 when the device does not say; for hwloc */
    int pci_device;
    int pci_function;
};

/* List the devices. *out is one block, to be freed with free(); *n may be 0. PS_EDEVICE with a
 * message that says what was looked for (loader, vendor files) when there is no platform. */
int ps_cl_devices(struct ps_cl_device **out, size_t *n, struct ps_err *err);

/* A backend on device 'number'. Builds the program (cached by the driver), uploads the plan.
 * max_pages: of the chunks that it will be given. PS_EDEVICE when the device or the build of
 * the program fails (the message ends with the first line of the build log). */
int ps_backend_opencl_open(struct ps_backend **out, const struct ps_plan *plan, unsigned number,
                           size_t max_pages, struct ps_err *err);

/* Send n_bytes to device 'number' in chunks of chunk_pages, in the way of a scan and without
 * scanning: 0 and the time in *seconds, or 1 when the device works in host memory, so that nothing
 * travels. */
int ps_cl_transfer(const struct ps_plan *plan, unsigned number, size_t chunk_pages,
                   uint64_t n_bytes, double *seconds, struct ps_err *err);

/* "OpenCL loader 3.0 ..." for --version -v; "not built in" without OpenCL. */
const char *ps_cl_loader_version(void);

#endif
