/* One context and one built program per device, shared by all backends on it. */
#ifndef PS_HOST_OPENCL_PROGRAM_H
#define PS_HOST_OPENCL_PROGRAM_H

#include <stddef.h>

#include "host/opencl/device/api.h"
#include "scan/err.h"

struct ps_cl_program {
    const struct ps_cl_api *cl;
    cl_device_id device;
    cl_context context;
    cl_program program;
    unsigned users;
    struct ps_cl_program *next;
};

/* The program for 'device', built unless another backend of this process already has it. 'name' is
 * the device's, for messages. Options in the environment variable PS_CL_BUILD_OPTIONS are
 * appended, for debugging and for tests of a failing build. Any thread; release it with
 * ps_cl_program_put. PS_EDEVICE with the first error of the build log. */
int ps_cl_program_get(struct ps_cl_program **out, const struct ps_cl_api *cl, cl_device_id device,
                      const char *name, struct ps_err *err);
void ps_cl_program_put(struct ps_cl_program *p); /* accepts NULL */

/* kernels/opencl/scan_pages.cl behind the headers it shares with C, made by
 * cmake/embed_cl.cmake. No terminating zero. */
extern const unsigned char ps_cl_source[];
extern const size_t ps_cl_source_bytes;

#endif
