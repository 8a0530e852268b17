/* Lists devices by queries only: a context would wake up GPUs, and some drivers abort when one
 * cannot be made. */
#include "host/opencl/device/device.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/opencl/device/clerr.h"
#include "host/opencl/device/pci.h"

#define DEFAULT_VENDORS "/etc/OpenCL/vendors"

struct device_list {
    const struct ps_cl_api *cl;
    struct ps_cl_device *info;
    cl_device_id *id;
    size_t n;
};

static void list_free(struct device_list *list)
{
    free(list->info);
    free(list->id);
}

/* Text of a driver, cut to fit and without the spaces that some vendors put around names. */
static void copy_text(char *to, size_t n_bytes, const char *text)
{
    size_t n;

    while (*text == ' ')
        text++;
    n = strnlen(text, n_bytes - 1);
    memcpy(to, text, n);
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = '\0';
}

static void device_text(const struct ps_cl_api *cl, cl_device_id id, cl_device_info what, char *to,
                        size_t n_bytes)
{
    char text[1024] = "";

    if (cl->clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        strcpy(text, "?");
    copy_text(to, n_bytes, text);
}

/* A number that a driver refuses to tell counts as 0. */
static uint64_t device_number(const struct ps_cl_api *cl, cl_device_id id, cl_device_info what,
                              size_t n_bytes)
{
    uint64_t value = 0;

    if (cl->clGetDeviceInfo(id, what, n_bytes, &value, NULL) != CL_SUCCESS)
        return 0;
    return value;
}

static uint32_t device_flag(const struct ps_cl_api *cl, cl_device_id id, cl_device_info what)
{
    return device_number(cl, id, what, sizeof(cl_bool)) != 0;
}

static void judge(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d)
{
    const char *why = NULL;

    if (!device_flag(cl, id, CL_DEVICE_AVAILABLE))
        why = "the driver says it is not available";
    else if (!device_flag(cl, id, CL_DEVICE_COMPILER_AVAILABLE))
        why = "no compiler for OpenCL C";
    else if (!device_flag(cl, id, CL_DEVICE_ENDIAN_LITTLE))
        why = "big-endian";
    else if (strncmp(d->version, "OpenCL 1.0", 10) == 0 ||
             strncmp(d->version, "OpenCL 1.1", 10) == 0)
        why = "older than OpenCL 1.2";
    d->usable = !why;
    if (why)
        copy_text(d->why_not, sizeof d->why_not, why);
}

static void describe(const struct ps_cl_api *cl, cl_device_id id, struct ps_cl_device *d)
{
    cl_device_type type =
        (cl_device_type)device_number(cl, id, CL_DEVICE_TYPE, sizeof(cl_device_type));

    d->is_gpu = (type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR)) != 0;
    device_text(cl, id, CL_DEVICE_NAME, d->name, sizeof d->name);
    device_text(cl, id, CL_DEVICE_VENDOR, d->vendor, sizeof d->vendor);
    device_text(cl, id, CL_DEVICE_VERSION, d->version, sizeof d->version);
    device_text(cl, id, CL_DRIVER_VERSION, d->driver, sizeof d->driver);
    d->compute_units =
        (uint32_t)device_number(cl, id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint));
    d->global_bytes = device_number(cl, id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    d->max_alloc_bytes = device_number(cl, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    d->unified_memory = (int)device_flag(cl, id, CL_DEVICE_HOST_UNIFIED_MEMORY);
    ps_cl_pci(cl, id, d);
    judge(cl, id, d);
}

static int out_of_memory(struct ps_err *err)
{
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the list of OpenCL devices");
}

static int list_grow(struct device_list *list, size_t more, struct ps_err *err)
{
    struct ps_cl_device *info = realloc(list->info, (list->n + more) * sizeof *info);
    cl_device_id *id;

    if (!info)
        return out_of_memory(err);
    list->info = info;
    id = realloc(list->id, (list->n + more) * sizeof *id);
    if (!id)
        return out_of_memory(err);
    list->id = id;
    return 0;
}

/* A platform without devices, or one that fails, is passed over: another one may work. */
static int list_platform(struct device_list *list, cl_platform_id platform, struct ps_err *err)
{
    const struct ps_cl_api *cl = list->cl;
    char name[1024] = "";
    cl_uint n = 0;

    if (cl->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n) != CL_SUCCESS || n == 0)
        return 0;
    if (list_grow(list, n, err) < 0)
        return -err->code;
    if (cl->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, list->id + list->n, NULL) != CL_SUCCESS)
        return 0;
    cl->clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    for (cl_uint i = 0; i < n; i++, list->n++) {
        struct ps_cl_device *d = &list->info[list->n];

        memset(d, 0, sizeof *d);
        d->number = (unsigned)list->n + 1;
        copy_text(d->platform, sizeof d->platform, name);
        describe(cl, list->id[list->n], d);
    }
    return 0;
}

