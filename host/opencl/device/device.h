/* Finding the devices; see opencl.h for what is said about each. */
#ifndef PS_HOST_OPENCL_DEVICE_DEVICE_H
#define PS_HOST_OPENCL_DEVICE_DEVICE_H

#include "host/opencl/device/api.h"
#include "host/opencl/opencl.h"

/* Describe device 'number' in *info and give its OpenCL name. PS_EDEVICE when there is no
 * platform, no device of that number, or it is not usable. */
int ps_cl_device_open(const struct ps_cl_api *cl, unsigned number, cl_device_id *id,
                      struct ps_cl_device *info, struct ps_err *err);

#endif
