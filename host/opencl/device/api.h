/* The OpenCL functions, looked up in the ICD loader at run time: a machine without libOpenCL.so.1
 * still runs everything else, and hears in one line what is missing. */
#ifndef PS_HOST_OPENCL_DEVICE_API_H
#define PS_HOST_OPENCL_DEVICE_API_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "scan/err.h"

#define PS_CL_CALLS(X)                                                                             \
    X(clBuildProgram)                                                                              \
    X(clCreateBuffer)                                                                              \
    X(clCreateCommandQueue)                                                                        \
    X(clCreateContext)                                                                             \
    X(clCreateKernel)                                                                              \
    X(clCreateProgramWithSource)                                                                   \
    X(clEnqueueMapBuffer)                                                                          \
    X(clEnqueueNDRangeKernel)                                                                      \
    X(clEnqueueReadBuffer)                                                                         \
    X(clEnqueueUnmapMemObject)                                                                     \
    X(clEnqueueWriteBuffer)                                                                        \
    X(clFinish)                                                                                    \
    X(clFlush)                                                                                     \
    X(clGetDeviceIDs)                                                                              \
    X(clGetDeviceInfo)                                                                             \
    X(clGetKernelWorkGroupInfo)                                                                    \
    X(clGetPlatformIDs)                                                                            \
    X(clGetPlatformInfo)                                                                           \
    X(clGetProgramBuildInfo)                                                                       \
    X(clReleaseCommandQueue)                                                                       \
    X(clReleaseContext)                                                                            \
    X(clReleaseEvent)                                                                              \
    X(clReleaseKernel)                                                                             \
    X(clReleaseMemObject)                                                                          \
    X(clReleaseProgram)                                                                            \
    X(clSetKernelArg)                                                                              \
    X(clWaitForEvents)

struct ps_cl_api {
#define PS_CL_MEMBER(name) __typeof__(&name) name;
    PS_CL_CALLS(PS_CL_MEMBER)
#undef PS_CL_MEMBER
};

/* The functions, loaded by the first call and kept until the program ends; any thread. NULL and
 * PS_EDEVICE when there is no loader. */
const struct ps_cl_api *ps_cl_api(struct ps_err *err);

#endif