/* The most usual failure of OpenCL programs: the loader is there and finds no vendor file. */
static int no_platform(struct ps_err *err)
{
    const char *from_env = getenv("OCL_ICD_VENDORS");
    const char *where = from_env && *from_env ? from_env : DEFAULT_VENDORS;
    char pattern[512];
    glob_t found = {0};
    size_t n = 0;

    snprintf(pattern, sizeof pattern, "%s/*.icd", where);
    if (glob(pattern, 0, NULL, &found) == 0)
        n = found.gl_pathc;
    globfree(&found);
    if (n > 0)
        return ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                       "no OpenCL platform: %s%.100s has %zu vendor file(s) (*.icd), but no driver "
                       "that they name could be loaded",
                       from_env ? "OCL_ICD_VENDORS=" : "", where, n);
    return ps_fail(
        err, PS_EDEVICE, PS_AT_NONE,
        "no OpenCL platform: looked for vendor files (*.icd) in %s%.100s and found none; "
        "install the driver of the GPU",
        from_env ? "OCL_ICD_VENDORS=" : "", where);
}

static int list_platforms(struct device_list *list, struct ps_err *err)
{
    cl_platform_id *platforms;
    cl_uint n = 0;
    int rc = 0;

    if (list->cl->clGetPlatformIDs(0, NULL, &n) != CL_SUCCESS || n == 0)
        return no_platform(err);
    platforms = calloc(n, sizeof *platforms);
    if (!platforms)
        return out_of_memory(err);
    if (list->cl->clGetPlatformIDs(n, platforms, NULL) != CL_SUCCESS)
        rc = no_platform(err);
    for (cl_uint i = 0; i < n && rc == 0; i++)
        rc = list_platform(list, platforms[i], err);
    free(platforms);
    return rc;
}

int ps_cl_devices(struct ps_cl_device **out, size_t *n, struct ps_err *err)
{
    struct device_list list = {.cl = ps_cl_api(err)};
    int rc;

    if (!list.cl)
        return -err->code;
    rc = list_platforms(&list, err);
    if (rc == 0) {
        *out = list.info;
        *n = list.n;
        list.info = NULL;
    }
    list_free(&list);
    return rc;
}

int ps_cl_device_open(const struct ps_cl_api *cl, unsigned number, cl_device_id *id,
                      struct ps_cl_device *info, struct ps_err *err)
{
    struct device_list list = {.cl = cl};
    int rc = list_platforms(&list, err);

    if (rc < 0)
        goto out;
    if (number < 1 || number > list.n) {
        rc = ps_fail(err, PS_EDEVICE, PS_AT_NONE,
                     "there is no OpenCL device %u; 'poolscan devices' lists %zu", number, list.n);
        goto out;
    }
    *info = list.info[number - 1];
    *id = list.id[number - 1];
    if (!info->usable)
        rc = ps_fail(err, PS_EDEVICE, PS_AT_NONE, "OpenCL device %u (%s) cannot be used: %s",
                     number, info->name, info->why_not);
out:
    list_free(&list);
    return rc;
}
