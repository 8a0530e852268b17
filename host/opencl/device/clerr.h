/* OpenCL status codes as errors. */
#ifndef PS_HOST_OPENCL_DEVICE_CLERR_H
#define PS_HOST_OPENCL_DEVICE_CLERR_H

#include "scan/err.h"

/* "CL_OUT_OF_RESOURCES"; "unknown OpenCL status" for a code that is in no list. */
const char *ps_cl_status_name(int status);

/* Fill *err with the call's name and the status; PS_ENOMEM when memory ran out, PS_EDEVICE
 * otherwise. Returns the negative code. */
int ps_cl_fail(struct ps_err *err, const char *call, int status);

#endif
