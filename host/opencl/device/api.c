#include "host/opencl/device/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "host/opencl/opencl.h"

#define LOADER "libOpenCL.so.1"

/* Written once, before ps_cl_api returns for the first time. */
static struct ps_cl_api api;
static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find(void *slot, size_t n_bytes, const char *name)
{
    /* Global scope first: tools such as oclgrind put their own functions in front. */
    void *f = dlsym(RTLD_DEFAULT, name);

    if (!f && !missing)
        missing = name;
    memcpy(slot, &f, n_bytes);
}

static void load(void)
{
    /* Never closed: drivers leave threads and exit handlers behind. */
    if (!dlopen(LOADER, RTLD_NOW | RTLD_GLOBAL)) {
        missing = LOADER;
        return;
    }
#define FIND(name) find(&api.name, sizeof api.name, #name);
    PS_CL_CALLS(FIND)
#undef FIND
}

const struct ps_cl_api *ps_cl_api(struct ps_err *err)
{
    pthread_once(&once, load);
    if (!missing)
        return &api;
    if (strcmp(missing, LOADER) == 0)
        ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                "no OpenCL loader: " LOADER " was not found; install ocl-icd-libopencl1");
    else
        ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                "the OpenCL loader " LOADER " is too old: it has no %s", missing);
    return NULL;
}

const char *ps_cl_loader_version(void)
{
    struct ps_err err;

    return ps_cl_api(&err) ? LOADER ", OpenCL 1.2 calls" : "no " LOADER " on this machine";
}
